#!/usr/bin/env bash
# DNA Center: the published procedure for its TOFU certificate, word for word; tokens; inventory; and two of them that
# nothing but the fingerprint tells apart.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
lab_up
TOFU="ncs certvalidation tofu-certs"
ADD="ncs server dnac add $NET.22 username admin port $DNAC_PORT"
asked() { lab log dnac | grep -c -- "$1"; }
TOKEN_PATH=/dna/system/api/v1/auth/token

printf '%s\n' "configure terminal" "platform-release 3.9" end "write memory" | "$BIN/primesh" --home "$LAB/prime-pri" >/dev/null
with_password prime-pri "$DNAC_PASSWORD" "$ADD password-stdin"
is "$STATUS$ERR" 0 "add"
like "$OUT" "Product: +DNA Center
Version: +2.3.3.7
Network devices: 12
The DNA Center server $NET.22 is reachable and saved." "says what it met"
on prime-pri "ncs server dnac list"
like "$OUT" "$NET.22 +$DNAC_PORT +DNA Center +reachable +2.3.3.7 +20[0-9T:-]+Z +pinned" "list"

# ---- tokens: kept, used again, renewed before they end and after a 401

on prime-pri "ncs server dnac test $NET.22"
is "$STATUS $(asked "POST $TOKEN_PATH 200")" "0 1" "a token is used again"
lab mood dnac 401 times 1 path /dna/intent >/dev/null
on prime-pri "ncs server dnac test $NET.22"
is "$STATUS $(asked "POST $TOKEN_PATH 200")" "0 2" "and renewed once the server does not take it any more"
lab mood dnac token-lifetime 61 >/dev/null
lab mood dnac revocations 1 >/dev/null
on prime-pri "ncs server dnac test $NET.22"
is "$STATUS $(asked "POST $TOKEN_PATH 200")" "0 3" "revoked tokens too"
unlike "$OUT" "Problem|does not accept" "that it was is no problem of the server's"
like "$OUT" "Network devices: +12" "and its devices are counted"
token_ends() {
    on prime-pri "ncs server dnac test $NET.22"
    [ "$(asked "POST $TOKEN_PATH 200")" -ge 4 ]
}
wait_for 20 token_ends
ok $? "a token is renewed before it ends: a minute before"
is "$(asked ' 401 ')" 2 "so that nothing was refused meanwhile"
lab mood dnac token-lifetime 3600 >/dev/null
lab mood dnac 401 path /dna/intent >/dev/null
on prime-pri "ncs server dnac test $NET.22"
like "$STATUS $ERR" "1 % Error: $DNAC does not accept the user name admin" "a server that takes no token at all is asked twice, not for ever"
lab mood dnac normal >/dev/null
lab stop prime-pri >/dev/null
lab start prime-pri >/dev/null
BEFORE=$(asked "POST $TOKEN_PATH 200")
on prime-pri "ncs server dnac test $NET.22"
is "$STATUS $(asked "POST $TOKEN_PATH 200")" "0 $BEFORE" "the token outlives a restart"
TOKENS=$(strings -n 40 "$LAB/prime-pri/store/data.mdb" | grep -cE 'eyJ[A-Za-z0-9_-]{20}')
is "$TOKENS" 0 "it is in no file in clear"

# ---- its version: asked where it tells, and no trouble where it does not

version_of() {
    on prime-pri "ncs server dnac list | json"
    jq -r '.servers[0] | "\(.state) \(.version)"' <<<"$OUT"
}
count_events() {
    on prime-pri "show server events | json"
    jq '.events | length' <<<"$OUT"
}
RELEASE="$LAB/dnac/data/release.json"
cp "$RELEASE" "$TMP/release.json"
echo '{"response":{"name":"DNAC","installedVersion":"2.3.5.0-70134"},"version":"1.0"}' >"$RELEASE"
on prime-pri "ncs server dnac test $NET.22"
is "$STATUS $(version_of)" "0 reachable 2.3.5.0-70134" "without a version for people: the installed one"
on prime-pri "show server events last 1"
like "$OUT" "version changed .*it was 2.3.3.7, it is 2.3.5.0-70134" "an upgrade is an event"
EVENTS=$(count_events)
silent_version() { # silent_version <name> <mood ...>
    local name=$1 asked
    shift
    lab mood dnac "$@" >/dev/null
    asked=$(asked "GET /dna/intent/api/v1/dnac-release")
    on prime-pri "ncs server dnac test $NET.22"
    is "$STATUS $(version_of)" "0 reachable 2.3.5.0-70134" "$name: reachable, with the version last heard of"
    is "$(asked "GET /dna/intent/api/v1/dnac-release")" $((asked + 1)) "$name: it was asked"
    lab mood dnac normal >/dev/null
}
silent_version "a user who may not ask" 403 path /dna/intent/api/v1/dnac-release
silent_version "busy" 429 60 path /dna/intent/api/v1/dnac-release
silent_version "another page" stranger path /dna/intent/api/v1/dnac-release
silent_version "bad JSON" bad-json path /dna/intent/api/v1/dnac-release
echo '{"response":{"name":"DNAC"},"version":"1.0"}' >"$RELEASE"
silent_version "no version in it" normal
is "$(count_events)" "$EVENTS" "none of them is an event"
cp "$TMP/release.json" "$RELEASE"
lab mood dnac 404 path /dna/intent/api/v1/dnac-release >/dev/null
on prime-pri "ncs server dnac test $NET.22"
is "$STATUS $(version_of)" "0 reachable 2.3.3.7" "one that knows it under its newer name only"
lab mood dnac stall path /dna/intent/api/v1/dnac-release >/dev/null
on prime-pri "ncs server dnac edit $NET.22 timeout 1 save-unreachable"
like "$OUT" "saved, but not reachable" "one that falls silent there is not reachable"
lab mood dnac normal >/dev/null
on prime-pri "ncs server dnac edit $NET.22 timeout 30"
is "$STATUS$ERR $(version_of)" "0 reachable 2.3.3.7" "and is again"

# ---- limits and wrong servers

stand_in dnac-2 DNAC2
with_password prime-pri "$DNAC_PASSWORD" "ncs server dnac add $DNAC2_HOST username admin port ${DNAC2##*_} password-stdin"
is "$STATUS $ERR" "1 % Error: a DNA Center is registered already, $NET.22, and there can be only one
delete it first: ncs server dnac delete $NET.22" "a second one"
on prime-pri "ncs server dnac delete $NET.22"
with_password prime-pri "$DNAC_PASSWORD" "ncs server dnac add $NET.21 username admin port $ISE_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $ISE (is no DNA Center|does not accept)" "an ISE is no DNA Center"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.22 username admin port $DNAC_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $DNAC (is no ISE|does not accept)" "a DNA Center is no ISE"
not_added() { # not_added <name> <pattern> <mood ...>
    local name=$1 pattern=$2
    shift 2
    lab mood dnac "$@" >/dev/null
    with_password prime-pri "$DNAC_PASSWORD" "$ADD timeout 3 password-stdin"
    lab mood dnac normal >/dev/null
    like "$STATUS $ERR" "^1 % Error: (the |no )?.*$DNAC $pattern" "$name: a clear error"
    on prime-pri "ncs server dnac list"
    is "$OUT" "No DNA Center server is registered." "$name: nothing is saved"
}
with_password prime-pri "wrong" "$ADD password-stdin"
like "$STATUS $ERR" "1 % Error: $DNAC does not accept the user name admin with its password" "wrong password"
not_added "403" "knows the user admin" 403
not_added "404" "is no DNA Center: it does not know what every one knows \(HTTP 404\)" 404
not_added "429" "is busy and asks to be left alone for 9 s" 429 9
not_added "500" "answered with HTTP status 500" 500
not_added "JSON that ends too early" "answered with what is no JSON" bad-json
not_added "another product's page" "answered with what is no JSON" stranger
not_added "no token" "answered with what is no JSON" empty
not_added "deep JSON" "answered with (JSON that is nested too deeply|more than 65536 bytes)" deep
not_added "100 MB of JSON" "answered with more than 65536 bytes" huge
not_added "an unknown charset" "answered in a charset that is not read here" charset unknown
not_added "latin1 that says UTF-8" "answered with what is no JSON" charset latin1
not_added "reset in mid-reply" "failed: .*Connection reset" reset
not_added "a reply that stops" "within 3 s" stall

# ---- the published procedure

with_password prime-pri "$DNAC_PASSWORD" "$ADD password-stdin"
is "$STATUS" 0 "add it again"
on prime-pri "$TOFU addcert host $DNAC2"
on prime-pri "$TOFU listcerts"
LISTED=$(grep -v _8082 <<<"$OUT")
is "$(grep -c "^host=$DNAC;  subject=CN = kong\$" <<<"$LISTED")" 1 "View Certificate Validation List: the form of 3.9"
is "$(grep -c '^host=.*;  subject=CN = kong$' <<<"$LISTED")" 2 "two hosts have the same subject"
on prime-pri "$TOFU listcerts detail | json"
is "$(jq -r '.pins[] | select(.subject | test("kong")) | .sha256' <<<"$OUT" | sort -u | wc -l)" 2 "their fingerprints tell them apart"
lab renew dnac >/dev/null
HEARD=$(asked "GET\|POST")
on prime-pri "ncs server dnac test $NET.22"
like "$STATUS $ERR" "1 % Error: the certificate of $DNAC is not the pinned one" "a new certificate: the integration fails"
is "$(asked "GET\|POST")" "$HEARD" "it heard no request, and so neither credentials nor token"
like "$(cat "$LAB/prime-pri/log/application.log")" "\[system\] \[seqtaskexecutor-[0-9]+\] TOFU failed\..* - CN=kong" "application.log holds the record"
on prime-pri "ncs server dnac list"
like "$OUT" "certificate mismatch" "the state says it"
on prime-pri "$TOFU verify host $DNAC2"
like "$STATUS $OUT" "0 .*$DNAC2 +match" "the other one with the same subject is not touched"
on prime-pri "$TOFU deletecert host $DNAC"
is "$STATUS$OUT$ERR" 0 "Delete Certificate: silent"
on prime-pri "$TOFU listcerts"
unlike "$OUT" "host=$DNAC;" "Verify Certificate: the old one is gone"
on prime-pri "ncs server dnac delete $NET.22"
with_password prime-pri "$DNAC_PASSWORD" "$ADD password-stdin"
like "$STATUS $OUT" "0 .*The DNA Center server $NET.22 is reachable and saved." "Add Cisco DNA Center Server, Save: reachable"
on prime-pri "$TOFU listcerts"
like "$OUT" "host=$DNAC;  subject=CN = kong" "the new certificate is listed"
on prime-pri "$TOFU verify host $DNAC"
like "$OUT" "$DNAC +match" "and it is the one that is shown"

# ---- the words of the release

help_of_dnac() { # help_of_dnac <release>
    cat >"$TMP/help.in" <<KEYS
< prime-pri/admin#\x20
> configure terminal\r
< (config)#\x20
> platform-release $1\r
< (config)#\x20
> end\r
< admin#\x20
> ncs server ?
< dnac
< ncs server
> \x15exit\r
KEYS
    "$ROOT/tests/transcript/play.exp" "$TMP/help.in" "$TMP/help.raw" "$BIN/primesh" --home "$LAB/prime-pri" 2>"$TMP/help.err"
    grep -a ' dnac ' "$TMP/help.raw" | tr -d '\r'
}
like "$(help_of_dnac 3.9)" "DNA Center, at most one: Cisco DNA Center coexistence" "3.9 calls it coexistence"
like "$(help_of_dnac 3.10)" "DNA Center, at most one: Prime Data Migration Tool" "3.10 the Prime Data Migration Tool"

# ---- inventory

lab mood dnac devices 1234 >/dev/null
on prime-pri "show server inventory $NET.22 | json"
is "$(jq '.devices | length' <<<"$OUT")" 1234 "the inventory comes page by page, whole"
is "$(jq -r '.devices[].name' <<<"$OUT" | sort -u | wc -l)" 1234 "no device twice"
is "$(jq -r '.devices[0] | keys_unsorted | join(" ")' <<<"$OUT")" "name address platform version reachability serial" "with its fields"
lab mood dnac devices 12 >/dev/null
on prime-pri "show server inventory $NET.22"
like "$OUT" "Name +Address +Platform +Version +Reachability +Serial number" "as a table"
like "$OUT" "C9500-40X +17.6.4 +Reachable" "and its rows"
lab mood dnac devices 0 >/dev/null
on prime-pri "show server inventory $NET.22"
is "$OUT" "The DNA Center manages no network device." "none"
lab mood dnac devices 12 >/dev/null
lab mood dnac huge 100 path /dna/intent/api/v1/network-device >/dev/null
on prime-pri "show server inventory $NET.22"
like "$STATUS $ERR" "1 % Error: $DNAC answered with (more than [0-9]+ bytes|JSON of more than)" "100 MB of JSON: a clear error"
lab mood dnac normal >/dev/null
done_testing
