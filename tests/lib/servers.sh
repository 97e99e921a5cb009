# Registered servers of a lab (tests/lib/lab.sh comes first): their passwords, and more of them.

ISE_PASSWORD=$(sed -n 's/^super admin://p' "$ROOT/lab/data/ise/users")
DNAC_PASSWORD=$(sed -n 's/^super admin://p' "$ROOT/lab/data/dnac/users")
VIEWER_PASSWORD=$(sed -n 's/^reader viewer://p' "$ROOT/lab/data/ise/users")
DN="/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra"

# Runs one command on a node with a password as its next line of standard input: OUT, ERR, STATUS.
with_password() { # with_password <node> <password> <command>
    OUT=$(printf '%s\n' "$2" | "$BIN/primesh" --home "$LAB/$1" -c "$3" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}

# Starts a stand-in on demand: <variable> is its "<address>_<port>", <variable>_HOST its address.
stand_in() { # stand_in <name> <variable>
    local host
    lab start "$1" >"$TMP/$1.out" 2>&1 || {
        sed 's/^/# /' "$TMP/$1.out"
        echo "Bail out! $1 did not start"
        exit 1
    }
    host=$(lab --json status | jq -r --arg name "$1" '.servers[] | select(.name == $name) | .address')
    printf -v "$2_HOST" %s "$host"
    printf -v "$2" %s "${host}_$(cat "$LAB/$1/port")"
}
