#!/usr/bin/env bash
# The way in: a stock OpenSSH server and client in each of the four ways, and what must not come through.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
need_sshd

run_ssh() { # run_ssh <ssh's arguments>: OUT, ERR, STATUS
    OUT=$(ssh_ "$@" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}

like "$(cat "$TMP/up.out")" "prime-pri +$NET.11 port 2211 +sshd listens: primelab --folder $LAB ssh prime-pri" "up says how to get in"
like "$(lab status)" "sshd +[0-9]+ +$NET.12 +2212 +listens" "status has the sshd processes"
OUT=$(lab ssh prime-sec show privilege)
is "$?$OUT" "0Current privilege level is 15" "primelab ssh runs a command"

# --- one command ---
run_ssh prime-pri 'show privilege'
is "$STATUS|$OUT|$ERR" "0|Current privilege level is 15|" "ssh host command"
run_ssh prime-pri 'ncs certvalidation tofu-certs deletecert host 10.1.1.1_443'
is "$STATUS|$OUT" "1|" "a command that fails: status 1, nothing on standard output"
like "$ERR" "% Error: there is no pin for 10.1.1.1_443" "and the reason on standard error"
run_ssh prime-pri 'show nonsense'
is "$STATUS|$OUT|$ERR" "2||show nonsense
     ^
% invalid command detected at '^' marker." "a command that is not understood: status 2, with the caret"
run_ssh -tt prime-pri 'show privilege | json'
is "$STATUS|$OUT" $'0|{"privilege":{"level":15}}\r' "one command on a terminal: no echo, no prompt"

# --- commands on standard input ---
printf 'show privilege\nshow nonsense\nshow privilege\n' >"$TMP/commands"
run_ssh prime-pri <"$TMP/commands"
is "$STATUS|$OUT" "2|Current privilege level is 15
Current privilege level is 15" "commands on standard input, without a terminal"
run_ssh -T prime-pri <"$TMP/commands"
is "$STATUS" 2 "the same with -T"
printf 'show privilege' >"$TMP/commands"
run_ssh prime-pri <"$TMP/commands"
is "$STATUS|$OUT" "0|Current privilege level is 15" "a last line without its end"

# --- a terminal ---
mask() { sed -e "s/${NET//./\\.}\./NET./g" | cat -v; }
for keys in "$ROOT"/tests/transcript/ssh/*.in; do
    name=$(basename "$keys" .in)
    rm -f "$LAB/prime-pri/history/"*
    "$ROOT/tests/transcript/play.exp" "$keys" "$TMP/$name.raw" ssh -tt -F "$SSH_CONFIG" prime-pri 2>"$TMP/$name.err"
    is "$? $(cat "$TMP/$name.err")" "0 " "$name: the session runs to its end"
    mask <"$TMP/$name.raw" >"$TMP/$name.out"
    [ -n "${UPDATE:-}" ] && cp "$TMP/$name.out" "${keys%.in}.out"
    difference=$(diff "${keys%.in}.out" "$TMP/$name.out")
    is "$?$difference" 0 "$name: byte for byte"
done

# --- what must not come through ---
run_ssh -s prime-pri sftp </dev/null
[ "$STATUS" -ne 0 ]
ok $? "no sftp subsystem"
scp -O -q -F "$SSH_CONFIG" prime-pri:/etc/passwd "$TMP/stolen" >/dev/null 2>&1
is "$?$(cat "$TMP/stolen" 2>/dev/null)" 1 "scp of old reads nothing"
scp -q -F "$SSH_CONFIG" prime-pri:/etc/passwd "$TMP/stolen" >/dev/null 2>&1
is "$?$(cat "$TMP/stolen" 2>/dev/null)" 255 "scp of today reads nothing"
scp -O -q -F "$SSH_CONFIG" "$TMP/commands" prime-pri:"$TMP/planted" >/dev/null 2>&1
[ ! -e "$TMP/planted" ]
ok $? "and writes nothing"
run_ssh -W "$NET.11:8082" prime-pri </dev/null
is "$STATUS|$OUT" "255|" "no forwarding of standard input (-W)"
run_ssh -o ExitOnForwardFailure=yes -R "$NET.11:9999:$NET.11:8082" prime-pri 'show privilege'
is "$STATUS|$OUT" "255|" "no remote forwarding (-R)"
run_ssh -o ExitOnForwardFailure=yes -R "$TMP/socket:$NET.11:8082" prime-pri 'show privilege'
is "$STATUS|$OUT" "255|" "no forwarding of a socket file"
run_ssh -o ExitOnForwardFailure=yes -w 0:0 prime-pri 'show privilege'
is "$STATUS|$OUT" "255|" "no tunnel (-w)"
run_ssh -M -S "$TMP/mux" -f -N prime-pri
is "$STATUS" 0 "a shared connection opens"
ssh -S "$TMP/mux" -O forward -L "$NET.1:9998:$NET.11:8082" prime-pri 2>/dev/null
OUT=$(curl -ksm 5 "https://$NET.1:9998/hello")
is "$OUT" "" "no local forwarding through it (-L)"
ssh -S "$TMP/mux" -O exit prime-pri 2>/dev/null
eval "$(ssh-agent -s)" >/dev/null
run_ssh -A -X prime-pri 'show privilege'
is "$STATUS|$OUT" "0|Current privilege level is 15" "an agent and a display are offered, and left outside"
like "$(grep -c 'agent\|X11' "$LAB/ssh/prime-pri/sshd.log") $(ls "${TMPDIR:-/tmp}" | grep -c '^ssh-.*agent.*primesh')" " 0$" "no agent socket"
ssh-agent -k >/dev/null

LD_PRELOAD=/nonexistent.so PRIMESH_HOME=/etc LC_PAPER=$'\e[31m' \
    run_ssh -o 'SendEnv LD_PRELOAD PRIMESH_HOME LC_* LANG BASH_ENV ENV' -o 'SetEnv ASAN_OPTIONS=help=1 BASH_ENV=/etc/passwd' \
    prime-pri 'show version' 2>/dev/null
like "$STATUS|$OUT" "^0\|Product: .*Home: +$LAB/prime-pri$" "no variable of the client's is taken over"
OUT=$(printf 'show terminal\rexit\r' | TERM=$'xterm\e[31m\nforged' ssh_ -tt prime-pri 2>/dev/null)
like "$OUT" 'Type: "unknown"' "a terminal's name with an escape sequence is not repeated"
for line in 'show clock; id' 'show clock && id' '$(id)' '`id`' '../../bin/sh' '/bin/sh' 'show clock | sh' $'show clock\nid' '-c id' '--home /etc' \
    "'; id; '" 'show clock > /tmp/x'; do
    run_ssh prime-pri -- "$line"
    unlike "$STATUS|$OUT$ERR" '^0|uid=' "no shell behind <${line//$'\n'/\\n}>"
done

# --- who may come in ---
ssh-keygen -q -t ed25519 -N '' -f "$TMP/other"
run_ssh -o IdentityFile=none -i "$TMP/other" -F /dev/null -p 2211 -o UserKnownHostsFile="$LAB/ssh/known_hosts" -o BatchMode=yes \
    -o IdentitiesOnly=yes "$NET.11" 'show version'
is "$STATUS|$OUT" "255|" "a wrong key"
like "$ERR" "Permission denied \(publickey\)" "is told so"
run_ssh -l nosuchuser prime-pri 'show version'
is "$STATUS|$OUT" "255|" "an unknown user"
run_ssh -o PubkeyAuthentication=no -o BatchMode=yes prime-pri 'show version'
is "$STATUS|$OUT" "255|" "no key at all"

# --- what remains when a client dies ---
wait_for 10 no_shells
ok $? "no shell is left so far"
# The client in the background must be ssh itself, not a subshell: it is killed.
ssh -F "$SSH_CONFIG" -tt prime-pri >"$TMP/dead.out" 2>&1 < <(sleep 60) &
CLIENT=$!
disown
wait_for 10 grep -q 'admin# ' "$TMP/dead.out"
kill -9 $CLIENT
wait_for 10 no_shells
ok $? "an interactive session ends with its client"
ssh -F "$SSH_CONFIG" prime-pri 'show logging application follow' >"$TMP/dead.out" 2>&1 < <(sleep 60) &
CLIENT=$!
disown
wait_for 10 shells
kill -9 $CLIENT
wait_for 10 no_shells
ok $? "so does a command without a terminal that waits"
ssh -F "$SSH_CONFIG" -tt prime-pri 'show logging application follow' >"$TMP/dead.out" 2>&1 < <(sleep 60) &
CLIENT=$!
disown
wait_for 10 shells
kill -9 $CLIENT
wait_for 10 no_shells
ok $? "and one with a terminal"
ssh -F "$SSH_CONFIG" prime-pri >"$TMP/dead.out" 2>&1 < <(sleep 60) &
CLIENT=$!
disown
wait_for 10 shells
kill -9 $CLIENT
wait_for 10 no_shells
ok $? "and one that waits for commands on standard input"

lab down --keep >/dev/null
is "$(pgrep -f "$LAB/ssh/" | wc -l)" 0 "down ends the sshd processes"
done_testing
