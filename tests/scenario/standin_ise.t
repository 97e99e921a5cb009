#!/usr/bin/env bash
# The lab's ISE as other people's clients meet it: curl, openssl, xmllint.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/standin.sh"
standins_up ise ise-2
MNT=$URL_ise/admin/API/mnt
USER_ISE=admin:Ise-lab-1
asked() { get -u "$USER_ISE" "$@"; }

# --- endpoints
asked "$MNT/Version"
is "$EXIT $STATUS $(header Content-Type)" "0 200 application/xml" "Version"
is "$(xpath /product/@name) $(xpath /product/type_of_node)" "Cisco Identity Services Engine 0" "product and node type"
like "$(xpath /product/version)" '^[0-9]+(\.[0-9]+)+$' "and version"
for type in 1 2 3; do
    mood ise type $type
    asked "$MNT/Version"
    is "$(xpath /product/type_of_node)" $type "node type $type"
done
asked "$MNT/Session/ActiveCount"
is "$STATUS $(xpath //http-code)" "404 404" "a node without a monitoring persona knows no sessions"
mood ise type 1
asked "$MNT/Session/ActiveCount"
is "$STATUS $(xpath /sessionCount/count)" "200 4" "ActiveCount"
for count in PostureCount ProfilerCount; do
    asked "$MNT/Session/$count"
    is "$STATUS $(xpath /sessionCount/count)" "200 0" "$count"
done
asked "$MNT/Session/ActiveList"
is "$STATUS $(xpath /activeList/@noOfActiveSession) $(xpath 'count(//activeSession)')" "200 4 4" "ActiveList"
is "$(xpath '//activeSession[4]/user_name')" "O'Brien & Söhne" "names are escaped"
for field in calling_station_id nas_ip_address acct_session_id audit_session_id server framed_ip_address; do
    like "$(xpath "//activeSession[1]/$field")" '.' "with $field"
done
asked "$MNT/Session/AuthList/null/null"
is "$STATUS $(xpath 'count(//activeSession)')" "200 4" "AuthList"
for by in MACAddress/00:50:56:00:00:02 MACAddress/00-50-56-00-00-02 MACAddress/005056000002 UserName/bob UserName/BOB \
    IPAddress/10.10.1.3 EndPointIPAddress/10.20.0.2; do
    asked "$MNT/Session/$by"
    is "$STATUS $(xpath /sessionParameters/user_name) $(xpath /sessionParameters/calling_station_id)" "200 bob 00:50:56:00:00:02" "$by"
done
is "$(xpath /sessionParameters/passed) $(xpath /sessionParameters/nas_port_id)" "true GigabitEthernet1/0/2" "a session in full"
asked "$MNT/Session/UserName/O%27Brien%20%26%20S%C3%B6hne"
is "$STATUS $(xpath /sessionParameters/calling_station_id)" "200 3C:22:FB:00:00:04" "a name that has to be encoded"
asked "$MNT/Session/UserName/%3Cnobody%3E"
is "$STATUS $(xpath //cpm-code)" "500 34110" "no such session: 500, as the real one"
is "$(xpath //internal-error-info)" "Session data is not available for <nobody>." "which says of whom, escaped"
for path in "Session/MACAddress/" "Session/MACAddress/a/b" "Session/UserName/%00" "Session/UserName/%zz" Nothing version; do
    asked "$MNT/$path"
    like "$STATUS" '^(404|500)$' "$path: not found"
done
asked "$MNT/Session/UserName/$(printf 'a%.0s' {1..3000})"
is "$STATUS" 404 "a name too long"
mood ise sessions 10000
asked "$MNT/Session/ActiveList"
is "$STATUS $(xpath 'count(//activeSession)')" "200 10000" "10,000 sessions"
is "$(grep -o '<calling_station_id>[^<]*' "$TMP/body" | sort -u | wc -l)" 10000 "each of its own MAC address"
asked "$MNT/Session/UserName/bob-2500"
is "$STATUS $(xpath //calling_station_id)" "200 00:50:56:00:27:0E" "the last but two of them is found"
mood ise sessions 0
asked "$MNT/Session/ActiveList"
is "$STATUS $(xpath /activeList/@noOfActiveSession) $(xpath 'count(//activeSession)')" "200 0 0" "no sessions at all"
mood ise sessions 4

asked "$MNT/AuthStatus/MACAddress/00:50:56:00:00:02/1000/10/All"
is "$STATUS $(xpath '//authStatusList/@key') $(xpath //user_name)" "200 00:50:56:00:00:02 bob" "an endpoint's last login"
asked "$MNT/FailureReasons"
is "$STATUS $(header Content-Type) $(xpath 'count(//failureReason[code and cause and resolution])')" "200 application/xml 3" "FailureReasons"

# --- ERS
ERS=$URL_ise/ers/config
said() { jq -r "$1" "$TMP/body"; }
asked "$ERS/networkdevice"
is "$EXIT $STATUS $(header Content-Type)" "0 200 application/json" "ERS answers in JSON"
is "$(said '.SearchResult | "\(.total) \(.resources | length) \(has("nextPage")) \(has("previousPage"))"')" "4 4 false false" "all devices on one page"
FOUND=
NEXT="$ERS/networkdevice?size=1&filter=name.CONTAINS.s&filter=ipaddress.NEQ.10.10.1.3"
while [ "$NEXT" != null ] && [ ${#FOUND} -lt 200 ]; do
    asked "$NEXT"
    FOUND+=" $(said '.SearchResult.resources[0].name')"
    NEXT=$(said .SearchResult.nextPage.href)
done
is "$FOUND" " access-1" "page by page, with filters" # and not access-2; wlc-1 and branch-1 have no s
FOUND=
NEXT="$ERS/networkdevice?size=1&filter=name.CONTAINS.c"
while [ "$NEXT" != null ] && [ ${#FOUND} -lt 200 ]; do
    asked "$NEXT"
    FOUND+=" $(said '.SearchResult.resources[0].name')"
    NEXT=$(said .SearchResult.nextPage.href)
done
is "$FOUND" " access-1 access-2 wlc-1 branch-1" "the link to the next page keeps them"
like "$(said .SearchResult.previousPage.href)" "^${ERS/:443\//\/}/networkdevice\?size=1&page=3&filter=name.CONTAINS.c$" "and that to the one before"
asked "$(said '.SearchResult.resources[0].link.href')"
is "$STATUS $(said '.NetworkDevice | "\(.name) \(.NetworkDeviceIPList[0].ipaddress)/\(.NetworkDeviceIPList[0].mask) \(.description)"')" \
    '200 branch-1 10.10.9.1/32 Router of a branch, "Köln"' "a device in full, under its link"
asked "$ERS/networkdevice/name/ACCESS-2"
is "$STATUS $(said .NetworkDevice.NetworkDeviceIPList[0].ipaddress)" "200 10.10.1.3" "the same by name"
asked "$ERS/networkdevice/name/nobody"
is "$STATUS $(said '.ERSResponse.messages[0].code')" "404 Resource not found exception" "one that there is not"
for filter in name name.EQ name.LIKE.x colour.EQ.red .. "$(printf 'a%.0s' {1..300}).EQ.x"; do
    asked "$ERS/networkdevice?filter=$filter"
    is "$STATUS $(said '.ERSResponse.messages[0].type')" "400 ERROR" "no filter: ${filter:0:20}"
done
for paging in size=0 size=101 page=0 page=x page=-1 page=99999999999; do
    asked "$ERS/networkdevice?$paging"
    is "$STATUS" 400 "no page: $paging"
done
asked "$ERS/networkdevice?page=1000000&size=100"
is "$STATUS $(said '.SearchResult | "\(.total) \(.resources | length)"')" "200 4 0" "a page behind the last"
asked "$ERS/networkdevice/versioninfo"
is "$STATUS $(said '.VersionInfo.currentServerVersion')" "200 1.2" "versioninfo"
asked "$ERS/node"
asked "$(said '.SearchResult.resources[0].link.href')"
is "$STATUS $(said .Node.name)" "200 ise-server" "the node, under its link"
asked "https://$NET.21:9060/ers/config/node"
is "$EXIT $STATUS $(said '.SearchResult.resources[0].link.href')" "0 200 https://$NET.21:9060/ers/config/node/3b1f0e52-54d8-4a62-9d2b-0242ac110021" \
    "on port 9060 too, with links that lead there"
lab stop ise-2 >/dev/null
python3 -c 'import socket, sys, time; s = socket.create_server((sys.argv[1], 9060)); print(flush=True); time.sleep(600)' "$NET.23" >"$TMP/taken" &
TAKER=$!
at_exit "kill $TAKER 2>/dev/null"
wait_for 20 test -s "$TMP/taken"
lab start ise-2 >/dev/null
asked "$URL_ise_2/ers/config/node"
is "$STATUS" 200 "where 9060 is taken, ERS is on the first port alone"
kill $TAKER # before somebody waits for all that runs
like "$(standin_log ise-2)" "ERS is on port [0-9]+ alone: .*9060" "and the log says so"
get "$ERS/node"
is "$STATUS $(header WWW-Authenticate)" '401 Basic realm="Cisco ISE"' "not without credentials"
get -u viewer:Viewer-lab-1 "$ERS/node"
is "$STATUS" 403 "and not without the right"
asked -X PUT -d '{}' "$ERS/networkdevice/name/access-1"
is "$STATUS $(header Allow)" "405 GET, HEAD" "nothing is written"
asked -H 'Accept: application/xml' "$ERS/node"
is "$STATUS" 406 "no XML here"
mood ise 500 path /ers
asked "$ERS/node"
is "$STATUS $(said '.ERSResponse.messages[0].type')" "500 ERROR" "its moods speak its language"
mood ise normal

# --- files of one's own
printf '{"mine": "${host}", "sessions": ${sessions}, "at": ${now_ms}}\n' >"$LAB/ise/data/get.ers.config.of.my-own.json"
asked -H 'Host: "quoted"' "$ERS/of/my-own"
is "$STATUS $(said '"\(.mine) \(.sessions) \(.at > 1600000000000)"')" '200 "quoted" 4 true' "a path of one's own, from a file"
get "$ERS/of/my-own"
is "$STATUS" 401 "not for everybody"
for path in /ers/../users /ers/config/of.my-own /ers/config/of%2Fmy-own "/ers/$(printf 'a%.0s' {1..400})"; do
    asked "$URL_ise$path"
    is "$STATUS" 404 "no file: ${path:0:40}"
done
echo '{"broken": ${nothing}}' >"$LAB/ise/data/get.ers.config.broken.json"
asked "$ERS/broken"
is "$STATUS $BODY" '500 the stand-in cannot answer: nobody knows what ${nothing} stands for' "a word that nobody knows"

# --- HTTP
get "$MNT/Version"
is "$STATUS $(header WWW-Authenticate)" '401 Basic realm="Cisco ISE"' "without credentials: 401 and how to ask"
get -u admin:Not-this-1 "$MNT/Version"
is "$STATUS" 401 "a wrong password"
get -u nobody:Ise-lab-1 "$MNT/Version"
is "$STATUS" 401 "a wrong user"
get -u viewer:Viewer-lab-1 "$MNT/Version"
is "$STATUS" 403 "a user without the right: 403"
get -H 'Authorization: Basic !!!' "$MNT/Version"
is "$STATUS" 401 "credentials that are none"
get -H 'Authorization: Bearer x' "$MNT/Version"
is "$STATUS" 401 "another scheme"
get "$MNT/Nothing"
is "$STATUS" 401 "who has no credentials learns nothing of the paths"
get "$URL_ise/"
is "$STATUS" 404 "elsewhere: 404"
asked -X POST "$MNT/Version"
is "$STATUS $(header Allow)" "405 GET, HEAD" "POST: 405"
asked -I "$MNT/Version"
is "$STATUS $(wc -c <"$TMP/body") $(header Content-Length)" "200 $(wc -c <"$TMP/head") $(curl -sk -u $USER_ISE "$MNT/Version" | wc -c)" "HEAD: the headers of GET alone"
asked -H 'Accept: application/json' "$MNT/Version"
is "$STATUS" 406 "who wants JSON: 406"
asked -H 'Accept: application/json;q=0.9, application/*;q=0.1' "$MNT/Version"
is "$STATUS" 200 "who takes everything of that kind"
get -u $USER_ISE "$MNT/Version" --next -sk -u $USER_ISE "$MNT/Session/ActiveCount" -o /dev/null -w ' %{num_connects}'
is "$EXIT $STATUS" "0 200 0" "two requests on one connection"

# --- users and answers are files
printf 'super häns:p:ä ss"\\<word\n' >"$LAB/ise/data/users"
get -u 'häns:p:ä ss"\<word' "$MNT/Version"
is "$STATUS" 200 "a password with colon, blank, quotes and UTF-8"
get -u $USER_ISE "$MNT/Version"
is "$STATUS" 401 "those before are gone at once"
printf 'super %s\n' $USER_ISE >"$LAB/ise/data/users"
echo '<product name="${name}"/>' >"$LAB/ise/data/version.xml"
asked "$MNT/Version"
like "$STATUS $BODY" '^500 .*\$\{name\}' "a word that nobody knows in a data file: says so"
cp "$ROOT/lab/data/ise/version.xml" "$LAB/ise/data/"
get -u $USER_ISE "$URL_ise_2/admin/API/mnt/Version"
is "$STATUS $(xpath //type_of_node)" "200 0" "another ISE has files and settings of its own"

# --- moods
V=$MNT/Version
for status in 401 403 404 500 503 429; do
    mood ise $status
    asked "$V"
    is "$STATUS $(xpath //http-code)" "$status $status" "mood $status"
done
is "$(header Retry-After)" 5 "429 says when again"
mood ise 429 17
asked "$V"
is "$(header Retry-After)" 17 "as long as told"
mood ise 500 times 2
asked "$V"
FIRST=$STATUS
asked "$V"
SECOND=$STATUS
asked "$V"
is "$FIRST $SECOND $STATUS" "500 500 200" "for two requests only"
like "$(lab mood ise)" "mood +normal," "and is normal again"
mood ise 503 path /admin/API/mnt/Session
asked "$V"
FIRST=$STATUS
asked "$MNT/Session/ActiveCount"
is "$FIRST $STATUS" "200 503" "for some paths only"
mood ise slow 700
START=$(date +%s%N)
asked "$V"
is "$STATUS $((($(date +%s%N) - START) / 700000000 >= 1))" "200 1" "slow"
MOST=0.3 asked "$V"
is "$EXIT" 28 "who does not wait, leaves"
mood ise bad-xml
asked "$V"
is "$STATUS" 200 "bad XML"
xmllint --noout "$TMP/body" 2>/dev/null
is "$?" 1 "which no parser takes"
mood ise entities
asked "$V"
is "$STATUS $([ "$(wc -c <"$TMP/body")" -lt 2000 ] && echo small)" "200 small" "entities"
like "$(xmllint --noout "$TMP/body" 2>&1)" "[Ee]ntity.*loop|amplification|Detected" "which a careful parser refuses"
mood ise deep 500
asked "$V"
is "$STATUS $(grep -o '<a>' "$TMP/body" | wc -l)" "200 500" "nested deep"
mood ise huge 30
asked "$V"
is "$STATUS $(wc -c <"$TMP/body") $(header Content-Length)" "200 31457280 31457280" "a huge body"
is "$(xpath /product/type_of_node)" 1 "which is well-formed"
mood ise stranger
asked "$V"
is "$STATUS $(header Content-Type)" "200 text/html" "another product answers"
mood ise empty
asked "$V"
is "$EXIT $STATUS $(header Content-Length)" "0 200 0" "an empty answer"
mood ise wrong-length
asked "$V"
is "$EXIT $STATUS" "18 200" "a length too great: cut off"
mood ise wrong-length -50
asked "$V"
is "$EXIT $(wc -c <"$TMP/body")" "0 $(($(header Content-Length)))" "a length too small"
xmllint --noout "$TMP/body" 2>/dev/null
is "$?" 1 "what is missing, is missing"
mood ise chunked 3
asked "$V"
is "$EXIT $STATUS $(header Transfer-Encoding) $(xpath /product/type_of_node)" "0 200 chunked 1" "chunked"
mood ise gzip
asked "$V"
is "$STATUS $(header Content-Encoding) $(gzip -dc "$TMP/body" | xmllint --xpath 'string(//type_of_node)' -)" "200 gzip 1" "compressed though nobody asked"
asked --compressed "$V"
is "$EXIT $(xpath //type_of_node)" "0 1" "or for who asks"
mood ise gzip 100
asked "$V"
is "$(($(wc -c <"$TMP/body") < 1000000)) $(gzip -dc "$TMP/body" | wc -c)" "1 $((104857600 + $(wc -c <"$LAB/ise/data/version.xml") - 6))" "100 MB in less than one"
mood ise redirect
asked "$V"
like "$STATUS $(header Location)" "^302 /moved/admin/API/mnt/Version$" "redirect to the same host"
asked -L "$URL_ise/moved/admin/API/mnt/Version"
is "$EXIT $(header Location | sort -u)" "47 /moved/admin/API/mnt/Version" "round and round"
mood ise redirect times 1
asked -L "$V"
is "$EXIT $STATUS $(xpath /product/type_of_node)" "0 200 1" "where the answer is"
lab start dnac >/dev/null
mood ise redirect other
asked "$V?a=1"
is "$STATUS $(header Location)" "302 https://$NET.22:$(cat "$LAB/dnac/port")/admin/API/mnt/Version?a=1" "redirect to another host"
asked -L "$V"
like "$(standin_log dnac)" "GET /admin/API/mnt/Version 404 user=- authorization=no" "a good client gives that one no credentials"
asked "$V?x=$(printf 'b%.0s' {1..1500})"
is "$STATUS $(($(header Location | wc -c) > 1500))" "302 1" "however long"
mood ise redirect https://elsewhere.example/x
asked "$V"
is "$(header Location)" https://elsewhere.example/x "or wherever"
mood ise charset
asked "$V"
is "$STATUS $(header Content-Type)" "200 application/xml;charset=UTF-8" "a character set that is not what it says"
iconv -f UTF-8 "$TMP/body" >/dev/null 2>&1
is "$?" 1 "the body is no UTF-8"
mood ise charset utf-16
asked "$V"
like "$(iconv -f UTF-16LE -t UTF-8 "$TMP/body")" "<type_of_node>1</type_of_node>" "or UTF-16 without a word about it"
mood ise charset unknown
asked "$V"
like "$(header Content-Type) $BODY" 'charset=x-unknown .*encoding="x-unknown"' "or an unknown one"
mood ise reset
asked "$V"
is "$EXIT $STATUS" "56 200" "reset in the middle"
mood ise stall
MOST=4 asked "$V"
is "$EXIT $STATUS $(($(wc -c <"$TMP/body") > 0))" "28 200 1" "stalls in the middle"
mood ise half-open
MOST=1 asked "$V"
is "$EXIT $STATUS" "28 000" "half-open: connects, and hears nothing"
curl -sk --max-time 50 -u $USER_ISE "$V" -o "$TMP/waited" &
WAITER=$!
wait_for 5 sh -c "ss -Htn state established dst $NET.21 | grep -q ."
mood ise normal
wait $WAITER
is "$? $(xmllint --xpath 'string(//type_of_node)' "$TMP/waited")" "0 1" "who waited, is answered when it is normal again"
mood ise no-handshake
asked "$V"
is "$EXIT $STATUS" "35 000" "no handshake"
like "$(openssl s_client -connect "$NET.21:$(cat "$LAB/ise/port")" </dev/null 2>&1)" "alert handshake failure" "but an alert"
like "$(standin_log ise)" "handshake refused" "which the log has"
mood ise normal

# --- certificates, without a restart
shown() { openssl s_client -connect "$NET.21:$(cat "$LAB/ise/port")" </dev/null 2>/dev/null | openssl x509 -noout "$@"; }
PID=$(cat "$LAB/ise/pid")
BEFORE=$(shown -fingerprint -sha256) KEY=$(shown -pubkey)
mood ise renewed
AFTER=$(shown -fingerprint -sha256)
[ -n "$AFTER" ] && [ "$BEFORE" != "$AFTER" ] && [ "$KEY" = "$(shown -pubkey)" ]
ok $? "renewed: another certificate for the same key"
mkfifo "$TMP/in"
(openssl s_client -quiet -no_ign_eof -connect "$NET.21:$(cat "$LAB/ise/port")" <"$TMP/in" >"$TMP/live" 2>"$TMP/live.err") &
exec 7>"$TMP/in"
AUTH=$(printf %s $USER_ISE | base64)
ask_live() { printf 'GET /admin/API/mnt/Version HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n' "$AUTH" >&7; }
answers() { [ "$(grep -c '</product>' "$TMP/live")" -eq "$1" ]; }
ask_live
wait_for 5 answers 1
ok $? "a live connection is answered"
mood ise rolled
[ "$KEY" != "$(shown -pubkey)" ] && [ "$AFTER" != "$(shown -fingerprint -sha256)" ]
ok $? "rolled: another key too"
ask_live
wait_for 5 answers 2
ok $? "under the live connection, which goes on"
exec 7>&-
is "$(cat "$LAB/ise/pid")" "$PID" "all in one process"
mood ise type 2
mood ise 500
lab renew ise >/dev/null
is "$?" 0 "primelab renew restarts it"
asked "$V"
is "$STATUS" 500 "in the mood it had"
mood ise normal
asked "$V"
is "$(xpath //type_of_node)" 2 "and of the type"

# --- where the data files lie
mkdir -p "$TMP/installed/bin" "$TMP/installed/share/primesh"
cp "$BIN/primelab" "$TMP/installed/bin/"
installed() { "$TMP/installed/bin/primelab" --folder "$TMP/other" "$@"; }
mkdir "$TMP/other"
echo "${NET%.*}.$((10 + $$ % 50))" >"$TMP/other/network"
OUT=$(installed start ise 2>&1)
like "$? $OUT" "^[14] .*data files of the stand-ins are not there.*share/primesh/lab" "not installed: says what is missing"
cp -r "$ROOT/lab/data" "$TMP/installed/share/primesh/lab"
at_exit 'installed down >/dev/null 2>&1'
OUT=$(umask 077 && installed start ise 2>&1)
is "$? $OUT" "0 ise is up" "installed: found beside the program, whatever the umask is"
get -u $USER_ISE "https://$(cat "$TMP/other/network").21:$(cat "$TMP/other/ise/port")/admin/API/mnt/Version"
is "$STATUS" 200 "and answered from"
installed down >/dev/null
if [ "$(id -u)" = 0 ]; then
    mkdir -m 700 "$TMP/closed"
    mkdir "$TMP/closed/lab"
    cp "$LAB/network" "$TMP/closed/lab/"
    OUT=$("$BIN/primelab" --folder "$TMP/closed/lab" start ise-3 2>&1)
    is "$? $OUT" "0 ise-3 is up" "a folder that only root can enter will do"
    get -u $USER_ISE "https://$(cat "$TMP/closed/lab/network").24:$(cat "$TMP/closed/lab/ise-3/port")/admin/API/mnt/Version"
    is "$STATUS" 200 "and it is answered from there"
    "$BIN/primelab" --folder "$TMP/closed/lab" down >/dev/null 2>&1
fi
OUT=$("$BIN/primelab" --folder "$TMP/none" mood ise slow 2>&1)
is "$? $(echo "$OUT" | head -1)" "3 primelab: there is no lab in $TMP/none" "no lab, no mood"
lab mood ise-3 type 2 >/dev/null
lab start ise-3 >/dev/null
get -u $USER_ISE "https://$NET.24:$(cat "$LAB/ise-3/port")/admin/API/mnt/Version"
is "$(xpath //type_of_node)" 2 "settings come before the first start as well"

# --- with others
for n in 1 2 3 4 5 6; do lab mood ise-3 sessions "$n" >/dev/null & lab mood ise-3 slow "$n" >/dev/null & done
for job in $(jobs -p); do wait "$job"; done
like "$(lab mood ise-3)" "mood +slow [1-6], type 2, sessions [1-6]," "several at once: neither undoes the other"
lab break ise-3 >/dev/null
START=$SECONDS
like "$(lab status)" "ise-3 .*frozen" "one that hangs does not hold up the status"
OUT=$(lab mood ise-3 normal 2>&1)
like "$? $OUT" "^1 .*ise-3 hangs.*primelab heal ise-3" "and its mood cannot be changed"
[ $((SECONDS - START)) -lt 8 ]
ok $? "both at once"
lab heal ise-3 >/dev/null
mood ise-3 normal

# --- what was typed wrong
for words in blah "slow x" "slow 0" "type 4" "type" "401 5" "charset klingon" "500 times 0" "500 for 3" "half-open times 2" "devices 3" revoke; do
    # shellcheck disable=SC2086
    OUT=$(lab mood ise $words 2>&1)
    is "$?" 2 "mood $words: not understood"
done
lab mood prime-pri slow >"$TMP/out" 2>&1
is "$? $(cat "$TMP/out")" "2 primelab: prime-pri is a node and has no moods; ise and dnac have" "a node has no moods"
lab stop ise-2 >/dev/null
lab mood ise-2 404 >/dev/null
lab start ise-2 >/dev/null
get -u $USER_ISE "$URL_ise_2/admin/API/mnt/Version"
is "$STATUS" 404 "a mood set while it does not run holds from its start"

# --- the log
LOG=$(standin_log ise)
like "$LOG" "127.0.0.1 GET /admin/API/mnt/Version 200 user=admin authorization=yes token=no" "the log says who asked for what"
like "$LOG" "401 user=- authorization=no" "and where no credentials came"
unlike "$LOG" "Ise-lab-1|Not-this-1|$(printf %s $USER_ISE | base64)" "and never a password"
BYTES=$(wc -c <"$LAB/ise/standin.log")
openssl s_client -connect "$NET.21:$(cat "$LAB/ise/port")" </dev/null >/dev/null 2>&1
wait_for 5 sh -c "tail -c +$((BYTES + 1)) '$LAB/ise/standin.log' | grep -q 'handshake done'"
is "$? $(tail -c +$((BYTES + 1)) "$LAB/ise/standin.log" | grep -c authorization=)" "0 0" "a handshake without a request"
curls() { [ "$(ss -Htn state established dst "$NET.21" | wc -l)" -ge "$1" ]; }
mood ise stall
curl -sk --max-time 60 -u $USER_ISE "$V" -o /dev/null &
wait_for 5 curls 1
mood ise slow 60000
curl -sk --max-time 60 -u $USER_ISE "$V" -o /dev/null &
wait_for 5 curls 2
mood ise half-open path /
curl -sk --max-time 60 -u $USER_ISE "$V" -o /dev/null &
wait_for 5 curls 3
ok $? "three wait for an answer"
for name in ise ise-2; do
    lab stop $name >/dev/null
    unlike "$(standin_log $name)" "Sanitizer|runtime error" "$name met no defect, and lost no memory"
done
done_testing
