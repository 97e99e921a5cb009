#!/usr/bin/env bash
# Servers behind an HTTP proxy: it carries the connection and nothing else. The verdict is on the server's certificate,
# and what the proxy is sent holds no credentials.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
lab_up
PROXY_HOST=$NET.60
PROXY_PORT=13128
PROXY=${PROXY_HOST}_$PROXY_PORT
URL=http://$PROXY_HOST:$PROXY_PORT
ADD="ncs server ise add $NET.21 username admin port $ISE_PORT"
mkdir "$TMP/proxy"
: >"$TMP/proxy/heard"
echo "ise.behind.test $NET.21" >"$TMP/proxy/names"
proxy_does() { echo "$*" >"$TMP/proxy/mode.new" && mv "$TMP/proxy/mode.new" "$TMP/proxy/mode"; }
proxy_does carry
/usr/bin/python3 "$ROOT/tests/lib/connect_proxy.py" "$TMP/proxy" "$PROXY_HOST" $PROXY_PORT 2>"$TMP/proxy/err" &
PROXY_PID=$!
at_exit "kill $PROXY_PID 2>/dev/null"
wait_for 20 test -e "$TMP/proxy/ready" || {
    echo "Bail out! the proxy does not run: $(cat "$TMP/proxy/err")"
    exit 1
}
connects() { grep -ac "^CONNECT $1 HTTP/1.1" "$TMP/proxy/heard"; }
requests() { lab log ise | grep -c 'GET /'; }

# ---- carried

with_password prime-pri "$ISE_PASSWORD" "$ADD proxy $URL password-stdin"
like "$STATUS $OUT" "^0 .*The ISE server $NET.21 is reachable and saved." "an ISE is registered through the proxy"
is "$(connects "$NET.21:$ISE_PORT")" 1 "which was asked to connect to it"
is "$(requests)" 1 "and the ISE got one request"
on prime-pri "ncs server ise show $NET.21 | json"
is "$(jq -r '.servers[0] | "\(.proxy) \(.pin)"' <<<"$OUT")" "$URL pinned" "show names the proxy; the server is pinned"
on prime-pri "ncs certvalidation tofu-certs listcerts | json"
is "$(jq -r '.pins[].host' <<<"$OUT" | grep -c "^$PROXY")" 0 "the proxy is not"
with_password prime-pri "$DNAC_PASSWORD" "ncs server dnac add $NET.22 username admin port $DNAC_PORT proxy $URL password-stdin"
is "$STATUS$ERR" 0 "a DNA Center too"
on prime-pri "show server inventory $NET.22 | count"
is "$STATUS$ERR" 0 "its inventory comes through it"
on prime-pri "show server sessions $NET.21 | json"
is "$(jq '.sessions | length > 0' <<<"$OUT")" true "so do an ISE's sessions"
lab mood ise redirect "https://$NET.22:$DNAC_PORT/dna/elsewhere" >/dev/null
on prime-pri "ncs server ise test $NET.21"
like "$ERR" "$ISE sends us on to $DNAC, which does not get the credentials of $NET.21" "a redirect"
like "$(tr -d '\r' <"$TMP/proxy/heard" | tail -n 4)" "CONNECT $NET.22:$DNAC_PORT" "goes through the proxy as well"
lab mood ise normal >/dev/null
unlike "$(tr -d '\r' <"$TMP/proxy/heard")" "[Aa]uthorization|[Tt]oken|/admin|/dna" "no header of a request was told to the proxy"

# ---- it carries to somebody else

proxy_does divert "$NET.22" "$DNAC_PORT"
BEFORE=$(lab log dnac | grep -c 'GET \|POST ')
on prime-pri "ncs server ise test $NET.21"
like "$STATUS $ERR" "^1 % Error: .*$ISE" "a proxy that carries to another server: refused"
on prime-pri "ncs server ise show $NET.21"
like "$OUT" "State: +certificate mismatch.*deletecert host $ISE" "as a certificate mismatch of the server"
is "$(lab log dnac | grep -c 'GET \|POST ')" "$BEFORE" "and the other one got nothing"
proxy_does carry
on prime-pri "ncs server ise test $NET.21"
is "$STATUS" 0 "carried to the right one it is reachable again"

# ---- what a proxy may do instead

not_carried() { # not_carried <mode> <pattern>
    proxy_does "$1"
    on prime-pri "ncs server ise test $NET.21"
    like "$STATUS $ERR" "^1 % Error: $2" "$1: a clear error"
}
not_carried 403 "the proxy $PROXY does not let us connect to $ISE \(HTTP 403\)"
not_carried 407 "the proxy $PROXY wants credentials before it connects to $ISE \(HTTP 407\).it gets none from here"
not_carried 502 "the proxy $PROXY cannot connect to $ISE \(HTTP 502\)"
not_carried close "the proxy $PROXY did not answer as an HTTP proxy does"
not_carried junk "the proxy $PROXY did not answer as an HTTP proxy does"
proxy_does carry
on prime-pri "ncs server ise edit $NET.21 timeout 1"
is "$STATUS$ERR" 0 "with a timeout of one second"
not_carried stall "no connection to $ISE through the proxy $PROXY within 1 s"
not_carried drip "(no connection to $ISE through the proxy $PROXY within 1 s|the proxy $PROXY did not answer)"
proxy_does carry
lab stop ise >/dev/null
not_carried carry "the proxy $PROXY cannot connect to $ISE \(HTTP 502\)"
lab start ise >/dev/null
on prime-pri "ncs server ise edit $NET.21 proxy http://$PROXY_HOST:9"
like "$STATUS $ERR" "^1 % Error: cannot connect to the proxy ${PROXY_HOST}_9: Connection refused" "no proxy there"
on prime-pri "ncs server ise edit $NET.21 proxy http://nowhere.invalid:3128"
like "$STATUS $ERR" "^1 % Error: cannot find the address of the proxy nowhere.invalid" "a proxy without an address"

# ---- typed wrongly, taken away, and a name that only the proxy knows

for url in "https://$PROXY_HOST:3128" "$PROXY_HOST:3128" "http://$PROXY_HOST:3128/path" "http://$PROXY_HOST:0" http://; do
    on prime-pri "ncs server ise edit $NET.21 proxy $url"
    like "$ERR" "is no proxy: http://<host>:<port>, or none" "$url"
done
on prime-pri "ncs server ise edit $NET.21 proxy http://bob:Proxy-secret-1@$PROXY_HOST:3128"
like "$ERR" "a proxy gets no user name and no password from here" "credentials in the URL are refused"
unlike "$(cat "$LAB"/prime-pri/log/*.log)" "Proxy-secret-1" "and in no log"
BEFORE=$(connects "$NET.21:$ISE_PORT")
on prime-pri "ncs server ise edit $NET.21 timeout 30"
is "$STATUS $(connects "$NET.21:$ISE_PORT")" "0 $((BEFORE + 1))" "an edit of something else keeps the proxy"
on prime-pri "ncs server ise edit $NET.21 proxy none"
is "$STATUS $(connects "$NET.21:$ISE_PORT")" "0 $((BEFORE + 1))" "proxy none: it is asked directly"
on prime-pri "ncs server ise show $NET.21"
unlike "$OUT" "Proxy" "and show names none"
https_proxy=$URL HTTPS_PROXY=$URL on prime-pri "ncs server ise test $NET.21"
is "$STATUS $(connects "$NET.21:$ISE_PORT")" "0 $((BEFORE + 1))" "whatever the environment says"
on prime-pri "ncs server ise delete $NET.21"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add ise.behind.test username admin port $ISE_PORT proxy $URL password-stdin"
like "$STATUS$ERR $OUT" "^0 .*The ISE server ise.behind.test is reachable and saved." "a name that only the proxy can resolve"
is "$(connects "ise.behind.test:$ISE_PORT")" 1 "the proxy got it as a name"
lab stop prime-pri >/dev/null
lab start prime-pri >/dev/null
on prime-pri "ncs server ise test ise.behind.test"
is "$STATUS$ERR" 0 "the proxy outlives a restart"
done_testing
