#!/usr/bin/env bash
# ping, traceroute and nslookup: with and without the right to send ICMP, over routers, to nobody.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"

# --- on the machine itself, as whatever user the node runs as
node_up
sh_ "ping $ADDRESS pingcount 2"
is "$STATUS" 0 "a machine that answers"
like "$OUT" "^Sending 2, 56-byte .* to $ADDRESS, timeout is 2 seconds:
.*from $ADDRESS: .*time=[0-9.]+ ms
.*from $ADDRESS: .*time=[0-9.]+ ms
Success rate is 100 percent \(2/2\), round-trip min/avg/max = [0-9.]+/[0-9.]+/[0-9.]+ ms$" "is shown as on IOS"
unlike "$OUT" "% |Error|not found|invalid" "with no word that scripts take for a failure"
sh_ "ping $ADDRESS pingcount 1 | json"
is "$(echo "$OUT" | jq -c '[.ping.sent, .ping.answered, .replies[0].answer]')" '[1,1,"host"]' "as JSON"
sh_ "traceroute $ADDRESS"
like "$STATUS $OUT" "^0 .* 1  $ADDRESS  [0-9.]+ ms  [0-9.]+ ms  [0-9.]+ ms$" "traceroute to oneself is short"
sh_ "nslookup localhost"
like "$STATUS $OUT" "^0 Name:    localhost
Address: " "nslookup of a name"
sh_ "nslookup 127.0.0.1"
like "$STATUS $OUT" "^0 Name:    .*
Address: 127.0.0.1" "and of an address"
for command in "ping no-such-host.invalid" "traceroute no-such-host.invalid" "nslookup no-such-host.invalid"; do
    sh_ "$command"
    like "$STATUS $OUT$ERR" "^1 % Error: cannot find the address of no-such-host.invalid" "$command"
done
for bad in 300.1.1.1 "$(printf 'a%.0s' {1..300})" "a..b" "-x"; do
    sh_ "ping $bad"
    is "$STATUS" 2 "no host: ${bad:0:20}"
done
sh_ "ping $ADDRESS pingcount 0"
like "$STATUS $ERR" "^2 .*invalid value for <pings>: 0 is not a number from 1 to 100" "nor that count"
node_stop

# --- over a router, with ICMP open to the node
if [ "$(id -u)" != 0 ] || ! ip netns add "$$-a" 2>/dev/null; then
    skip "no network namespaces here" "over a router"
    done_testing
    exit
fi
names="$$-a $$-r $$-b"
at_exit 'for name in $names; do ip netns del "$name" 2>/dev/null; done'
ip netns add "$$-r"
ip netns add "$$-b"
in_ns() { ip netns exec "$$-$1" "${@:2}"; }
for name in a r b; do in_ns "$name" ip link set lo up; done
ip link add "a$$" netns "$$-a" type veth peer name "l$$" netns "$$-r"
ip link add "b$$" netns "$$-b" type veth peer name "r$$" netns "$$-r"
in_ns a ip address add 198.18.1.1/24 dev "a$$"
in_ns r ip address add 198.18.1.2/24 dev "l$$"
in_ns r ip address add 198.18.2.2/24 dev "r$$"
in_ns b ip address add 198.18.2.1/24 dev "b$$"
in_ns a ip link set "a$$" up
in_ns r ip link set "l$$" up
in_ns r ip link set "r$$" up
in_ns b ip link set "b$$" up
in_ns a ip route add default via 198.18.1.2
in_ns b ip route add default via 198.18.2.2
in_ns r sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
in_ns a sh -c 'echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range'
sed -i 's/^listen = .*/listen = 127.0.0.1/' "$HOME_DIR/node.conf"
in_ns a "$BIN/primed" --home "$HOME_DIR"
is $? 0 "a node behind a router"
sh_ "ping 198.18.2.1 pingcount 2 packetsize 100"
is "$STATUS" 0 "the other side answers"
like "$OUT" "^Sending 2, 100-byte ICMP echo requests to 198.18.2.1.*
108 bytes from 198.18.2.1: icmp_seq=1 ttl=63 time=[0-9.]+ ms
108 bytes from 198.18.2.1: icmp_seq=2 ttl=63 time=" "echo requests, with how far the answer came"
# (before the traces: routers limit how many such words they send)
in_ns r ip route add unreachable 198.18.3.0/24
sh_ "ping 198.18.3.1 pingcount 1"
is "$STATUS" 1 "a network that there is no way to"
like "$OUT$ERR" "from 198.18.1.2: seq=1 unreachable.*% Error: 198.18.3.1 does not answer" "says who said so"
sh_ "traceroute 198.18.2.1"
is "$STATUS" 0 "traceroute"
like "$OUT" " 1  198.18.1.2  .*ms
 2  198.18.2.1  .*ms$" "names the router, then the other side"
sh_ "traceroute 198.18.2.1 | json"
is "$(echo "$OUT" | jq -c '[.hops[].from]')" '["198.18.1.2","198.18.2.1"]' "as JSON"
in_ns r ip route add blackhole 198.18.4.0/24
sh_ "ping 198.18.4.1 pingcount 1"
like "$STATUS $OUT$ERR" "^1 .*no answer to 1.*% Error: 198.18.4.1 does not answer" "one that is silent"
in_ns a ip route del default
sh_ "ping 198.18.2.1 pingcount 1"
like "$STATUS $ERR" "^1 % Error: cannot send to 198.18.2.1: Network is unreachable" "and one that the node itself has no way to"

# --- whoever asked is gone: the probes end, too
in_ns a ip route add default via 198.18.1.2
"$BIN/primesh" --home "$HOME_DIR" -c "ping 198.18.4.1 pingcount 100" >"$TMP/ping.out" 2>&1 &
shell=$!
wait_for 10 grep -q "Sending" "$TMP/ping.out" || diag "it does not start"
kill -TERM $shell
wait $shell
quiet() { ! ls -l "/proc/$(writer_pid)/fd" | grep -q "ping:\|ICMP\|RAW" && [ "$(in_ns a grep -c ':' /proc/net/icmp)" = 0 ]; }
wait_for 10 quiet
ok $? "a caller that is gone leaves no probes behind"
done_testing
