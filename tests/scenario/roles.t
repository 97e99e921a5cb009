#!/usr/bin/env bash
# Accounts and roles: who may do what, over a real sshd, straight at the socket, and with stolen vouchers.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"

[ -x /usr/sbin/sshd ] || skip_all "no sshd is installed"
node_up
mkdir -p /run/sshd 2>/dev/null
for name in alice bob host; do ssh-keygen -q -t ed25519 -N '' -C "$name@laptop" -f "$TMP/$name"; done
KEYS="$BIN/primesh --home $HOME_DIR --authorized-keys"
cat >"$TMP/sshd_config" <<X
ListenAddress $ADDRESS
Port 2222
HostKey $TMP/host
PidFile $TMP/sshd.pid
AuthorizedKeysFile none
AuthorizedKeysCommand /usr/bin/env ASAN_OPTIONS=detect_leaks=0 $KEYS %t %k
AuthorizedKeysCommandUser $(id -un)
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin yes
X
/usr/sbin/sshd -f "$TMP/sshd_config" -E "$TMP/sshd.log" || skip_all "sshd does not start here"
at_exit 'kill $(cat "$TMP/sshd.pid")'
wait_for 5 test -s "$TMP/sshd.pid"

SSH="ssh -F none -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes"
export SSH ADDRESS TMP

# Runs one command over SSH with somebody's key.
as() { # as <key> <command>
    OUT=$($SSH -i "$TMP/$1" "$(id -un)@$ADDRESS" "$2" 2>"$TMP/err" </dev/null)
    STATUS=$?
    ERR=$(cat "$TMP/err")
}

configure() { { echo "configure terminal"; printf '%s\n' "$@"; } | "$BIN/primesh" --home "$HOME_DIR" >/dev/null; }
audited() { "$BIN/primesh" --home "$HOME_DIR" -c "show audit last ${2:-1}" | grep -qE -- "$1"; }

as bob "show clock"
is "$STATUS" 255 "a key that no account has is not let in"
configure "username alice sshkey $(cat "$TMP/alice.pub") role admin" "username bob sshkey $(cat "$TMP/bob.pub") role user"
is "$?" 0 "two accounts"

# --- what each may do
as alice "show privilege"
is "$OUT" "Current privilege level is 15" "alice is an administrator"
as bob "show privilege"
is "$STATUS $OUT" "0 Current privilege level is 1" "bob is not"
as bob "ncs certvalidation tofu-certs listcerts | count"
is "$STATUS" 0 "bob may look"
as bob "ncs stop"
is "$STATUS" 1 "and may not change"
is "$ERR" "% Error: \"ncs stop\" is for administrators
bob has the role user" "which is said"
audited "bob +user +127[0-9.]+ +denied +audit.refused +ncs stop"
ok $? "and audited, with who and from where"
as bob "show version | save mine.txt repository defaultRepo"
like "$STATUS $OUT$ERR" "^1 % Error: .* is for administrators" "nor fill the node's disk with what he saw"
audited "bob +user +127[0-9.]+ +denied +file.save_begin +\.\.\. \| save mine.txt"
ok $? "which is audited, too"
[ ! -e "$HOME_DIR/repository/defaultRepo/mine.txt" ]
ok $? "and leaves no file"
as bob "show running-config"
is "$STATUS$OUT" 1 "nor read the configuration"
audited "bob +user +127[0-9.]+ +denied +audit.refused +show running-config"
ok $? "which is audited too"
as bob "show logging application last 1"
is "$STATUS" 0 "he may read the logs"
for trail in "show audit" "show logging audit last 1" "show logging audit follow" "show tech-support"; do
    as bob "$trail"
    like "$STATUS$OUT $ERR" "^1 % Error: .* is for administrators" "but not what others did: $trail"
done
as alice "show logging audit last 1"
like "$STATUS $OUT" "^0 .*bob.*result=denied" "alice may"
as alice "ncs certvalidation tofu-certs deletecert host ${ADDRESS}_8082"
is "$STATUS" 0 "alice may change"
audited "alice +admin +127[0-9.]+ +ok +pin.delete +ncs certvalidation"
ok $? "and the audit trail has her name"
as bob "no such command; /bin/sh"
is "$STATUS" 2 "sshd's forced command is no shell"
is "$(echo "show privilege" | $SSH -i "$TMP/bob" "$(id -un)@$ADDRESS" 2>&1)" "Current privilege level is 1" "commands on standard input"
$SSH -i "$TMP/bob" -N -L "2223:$ADDRESS:8082" -o ExitOnForwardFailure=yes "$(id -un)@$ADDRESS" 2>"$TMP/forward" &
FORWARD=$!
at_exit "kill $FORWARD 2>/dev/null"
wait_for 5 grep -q . <(curl -sk --max-time 2 https://127.0.0.1:2223/ha/v1/hello)
is "$(curl -sk --max-time 2 https://127.0.0.1:2223/ha/v1/hello)" "" "nothing is forwarded"
kill $FORWARD 2>/dev/null

# --- what bob sees at a terminal
# sshd as an ordinary user cannot give it to the group tty, unless /dev/pts is mounted so
has_terminals() { [ "$(id -u)" = 0 ] || [ "$(script -qc 'stat -c %G "$(tty)"' /dev/null | tr -d '\r')" = tty ]; }
cat >"$TMP/see.exp" <<'X'
set timeout 20
spawn {*}$env(SSH) -tt -i $env(TMP)/bob $env(USER_NAME)@$env(ADDRESS)
expect -exact "node/bob> "; send "conf\t"
expect -exact "\a"
send "\x15?"
expect -re "exit.*node/bob> " { puts "HELP<$expect_out(buffer)>" }
send "configure terminal\r"
expect -exact "is for administrators"
expect -exact "node/bob> "; send "exit\r"
expect eof
X
if has_terminals; then
    USER_NAME=$(id -un) expect "$TMP/see.exp" >"$TMP/see.out" 2>&1
    like "$(cat "$TMP/see.out")" "HELP<" "bob has the > prompt, and \`?\` lists what he may type"
    unlike "$(sed -n '/HELP</,/>$/p' "$TMP/see.out")" "configure|write" "and nothing else"
fi

# --- revoked while a session is open
cat >"$TMP/revoke.exp" <<'X'
set timeout 20
proc locally {line} {
    global env
    exec $env(BIN)/primesh --home $env(HOME_DIR) << "configure terminal\n$line\n"
}
spawn {*}$env(SSH) -tt -i $env(TMP)/bob $env(USER_NAME)@$env(ADDRESS)
expect -exact "node/bob> "
locally "username bob role admin"
send "show privilege\r"
expect -exact "level is 15"; expect -exact "node/bob# "; puts PROMOTED
locally "username bob role user"
send "ncs stop\r"
expect -exact "is for administrators"; expect -exact "node/bob> "; puts DEMOTED
locally "no username bob"
send "show clock\r"
expect -exact "bob has no account on this node, or not any more"
expect eof { puts ENDED }
X
if has_terminals; then
    BIN=$BIN HOME_DIR=$HOME_DIR USER_NAME=$(id -un) expect "$TMP/revoke.exp" >"$TMP/revoke.out" 2>&1
    for word in PROMOTED DEMOTED ENDED; do
        grep -q "$word" "$TMP/revoke.out"
        ok $? "a session that is open: $word"
    done
else
    configure "no username bob"
fi
as bob "show clock"
is "$STATUS" 255 "and no new one"
configure "username bob sshkey $(cat "$TMP/bob.pub") role user"

# --- vouchers: the test stands for sshd, as the process that asks for keys and then runs the session
BOB_KEY=$(cut -d' ' -f1,2 "$TMP/bob.pub")
voucher_in() { sed -n 's/.*--session \([^"]*\)".*/\1/p' "$1"; }
# shellcheck disable=SC2086
$KEYS $BOB_KEY >"$TMP/offer"
like "$(cat "$TMP/offer")" "^restrict,pty,command=\"exec .*primesh' --home .* --session bob/[^\"]*\" ${BOB_KEY//+/\\+}\$" "the line for sshd"
VOUCHER=$(voucher_in "$TMP/offer")
is "$("$BIN/primesh" --home "$HOME_DIR" --session "$VOUCHER" <<<"show privilege")" "Current privilege level is 1" \
    "a descendant of the process that asked is bob"
(
    # shellcheck disable=SC2086
    bash -c "$KEYS \$1 \$2 >'$TMP/stolen'; echo up; exec sleep 60" - $BOB_KEY &
    echo $! >"$TMP/other-sshd"
    wait
) >"$TMP/other-up" &
at_exit 'kill $(cat "$TMP/other-sshd") 2>/dev/null'
wait_for 10 grep -q up "$TMP/other-up"
for forged in "$(voucher_in "$TMP/stolen")" "${VOUCHER/bob/alice}" "${VOUCHER%?}0" "alice" ""; do
    [ "$forged" != "$VOUCHER" ] || continue
    ERR=$("$BIN/primesh" --home "$HOME_DIR" --session "$forged" 2>&1 <<<"show privilege")
    like "$?$ERR" "^1primesh: this session's voucher (was given to another session|is not of this node|is none)" \
        "refused: ${forged:0:12}..."
done
"$BIN/primesh" --home "$HOME_DIR" --session "$VOUCHER" <<<"terminal length 0" >"$TMP/cmdline" &
wait $!
# shellcheck disable=SC2086
$KEYS $BOB_KEY 192.0.2.7 >"$TMP/offer"
"$BIN/primesh" --home "$HOME_DIR" --session "$(voucher_in "$TMP/offer")" <<<"ncs stop" 2>/dev/null
audited "bob +user +192.0.2.7 +denied"
ok $? "the address that sshd tells is the origin"
SSH_CONNECTION="203.0.113.5 1 127.0.0.1 22" "$BIN/primesh" --home "$HOME_DIR" -c "ncs stop" >/dev/null
audited "admin +admin +local +ok +services.stop +ncs stop"
ok $? "without sshd, SSH_CONNECTION counts for nothing"
sh_ "ncs start"
configure "username bob sshkey $(cat "$TMP/bob.pub") role user" "username alice sshkey $(cat "$TMP/alice.pub") role admin"

# --- straight at the socket, past the shell
cat >"$TMP/call.pl" <<'X'
use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new(Peer => "$ARGV[0]/run/control.sock") or die "cannot connect: $!";
print $s $ARGV[1], "\n";
print scalar <$s>;
X
if [ "$(id -u)" = 0 ]; then
    GROUP=$(stat -c %G "$HOME_DIR/run/control.sock")
    call() { setpriv --reuid daemon --regid "$GROUP" --clear-groups perl "$TMP/call.pl" "$HOME_DIR" "$1"; }
    like "$(call '{"id":1,"method":"daemon.state"}')" '"denied".*daemon has no account on this node' \
        "a user of the system without an account gets nothing"
    audited "daemon +user +local +denied +daemon.state +daemon.state"
    ok $? "and is audited"
    configure "username daemon sshkey $(cat "$TMP/host.pub") role admin"
    like "$(call '{"id":1,"method":"daemon.state"}')" '"denied"' "an account for SSH keys is not the system's user of that name"
    configure "username daemon password system role user"
    like "$(call '{"id":1,"method":"session.whoami","params":{"user":"admin","role":"admin"}}')" \
        '"user":"daemon","role":"user"' "with password system it is, whatever it claims to be"
    like "$(call '{"id":1,"method":"daemon.state"}')" '"result"' "it may look"
    for method in config.set config.unset config.save config.confirm config.revert config.probation pin.delete pin.add pin.accept \
        pin.import pin.export policy.set services.stop services.start; do
        like "$(call "{\"id\":1,\"method\":\"$method\",\"params\":{\"role\":\"admin\",\"user\":\"admin\"}}")" \
            '"denied".*is for administrators' "$method is refused"
    done
    audited "daemon +user +local +denied +services.start +services.start"
    ok $? "each audited"
    sh_ "ncs status"
    like "$OUT" "Health Monitor Server is running" "and nothing happened"
    like "$(call "{\"id\":1,\"method\":\"session.whoami\",\"params\":{\"voucher\":\"$VOUCHER\"}}")" '"user":"bob"' \
        "a voucher counts for what descends from its sshd, whichever user it runs as"
fi

# --- a client of one's own may say any line: what it did stands beside it
perl "$TMP/call.pl" "$HOME_DIR" '{"id":1,"method":"config.set","params":{"line":"show version","replace":"username/joe","values":{"username/joe/role":"admin"}}}' >/dev/null
audited "admin +admin +local +ok +config.set +show version"
ok $? "the audit trail names the method"
is "$("$BIN/primesh" --home "$HOME_DIR" -c "show audit last 1 | json" | jq -c '.audit[0] | [.method, .line, .settings]')" \
    '["config.set","show version","username/joe/role, username/joe"]' "and the settings, but not their values"
like "$(tail -1 "$HOME_DIR/log/audit.log")" 'method=config.set line="show version" settings=username/joe/role, username/joe$' "so does its log"
configure "no username joe"
is "$("$BIN/primesh" --home "$HOME_DIR" -c "show audit last 1 | json" | jq -c '.audit[0] | [.method, .settings]')" \
    '["config.unset","username/joe"]' "those that are removed, too"

# --- a connection whose process has ended, and whose number somebody's session has got: it is not that session's
cat >"$TMP/reuse.py" <<'P'
import json, os, signal, socket, subprocess, sys

home, keys = sys.argv[1], sys.argv[2:]
offer = subprocess.run(keys, capture_output=True, text=True).stdout  # this process stands for sshd
voucher = offer.split("--session ")[1].split('"')[0]
ours, theirs = socket.socketpair()

def call(connection, method, params):
    connection.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
    return connection.makefile().readline()

def uptime():
    with open("/proc/uptime") as ticks:
        return ticks.read().split()[0]

ended = os.fork()
if ended == 0:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(home + "/run/control.sock")
    call(connection, "daemon.state", {})  # so that it is accepted
    socket.send_fds(theirs, [b"x"], [connection.fileno()])
    os._exit(0)
connection = socket.socket(fileno=socket.recv_fds(ours, 1, 1)[1][0])
os.waitpid(ended, 0)
session = None
now = uptime()
while uptime() == now:  # a number comes back after many others, never within one tick of the clock
    pass
for attempt in range(1000):
    try:
        with open("/proc/sys/kernel/ns_last_pid", "w") as last:
            last.write(str(ended - 1))
    except OSError:
        break
    session = os.fork()
    if session == 0:
        signal.pause()
    if session == ended:
        break
    os.kill(session, signal.SIGKILL)
    os.waitpid(session, 0)
print(call(connection, "session.whoami", {"voucher": voucher}))
if session == ended:
    os.kill(session, signal.SIGKILL)
P
# shellcheck disable=SC2086
like "$(timeout 20 python3 "$TMP/reuse.py" "$HOME_DIR" $KEYS $BOB_KEY)" "\"denied\".*the process that opened this connection has ended" \
    "a voucher is refused from a connection whose opener has ended"

# --- without primed
node_stop
as bob "show privilege"
is "$OUT" "Current privilege level is 1" "without primed bob is still a user"
as bob "ncs start"
is "$STATUS" 1 "and may start nothing"
as alice "ncs start"
is "$STATUS" 0 "alice may, where her shell can prove who she is: it runs as the node's own user here, or as root"
as alice "show clock"
is "$STATUS" 255 "and with the start goes what was not written: her account"
LEAKS=$(grep -rl "Secret\|BEGIN OPENSSH" "$HOME_DIR" 2>/dev/null)
is "$LEAKS" "" "no private key in the home"
done_testing
