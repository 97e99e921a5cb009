#!/usr/bin/env bash
# The background checks of registered servers: what changes is noticed, told once, and not asked for too often.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
lab_up
TOFU="ncs certvalidation tofu-certs"
LOG=$LAB/prime-pri/log/application.log
INTERVAL_MS=1000
asked() { lab log "$1" | grep -c -- "GET\|POST"; }
asked_more() { [ "$(asked "$1")" -gt "$2" ]; }
says() { grep -qE -- "$1" "$LOG"; }
state_is() { # state_is <state>
    on prime-pri "ncs server ise list | json"
    [ "$(jq -r '.servers[0].state' <<<"$OUT")" = "$1" ]
}

lab stop prime-pri >/dev/null
echo "server-interval-ms = $INTERVAL_MS" >>"$LAB/prime-pri/node.conf"
lab start prime-pri >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.21 username admin port $ISE_PORT timeout 2 password-stdin"
is "$STATUS" 0 "an ISE is registered"
with_password prime-pri "$DNAC_PASSWORD" "ncs server dnac add $NET.22 username admin port $DNAC_PORT timeout 2 password-stdin"
is "$STATUS" 0 "and a DNA Center"
FIRST=$(asked ise)
wait_for 10 asked_more ise $((FIRST + 1))
ok $? "the ISE is asked again and again"
wait_for 10 asked_more dnac "$(asked dnac)"
ok $? "so is the DNA Center"
is "$(grep -c 'reachable ->' "$LOG")" 0 "nothing changed, nothing is told"

lab mood ise 500 >/dev/null
wait_for 10 says "ISE server $ISE: reachable -> unexpected answer: $ISE answered with HTTP status 500"
ok $? "a change of state is told"
BEFORE=$(asked ise)
wait_for 10 asked_more ise $((BEFORE + 2))
ok $? "it is tried again"
is "$(grep -c 'reachable -> unexpected answer' "$LOG")" 1 "and told once"
on prime-pri "ncs server ise show"
like "$OUT" "Failures in a row: +[0-9]+" "show counts the failures"
lab mood ise normal >/dev/null
wait_for 20 says "ISE server $ISE: unexpected answer -> reachable"
ok $? "that it is back is told too"

lab mood ise half-open >/dev/null
wait_for 20 says "ISE server $ISE: reachable -> unreachable: no .* within 2 s"
ok $? "a server that says nothing is unreachable within its time"
STARTED=$SECONDS
on prime-pri "ncs stop"
[ "$STATUS" = 0 ] && [ $((SECONDS - STARTED)) -lt 3 ]
ok $? "the services stop at once, whatever is under way"
lab mood ise normal >/dev/null
BEFORE="$(asked ise) $(asked dnac)"
on prime-pri "ncs server ise test $NET.21"
is "$STATUS $(asked dnac)" "0 ${BEFORE#* }" "while they are stopped a test works, and nobody else is asked"
on prime-pri "ncs start"
wait_for 10 asked_more dnac "${BEFORE#* }"
ok $? "once they run it goes on"

wait_for 10 state_is reachable
# Nobody listens there: the mail waits, and can be read.
printf '%s\n' "configure terminal" "mail-server $NET.11 port 1 from prime@example.com to ops@example.com" end |
    "$BIN/primesh" --home "$LAB/prime-pri" >/dev/null
lab mood ise rolled >/dev/null # at once: a check in a gap would find nobody there
wait_for 20 says "ISE server $ISE: reachable -> certificate mismatch"
ok $? "a renewed certificate is noticed"
says "\[system\] \[seqtaskexecutor-[0-9]+\] TOFU failed\..* - CN=ISE-server"
ok $? "with the record that people search for"
is "$(grep 'certificate mismatch' "$LOG" | grep -c DailyTask)" 0 "told by the task that met it"
on prime-pri "show notices"
like "$OUT" "ISE server $ISE: reachable -> certificate mismatch" "and a mail of it is on its way"
BEFORE=$(asked ise)
HANDSHAKES=$(lab log ise | grep -c handshake)
more_handshakes() { [ "$(lab log ise | grep -c handshake)" -gt $((HANDSHAKES + 1)) ]; }
wait_for 20 more_handshakes
is "$? $(asked ise)" "0 $BEFORE" "it is looked at again, and hears nothing"
is "$(grep -c 'TOFU failed' "$LOG")" 1 "the record is not repeated with every check"
on prime-pri "$TOFU deletecert host $ISE"
wait_for 20 says "ISE server $ISE: certificate mismatch -> reachable"
ok $? "with the old pin deleted it comes back by itself"

# A busy server is left alone for as long as it asks.
lab mood dnac 429 600 >/dev/null
wait_for 20 says "DNA Center server $DNAC: reachable -> busy: $DNAC is busy and asks to be left alone for 600 s"
ok $? "a busy server"
BEFORE=$(asked dnac)
wait_for 20 asked_more ise $(($(asked ise) + 2))
is "$(asked dnac)" "$BEFORE" "is left alone meanwhile"

on prime-pri "ncs server ise delete $NET.21"
BEFORE=$(asked ise)
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.21 username viewer port $ISE_PORT password-stdin save-unreachable"
on prime-pri "show server events last 1"
like "$OUT" "wrong credentials" "wrong credentials that were saved all the same"
on prime-pri "ncs server ise delete $NET.21"
BEFORE=$(asked ise)
on prime-pri "ncs server dnac edit $NET.22 timeout 3 save-unreachable"
lab mood dnac normal >/dev/null
on prime-pri "ncs server dnac edit $NET.22 timeout 3"
wait_for 20 asked_more dnac $(($(asked dnac) + 2))
is "$? $(asked ise)" "0 $BEFORE" "a deleted server is not asked any more"
done_testing
