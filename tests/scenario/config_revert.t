#!/usr/bin/env bash
# configure terminal revert: the old configuration comes back unless it is confirmed, whatever dies meanwhile.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"

node_up
running() { "$BIN/primesh" --home "$HOME_DIR" -c "show running-config"; }
hostname_is() { running | grep -qx "hostname $1"; }
lines() { printf '%s\n' "$@" | "$BIN/primesh" --home "$HOME_DIR" >"$TMP/out" 2>"$TMP/err"; }
fresh_start() { wait_for 5 not pgrep -f "primed --home $HOME_DIR" && node_start; }

# --- confirmed in time
lines "configure terminal" "hostname old" "repository kept" "ip domain-name unsaved.example"
OLD=$(running)
lines "configure terminal revert timer 5" "hostname new" "no repository kept"
is "$?" 0 "configure terminal revert timer"
like "$(cat "$TMP/out")" "The configuration of now comes back at [0-9:]+ [A-Z]+ unless this is given before: configure confirm" \
    "says when"
hostname_is new
ok $? "what is changed applies at once"
lines "configure terminal revert timer 5"
like "$(cat "$TMP/err")" "a configuration waits to be confirmed already" "a second one is refused"
sh_ "write memory"
like "$ERR" "the running configuration waits to be confirmed and is not written" "what is not confirmed is not written"
sh_ "configure confirm"
is "$STATUS" 0 "configure confirm"
hostname_is new
ok $? "keeps the new configuration"
sh_ "configure confirm"
is "$STATUS" 1 "confirming twice fails"
like "$ERR" "no configuration waits to be confirmed" "and says so"

# --- back by hand, and by the clock with the session gone
lines "configure terminal" "hostname old" "repository kept"
lines "configure terminal revert timer 5" "hostname new" "no repository kept"
sh_ "configure revert"
is "$(running)" "$OLD" "configure revert puts the old configuration back"

lines "configure terminal revert timer 0.02" "hostname new" "no repository kept" "logging loglevel 3" \
    "username eve role admin"
hostname_is new
ok $? "the new configuration runs"
wait_for 10 hostname_is old
ok $? "nobody confirms: the old hostname is back"
is "$(running)" "$OLD" "and all the rest"
sh_ "show audit last 1"
like "$OUT" "primed +admin +local +ok +- +configure revert" "the audit trail says who did it"
grep -q "nobody confirmed the configuration in time" "$HOME_DIR/log/application.log"
ok $? "and the log why"

# --- a person at a terminal whose session is killed
cat >"$TMP/killed.exp" <<'X'
set timeout 10
spawn $env(BIN)/primesh --home $env(HOME_DIR)
expect -exact "old/admin# "; send "configure terminal revert timer 0.05\r"
expect -exact "old/admin(config)# "; send "hostname new\r"
expect -exact "new/admin(config)# "
exec kill -KILL [exp_pid]
puts KILLED
X
BIN=$BIN HOME_DIR=$HOME_DIR expect "$TMP/killed.exp" >"$TMP/killed.out" 2>&1
like "$(cat "$TMP/killed.out")" KILLED "the session is killed in configuration mode"
hostname_is new
ok $? "its change runs"
wait_for 10 hostname_is old
ok $? "until its time is over"

# --- primed killed before the time is over
lines "configure terminal revert timer 5" "hostname new" "no ip domain-name"
hostname_is new
ok $? "the new configuration runs"
kill -KILL "$(writer_pid)" "$(node_pid)"
fresh_start
is "$(running)" "$OLD" "after kill -9 of primed the old configuration is back, what was not written of it too"
grep -q "nobody confirmed the configuration before the restart" "$HOME_DIR/log/application.log"
ok $? "the log says why"
sh_ "configure confirm"
like "$ERR" "no configuration waits to be confirmed" "and there is nothing to confirm any more"
is "$(find "$HOME_DIR/store" -name '*.mdb' | wc -l)" 2 "the store is whole"

# --- primed killed, and the time over before it starts again
lines "configure terminal" "hostname old" "repository kept" "ip domain-name unsaved.example"
lines "configure terminal revert timer 0.02" "hostname new"
kill -KILL "$(writer_pid)" "$(node_pid)"
sleep_until=$(($(date +%s%N) / 1000000 + 1300))
wait_for 5 eval '[ $(($(date +%s%N) / 1000000)) -gt '$sleep_until' ]'
fresh_start
is "$(running)" "$OLD" "so it is when the time was over meanwhile"

# --- services restarted within the time
lines "configure terminal revert timer 5" "hostname new"
sh_ "ncs restart"
like "$OUT" "keep it with: configure confirm" "ncs restart says what keeps it"
is "$(running)" "$OLD" "ncs restart within the time brings the old configuration back"

# --- bad times
for bad in 0 0.001 1441 -1 x 1e2 nan; do
    sh_ "configure terminal revert timer $bad"
    is "$STATUS" 2 "\"$bad\" is no time"
done
done_testing
