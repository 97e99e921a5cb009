#!/usr/bin/env bash
# A server by IPv6 address and by host name: registered, asked, refused and cured; and an IPv6 proxy.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
PORT=$((18000 + $$ % 1000))
start() { # start <name> <program...>: until its file is there
    local name=$1
    shift
    /usr/bin/python3 "$@" 2>"$TMP/$name.err" &
    at_exit "kill $! 2>/dev/null"
    wait_for 20 test -e "$TMP/$name/ready"
}
mkdir "$TMP/relay" "$TMP/proxy"
lab_up
start relay "$ROOT/tests/lib/relay.py" ::1 $PORT "$NET.21" "$ISE_PORT" "$TMP/relay/ready" || skip_all "no IPv6 here: $(tail -1 "$TMP/relay.err")"
TOFU="ncs certvalidation tofu-certs"
listed() {
    on prime-pri "ncs server ise list | json"
    jq -r '.servers[] | "\(.address) \(.port) \(.state) \(.pin)"' <<<"$OUT"
}

with_password prime-pri "$ISE_PASSWORD" "ncs server ise add 0:0::1 username admin port $PORT password-stdin"
like "$STATUS$ERR $OUT" "^0 .*The ISE server ::1 is reachable and saved." "an IPv6 address, however it is written"
is "$(listed)" "::1 $PORT reachable pinned" "is listed in its short form"
on prime-pri "show server sessions ::1 summary"
is "$STATUS $OUT" "0 Active sessions: 4" "asked"
on prime-pri "ncs server ise test 0:0:0:0:0:0:0:1"
is "$STATUS$ERR" 0 "and found by the long one"
lab mood ise rolled >/dev/null
on prime-pri "ncs server ise test ::1"
like "$STATUS $ERR" "^1 .*::1_$PORT is not the pinned one" "another certificate is refused"
on prime-pri "ncs server ise show ::1 | json"
CURE=$(jq -r '.servers[0].cure' <<<"$OUT")
is "$CURE" "$TOFU deletecert host ::1_$PORT" "with its cure"
on prime-pri "$CURE"
on prime-pri "ncs server ise test ::1"
is "$STATUS$ERR" 0 "which cures it"
on prime-pri "ncs server ise test [::1]"
like "$STATUS $ERR" "^2 .*\[::1\] is not an address or a host name" "brackets are for URLs"
on prime-pri "ncs server ise delete ::1"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add LocalHost. username admin port $PORT password-stdin"
is "$STATUS$ERR $(listed)" "0 localhost $PORT reachable pinned" "a host name, in lower case and without the final dot"

# ---- a proxy at an IPv6 address, which is asked for one

: >"$TMP/proxy/names"
: >"$TMP/proxy/heard"
echo carry >"$TMP/proxy/mode"
start proxy "$ROOT/tests/lib/connect_proxy.py" "$TMP/proxy" ::1 $((PORT + 1000))
ok $? "a proxy at ::1"
on prime-pri "ncs server ise delete localhost"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add ::1 username admin port $PORT proxy http://[::1]:$((PORT + 1000)) password-stdin"
is "$STATUS$ERR $(listed)" "0 ::1 $PORT reachable pinned" "registered through it"
like "$(cat "$TMP/proxy/heard")" "^CONNECT \[::1\]:$PORT HTTP/1.1" "it was asked in the form of a URL"
on prime-pri "ncs server ise show ::1"
like "$OUT" "Proxy: +http://\[::1\]:$((PORT + 1000))" "and is shown in it"
done_testing
