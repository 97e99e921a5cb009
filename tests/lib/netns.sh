# Network namespaces a and b (nodes) and c (a client, and their gateway) on one wire that can be spoilt. Needs root.
# After `netns_up`: `in_ a <command>` runs there; `wire cut a b`, `wire loss a b 30`, `wire delay a b 500`, `wire heal`.
# Addresses: 10.77.0.1, .2, .3 and fd77::1, ::2, ::3, the same in every test: no test sees another's.

TOOL=${TOOL:-${BIN%/bin}/tool}
NETNS=pm$$
declare -A NODE_ADDRESS=([a]=10.77.0.1 [b]=10.77.0.2 [c]=10.77.0.3)

netns_require() {
    [ "$(id -u)" = 0 ] || skip_all "network namespaces need root"
    [ -c /dev/net/tun ] && command -v ip nsenter >/dev/null || skip_all "no TAP devices or no iproute2 here"
    ip netns add "$NETNS" 2>/dev/null || skip_all "network namespaces cannot be made here"
    ip netns del "$NETNS"
}

in_() { nsenter --net="/run/netns/$NETNS$1" "${@:2}"; }

# The same in the background; SPAWNED is the program itself, not a shell around it.
spawn_in() {
    nsenter --net="/run/netns/$NETNS$1" "${@:2}" &
    SPAWNED=$!
}

netns_up() {
    local name number=0
    for name in a b c; do
        ip netns add "$NETNS$name"
        ip -n "$NETNS$name" link set lo up
    done
    at_exit netns_down
    # no coproc: bash forgets it when the numbers of processes come round
    mkfifo "$TMP/wire.in" "$TMP/wire.out"
    "$TOOL/wire" "${NETNS}a" "${NETNS}b" "${NETNS}c" <"$TMP/wire.in" >"$TMP/wire.out" 2>"$TMP/wire.err" &
    exec {WIRE_IN}>"$TMP/wire.in" {WIRE_OUT}<"$TMP/wire.out"
    read -r -t 10 ANSWER <&"$WIRE_OUT" && [ "$ANSWER" = ready ] || { cat "$TMP/wire.err"; echo "Bail out! no wire"; exit 1; }
    for name in a b c; do
        number=$((number + 1))
        ip -n "$NETNS$name" address add "10.77.0.$number/24" dev eth0
        ip -n "$NETNS$name" address add "fd77::$number/64" dev eth0 nodad
        ip -n "$NETNS$name" link set eth0 up
    done
    for name in a b; do ip -n "$NETNS$name" route add default via "${NODE_ADDRESS[c]}"; done
    wait_for 10 in_ c ping -c 1 -W 1 10.77.0.2
}

netns_down() {
    [ -z "${WIRE_IN:-}" ] || exec {WIRE_IN}>&- # it ends with its input
    for name in a b c; do ip netns del "$NETNS$name" 2>/dev/null; done
}

wire() { # wire <verb> [<from> <to> [<number>]]; ANSWER
    local words=("$1")
    [ $# -lt 3 ] || words+=("$NETNS$2" "$NETNS$3")
    [ $# -lt 4 ] || words+=("$4")
    echo "${words[*]}" >&"$WIRE_IN"
    read -r -t 10 ANSWER <&"$WIRE_OUT"
}

wire_both() { # wire_both <verb> <one> <other> [<number>]: in both directions
    wire "$1" "$2" "$3" ${4:+"$4"}
    wire "$1" "$3" "$2" ${4:+"$4"}
}

answers() { in_ c ping -c 1 -W 1 "$1" >/dev/null 2>&1; } # answers <address>: seen from the client
holds() { ip -n "$NETNS$1" -br address show dev eth0 | grep -q " $2/"; } # holds <namespace> <address>
