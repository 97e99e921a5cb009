#!/usr/bin/env bash
# primed as systemd starts it: an ordinary user with ambient capabilities. Only the main process keeps them.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
[ "$(id -u)" = 0 ] || skip_all "only root can give capabilities to a process"
setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_bind_service --ambient-caps +net_bind_service true 2>/dev/null ||
    skip_all "no ambient capabilities are to be had here"
chmod -R a+rX "$BIN"
setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/primed" --version >/dev/null 2>&1 ||
    skip_all "the programs lie where an ordinary user cannot go"
node_conf "port = 443"
chown -R 65534:65534 "$HOME_DIR"
mkdir "$TMP/notify" && chmod 777 "$TMP/notify"

# the service manager: who says what
cat >"$TMP/manager.py" <<'P'
import socket, struct, sys
box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
box.bind(sys.argv[1])
box.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
print("listens", flush=True)
while True:
    text, extra, _, _ = box.recvmsg(4096, 1024)
    print(struct.unpack("3i", extra[0][2])[0], text.decode(), flush=True)
P
python3 "$TMP/manager.py" "$TMP/notify/socket" >"$TMP/notify.out" &
MANAGER=$!
at_exit "kill $MANAGER"
wait_for 10 grep -q listens "$TMP/notify.out"
chmod 777 "$TMP/notify/socket"

NET=net_bind_service,+net_admin,+net_raw
NOTIFY_SOCKET=$TMP/notify/socket setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set -all,+$NET \
    --inh-caps -all,+$NET --ambient-caps -all,+$NET "$BIN/primed" --foreground --home "$HOME_DIR" 2>"$TMP/primed.err" &
MAIN=$!
at_exit "kill $MAIN 2>/dev/null; wait $MAIN 2>/dev/null"
wait_for 20 grep -q READY "$TMP/notify.out"
is "$(sed 1d "$TMP/notify.out")$(cat "$TMP/primed.err")" "$MAIN READY=1" "the main process says that it is ready, once, nobody else anything"
is "$(node_pid)" "$MAIN" "run/primed.pid names the main process"
OUTER=$(writer_pid)
sets() { sed -n "s/^Cap\(Prm\|Eff\|Amb\|Inh\):[[:space:]]*//p" "/proc/$1/status" | sort -u; }
is "$(sets "$MAIN")" 0000000000003400 "the main process has what it was given"
is "$(sets "$OUTER")" 0000000000000000 "the half that meets the outside has nothing"
is "$(curl -sk "https://$ADDRESS/ha/v1/hello" | grep -c primesh)" 1 "port 443 is served all the same"
is "$(stat -c %u "/proc/$MAIN/cmdline")$(stat -c %u "/proc/$OUTER/cmdline")" 6553465534 "both are the same user"

# ssh, which the main process starts, has none of them either: a server that accepts and says nothing holds it
python3 - "$ADDRESS" >"$TMP/held.out" <<'P' &
import socket, sys, time
box = socket.create_server((sys.argv[1], 2222))
print("listens", flush=True)
peer = box.accept()[0]
print("held", flush=True)
peer.recv(10000)
time.sleep(30)
P
HOLDER=$!
at_exit "kill $HOLDER 2>/dev/null"
wait_for 10 grep -q listens "$TMP/held.out"
echo x >"$HOME_DIR/repository/defaultRepo/x"
chown 65534 "$HOME_DIR/repository/defaultRepo/x"
printf '%s\n' "copy disk:/defaultRepo/x sftp://$ADDRESS:2222/x user u password-stdin" secret | "$BIN/primesh" --home "$HOME_DIR" >"$TMP/copy.out" 2>&1 &
COPY=$!
wait_for 10 grep -q held "$TMP/held.out"
SSH=$(pgrep -P "$MAIN" -x ssh)
is "$(sets "${SSH:-none}")" 0000000000000000 "ssh has nothing"
kill "$HOLDER"
wait "$COPY"

# what lies outside the home cannot be written, though the user may: a folder of logs that leads there stays empty
if python3 -c 'import ctypes; raise SystemExit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)'; then
    install -d -o 65534 -m 777 "$TMP/outside.d"
    mv "$HOME_DIR/log" "$HOME_DIR/log.before"
    ln -s "$TMP/outside.d" "$HOME_DIR/log"
    kill -HUP "$MAIN"
    sh_ "ncs certvalidation certificate-check disable trustzone user"
    is "$STATUS $(ls -A "$TMP/outside.d")" "0 " "nothing is written outside the home"
    sh_ "show audit last 1 | json"
    is "$(jq -r '.audit[0].line' <<<"$OUT")" "ncs certvalidation certificate-check disable trustzone user" "the audit trail has it all the same"
    rm "$HOME_DIR/log" && mv "$HOME_DIR/log.before" "$HOME_DIR/log"
fi

kill -TERM "$MAIN"
wait "$MAIN"
is "$?" 0 "SIGTERM ends it with status 0"

# --- started by root: what belongs to the users of the shells stays theirs, and a link leads nowhere
HISTORY=$HOME_DIR/history/somebody
echo 'show version' >"$HISTORY" && chown 65533 "$HISTORY"
echo 'show clock' >"$HOME_DIR/history/root"
chmod 770 "$HOME_DIR/history" # as an older version made it
echo outside >"$TMP/outside"
ln -s "$TMP/outside" "$HOME_DIR/repository/link"
chown root "$HOME_DIR/node.conf"
node_start
is "$?" 0 "root starts it"
is "$(stat -c %u "$HISTORY" "$HOME_DIR/history/root" "$TMP/outside" | tr '\n' ' ')$(stat -c %U "$HOME_DIR/node.conf")" "65533 0 0 nobody" \
    "histories stay their owners', the link's target root's; root's file becomes the node's"
is "$(stat -c %a "$HOME_DIR/history")" 1770 "nobody can take away somebody else's history"
MEMBER="setpriv --reuid 65532 --regid $(stat -c %g "$HOME_DIR/history") --clear-groups"
$MEMBER sh -c "echo 'no username boss' >'$HOME_DIR/history/member' && ! mv -f '$HOME_DIR/history/member' '$HISTORY' 2>/dev/null"
is "$? $(cat "$HISTORY")" "0 show version" "nor put another one in its place"
node_stop

# --- `ncs start` on a machine that systemd runs: the service's node is systemd's to start, others are the shell's
booted() { # booted <home> <command>: where the service's home is the node's
    unshare --mount bash -c 'mount -t tmpfs none /run && mount -t tmpfs none /etc/systemd && mount -t tmpfs none /var/lib || exit 99
        mkdir -p /run/systemd/system /etc/systemd/system /var/lib/primesh
        mount --bind "$1" /var/lib/primesh
        [ -z "$NO_UNIT" ] || exec "$2" --home "$3" -c "$4"
        touch /etc/systemd/system/primesh.service
        exec "$2" --home "$3" -c "$4"' - "$HOME_DIR" "$BIN/primesh" "$@" 2>"$TMP/err"
}
if unshare --mount true 2>/dev/null; then
    is "$(booted /var/lib/primesh "ncs start")$(cat "$TMP/err")" "% Error: primed does not run, and systemd is to start it here
as root, in a shell of the machine: systemctl start primesh" "ncs start leaves the service to systemd"
    booted /var/lib/primesh "ncs start" >/dev/null
    is "$?" 1 "as a command that failed"
    booted /var/lib/primesh "ncs status"
    is "$(tail -1 "$TMP/err")" "start it with: systemctl start primesh" "other commands say so too"
    booted "$HOME_DIR/../node" "ncs status"
    is "$(tail -1 "$TMP/err")" "start it with: systemctl start primesh" "by whatever path"
    NO_UNIT=1 booted /var/lib/primesh "ncs status"
    is "$(tail -1 "$TMP/err")" "start it with: ncs start" "but not without the service"
    booted "$TMP" "ncs status" >"$TMP/out"
    unlike "$(cat "$TMP/err")" "systemctl" "nor for another home"
    ! alive "$(cat "$HOME_DIR/run/primed.pid" 2>/dev/null || echo none)"
    ok $? "none was started beside it"
fi
done_testing
