#!/usr/bin/env bash
# A pair with a virtual address and a real mail server: the address follows the active role, people are told.
BIN=${NOTICES_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/bin}
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/netns.sh"
. "$ROOT/tests/lib/ha.sh"
netns_require
/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip_all "python3-aiosmtpd is not here"
HEARTBEAT=250
VIP=10.77.0.100
MAIL=$TMP/mail
netns_up
at_exit pair_down
mkdir "$MAIL"
nsenter --net="/run/netns/${NETNS}c" /usr/bin/python3 "$ROOT/tests/lib/smtp.py" "$MAIL" 10.77.0.3 2525 >"$TMP/smtp.out" 2>&1 &
SMTP_PID=$!
at_exit 'kill -KILL $SMTP_PID; wait $SMTP_PID 2>/dev/null'
wait_for 10 grep -q ready "$MAIL/heard"
for node in a b; do
    pair_conf "$node"
    node_start "$node"
    on "$node" "ncs ha authkey $AUTHKEY"
    configure "$node" ha "heartbeat interval $HEARTBEAT misses 4"
done
configure a "mail-server 10.77.0.3 port 2525 from prime@example.com to noc@example.com" ha "email-address ops@example.com" \
    "virtual-ip ipv4 $VIP" "failover-type manual"

# --- an address that somebody has
ip -n "${NETNS}c" address add "$VIP/32" dev eth0
register
is "$STATUS" 1 "a virtual address that somebody has is no virtual address"
like "$ERR" "the virtual address $VIP is in use already" "and it is said: $(head -1 <<<"$ERR")"
ip -n "${NETNS}c" address del "$VIP/32" dev eth0
configure a ha "virtual-ip ipv4 10.99.0.100"
register
like "$ERR" "10.99.0.100 is not in the subnet of both nodes" "nor one of another subnet"
configure a ha "virtual-ip ipv4 $VIP"

# --- it follows
register
is "$STATUS" 0 "registered"
wait_for 20 answers "$VIP"
ok $? "the virtual address answers"
on b "ncs ha status"
like "$OUT" "Virtual address is on: +prime-a \(10.77.0.1\)" "the standby says where it is"
subject() { grep -lE "^Subject: $1" "$MAIL"/mail.* >/dev/null 2>&1; }
wait_for 20 subject '\[primesh\] prime-a: HA Initializing -> Primary Active'
ok $? "the primary's change of state was mailed"
on b "ncs ha failover"
wait_for 20 holds b "$VIP"
ok $? "a failover takes it along"
wait_for 20 answers "$VIP"
ok $? "and it answers"
wait_for 20 subject '\[primesh\] prime-b: Secondary Failover -> Secondary Active'
ok $? "the secondary's change of state was mailed"
body=$(cat "$(grep -lE 'prime-b: Secondary Failover -> Secondary Active' "$MAIL"/mail.* | head -1)")
for words in "Time: +20" "This node: +prime-b \(10.77.0.2\)" "Other node: +prime-a \(10.77.0.1\)" \
    "State: +Secondary Failover -> Secondary Active" "Reason: +an admin asked for it" "Next: +ncs ha failback"; do
    like "$body" "$words" "the mail says $words"
done
is "$(grep -hE '^X-To:' "$MAIL"/mail.* | sort -u | tr '\n' ' ')" "X-To: noc@example.com X-To: ops@example.com " "to the addresses of the pair and of the mail server"
wait_for 20 is_state a "Primary Syncing"
on b "ncs ha failback"
wait_for 20 holds a "$VIP"
ok $? "a failback brings it home"
nothing_waits() { on a "show notices" && [ "$OUT" = "No notice waits." ]; }
wait_for 20 nothing_waits
is "$OUT" "No notice waits." "nothing waits once all are delivered"
configure a ha "no email-address"
on a "ncs ha remove force"
wait_for 20 subject '\[primesh\] prime-a: Primary Active -> HA not Configured'
ok $? "the end of the pair was mailed"
# One transaction an address: the second may come a moment later.
told_of_the_end() { # told_of_the_end <address>
    grep -lE 'prime-a: Primary Active -> HA not Configured' "$MAIL"/mail.* | xargs -r grep -qE "^X-To: $1"
}
wait_for 20 told_of_the_end ops@example.com && wait_for 20 told_of_the_end noc@example.com
ok $? "also to the address that only the pair's form has still"
wait_for 10 eval '! holds a "$VIP"'
ok $? "a removed pair has no virtual address"
done_testing
