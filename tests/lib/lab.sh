# A lab of this test's own. After `lab_up`: LAB (folder), NET (network), and the functions below.

NET=$(private_network)
LAB=$TMP/lab

lab() { "$BIN/primelab" --folder "$LAB" "$@"; }

lab_up() {
    lab --network "$NET" up >"$TMP/up.out" 2>&1 || {
        sed 's/^/# /' "$TMP/up.out"
        echo "Bail out! the lab did not come up"
        exit 1
    }
    at_exit 'lab down >/dev/null 2>&1'
    ISE_PORT=$(cat "$LAB/ise/port")
    DNAC_PORT=$(cat "$LAB/dnac/port")
    ISE=$NET.21_$ISE_PORT
    DNAC=$NET.22_$DNAC_PORT
}

# Runs one command on a node; output in OUT, errors in ERR, status in STATUS.
on() { # on <node> <command>
    OUT=$("$BIN/primesh" --home "$LAB/$1" -c "$2" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}

# The SHA-256 that a server shows right now, asked of openssl.
shown_sha256() { # shown_sha256 <address> <port>
    openssl s_client -connect "$1:$2" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 | sed 's/.*=//'
}

# ssh to a node with the lab's key; skips the whole test where there is no sshd.
need_sshd() {
    [ -x /usr/sbin/sshd ] || skip_all "sshd is not installed"
    SSH_CONFIG=$LAB/ssh/config
}
ssh_() { ssh -F "$SSH_CONFIG" "$@"; }

# The shells that the nodes' sshd processes started.
shells() { pgrep -f "$BIN/primesh --home $LAB/"; }
no_shells() { ! shells >/dev/null; }
