# A single node of this test's own. After `node_up`: HOME_DIR, ADDRESS, and `sh_` to run a command.

ADDRESS=$(private_network).1
HOME_DIR=$TMP/node

# Writes node.conf (further lines as arguments) and a home that the node's user may enter.
node_conf() {
    mkdir -p "$HOME_DIR"
    {
        echo "hostname = node"
        echo "listen = $ADDRESS"
        [ "$(id -u)" != 0 ] || echo "user = nobody"
        for line in "$@"; do echo "$line"; done
    } >"$HOME_DIR/node.conf"
}

node_start() { "$BIN/primed" --home "$HOME_DIR" 2>"$TMP/primed.err"; }

node_pid() { cat "$HOME_DIR/run/primed.pid" 2>/dev/null; }

# The half of primed that writes the store.
writer_pid() { pgrep -P "$(node_pid)"; }

# Ends the node and waits until it is gone.
node_stop() {
    local pid
    pid=$(node_pid) || return 0
    kill -TERM "$pid" 2>/dev/null
    wait_for 5 not alive "$pid" || kill -KILL "$pid"
}

not() { ! "$@"; }

# A process that ended but was not collected by its parent yet counts as gone.
alive() { readlink "/proc/$1/exe" >/dev/null 2>&1; }

node_up() {
    node_conf "$@"
    node_start || {
        sed 's/^/# /' "$TMP/primed.err"
        echo "Bail out! the node did not start"
        exit 1
    }
    at_exit node_stop
}

# Runs one command: output in OUT, errors in ERR, status in STATUS.
sh_() {
    OUT=$("$BIN/primesh" --home "$HOME_DIR" -c "$1" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}
