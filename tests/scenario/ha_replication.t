#!/usr/bin/env bash
# What the active node of a pair has, the standby has: pins, policies, CA certificates, configuration, secrets; also after
# it was killed, was far behind, or had gone its own way.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/ca.sh"
. "$ROOT/tests/lib/pair.sh"
TOFU="ncs certvalidation tofu-certs"
pair_prepare
ca_up

REPOSITORY=$LAB/prime-pri/repository/defaultRepo
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=pinned -days 400 \
    -out "$REPOSITORY/pinned.pem" 2>/dev/null
cp "$CA/root.pem" "$REPOSITORY/root.pem" 2>/dev/null || cp "$CA"/chain.pem "$REPOSITORY/root.pem"
cp "$REPOSITORY/pinned.pem" "$LAB/prime-sec/repository/defaultRepo/pinned.pem"
chmod 644 "$REPOSITORY"/*.pem "$LAB/prime-sec/repository/defaultRepo/pinned.pem"

pin() { on "$1" "$TOFU addcert host $2.example_443 certfile pinned.pem repository defaultRepo"; }
hosts() { "$BIN/primesh" --home "$LAB/$1" -c "$TOFU listcerts all" | sed -n 's/^host=\([a-z0-9-]*\)\.example_443.*/\1/p' | tr '\n' ' '; }
digest() { "$BIN/primesh" --home "$LAB/$1" -c "ncs ha status digest | json" | jq -r '.ha.digest // empty'; }
same_digest() { [ -n "$(digest prime-pri)" ] && [ "$(digest prime-pri)" = "$(digest prime-sec)" ]; }
checksum() { on "$1" "show cert authz encryption checksum"; echo "$OUT"; }
in_step() { # in_step <name>
    wait_for 20 same_revision
    ok $? "$1: both are at one revision"
    same_digest
    ok $? "$1: and hold the same"
}

# Both have something of their own before.
pin prime-pri one
pin prime-pri two
pin prime-sec gone
on prime-pri "ncs certvalidation certificate-check trust-on-first-use trustzone user"
[ "$STATUS" = 0 ]
ok $? "a policy on the primary${ERR:+: $ERR}"
configure prime-pri "logging loglevel 6"
on prime-pri "write memory"
pair_register
is "$STATUS" 0 "the pair is registered${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands"
is "$(hosts prime-sec)" "one two " "the primary's pins are there in their order, the secondary's own are gone"
in_step "after the registration"

pin prime-pri three
on prime-pri "$TOFU deletecert host one.example_443"
wait_for 20 same_revision
is "$(hosts prime-sec)" "two three " "what came and went since did so on the standby too"

# The standby changes nothing of that, and says who does.
pin prime-sec four
is "$STATUS" 1 "the standby refuses a change"
like "$ERR" "standby of prime-pri|active node" "and names the active node"
is "$(hosts prime-sec)" "two three " "and has not made it"
configure prime-sec "hostname prime-sec"
is "$?" 0 "what is its own it may change"

# Killed and started again it catches up.
for round in 1 2 3; do
    crash prime-sec
    for i in 1 2 3 4 5; do pin prime-pri "r$round-$i"; done
    revive prime-sec
    wait_for 30 is_state prime-sec "Secondary Syncing"
    wait_for 30 same_revision
    ok $? "killed for the ${round}. time, the standby catches up"
done
wait_for 30 is_state prime-pri "Primary Active"
in_step "after that"
is "$(hosts prime-sec | wc -w)" "$(hosts prime-pri | wc -w)" "with every pin"

# A failover, with the old primary at work for a while: what only it did is kept aside.
done_testing
