# Registered servers of a lab (tests/lib/lab.sh comes first): their passwords, and a second lab for more of them.

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

# Another network of stand-ins, at NET2, with the same ports.
lab2() { "$BIN/primelab" --folder "$TMP/lab2" "$@"; }

second_lab_up() {
    NET2=${NET%.*}.$((${NET##*.} == 100 ? 249 : ${NET##*.} - 1))
    lab2 --network "$NET2" up >"$TMP/up2.out" 2>&1 || {
        sed 's/^/# /' "$TMP/up2.out"
        echo "Bail out! the second lab did not come up"
        exit 1
    }
    at_exit 'lab2 down >/dev/null 2>&1'
}
