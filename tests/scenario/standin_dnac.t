#!/usr/bin/env bash
# The lab's DNA Center as other people's clients meet it: curl, openssl, jq.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/standin.sh"
standins_up dnac dnac-2
AUTH=$URL_dnac/dna/system/api/v1/auth/token
DEVICES=$URL_dnac/dna/intent/api/v1/network-device
USER_DNAC=admin:Dnac-lab-1
json() { jq -r "$1" "$TMP/body" 2>/dev/null; }
login() {
    get -X POST -u "${1:-$USER_DNAC}" "$AUTH"
    TOKEN=$(json .Token)
}
asked() { get -H "X-Auth-Token: $TOKEN" "$@"; }
part() { # part <token> <number>: a part of it, decoded
    local digits
    digits=$(printf %s "$1" | cut -d. -f"$2" | tr -- '-_' '+/')
    while [ $((${#digits} % 4)) -ne 0 ]; do digits+='='; done
    printf %s "$digits" | base64 -d
}

# --- tokens
login
is "$EXIT $STATUS $(header Content-Type)" "0 200 application/json" "a token"
like "$TOKEN" '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' "of three parts"
is "$(part "$TOKEN" 1 | jq -r .alg)" HS256 "signed"
is "$(part "$TOKEN" 2 | jq -r '"\(.username) \(.roles[0]) \(.exp - .iat)"')" "admin SUPER-ADMIN-ROLE 3600" "for this user, for an hour"
asked "$DEVICES/count"
is "$STATUS $(json .response)" "200 12" "with it, one is let in"
get -X POST -u $USER_DNAC "$URL_dnac/api/system/v1/auth/token"
is "$STATUS" 200 "the older path of the token"
get -X POST "$AUTH"
is "$STATUS $(header WWW-Authenticate)" '401 Basic realm="Cisco DNA Center"' "without credentials: 401 and how to ask"
like "$(json .error)" "." "with a reason"
for credentials in admin:wrong nobody:Dnac-lab-1 admin:; do
    get -X POST -u $credentials "$AUTH"
    is "$STATUS" 401 "wrong credentials: $credentials"
done
get -u $USER_DNAC "$AUTH"
is "$STATUS $(header Allow)" "405 POST" "GET of a token: 405"
get "$DEVICES"
is "$STATUS" 401 "no token: 401"
get -u $USER_DNAC "$DEVICES"
is "$STATUS" 401 "a password is none"
for bad in x a.b.c "${TOKEN%?????}AAAAA" "${TOKEN#?}" "$TOKEN.x" "$(printf %s '{"alg":"none"}' | base64 -w0 | tr -d =).$(printf %s "$TOKEN" | cut -d. -f2)."; do
    get -H "X-Auth-Token: $bad" "$DEVICES/count"
    is "$STATUS" 401 "a forged token: ${bad:0:12}..."
done
FORGED=$(printf %s "$TOKEN" | cut -d. -f1).$(part "$TOKEN" 2 | jq -c '.exp += 9999999' | base64 -w0 | tr '+/' '-_' | tr -d =).$(printf %s "$TOKEN" | cut -d. -f3)
get -H "X-Auth-Token: $FORGED" "$DEVICES/count"
is "$STATUS" 401 "nobody makes his token last longer"
get -H "X-Auth-Token: $TOKEN" "$URL_dnac_2/dna/intent/api/v1/network-device/count"
is "$STATUS" 401 "another DNA Center does not take it"
expired() {
    asked "$DEVICES/count"
    [ "$STATUS" = 401 ]
}
mood dnac token-lifetime 1
OLD=$TOKEN
login
wait_for 5 expired
is "$? $(json .error)" "0 the token has expired" "a token ends"
mood dnac token-lifetime 60
TOKEN=$OLD
asked "$DEVICES/count"
is "$STATUS" 200 "one from before goes on"
mood dnac revoke
asked "$DEVICES/count"
is "$STATUS" 401 "until all are revoked"
login
asked "$DEVICES/count"
is "$STATUS" 200 "then a new one is needed"
login viewer:Viewer-lab-1
is "$STATUS $(part "$TOKEN" 2 | jq -r '.roles[0]')" "200 OBSERVER-ROLE" "an observer"
asked "$DEVICES/count"
is "$STATUS" 200 "who may look"
login

# --- inventory
asked "$DEVICES"
is "$STATUS $(json '.response | length') $(json .version)" "200 12 1.0" "all devices"
is "$(json '[.response[].hostname] | join(" ")')" "core-1 access-2 wlc-3 branch-4 core-5 access-6 wlc-7 branch-8 core-9 access-10 wlc-11 branch-12" "in order"
for field in id hostname managementIpAddress platformId softwareVersion softwareType reachabilityStatus serialNumber macAddress family type series role; do
    like "$(json ".response[3].$field")" '.' "with $field"
done
is "$(json '.response[3].reachabilityStatus') $(json '.response[3].errorCode')" "Unreachable null" "not all can be reached"
asked "$DEVICES?offset=5&limit=3"
is "$(json '[.response[].hostname] | join(" ")')" "core-5 access-6 wlc-7" "a page; the first is number 1"
asked "$DEVICES?limit=500&offset=12"
is "$(json '[.response[].hostname] | join(" ")')" "branch-12" "the last page"
asked "$DEVICES?offset=13"
is "$STATUS $(json '.response | length')" "200 0" "behind the last"
asked "$DEVICES/11/500"
is "$(json '[.response[].hostname] | join(" ")')" "wlc-11 branch-12" "the older form of a page"
for query in limit=501 limit=0 limit=-1 limit=x limit= offset=0 offset=1.5 offset=99999999999999999999 noSuchField=1; do
    asked "$DEVICES?$query"
    is "$STATUS $(json .response.errorCode) $(json .version)" "400 NCND00051 1.0" "$query: refused in the API's form"
done
asked "$DEVICES?family=Routers"
is "$(json '[.response[].hostname] | join(" ")')" "branch-4 branch-8 branch-12" "selected by a field"
asked "$DEVICES?hostname=.*-1.*&family=Sw.*&limit=1&offset=2"
is "$(json '[.response[].hostname] | join(" ")')" "access-10" "by two, with a pattern, paged"
asked "$DEVICES/count?reachabilityStatus=Unreachable"
is "$(json .response)" 3 "and counted"
asked "$DEVICES?managementIpAddress=10.0.0.7"
ID=$(json '.response[0].id')
asked "$DEVICES/$ID"
is "$STATUS $(json .response.hostname)" "200 wlc-7" "one by its id"
asked "$DEVICES/ip-address/10.0.0.8"
is "$STATUS $(json .response.hostname)" "200 branch-8" "by its address"
asked "$DEVICES/serial-number/$(json .response.serialNumber)"
is "$STATUS $(json .response.hostname)" "200 branch-8" "by its serial number"
asked "$DEVICES/no-such-id"
is "$STATUS $(json .response.errorCode)" "404 NCND00050" "an unknown id"
asked "$DEVICES/a%22b%5C"
is "$STATUS $(json .response.message)" '404 no network device has the id a"b\' "what is echoed is escaped"
for path in site site/count network-health client-health issues dnac-packages catalystcenter-release; do
    asked "$URL_dnac/dna/intent/api/v1/$path"
    jq -e 'has("response")' "$TMP/body" >/dev/null
    is "$? $STATUS $(header Content-Type)" "0 200 application/json" "$path"
    get "$URL_dnac/dna/intent/api/v1/$path"
    is "$STATUS" 401 "$path: not without a token"
done
asked "$URL_dnac/dna/intent/api/v1/client-health"
is "$(jq -r '.response[0].scoreDetail | map(.scoreCategory.value) | join(" ")' "$TMP/body")" "ALL WIRED WIRELESS" "client-health by type"
asked "$URL_dnac/dna/intent/api/v1/issues"
DEVICE=$(jq -r '.response[0].deviceId' "$TMP/body")
asked "$DEVICES/$DEVICE"
is "$STATUS $(jq -r .response.reachabilityStatus "$TMP/body")" "200 Unreachable" "the issue is about a device that there is"
asked "$URL_dnac/dna/intent/api/v1/dnac-release"
is "$STATUS $(json .response.displayName)" "200 Cisco DNA Center" "the release"
mood dnac devices 10000
asked "$DEVICES/count"
is "$(json .response)" 10000 "10,000 devices"
: >"$TMP/ids"
for ((offset = 1; offset <= 10000; offset += 500)); do
    asked "$DEVICES?offset=$offset&limit=500"
    json '.response[].id' >>"$TMP/ids"
done
is "$(wc -l <"$TMP/ids") $(sort -u "$TMP/ids" | wc -l)" "10000 10000" "in twenty pages, each once"
asked "$DEVICES/ip-address/10.0.39.16"
is "$(json .response.hostname)" branch-10000 "the last one"
mood dnac devices 0
asked "$DEVICES"
is "$STATUS $(json '.response | length')" "200 0" "no device at all"
mood dnac devices 12

# --- HTTP
asked -X DELETE "$DEVICES"
is "$STATUS $(header Allow)" "405 GET, HEAD" "DELETE: 405"
asked -I "$DEVICES"
is "$STATUS $(($(header Content-Length) > 1000))" "200 1" "HEAD"
asked -H 'Accept: text/html' "$DEVICES"
is "$STATUS" 406 "who wants HTML: 406"
asked "$URL_dnac/dna/nothing"
is "$STATUS $(json .response.errorCode)" "404 NCND00050" "an unknown path"
get "$URL_dnac/"
is "$STATUS" 404 "elsewhere"
get -X POST -u $USER_DNAC -H 'Content-Type: application/json' -d '{}' "$AUTH"
is "$STATUS" 200 "a body with the request for a token is read and ignored"
get -X POST -u $USER_DNAC -H 'Transfer-Encoding: chunked' -d 'x' "$AUTH" --next -sk -H "X-Auth-Token: $TOKEN" "$DEVICES/count" -o /dev/null -w ' %{num_connects}'
is "$STATUS" "200 0" "and the connection goes on"
openssl s_client -connect "$NET.22:$(cat "$LAB/dnac/port")" </dev/null 2>/dev/null | openssl x509 -noout -subject -fingerprint -sha256 >"$TMP/first"
openssl s_client -connect "$NET.25:$(cat "$LAB/dnac-2/port")" </dev/null 2>/dev/null | openssl x509 -noout -subject -fingerprint -sha256 >"$TMP/second"
is "$(grep subject "$TMP/first") $(cat "$TMP/first" "$TMP/second" | sort -u | wc -l)" "subject=CN = kong 3" "two of the same name, told apart by their fingerprints"

# --- moods
for status in 401 403; do
    mood dnac $status
    login
    is "$STATUS $(json .code)" "$status $status" "mood $status, also for tokens"
done
mood dnac normal
login
for status in 404 500 503 429; do
    mood dnac $status path /dna/intent
    asked "$DEVICES"
    like "$STATUS $(json .response.message)" "^$status ." "mood $status, in the API's form"
done
is "$(header Retry-After)" 5 "429 says when again"
get -X POST -u $USER_DNAC "$AUTH"
is "$STATUS" 200 "while tokens are given as before"
mood dnac 401 times 1 path /dna/intent
asked "$DEVICES/count"
FIRST=$STATUS
asked "$DEVICES/count"
is "$FIRST $STATUS" "401 200" "one 401, as when a token has ended"
mood dnac bad-json
asked "$DEVICES"
jq . "$TMP/body" >/dev/null 2>&1
is "$STATUS $(($? != 0))" "200 1" "bad JSON"
mood dnac deep 3000
asked "$DEVICES"
is "$STATUS $(tr -dc '[' <"$TMP/body" | wc -c)" "200 3000" "nested deep"
mood dnac huge 100
asked "$DEVICES"
is "$STATUS $(wc -c <"$TMP/body") $(json '.response | length')" "200 104857600 12" "100 MB of well-formed JSON"
mood dnac charset
asked "$DEVICES"
iconv -f UTF-8 "$TMP/body" >/dev/null 2>&1
is "$STATUS $?" "200 1" "not the character set it says"
mood dnac wrong-length 1
asked "$DEVICES"
is "$EXIT" 18 "cut off"
mood dnac chunked 100
asked "$DEVICES"
is "$EXIT $(header Transfer-Encoding) $(json '.response | length')" "0 chunked 12" "chunked"
mood dnac redirect
get -X POST -u $USER_DNAC "$AUTH"
is "$STATUS $(header Location)" "307 /moved/dna/system/api/v1/auth/token" "a redirect that keeps the method"
get -X POST -L -u $USER_DNAC "$AUTH"
is "$EXIT" 47 "round and round"
mood dnac redirect times 1
get -X POST -L -u $USER_DNAC "$AUTH"
is "$STATUS" 200 "to the answer"
mood dnac reset
asked "$DEVICES"
is "$EXIT" 56 "reset"
mood dnac half-open path /dna/intent
MOST=1 asked "$DEVICES/count"
is "$EXIT" 28 "half-open for some paths"
get -X POST -u $USER_DNAC "$AUTH"
is "$STATUS" 200 "the others are answered"
mood dnac normal
lab renew dnac >/dev/null
asked "$DEVICES/count"
is "$STATUS" 401 "after a restart, tokens of before are not known"

# --- many at once
login
mood dnac slow 1000
START=$(date +%s%N)
seq 60 | xargs -P 60 -I{} curl -sk --max-time 50 -o "$TMP/many.{}" -w '%{http_code}\n' -H "X-Auth-Token: $TOKEN" "$DEVICES?offset={}" >"$TMP/many"
is "$(sort "$TMP/many" | uniq -c | xargs)" "60 200" "60 at once, all slow"
[ $((($(date +%s%N) - START) / 1000000)) -lt 45000 ]
ok $? "side by side, not one after another"
mood dnac normal

# --- the log
LOG=$(standin_log dnac)
like "$LOG" "POST /dna/system/api/v1/auth/token 200 user=admin authorization=yes token=no" "the log says who got a token"
like "$LOG" "GET /dna/intent/api/v1/network-device\?offset=5&limit=3 200 user=admin authorization=no token=yes" "and which page was asked for"
unlike "$LOG" "Dnac-lab-1|$(printf %s $USER_DNAC | base64)|${TOKEN##*.}" "never a password or a token"
for name in dnac dnac-2; do
    lab stop $name >/dev/null
    unlike "$(standin_log $name)" "Sanitizer|runtime error" "$name met no defect, and lost no memory"
done
done_testing
