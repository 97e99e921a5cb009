#!/usr/bin/env bash
# The trust-on-first-use procedure on real processes and real TLS: pin, renew, refuse, compare, accept, delete, pin again.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
TOFU="ncs certvalidation tofu-certs"
DN="/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra"

on prime-pri "$TOFU addcert host $ISE"
is "$STATUS$OUT$ERR" 0 "addcert is silent"
FIRST=$(shown_sha256 "$NET.21" "$ISE_PORT")

on prime-pri "$TOFU listcerts"
is "$OUT" "Host certificate are automatically added to this list on first connection,
if trust-on-first-use is configured - ncs certvalidation certificate-check ...
host=$NET.11_8082;  subject= $DN/CN=prime-pri
host=$ISE;  subject= $DN/CN=ISE-server" "listcerts shows the published form"

on prime-pri "$TOFU addcert host $ISE"
is "$STATUS" 1 "a second addcert fails"
like "$ERR" "% Error: $ISE has a pin already" "and says why"

lab renew ise >/dev/null
SECOND=$(shown_sha256 "$NET.21" "$ISE_PORT")
[ "$FIRST" != "$SECOND" ]
ok $? "renew gives another certificate"

on prime-pri "$TOFU verify all"
is "$STATUS" 1 "verify fails where there is a mismatch"
like "$OUT" "$ISE +MISMATCH" "MISMATCH for the renewed one"
like "$OUT" "$NET.11_8082 +match" "match for the other"
like "$ERR" "% Error: 1 of 2 servers" "and the count"

LOG=$(cat "$LAB/prime-pri/log/application.log")
T="Trust-on-first-use is configure for this connection. Current certificate of the remote host is different from what was used earlier"
like "$LOG" "[0-9-]{10} [0-9:.]{12} \[system\] \[seqtaskexecutor-[0-9]+\] TOFU failed. Check local trust $T - CN=ISE-server, OU=Prime Infra, O=Cisco Systems, L=SJ, ST=CA, C=US" \
    "application.log holds the first record"
like "$LOG" "javax.net.ssl.SSLHandshakeException: java.security.cert.CertificateException: $T - CN=ISE-server" "and the second"
like "$LOG" "ncs certvalidation tofu-certs deletecert host $ISE" "and what to do"

on prime-pri "$TOFU showcert host $ISE"
like "$OUT" "\* +SHA-256 +$FIRST +$SECOND" "showcert shows old and new side by side, marked"
like "$OUT" "  +Subject +$DN/CN=ISE-server" "what is the same is not marked"

on prime-pri "$TOFU acceptcert host $ISE fingerprint $FIRST"
is "$STATUS" 1 "acceptcert refuses a wrong fingerprint"
on prime-pri "$TOFU verify host $ISE"
like "$OUT" "$ISE +MISMATCH" "and nothing changed"
on prime-pri "$TOFU acceptcert host $ISE fingerprint $SECOND"
is "$STATUS$OUT$ERR" 0 "acceptcert takes the right one"
on prime-pri "$TOFU verify host $ISE"
is "$STATUS" 0 "verify succeeds"
like "$OUT" "$ISE +match" "and says match"

lab renew ise >/dev/null
on prime-pri "$TOFU verify host $ISE"
is "$STATUS" 1 "renewed again: mismatch"
is "$(printf '%s\n' "$TOFU deletecert host $ISE" "$TOFU addcert host $ISE" "$TOFU verify host $ISE" |
    "$BIN/primesh" --home "$LAB/prime-pri" | grep -c " match")" 1 "deletecert, addcert, verify on standard input"

on prime-pri "$TOFU history host $ISE | json"
is "$(echo "$OUT" | jq -r '[.events[].event] | join(" ")')" \
    "first-use refused accepted refused deleted first-use" "history tells it all"
on prime-pri "$TOFU listcerts | json"
is "$(echo "$OUT" | jq -r '.pins[1].host')" "$ISE" "the list as JSON"
on prime-pri "$TOFU verify host $ISE | json"
is "$(echo "$OUT" | jq -r '.verified[0].verdict')" match "verify as JSON"
on prime-pri "$TOFU deletecert host 10.9.9.9_443 | json"
is "$STATUS $(echo "$OUT" | jq -r '.error.code')" "1 not-found" "a failure as JSON"
on prime-pri "show audit | json"
is "$(echo "$OUT" | jq -r '[.audit[] | select(.line | test("acceptcert")) | .result] | join(" ")')" "conflict ok" \
    "the audit trail has the refused and the accepted"
done_testing
