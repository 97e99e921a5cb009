#!/usr/bin/env bash
# Who gave its role away, or was restored from a backup, does not become active because it hears nothing: the other one may
# be. And a restored node takes nothing away that the other one has.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/pair.sh"
pair_up
# nobody takes mail there: what is to be mailed waits, and can be looked at
configure prime-pri "mail-server 127.0.0.1 port 9 from prime@example.com to noc@example.com"
PASS="correct horse battery"
LOG=$LAB/prime-pri/log/health_monitor.log
SAYS="does not become active before it hears from the other one"
REPO=$LAB/prime-pri/repository/defaultRepo

mails() { on prime-pri "show notices" && grep -c "the pair waits for an admin: Primary Uncertain" <<<"$OUT"; }
mailed() { [ "$(mails)" -ge "$1" ]; }
said() { [ "$(grep -c "$SAYS" "$LOG")" -ge "$1" ]; }
either() { is_state prime-pri "Primary Active" && is_state prime-sec "Secondary Syncing" || is_state prime-sec "Secondary Active" && is_state prime-pri "Primary Syncing"; }
come_to_rest() {
    wait_for 40 either
    is_state prime-sec "Secondary Active" && on prime-sec "ncs ha failback"
    states "Primary Active" "Secondary Syncing" "$1"
}
back_up() { # the file's name in FILE
    printf '%s\n' "backup old repository defaultRepo password-stdin" "$PASS" | "$BIN/primesh" --home "$LAB/prime-pri" >/dev/null
    FILE=$(cd "$REPO" && ls -t old-*.backup | head -1)
}
restore() {
    printf '%s\n' "restore $FILE repository defaultRepo password-stdin force" "$PASS" |
        "$BIN/primesh" --home "$LAB/prime-pri" >"$TMP/restore.out" 2>&1
    is $? 0 "the primary is restored: $(tail -1 "$TMP/restore.out")"
}

# ---- a planned failover, and silence right after the primary let go ----
# Between that and the secondary's first word as the active one is but a moment: false where the kill came later.
let_go_and_die() {
    local killer
    PIDS="$(cat "$LAB/prime-sec/run/primed.pid")"
    PIDS="$PIDS $(pgrep -P "$PIDS")"
    rm -f "$TMP/killer"
    # shellcheck disable=SC2086
    /usr/bin/python3 "$ROOT/tests/lib/ha_kill.py" "$LOG" "-> Primary Uncertain (" $PIDS >"$TMP/killer" &
    killer=$!
    wait_for 10 grep -qs ready "$TMP/killer"
    on prime-sec "ncs ha failover"
    wait $killer || return 1
    for pid in $PIDS; do wait_for 5 dead "$pid"; done
    wait_for 10 said 1
}
for ((try = 1; try <= 6; try++)); do
    let_go_and_die && break
    revive prime-sec
    come_to_rest "the secondary was killed too late, try $try: they find out who is active"
done
[ $try -le 6 ]
ok $? "the secondary is killed the moment the primary has let go"
said 1
ok $? "the primary hears nothing, and its log says that it waits"
is "$(state_of prime-pri)" "Primary Uncertain" "it is not active"
configure prime-pri "logging loglevel 3"
like "$(cat "$TMP/configure.out")" "% Error: this node is the standby" "and takes no changes"
on prime-pri "ncs ha status"
like "$OUT" "Problem: +this server handed over, or was restored from a backup, and does not become active before it hears from" "ncs ha status says why"
like "$OUT" "What to do: +bring the other server back; if it is gone for good: .ncs ha remove force. here" "and what to do"
wait_for 10 mailed 1
ok $? "who gets the pair's notices is told, too"
crash prime-pri
revive prime-pri
wait_for 30 said 2
ok $? "a restart does not make it forget"
is "$(state_of prime-pri)" "Primary Uncertain" "it still waits"
revive prime-sec
come_to_rest "once both hear each other they find out who is active"

# ---- a restored primary, and a secondary with all that happened since ----
configure prime-pri "logging loglevel 4"
MAILS=$(mails)
back_up
configure prime-pri "logging loglevel 6"
wait_for 20 same_revision
restore
wait_for 40 is_state prime-pri "Primary Uncertain"
on prime-pri "ncs ha status"
like "$OUT" "Problem: +.*$SEC.* has changes that this server lacks: this one was restored from a backup, or lost them" "the restored primary sees what it lacks"
like "$OUT" "What to do: +.ncs ha failover. on the other server makes it the active one" "and says what to do"
wait_for 10 mailed $((MAILS + 1))
ok $? "by mail, too"
configure prime-pri "logging loglevel 3"
like "$(cat "$TMP/configure.out")" "% Error" "it takes no changes"
is "$(level_of prime-sec)" 6 "the secondary has what it had"
on prime-sec "ncs ha failover"
is "$STATUS" 0 "failover to the secondary${ERR:+: $ERR}"
states "Primary Syncing" "Secondary Active" "the restored primary follows"
wait_for 20 same_revision
is "$(level_of prime-pri)/$(level_of prime-sec)" 6/6 "and has what happened since the backup"
on prime-sec "ncs ha digest"
is "$STATUS" 0 "both hold the same${ERR:+: $ERR}"
on prime-sec "ncs ha failback"
states "Primary Active" "Secondary Syncing" "and takes over again"

# ---- a restored primary with nothing but what the secondary has ----
back_up
restore
states "Primary Active" "Secondary Syncing" "a backup of this very moment needs nobody's help"

# ---- a restored primary, and a secondary that is gone for good ----
back_up
crash prime-sec
wait_for 30 is_state prime-pri "Primary Lost Secondary"
BEFORE=$(grep -c "$SAYS" "$LOG")
restore
wait_for 40 said $((BEFORE + 1))
is "$(state_of prime-pri)" "Primary Uncertain" "in silence it waits"
on prime-pri "ncs ha remove force"
is "$STATUS" 0 "until an admin decides${ERR:+: $ERR}"
configure prime-pri "logging loglevel 5"
is "$?/$(level_of prime-pri)" "0/5" "then it serves"
done_testing
