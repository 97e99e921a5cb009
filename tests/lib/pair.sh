# A registered pair in a lab of this test's own. After `pair_up`: PRI and SEC (addresses), and the functions below.
# Needs tests/lib/lab.sh. tests/lib/ha.sh has its nodes elsewhere, and takes what speaks of `home_of` from here.

home_of() { echo "$LAB/$1"; } # home_of <node>

HEARTBEAT_MS=${HEARTBEAT_MS:-200}
MISSES=${MISSES:-5}
AUTHKEY=cisco123

# Sets the key, and the pair's configuration on the primary.
pair_prepare() {
    lab_up
    PRI=$NET.11
    SEC=$NET.12
    local node
    for node in prime-pri prime-sec; do
        echo "$AUTHKEY" | "$BIN/primesh" --home "$LAB/$node" -c "ncs ha authkey password-stdin" >/dev/null
    done
    configure prime-pri ha "secondary-server $SEC" "heartbeat interval $HEARTBEAT_MS misses $MISSES"
    # the secondary gets that with the records; until then it must not wait for a minute in silence
    configure prime-sec ha "heartbeat interval $HEARTBEAT_MS misses $MISSES"
}

# Lines of configuration mode, on a node.
configure() { # configure <node> <line>...
    { echo "configure terminal"; printf '%s\n' "${@:2}"; echo end; } |
        timeout 60 "$BIN/primesh" --home "$(home_of "$1")" --stop-on-error >"$TMP/configure.out" 2>&1
}

pair_register() { # further words of the command as arguments
    OUT=$(echo "$AUTHKEY" | "$BIN/primesh" --home "$LAB/prime-pri" -c "ncs ha register password-stdin $*" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}

pair_up() {
    pair_prepare
    pair_register
    [ "$STATUS" = 0 ] && return
    echo "Bail out! the pair was not registered: $ERR"
    exit 1
}

status_of() { timeout 20 "$BIN/primesh" --home "$(home_of "$1")" -c "ncs ha status | json" 2>/dev/null; }
state_of() { status_of "$1" | jq -r .ha.state; }
is_state() { [[ "$(state_of "$1")" =~ ^($2)$ ]]; } # is_state <node> <extended regular expression>

# Waits for both states and checks them.
states() { # states <primary's> <secondary's> <name>
    wait_for 30 is_state prime-pri "$1"
    wait_for 30 is_state prime-sec "$2"
    is "$(state_of prime-pri) / $(state_of prime-sec)" "$1 / $2" "$3"
}

# kill -9 of both halves, and a start of what is there.
crash() { # crash <node>
    local pid
    pid=$(cat "$LAB/$1/run/primed.pid")
    kill -KILL "$pid" $(pgrep -P "$pid") 2>/dev/null
    wait_for 5 dead "$pid"
}
dead() { ! readlink "/proc/$1/exe" >/dev/null 2>&1; }
revive() { "$BIN/primed" --home "$LAB/$1" 2>>"$TMP/revive.err"; }

# What both hold of the pair's records, as each says.
level_of() { "$BIN/primesh" --home "$LAB/$1" -c "show running-config" | sed -n 's/^logging loglevel //p'; }
revision_of() { status_of "$1" | jq -r .ha.revision; }
same_revision() { [ "$(revision_of prime-pri)" = "$(revision_of prime-sec)" ]; }
