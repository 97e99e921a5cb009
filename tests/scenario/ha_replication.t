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
cp "$CA/root.pem" "$REPOSITORY/root.pem"
cp "$REPOSITORY/pinned.pem" "$LAB/prime-sec/repository/defaultRepo/pinned.pem"
chmod 644 "$REPOSITORY"/*.pem "$LAB/prime-sec/repository/defaultRepo/pinned.pem"

pin() { on "$1" "$TOFU addcert host $2.example_443 certfile pinned.pem repository defaultRepo"; }
hosts() { "$BIN/primesh" --home "$LAB/$1" -c "$TOFU listcerts all" | sed -n 's/^host=\([a-z0-9-]*\)\.example_443.*/\1/p' | tr '\n' ' '; }
digest() { "$BIN/primesh" --home "$LAB/$1" -c "ncs ha digest | json" | jq -r ".digest[] | [.epoch, .revision, .sha256] | join(\" \")"; }
same_digest() { local both; both=$(digest prime-pri) && [ "$(wc -l <<<"$both")" = 2 ] && [ "$(sort -u <<<"$both" | wc -l)" = 1 ]; }
checksums() { # of both keys of access tokens
    for key in encryption signing; do "$BIN/primesh" --home "$LAB/$1" -c "show key authz $key"; done
}
sealed() { "$BIN/primesh" --home "$LAB/$1" -c "show running-config" | sed -n 's/^mail-server .* password sealed \([^ ]*\).*/\1/p'; }
cas() { "$BIN/primesh" --home "$LAB/$1" -c "ncs certvalidation trusted-ca-store listcacerts truststore user" | grep -c testca; }
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
on prime-pri "ncs certvalidation trusted-ca-store importcacert alias testca repository defaultRepo root.pem truststore user"
[ "$STATUS" = 0 ]
ok $? "a CA certificate${ERR:+: $ERR}"
configure prime-pri "logging loglevel 6" "mail-server mail.example.com port 587 username relay password plain Secret-of-mail from a@example.com"
ok $? "configuration, with a secret"
CHECKSUMS=$(checksums prime-pri)
pair_register
is "$STATUS" 0 "the pair is registered${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands"
is "$(hosts prime-sec)" "one two " "the primary's pins are there in their order, the secondary's own are gone"
in_step "after the registration"
is "$(cas prime-sec)" 1 "the CA certificate is on the standby"
like "$("$BIN/primesh" --home "$LAB/prime-sec" -c 'ncs certvalidation certificate-check')" "user.*(tofu|trust-on-first-use)" "the policy too"
is "$(level_of prime-sec)" 6 "and the configuration"
is "$(checksums prime-sec)" "$CHECKSUMS" "both have the same keys of access tokens"
[ -n "$(sealed prime-sec)" ] && [ "$(sealed prime-pri)" != "$(sealed prime-sec)" ]
ok $? "each has sealed the password under its own key"

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

# The old primary works alone for a while, and dies; what only it did is kept aside when it comes back.
crash prime-sec
wait_for 30 is_state prime-pri "Primary Lost Secondary"
pin prime-pri lonely
is "$STATUS" 0 "alone, the primary goes on"
on prime-pri "ncs ha status | json"
[ "$(jq -r .ha.unreplicated <<<"$OUT")" -ge 1 ]
ok $? "and counts what is not replicated"
crash prime-pri
revive prime-sec
wait_for 30 is_state prime-sec "Secondary Lost Primary"
on prime-sec "ncs ha failover"
is "$STATUS" 0 "failover${ERR:+: $ERR}"
wait_for 30 is_state prime-sec "Secondary Active"
like "$("$BIN/primesh" --home "$LAB/prime-sec" -c "$TOFU listcerts")" "host=two.example_443" "the pins are its own now, and listed"
pin prime-sec newest
is "$STATUS" 0 "the new active node takes changes${ERR:+: $ERR}"
pin prime-sec two
is "$STATUS" 1 "and has the pins of before"
configure prime-sec "mail-server mail.example.com password sealed $(sealed prime-sec)"
is "$?" 0 "and can open the password"
revive prime-pri
wait_for 60 same_revision
in_step "the old primary follows"
not_here() { ! grep -q lonely <<<"$(hosts prime-pri)"; }
wait_for 20 not_here
like "$(hosts prime-pri)" "newest" "with what was done on the other"
unlike "$(hosts prime-pri)" "lonely" "without what it did alone"
on prime-pri "ncs ha diverged"
like "$OUT" "diverged-[0-9]+\.json" "which is listed"
FILE=$(ls "$LAB"/prime-pri/log/diverged-*.json | head -1)
is "$(jq -r '[.changes[].records[] | select(.database == "pins") | .key] | join(" ")' "$FILE")" "lonely.example_443" \
    "and can be read"
! grep -q Secret-of-mail "$FILE"
ok $? "without secrets"

done_testing
