#!/usr/bin/env bash
# primed's life: first start, second instance, SIGTERM, stale leftovers, taken ports, services.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"

# --- what stands against a start: one sentence each
node_conf "port = 99999"
node_start
is "$?" 1 "a bad node.conf is refused"
like "$(cat "$TMP/primed.err")" "node.conf line [0-9]+: \"99999\" is not a number from 1 to 65535" "with file, line and reason"

perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 8082, Listen => 1) or die;
    $| = 1; print "up\n"; sleep 60' "$ADDRESS" >"$TMP/squatter" &
SQUATTER=$!
at_exit "kill $SQUATTER 2>/dev/null"
wait_for 5 grep -q up "$TMP/squatter"
node_conf
node_start
is "$?" 1 "a taken port stops the start"
like "$(cat "$TMP/primed.err")" "$ADDRESS.*8082: another program has it" "and is named"
kill $SQUATTER
wait $SQUATTER 2>/dev/null

# --- first start
node_up
[ -S "$HOME_DIR/run/control.sock" ]
ok $? "the control socket is there"
is "$(stat -c %a "$HOME_DIR/keys")" 700 "keys/ is closed to others"
is "$(find "$HOME_DIR/keys" -type f -perm /077 | wc -l)" 0 "and so is every key"
like "$(openssl s_client -connect "$ADDRESS:8082" </dev/null 2>/dev/null | openssl x509 -noout -subject)" "CN = node" \
    "it serves a certificate of its own"
like "$(curl -sk "https://$ADDRESS:8082/ha/v1/hello")" '"product":"primesh"' "hello says what it is"
is "$(curl -sk -o /dev/null -w '%{http_code}' "https://$ADDRESS:8082/")" 404 "and nothing else is there"
is "$(curl -sk -o /dev/null -w '%{http_code}' -X POST -d x "https://$ADDRESS:8082/ha/v1/hello")" 405 "nor another method"
if [ "$(id -u)" = 0 ]; then
    is "$(stat -c %U "/proc/$(writer_pid)")" nobody "the half that meets the outside is not root"
fi
like "$(cat "/proc/$(writer_pid)/status")" "Seccomp:.2" "and runs under a system-call filter"

sh_ "ncs certvalidation tofu-certs listcerts"
like "$OUT" "host=${ADDRESS}_8082;  subject= /CN=node" "the node's pin of itself is listed"
wait_for 10 grep -q "self check of ${ADDRESS}_8082 succeeded" "$HOME_DIR/log/health_monitor.log"
ok $? "the health monitor checks the node itself"

# --- a second instance
ERRORS=$("$BIN/primed" --home "$HOME_DIR" 2>&1)
is "$?" 1 "a second primed on the same home is refused"
like "$ERRORS" "primed: another primed" "in one sentence"
sh_ "ncs status"
is "$STATUS" 0 "the first goes on"
like "$OUT" "^Health Monitor Server is running. \( \[Role\] Primary \[State\] HA not Configured \)" "ncs status, first line"

# --- services
PID=$(node_pid)
sh_ "ncs stop"
is "$STATUS" 0 "ncs stop"
curl -sk --max-time 2 "https://$ADDRESS:8082/ha/v1/hello" >/dev/null
is "$?" 7 "the port is closed"
sh_ "ncs status"
is "$STATUS $ERR" "1 " "ncs status has status 1, without another word"
like "$OUT" "^Health Monitor Server is stopped\." "and says stopped"
sh_ "ncs status | json"
is "$STATUS $(jq -c '.services[0]' <<<"$OUT")" '1 {"service":"Health Monitor Server","state":"stopped","detail":""}' "as data, too"
sh_ "do ncs status"
is "$STATUS$ERR" 1 "through do, too"
sh_ "show tech-support"
is "$STATUS" 0 "which is no failure of show tech-support"
sh_ "ncs stop"
is "$STATUS" 1 "stopping twice fails"
like "$ERR" "stopped already" "and says so"
sh_ "ncs certvalidation tofu-certs listcerts"
is "$STATUS" 0 "lists are still there"
sh_ "ncs start"
is "$STATUS" 0 "ncs start"
is "$(node_pid)" "$PID" "primed itself stayed"
sh_ "ncs restart"
is "$STATUS" 0 "ncs restart"
like "$(curl -sk "https://$ADDRESS:8082/ha/v1/hello")" primesh "and it serves again"

# --- SIGTERM
START=$(date +%s%N)
kill -TERM "$PID"
wait_for 5 not alive "$PID"
[ $((($(date +%s%N) - START) / 1000000)) -lt 2000 ]
ok $? "SIGTERM ends it within 2 s"
[ -z "$(pgrep -f "primed --home $HOME_DIR")" ]
ok $? "both halves are gone"
sh_ "ncs certvalidation tofu-certs listcerts"
is "$STATUS" 0 "without primed, lists are still there"
sh_ "ncs certvalidation tofu-certs deletecert host ${ADDRESS}_8082"
is "$STATUS" 3 "without primed, a change exits with 3"
like "$ERR" "primed does not answer" "and says why"

# --- primed that is there but hangs, and one that goes away under a command
node_start
WRITER=$(writer_pid)
kill -STOP "$WRITER"
START=$SECONDS
sh_ "ncs status"
is "$STATUS" 3 "a primed that hangs: status 3"
[ $((SECONDS - START)) -le 15 ]
ok $? "after ten seconds"
like "$ERR" "% Error: primed does not answer on .*: not a word within 10 s
it is there, but hangs; end both of its processes" "with what to do: $ERR"
"$BIN/primesh" --home "$HOME_DIR" -c "ncs status" >/dev/null 2>"$TMP/err" &
ASKING=$!
connected() { [ "$(ss -Hxp 2>/dev/null | grep -c "pid=$ASKING,")" -gt 0 ]; }
wait_for 5 connected
kill -KILL "$WRITER"
wait "$ASKING"
is "$?" 3 "one that goes away under a command: status 3"
like "$(cat "$TMP/err")" "% Error: primed closed the connection .*start it with: ncs start" "and what to do"
wait_for 5 not pgrep -f "primed --home $HOME_DIR"
like "$(tail -1 "$HOME_DIR/log/application.log")" "primed's unprivileged half was ended by signal 9 \(Killed\): primed ends" "the node's log says so"
is "$(stat -c %U "$HOME_DIR/log/application.log")" "$(stat -c %U "$HOME_DIR/log")" "and stays its owner's"
sh_ "do ncs status"
is "$STATUS" 3 "through do, too"

# --- kill -9 leaves a stale socket and pid file
echo "#!/bin/sh" >"$HOME_DIR/ssh/askpass" # as an older version had ssh run it
node_start
ok $? "it starts again"
[ ! -e "$HOME_DIR/ssh/askpass" ]
ok $? "and takes away the program that an older version kept in the home"
kill -KILL "$(writer_pid)" "$(node_pid)"
wait_for 5 not pgrep -f "primed --home $HOME_DIR"
[ -S "$HOME_DIR/run/control.sock" ]
ok $? "kill -9 leaves the socket behind"
sh_ "ncs start"
is "$STATUS" 0 "ncs start launches primed over it"
sh_ "ncs status"
is "$STATUS" 0 "and it answers"

# --- a damaged store
node_stop
cp "$HOME_DIR/store/data.mdb" "$TMP/data.mdb"
truncate -s 5000 "$HOME_DIR/store/data.mdb"
node_start
is "$?" 1 "a truncated store is refused"
like "$(cat "$TMP/primed.err")" "damaged|truncated|shorter" "and says so: $(head -1 "$TMP/primed.err")"
like "$(cat "$TMP/primed.err")" "move the folder .*/store away and start primed, which makes an empty store; then restore a backup" "with what to do"
head -c 40000 /dev/urandom >"$HOME_DIR/store/data.mdb"
node_start
is "$?" 1 "a store of junk is refused"
sh_ "ncs certvalidation tofu-certs listcerts"
[ "$STATUS" -ne 0 ] && [ -n "$ERR" ]
ok $? "by the shell too: $(echo "$ERR" | head -1)"
cp "$TMP/data.mdb" "$HOME_DIR/store/data.mdb"
node_start
is "$?" 0 "put back, it starts"
node_stop

# --- a lost part of the home is not replaced without a word
mv "$HOME_DIR/keys/seal.key" "$TMP/seal.key"
node_start
is "$?" 1 "a lost sealing key stops the start"
like "$(cat "$TMP/primed.err")" "the sealing key .*/keys/seal.key is lost.*put it back; else move the folder store away" "with what to do"
"$BIN/primed" --home "$HOME_DIR" --prove-voucher </dev/null
[ ! -e "$HOME_DIR/keys/seal.key" ]
ok $? "and nothing makes another one"
cp -p "$TMP/seal.key" "$HOME_DIR/keys/seal.key"
node_start
is "$?" 0 "put back, it starts"
node_stop
unlike "$(cat "$HOME_DIR/log/application.log")" "no store beside" "its log knew of no lost store so far"
mv "$HOME_DIR/store" "$TMP/store"
node_start
is "$?" 0 "a node without a store starts with an empty one"
like "$(cat "$HOME_DIR/log/application.log")" "there was no store beside this node's keys: it begins with an empty one" "and its log says so"
cmp -s "$TMP/seal.key" "$HOME_DIR/keys/seal.key"
ok $? "the sealing key is the one it had"
node_stop
rm -r "$HOME_DIR/store"
mv "$TMP/store" "$HOME_DIR/store"

# --- a home that cannot be written
if [ "$(id -u)" != 0 ]; then
    chmod 500 "$HOME_DIR/store"
    node_start
    is "$?" 1 "a store that cannot be written is refused"
    chmod 700 "$HOME_DIR/store"
fi
ERRORS=$("$BIN/primed" --home /proc/primesh 2>&1)
is "$?" 1 "a home that cannot be made is refused"
like "$ERRORS" "primed: cannot make the folder /proc/primesh" "in one sentence"
done_testing
