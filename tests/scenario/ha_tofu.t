#!/usr/bin/env bash
# The published procedure: a server of a pair gets a new certificate, and the pair its trust back. Then the mirror image,
# then both at once.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/ca.sh"
. "$ROOT/tests/lib/pair.sh"
pair_up
ca_up
TOFU="ncs certvalidation tofu-certs"
T="Trust-on-first-use is configure for this connection. Current certificate of the remote host is different from what was used earlier"
NAME="OU=Prime Infra, O=Cisco Systems, L=SJ, ST=CA, C=US"

# Steps 1 to 4: CSR, signature, import, restart.
renew_certificate() { # renew_certificate <node>
    local repository=$LAB/$1/repository/defaultRepo
    on "$1" "ncs key genkey -csr new.csr repository defaultRepo algorithm rsa size 2048 force"
    [ "$STATUS" = 0 ] || echo "# $ERR"
    ca_sign "$repository/new.csr" "$TMP/new.pem"
    cat "$TMP/new.pem" "$CA/chain.pem" >"$repository/new.pem"
    chmod 644 "$repository/new.pem"
    on "$1" "ncs key importsignedcert new.pem repository defaultRepo"
    is "$STATUS" 0 "$1: the signed certificate is imported${ERR:+ ($ERR)}"
    on "$1" "ncs stop"
    on "$1" "ncs start"
    is "$STATUS" 0 "$1: ncs stop, ncs start"
}

not_active() { ! is_state prime-pri "Primary Active"; }
logged() { grep -F -q -- "$2" "$LAB/$1/log/health_monitor.log"; }

states "Primary Active" "Secondary Syncing" "a registered pair"
OLD=$(shown_sha256 "$SEC" 8082)
renew_certificate prime-sec
NEW=$(shown_sha256 "$SEC" 8082)
[ "$OLD" != "$NEW" ]
ok $? "the secondary shows another certificate"

wait_for 30 is_state prime-pri "Primary Lost Secondary"
is "$(state_of prime-pri)" "Primary Lost Secondary" "the primary lost its secondary"
wait_for 20 logged prime-pri "javax.net.ssl.SSLHandshakeException"
LOG=$(cat "$LAB/prime-pri/log/health_monitor.log")
like "$LOG" "[0-9-]{10} [0-9:.]{12} \[system\] \[HealthMonitorThread\] TOFU failed. Check local trust $T - CN=prime-sec, $NAME" \
    "health_monitor.log holds the first record"
like "$LOG" "[0-9-]{10} [0-9:.]{12} javax.net.ssl.SSLHandshakeException: java.security.cert.CertificateException: $T - CN=prime-sec" \
    "and the second"
like "$LOG" "deletecert host ${SEC}_8082" "and what to do"
is "$(grep -c 'TOFU failed' "$LAB/prime-pri/log/health_monitor.log")" 1 "once, however often it was tried"

on prime-pri "ncs ha check-readiness"
like "$OUT" "Certificate trust +refuses the secondary +trusts the primary +FAIL" "check-readiness names certificate trust, and the primary"
like "$OUT" "deletecert host ${SEC}_8082" "with the command"
on prime-pri "ncs ha check-readiness | json"
is "$(jq -r '.tests[] | select(.verdict == "FAIL") | .test' <<<"$OUT")" "Certificate trust" "it is the only test that fails"

pair_register
is "$STATUS" 1 "register fails"
like "$ERR" "Pre-HA Registration failed: the certificate of ${SEC}_8082 is not the pinned one: pinned SHA-256 $OLD" "with the old fingerprint"
like "$ERR" "shown SHA-256 $NEW" "and the new one"
like "$ERR" "$TOFU deletecert host ${SEC}_8082" "and the command"
is "$(state_of prime-pri)" "Primary Lost Secondary" "nothing changed by that"

on prime-pri "$TOFU deletecert host ${SEC}_8082"
is "$STATUS" 0 "deletecert on the primary"
pair_register
is "$STATUS" 0 "register succeeds${ERR:+: $ERR}"
like "$OUT" "Configuration Mode: Primary Active" "to Primary Active"
states "Primary Active" "Secondary Syncing" "the pair stands again"

# The mirror image: the primary is the one with another certificate, the secondary the one to forget the old one.
OLD=$(shown_sha256 "$PRI" 8082)
renew_certificate prime-pri
NEW=$(shown_sha256 "$PRI" 8082)
wait_for 30 is_state prime-sec "Secondary Lost Primary"
is "$(state_of prime-sec)" "Secondary Lost Primary" "mirror image: the secondary lost its primary"
wait_for 20 logged prime-sec "TOFU failed. Check local trust $T - CN=prime-pri, $NAME"
ok $? "its log holds the first record"
logged prime-sec "javax.net.ssl.SSLHandshakeException: java.security.cert.CertificateException: $T - CN=prime-pri"
ok $? "and the second"
on prime-pri "ncs ha check-readiness"
like "$OUT" "Certificate trust +[^ ]+( the secondary)? +refuses the primary +FAIL" "check-readiness names certificate trust, and the secondary"
pair_register
is "$STATUS" 1 "register fails"
like "$ERR" "$SEC refuses this server: the certificate of ${PRI}_8082 is not the pinned one: pinned SHA-256 $OLD" "with the old fingerprint, and who refuses"
like "$ERR" "shown SHA-256 $NEW" "and the new one"
like "$ERR" "on $SEC, to forget the old one: $TOFU deletecert host ${PRI}_8082" "and the command, and where to run it"
on prime-sec "$TOFU deletecert host ${PRI}_8082"
is "$STATUS" 0 "deletecert on the secondary"
pair_register
is "$STATUS" 0 "register succeeds${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands again"

# Both at once: each forgets the other. One look names both, for the secondary refuses in the primary's hearing.
OLD=$(shown_sha256 "$SEC" 8082)
renew_certificate prime-sec
renew_certificate prime-pri
NEW=$(shown_sha256 "$PRI" 8082)
wait_for 30 not_active
readiness() { "$BIN/primesh" --home "$LAB/prime-pri" -c "ncs ha check-readiness" >"$TMP/readiness"; }
both_named() { readiness && grep -q "refuses the secondary *refuses the primary *FAIL" "$TMP/readiness"; }
wait_for 30 both_named
OUT=$(cat "$TMP/readiness")
like "$OUT" "Certificate trust +refuses the secondary +refuses the primary +FAIL +see below" "both at once: check-readiness names both"
like "$OUT" "Certificate trust: the certificate of ${SEC}_8082 is not the pinned one: pinned SHA-256 $OLD" "below the table, why"
like "$OUT" "  1. on $PRI \(this server\), to forget the old one: $TOFU deletecert host ${SEC}_8082" "the command for the primary"
like "$OUT" "  2. on $SEC, which refuses this server's certificate \(SHA-256 $NEW\) too: $TOFU deletecert host ${PRI}_8082" \
    "the command for the secondary"
like "$OUT" "  3. then, on the primary: ncs ha register" "and what is next"
on prime-pri "ncs ha check-readiness | json"
is "$(jq -r '[.tests[] | select(.verdict == "FAIL") | .test] | join(",")' <<<"$OUT")" "Certificate trust" "it is the only test that fails"
pair_register
is "$STATUS" 1 "register fails"
like "$ERR" "deletecert host ${SEC}_8082" "with the command for the primary"
like "$ERR" "And $SEC refuses this server's certificate too, SHA-256 $NEW: on $SEC, to forget the old one: $TOFU deletecert host ${PRI}_8082" \
    "and with the one for the secondary"
on prime-pri "$TOFU deletecert host ${SEC}_8082"
on prime-sec "$TOFU deletecert host ${PRI}_8082"
pair_register
is "$STATUS" 0 "both deleted: register succeeds${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands again"

# A pair that is no more: nobody calls, so only one side can be known.
on prime-pri "copy running-config startup-config"
on prime-sec "copy running-config startup-config"
on prime-pri "ncs ha remove force"
wait_for 20 is_state prime-sec "HA not Configured"
renew_certificate prime-sec
renew_certificate prime-pri
pair_register
is "$STATUS" 1 "without a pair, register fails"
like "$ERR" "The other side could not be asked: whether $SEC refuses this server too shows after that" "and says what it cannot know"
on prime-pri "ncs ha check-readiness"
like "$OUT" "Certificate trust +refuses the secondary +- +FAIL" "check-readiness claims nothing about the other side"
like "$OUT" "  2. The other side could not be asked" "and says so"
on prime-pri "$TOFU deletecert host ${SEC}_8082"
on prime-pri "ncs ha check-readiness"
like "$OUT" "Certificate trust +trusts the secondary +refuses the primary +FAIL" "with that cured it names the other side"
like "$OUT" "  1. on $SEC, to forget the old one: $TOFU deletecert host ${PRI}_8082" "with its command"
on prime-sec "$TOFU deletecert host ${PRI}_8082"
pair_register
is "$STATUS" 0 "register succeeds${ERR:+: $ERR}"
on prime-pri "ncs ha remove force"
wait_for 20 is_state prime-sec "HA not Configured"

# A secondary that lets in only whom it knows, and has never met the primary.
on prime-sec "ncs key authenticate-client enable"
on prime-sec "$TOFU deletecert host ${PRI}_8082"
on prime-sec "ncs restart"
on prime-pri "ncs ha check-readiness"
like "$OUT" "Peer reachable on 8082 +yes" "authenticate-client: the secondary is reached"
like "$OUT" "Certificate trust +trusts the secondary +refuses the primary +FAIL" "and lets nobody in"
LET_IN="$TOFU addcert host ${PRI}_8082 fingerprint $(shown_sha256 "$PRI" 8082)"
like "$OUT" "  1. on $SEC, where .ncs key authenticate-client. is enabled, let it know this server's certificate: $LET_IN" "with the command"
pair_register
is "$STATUS" 1 "register fails"
like "$ERR" "$SEC refuses this server: .*$LET_IN" "and says the same"
on prime-sec "$LET_IN"
is "$STATUS" 0 "the command, as it was printed, on the secondary${ERR:+: $ERR}"
pair_register
is "$STATUS" 0 "register succeeds${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands"
on prime-pri "ncs ha remove force"
wait_for 20 is_state prime-sec "HA not Configured"

# The same on the primary: it knows the secondary from its own first contact.
on prime-pri "ncs key authenticate-client enable"
on prime-pri "$TOFU deletecert host ${SEC}_8082"
on prime-pri "ncs restart"
pair_register
is "$STATUS" 0 "authenticate-client on both: register succeeds${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands"

done_testing
