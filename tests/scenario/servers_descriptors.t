#!/usr/bin/env bash
# Few descriptors: primed takes what it may have, leaves enough for the shells, and says where they ended.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"

start_with() { # start_with <ulimit's arguments>
    # shellcheck disable=SC2086
    (ulimit $1 && exec "$BIN/primed" --home "$HOME_DIR" 2>"$TMP/primed.err")
}

node_conf
start_with "-n 40"
is "$? $(cat "$TMP/primed.err")" "1 primed: this process may have 40 descriptors, and needs 128
primed: raise the limit where it was lowered (ulimit -Hn, LimitNOFILE)" "40 are too few to start with"

at_exit node_stop
start_with "-Sn 200"
is $? 0 "a shell's small limit"
HARD=$(ulimit -Hn)
[ "$HARD" != unlimited ] && [ "$HARD" -le 65536 ] || HARD=65536
is "$(awk '/open files/ { print $4 }' "/proc/$(writer_pid)/limits")" "$HARD" "is raised as far as it may be"
node_stop

start_with "-n 200"
is $? 0 "200 are few"
cat >"$TMP/idle.pl" <<'P'
# idle.pl <count> <address> <port> or <count> <socket>: connects, says nothing, and stays until it is killed
use strict;
use IO::Socket::INET;
use IO::Socket::UNIX;
my ($count, $peer, $port) = @ARGV;
my @kept;
for (1 .. $count) {
    push @kept, $port ? IO::Socket::INET->new(PeerAddr => $peer, PeerPort => $port) : IO::Socket::UNIX->new(Peer => $peer);
}
$| = 1;
print "up\n";
sleep 600;
P
idle() { # idle <name> <arguments of idle.pl>
    local name=$1
    shift
    perl "$TMP/idle.pl" "$@" >"$TMP/$name.out" 2>&1 &
    IDLE=$!
    at_exit "kill $IDLE 2>/dev/null"
    wait_for 20 grep -q up "$TMP/$name.out"
}
shell() { # as sh_, but not for ever
    OUT=$(timeout 60 "$BIN/primesh" --home "$HOME_DIR" -c "$1" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}
wait_for 10 grep -q "self check of ${ADDRESS}_8082 succeeded" "$HOME_DIR/log/health_monitor.log"
idle silent 600 "$ADDRESS" 8082
START=$SECONDS
shell "ncs status"
[ "$STATUS" = 0 ] && [ $((SECONDS - START)) -lt 10 ]
ok $? "600 silent connections to 8082: the shell gets its answer in $((SECONDS - START)) s"
answers_itself() { curl -sk -o /dev/null --max-time 3 "https://$ADDRESS:8082/"; }
wait_for 40 answers_itself
ok $? "and 8082 answers who speaks"
kill "$IDLE"

LOG=$HOME_DIR/log/application.log
idle shells 300 "$HOME_DIR/run/control.sock"
START=$SECONDS
shell "ncs status"
like "$STATUS $ERR" "1 % Error: primed is out of descriptors" "as many silent shells: the next one hears why it gets no answer"
[ $((SECONDS - START)) -lt 10 ]
ok $? "within $((SECONDS - START)) s"
is "$(grep -c "the control socket is out of descriptors.*Too many open files" "$LOG")" 1 "application.log says it once"
answers() {
    shell "ncs status"
    [ "$STATUS" = 0 ]
}
kill "$IDLE"
wait_for 10 answers
ok $? "all is well once they are gone"
done_testing
