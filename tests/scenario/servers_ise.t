#!/usr/bin/env bash
# ISE servers: registered, polled, refused; the published cure after a renewed certificate, word for word; and everything
# that a server can answer instead of what it should.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
lab_up
second_lab_up
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
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET2.21 username admin port $ISE_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $NET2.21 is a standalone ISE node, which can only be registered alone; $NET.21 is" \
    "a second standalone"
lab mood ise type 1 >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$OUT" "Node type: +primary" "it becomes a primary"
on prime-pri "show server events"
like "$OUT" "type changed +seqtaskexecutor-[0-9]+ +it was standalone, it is primary" "events tell of it"
lab2 mood ise type 1 >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET2.21 username admin port $ISE_PORT password-stdin"
like "$STATUS $ERR" "1 % Error: $NET2.21 is a primary ISE node, and so is $NET.21" "a second primary"
lab2 mood ise type 3 >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET2.21 username admin port $ISE_PORT password-stdin save-unreachable"
like "$STATUS $ERR" "1 % Error: $NET2.21 is an ISE node, but no monitoring \(MnT\) node" "a node that does not monitor"
lab2 mood ise type 2 >/dev/null
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET2.21 username admin port $ISE_PORT password-stdin"
is "$STATUS$ERR" 0 "a standby beside the primary"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.31 username admin password-stdin save-unreachable"
is "$STATUS $ERR" "1 % Error: 2 ISE servers are registered already, and there can be only 2
see what is registered with: ncs server ise list" "a third server"
on prime-pri "ncs server ise delete $NET2.21"
is "$OUT" "The ISE server $NET2.21 is deleted.
Its pinned certificate stays. To forget that too:
ncs certvalidation tofu-certs deletecert host $NET2.21_$ISE_PORT" "delete keeps the pin and says so"
on prime-pri "$TOFU listcerts"
like "$OUT" "host=$NET2.21_$ISE_PORT;" "the pin is there"
on prime-pri "ncs server ise delete $NET2.21"
like "$STATUS $ERR" "1 % Error: there is no ISE server $NET2.21 registered here" "deleted is deleted"
lab mood ise type 0 >/dev/null
on prime-pri "ncs server ise delete $NET.21"
is "$STATUS" 0 "delete the first one too"

not_added() { # not_added <name> <pattern> <mood ...>
    local name=$1 pattern=$2
    shift 2
    [ $# -eq 0 ] || lab mood ise "$@" >/dev/null
    with_password prime-pri "$ISE_PASSWORD" "$ADD timeout 3 password-stdin"
    lab mood ise normal >/dev/null
    like "$STATUS $ERR" "^1 % Error: $ISE $pattern" "$name: a clear error"
    on prime-pri "ncs server ise list"
    is "$OUT" "No ISE server is registered." "$name: nothing is saved"
}
with_password prime-pri "wrong-$ISE_PASSWORD" "$ADD password-stdin"
like "$STATUS $ERR" "^1 % Error: $ISE does not accept the user name admin with its password \(HTTP 401\)" "wrong password"
on prime-pri "ncs server ise list"
is "$OUT" "No ISE server is registered." "nothing is saved"
with_password prime-pri "$VIEWER_PASSWORD" "${ADD/username admin/username viewer} password-stdin"
like "$STATUS $ERR" "^1 % Error: $ISE knows the user viewer, but does not let it ask for that \(HTTP 403\)" "a user without rights"
not_added "403" "knows the user admin, but does not let it" 403
not_added "404" "is no ISE: it does not know what every one knows \(HTTP 404\)" 404
not_added "429" "is busy and asks to be left alone for 7 s \(HTTP 429\)" 429 7
not_added "503" "is busy and asks to be left alone for 5 s \(HTTP 503\)" 503
not_added "500" "answered with HTTP status 500" 500
not_added "XML that ends too early" "answered with (broken XML|another document)" bad-xml
not_added "entity expansion" "answered with XML that declares a document type, where entities could hide" entities
not_added "another product's page" "answered with (XML that declares a document type|another document|broken XML)" stranger
not_added "an empty body" "answered with nothing where XML should be" empty
not_added "deep XML" "answered with (XML that is nested too deeply|another document)" deep
not_added "100 MB" "answered with (more than 65536 bytes|another document|broken XML)" huge
not_added "a wrong length" "" wrong-length
not_added "an unknown charset" "answered in a charset that is not read here" charset unknown
done_testing
