# A pair of nodes, each in a network namespace of its own (tests/lib/netns.sh). After `pair_up`: `on a "<command>"`,
# `state_of a`, `node_ a start|stop|kill|freeze|thaw`, `writer_start`, `writer_stop`, `check_pair`.

HEARTBEAT=${HEARTBEAT:-100} # ms
MISSES=${MISSES:-3}
. "$ROOT/tests/lib/pair.sh"
AUTHKEY=Key-of-the-pair-1
declare -A PRIMED=()
FAKETIME=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 # NODE_ENV_OF=clocked: nodes live by $TMP/clock.<node>

home_of() { echo "$TMP/$1"; }

pair_conf() { # pair_conf <node> [<further lines>]
    mkdir -p "$TMP/$1"
    {
        printf 'hostname = prime-%s\nlisten = %s\nuser = nobody\nmonitor-interval-ms = 60000\n' "$1" "${NODE_ADDRESS[$1]}"
        printf '%s\n' "${@:2}"
    } >"$TMP/$1/node.conf"
}

node_start() { # node_start <node>
    local clock=()
    [ -z "${NODE_ENV_OF:-}" ] || clock=("LD_PRELOAD=$FAKETIME" "FAKETIME_TIMESTAMP_FILE=$TMP/clock.$1" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1)
    # of /proc it sees what the service's ProcSubset=pid leaves
    in_ "$1" env "${clock[@]}" unshare --mount sh -c 'mount -t proc -o subset=pid proc /proc && exec "$@"' - \
        "$BIN/primed" --home "$TMP/$1" >"$TMP/$1.out" 2>&1 || { sed 's/^/# /' "$TMP/$1.out"; return 1; }
    PRIMED[$1]=$(cat "$TMP/$1/run/primed.pid")
}

# Both halves of primed, and no keepalived; the one that would be told of the other's end first.
halves() { echo "$(pgrep -P "${PRIMED[$1]}" -x primed 2>/dev/null | tr '\n' ' ') ${PRIMED[$1]}"; }

ended() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }

node_() { # node_ <node> <verb>
    local pid halves
    [ -z "${PRIMED[$1]:-}" ] || halves=$(halves "$1")
    case $2 in
    start) node_start "$1" ;;
    stop)
        kill -TERM "${PRIMED[$1]}" 2>/dev/null
        for pid in $halves; do wait_for 5 ended "$pid" || kill -KILL "$pid"; done
        ;;
    kill)
        # shellcheck disable=SC2086
        kill -KILL $halves 2>/dev/null
        for pid in $halves; do wait_for 5 ended "$pid"; done
        ;;
    # shellcheck disable=SC2086
    freeze) kill -STOP $halves ;;
    # shellcheck disable=SC2086
    thaw) kill -CONT $halves ;;
    esac
}

pair_down() {
    local name
    for name in "${!PRIMED[@]}"; do
        node_ "$name" thaw 2>/dev/null
        node_ "$name" stop 2>/dev/null # in peace: it takes its files below /run with it
    done
}

on() { # on <node> <command>: OUT, ERR, STATUS
    OUT=$(timeout 60 "$BIN/primesh" --home "$TMP/$1" -c "$2" 2>"$TMP/on.err")
    STATUS=$?
    ERR=$(cat "$TMP/on.err")
}

healthy() { is_state a "Primary Active" && is_state b "Secondary Syncing"; }

# What an admin does with a pair after trouble: waits, and fails back. 0 once primary and secondary are what they were.
converge() { # converge [<seconds>]
    local deadline=$((SECONDS + ${1:-40})) one other
    while [ $SECONDS -lt "$deadline" ]; do
        one=$(state_of a) other=$(state_of b)
        case "$one/$other" in
        "Primary Active/Secondary Syncing") return 0 ;;
        "Primary Syncing/Secondary Active") on b "ncs ha failback" ;;
        "Stand Alone/Stand Alone" | "HA not Configured/HA not Configured" | "HA not Configured/HA Initializing") register ;;
        "Stand Alone/Secondary "* | "HA not Configured/Secondary "*) on b "ncs ha remove force" ;;
        "Primary "*"/Stand Alone" | "Primary "*"/HA not Configured") on a "ncs ha remove force" ;;
        *) sleep 0.1 ;;
        esac
    done
    echo "# the pair stays at: primary $one, secondary $other"
    return 1
}

register() { on a "ncs ha register secondary-server ${NODE_ADDRESS[b]} $REGISTER_MORE password-stdin" <<<"$AUTHKEY"; }
REGISTER_MORE=

writer_start() {
    : >>"$TMP/record"
    /usr/bin/python3 "$ROOT/tests/lib/ha_writer.py" "$TMP/record" "$TMP/a" "$TMP/b" &
    WRITER=$!
    at_exit writer_stop
    # a signal before it has become python would find the traps of this shell
    wait_for 10 grep -qz ha_writer "/proc/$WRITER/cmdline"
}
writer_stop() {
    [ -z "${WRITER:-}" ] || { kill -TERM "$WRITER" && wait "$WRITER"; } 2>/dev/null
    WRITER=
}
written() { grep -c '"replicated"' "$TMP/record"; } # changes acknowledged as replicated so far
more_written() { [ "$(written)" -gt "$1" ]; }

running_of() { "$BIN/primesh" --home "$TMP/$1" -c "show running-config" 2>/dev/null | grep '^repository n'; }
same() { running_of a >"$TMP/running.a" && running_of b >"$TMP/running.b" && cmp -s "$TMP/running.a" "$TMP/running.b"; }

# After the writer has stopped and the pair has converged: everything that must hold. Says what was found.
check_pair() {
    wait_for 15 same
    cat "$TMP"/a/log/diverged-*.json "$TMP"/b/log/diverged-*.json >"$TMP/diverged" 2>/dev/null
    /usr/bin/python3 "$ROOT/tests/lib/ha_check.py" "$TMP/record" "$TMP/running.a" "$TMP/running.b" "$TMP/diverged"
}
