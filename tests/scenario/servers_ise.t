#!/usr/bin/env bash
# ISE servers: registered, polled, refused; the published cure after a renewed certificate, word for word; and everything
# that a server can answer instead of what it should.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
lab_up
stand_in ise-2 ISE2
TOFU="ncs certvalidation tofu-certs"
ADD="ncs server ise add $NET.21 username admin port $ISE_PORT"

# ---- add: what it says, and what it saves

on prime-pri "ncs server ise list"
is "$STATUS$OUT" "0No ISE server is registered." "at first there is none"
with_password prime-pri "$ISE_PASSWORD" "$ADD password-stdin"
is "$STATUS$ERR" 0 "add"
is "$OUT" "Checking the reachability of $NET.21...
Product:         Cisco Identity Services Engine
Version:         3.1.0.518
Node type:       standalone
The ISE server $NET.21 is reachable and saved." "says product, version and node type"
on prime-pri "ncs server ise list"
like "$OUT" "Address +Port +Type +State +Version +Last seen +Pin" "list has its columns"
like "$OUT" "$NET.21 +$ISE_PORT +standalone +reachable +3\.1\.0\.518 +20[0-9T:-]+Z +pinned" "and its row"
on prime-pri "ncs server ise list | json"
is "$(jq -r '.servers[0] | .address, .port, .type, .state, .version, .pin' <<<"$OUT" | tr '\n' ' ')" \
    "$NET.21 $ISE_PORT standalone reachable 3.1.0.518 pinned " "the same as JSON"
on prime-pri "ncs server ise show $NET.21"
like "$OUT" "User name: +admin" "show: the user name"
like "$OUT" "Pinned SHA-256: +$(shown_sha256 "$NET.21" "$ISE_PORT")" "and the pin"
on prime-pri "$TOFU listcerts"
like "$OUT" "host=$ISE;  subject= $DN/CN=ISE-server" "it is pinned in the published form"
on prime-pri "show server events"
like "$OUT" "$ISE +ISE +added +admin" "events: added"
like "$OUT" "$ISE +ISE +reachable +seqtaskexecutor-[0-9]+" "events: reachable"

# ---- what cannot be

with_password prime-pri "$ISE_PASSWORD" "$ADD password-stdin"
is "$STATUS $ERR" "1 % Error: the ISE server $NET.21 is registered already
change it with: ncs server ise edit $NET.21 ..." "twice is once too often"
is "$OUT" "" "which is said before the server is asked"
OUT=$("$BIN/primesh" --home "$LAB/prime-pri" -c "$ADD" </dev/null 2>&1)
like "$OUT" "registered already" "and before a password is asked for"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $ISE2_HOST username admin port $ISE_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $ISE2_HOST is a standalone ISE node, which can only be registered alone; $NET.21 is" \
    "a second standalone"
lab mood ise type 1 >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$OUT" "Node type: +primary" "it becomes a primary"
on prime-pri "show server events"
like "$OUT" "type changed +seqtaskexecutor-[0-9]+ +it was standalone, it is primary" "events tell of it"
lab mood ise-2 type 1 >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $ISE2_HOST username admin port $ISE_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $ISE2_HOST is a primary ISE node, and so is $NET.21" "a second primary"
lab mood ise-2 type 3 >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $ISE2_HOST username admin port $ISE_PORT password-stdin save-unreachable"
like "$STATUS $ERR" "1 % Error: $ISE2_HOST is an ISE node, but no monitoring \(MnT\) node" "a node that does not monitor"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $ISE2_HOST username admin port $ISE_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $ISE2 is an ISE node, but no monitoring \(MnT\) node.register the primary" "the same without save-unreachable"
lab mood ise-2 type 2 >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $ISE2_HOST username admin port $ISE_PORT password-stdin"
is "$STATUS$ERR" 0 "a standby beside the primary"
state_of() { # state_of <address>
    on prime-pri "ncs server ise list | json"
    jq -r --arg address "$1" '.servers[] | select(.address == $address) | .state' <<<"$OUT"
}
lab mood ise-2 type 1 >/dev/null
on prime-pri "ncs server ise test $ISE2_HOST"
is "$STATUS $(state_of "$ISE2_HOST")" "0 reachable" "the standby becomes a primary: so it goes when the two change roles"
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "1 % Error: $ISE says that it is the primary ISE node, and so does $ISE2_HOST.give one of them" "but not when the other one stays a primary"
is "$(state_of "$NET.21")" "unexpected answer" "the list says it"
on prime-pri "ncs server ise show $NET.21"
like "$OUT" "Problem: +$ISE says that it is the primary ISE node" "and show"
lab mood ise type 2 >/dev/null
on prime-pri "ncs server ise test $NET.21"
is "$STATUS $(state_of "$NET.21")" "0 reachable" "the change of roles is over"
lab mood ise type 3 >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "1 % Error: $ISE is an ISE node, but no monitoring \(MnT\) node.register the primary" "one that does not monitor any more"
is "$(state_of "$NET.21")" "unexpected answer" "is no ISE to ask"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.31 username admin password-stdin save-unreachable"
is "$STATUS $ERR" "1 % Error: 2 ISE servers are registered already, and there can be only 2
see what is registered with: ncs server ise list" "a third server"
on prime-pri "ncs server ise delete $ISE2_HOST"
is "$OUT" "The ISE server $ISE2_HOST is deleted.
Its pinned certificate stays. To forget that too:
ncs certvalidation tofu-certs deletecert host $ISE2" "delete keeps the pin and says so"
on prime-pri "$TOFU listcerts"
like "$OUT" "host=$ISE2;" "the pin is there"
on prime-pri "ncs server ise delete $ISE2_HOST"
like "$STATUS $ERR" "1 % Error: there is no ISE server $ISE2_HOST registered here" "deleted is deleted"
lab mood ise type 0 >/dev/null
on prime-pri "ncs server ise delete $NET.21"
is "$STATUS" 0 "delete the first one too"

not_added() { # not_added <name> <pattern> <mood ...>
    local name=$1 pattern=$2
    shift 2
    [ $# -eq 0 ] || lab mood ise "$@" >/dev/null
    with_password prime-pri "$ISE_PASSWORD" "$ADD timeout 3 password-stdin"
    lab mood ise normal >/dev/null
    like "$STATUS $ERR" "^1 % Error: (the |no )?.*$ISE $pattern" "$name: a clear error"
    like "$(sed 1d <<<"$ERR")" "${HINT:-check address and port}" "$name: and a hint"
    HINT=
    on prime-pri "ncs server ise list"
    is "$OUT" "No ISE server is registered." "$name: nothing is saved"
}
with_password prime-pri "wrong-$ISE_PASSWORD" "$ADD password-stdin"
like "$STATUS $ERR" "^1 % Error: $ISE does not accept the user name admin with its password \(HTTP 401\)" "wrong password"
like "$ERR" "nothing was saved: enter the command again" "there is nothing to edit, and the hint says so"
on prime-pri "ncs server ise edit $NET.21 password"
like "$STATUS $ERR" "^1 % Error: there is no ISE server $NET.21 registered here" "nor is a password asked for that"
on prime-pri "ncs server ise list"
is "$OUT" "No ISE server is registered." "nothing is saved"
with_password prime-pri "$VIEWER_PASSWORD" "${ADD/username admin/username viewer} password-stdin"
like "$STATUS $ERR" "^1 % Error: $ISE knows the user viewer, but does not let it ask for that \(HTTP 403\)" "a user without rights"
HINT="give the user the rights" not_added "403" "knows the user admin, but does not let it" 403
not_added "404" "is no ISE: it does not know what every one knows \(HTTP 404\)" 404
HINT="save-unreachable" not_added "429" "is busy and asks to be left alone for 7 s \(HTTP 429\)" 429 7
HINT="save-unreachable" not_added "503" "is busy and asks to be left alone for 5 s \(HTTP 503\)" 503
HINT="its own log has the reason" not_added "500" "answered with HTTP status 500" 500
not_added "XML that ends too early" "answered with (broken XML|another document)" bad-xml
not_added "entity expansion" "answered with XML that declares a document type, where entities could hide" entities
not_added "another product's page" "answered with (XML that declares a document type|another document|broken XML)" stranger
not_added "an empty body" "answered with nothing where XML should be" empty
not_added "deep XML" "answered with (XML that is nested too deeply|another document)" deep
not_added "100 MB" "answered with (more than 65536 bytes|another document|broken XML)" huge
HINT="the connection was cut.*save-unreachable" not_added "a wrong length" "failed: transfer closed with 100 bytes remaining" wrong-length
HINT="UTF-8 is read" not_added "an unknown charset" "answered in a charset that is not read here" charset unknown
not_added "latin1 that says UTF-8" "answered with broken XML" charset latin1
HINT="the connection was cut.*save-unreachable" not_added "reset in mid-reply" "failed: .*Connection reset" reset
HINT="timeout <seconds>; nothing was saved" not_added "a reply that stops" "within 3 s" stall
HINT="timeout <seconds>; nothing was saved" not_added "no answer" "within 3 s" half-open
HINT="save-unreachable" not_added "no TLS" "failed: .*handshake failure" no-handshake
HINT="give the address and port that answer https themselves" not_added "a redirect to what is no https" "sends us on to http://$NET.21/, which is not https" redirect "http://$NET.21/"
HINT="give the address and port that answer https themselves" not_added "a redirect to itself" "sends us on to https://.*, and so did too many before it" redirect same
lab stop ise >/dev/null
with_password prime-pri "$ISE_PASSWORD" "$ADD password-stdin"
is "$STATUS $ERR" "1 % Error: cannot connect to $ISE: Connection refused
nothing was saved; to save it all the same: save-unreachable" "nobody there"
with_password prime-pri "$ISE_PASSWORD" "$ADD password-stdin save-unreachable"
like "$STATUS $OUT" "0 .*The ISE server $NET.21 is saved, but not reachable." "save-unreachable saves it"
on prime-pri "ncs server ise list"
like "$OUT" "$NET.21 +$ISE_PORT +- +unreachable +- +- +pinned" "the list says that it is unreachable"
lab start ise >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $OUT" "0 .*The ISE server $NET.21 is reachable." "test finds it once it is there"

# ---- what works in unusual ways

for mood in "chunked 1" "slow 500" "charset utf-16"; do
    # shellcheck disable=SC2086
    lab mood ise $mood >/dev/null
    on prime-pri "ncs server ise test $NET.21"
    is "$STATUS $ERR" "0 " "$mood: works"
done

state_in_mood() { # state_in_mood <state> <mood ...>
    local state=$1
    shift
    lab mood ise "$@" >/dev/null
    on prime-pri "ncs server ise test $NET.21"
    is "$STATUS $(state_of "$NET.21")" "1 $state" "$*: $state"
    lab mood ise normal >/dev/null
}
state_in_mood "unexpected answer" huge
state_in_mood "unexpected answer" gzip 200
state_in_mood "unexpected answer" redirect same
state_in_mood "unexpected answer" redirect "http://$NET.21/"
state_in_mood "unreachable" reset

# Another host is judged as one of its own, and gets no credentials: not even one that would take them.
lab mood ise redirect "https://$ISE2_HOST:${ISE2##*_}/admin/API/mnt/Version" >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "1 % Error: $ISE sends us on to $ISE2, which does not get the credentials of $NET.21" "a redirect to another ISE"
like "$(lab log ise-2 | tail -1)" "/admin/API/mnt/Version.* 401" "the other one was asked without credentials"
lab mood ise redirect "https://$NET.22:$DNAC_PORT/x" >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "1 % Error: $ISE sends us on to $DNAC, which is no ISE: .*\(HTTP 404\).if $NET.22 is the one" "a redirect to another server: that one is blamed"
like "$(cat "$LAB/prime-pri/log/application.log")" "\[system\] \[seqtaskexecutor-[0-9]+\] first contact with $DNAC: its certificate is pinned, SHA-256 $(shown_sha256 "$NET.22" "$DNAC_PORT")" \
    "application.log says that it is pinned"
is "$(grep -c "first contact with $ISE:" "$LAB/prime-pri/log/application.log")" 1 "each is, once"
lab mood ise redirect "https://$ISE2_HOST:${ISE2##*_}/admin/API/mnt/Version" >/dev/null
lab renew ise-2 >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "1 % Error: the certificate of $ISE2 is not the pinned one" "and it is judged: with another certificate it is refused"
lab mood ise normal >/dev/null

# ---- edit

on prime-pri "ncs server ise edit $NET.21"
like "$STATUS $ERR" "1 % Error: nothing to change was given" "edit wants something to change"
on prime-pri "ncs server ise edit $NET.21 timeout 77"
is "$STATUS$ERR" 0 "edit the timeout: no password is asked for"
with_password prime-pri "nonsense" "ncs server ise edit $NET.21 password-stdin"
like "$STATUS $ERR" "1 % Error: $ISE does not accept the user name admin" "edit with a wrong password"
on prime-pri "ncs server ise test $NET.21"
is "$STATUS" 0 "changes nothing"
on prime-pri "ncs server ise edit $NET.21 port 9"
like "$STATUS $ERR" "1 % Error: cannot connect to $NET.21_9" "edit to a port where nobody is"
on prime-pri "ncs server ise show $NET.21"
like "$OUT" "Port: +$ISE_PORT.*Timeout in seconds: 77" "is refused, too"

# ---- what registering is good for

lab mood ise sessions 1234 >/dev/null
on prime-pri "show server sessions $NET.21 summary"
is "$OUT" "Active sessions: 1234" "how many sessions"
on prime-pri "show server sessions $NET.21 | json"
is "$(jq '.sessions | length' <<<"$OUT")" 1234 "all of them as JSON"
is "$(jq -r '.sessions[3] | .user, .station, .address, .device, .server' <<<"$OUT" | head -1)" "O'Brien & Söhne" "with their names"
on prime-pri "show server sessions $NET.21"
like "$OUT" "User +Station +Address +Network device +Session +ISE node" "and as a table"
lab mood ise bad-xml path /admin/API/mnt/Session/ActiveList >/dev/null
on prime-pri "show server sessions $NET.21"
like "$STATUS $ERR" "1 % Error: $ISE answered with broken XML" "a list that breaks off is an error"
lab mood ise normal >/dev/null
on prime-pri "show server sessions $NET.21 | count"
is "$STATUS" 0 "and works again"
on prime-pri "ncs server ise edit $NET.21 timeout 2"
lab mood ise stall path /admin/API/mnt/Session/ActiveList >/dev/null
START=$(date +%s%3N)
on prime-pri "show server sessions $NET.21"
TOOK=$(($(date +%s%3N) - START))
like "$STATUS $ERR" "1 % Error: $ISE fell silent in the middle of its answer, for 2 s" "a list that stops is given up"
[ $TOOK -lt 5000 ]
ok $? "after the timeout ($TOOK ms), not after that of the whole list"
lab mood ise normal >/dev/null
on prime-pri "ncs server ise edit $NET.21 timeout 77"

# ---- the published procedure: a renewed certificate, and how to get the ISE back

lab mood ise sessions 4 >/dev/null
on prime-pri "ncs server ise test $NET.21"
lab renew ise >/dev/null
HEARD=$(lab log ise | grep -c HTTP)
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "1 % Error: the certificate of $ISE is not the pinned one" "a renewed certificate is refused"
is "$(lab log ise | grep -c HTTP)" "$HEARD" "the ISE heard no request, and so no credentials"
LOG=$(cat "$LAB/prime-pri/log/application.log")
T="Trust-on-first-use is configure for this connection. Current certificate of the remote host is different from what was used earlier"
like "$LOG" "[0-9-]{10} [0-9:.]{12} \[system\] \[seqtaskexecutor-[0-9]+\] TOFU failed. Check local trust $T - CN=ISE-server, OU=Prime Infra, O=Cisco Systems, L=SJ, ST=CA, C=US" \
    "application.log holds the first record"
like "$LOG" "javax.net.ssl.SSLHandshakeException: java.security.cert.CertificateException: $T - CN=ISE-server" "and the second"
like "$LOG" "ISE server $ISE: reachable -> certificate mismatch" "and the change of state"
on prime-pri "ncs server ise list"
like "$OUT" "$NET.21 +$ISE_PORT +standalone +certificate mismatch .*pinned, another refused" "list: certificate mismatch"
on prime-pri "show server events last 1"
like "$OUT" "certificate mismatch +seqtaskexecutor-[0-9]+ +$ISE shows another certificate" "the events say it"
on prime-pri "ncs server ise show $NET.21"
like "$OUT" "To cure: +$TOFU deletecert host $ISE
And then: +ncs server ise test $NET.21" "show says which two commands cure it"
CURE=$(sed -n 's/^To cure: *//p; s/^And then: *//p' <<<"$OUT")
with_password prime-pri "$ISE_PASSWORD" "$ADD password-stdin"
is "$STATUS" 1 "adding it again is no cure"
OUT=$("$BIN/primesh" --home "$LAB/prime-pri" <<<"$CURE" 2>&1)
like "$OUT" "The ISE server $NET.21 is reachable." "the two commands cure it"
on prime-pri "$TOFU listcerts"
like "$OUT" "host=$ISE;  subject= $DN/CN=ISE-server" "listcerts verifies the new certificate"
on prime-pri "$TOFU showcert host $ISE"
like "$OUT" "$(shown_sha256 "$NET.21" "$ISE_PORT")" "it is the one that the ISE shows"
# and as the document has it: the server is configured once more
lab renew ise >/dev/null
on prime-pri "ncs server ise delete $NET.21"
on prime-pri "$TOFU deletecert host $ISE"
on prime-pri "$TOFU listcerts"
unlike "$OUT" "host=$ISE;" "the old entry is gone"
with_password prime-pri "$ISE_PASSWORD" "$ADD password-stdin"
like "$STATUS $OUT" "0 .*The ISE server $NET.21 is reachable and saved." "Add ISE Server: address, user name, password, confirmed, saved"
on prime-pri "$TOFU listcerts"
like "$OUT" "host=$ISE;  subject= $DN/CN=ISE-server" "and listcerts verifies the new certificate"
done_testing
