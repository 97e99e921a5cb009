#!/usr/bin/env bash
# The pair on two real nodes: key, registration, status, replication, failover with and without a living primary,
# failback, restarts, removal, and kill -9 in the middle of a registration.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/pair.sh"
lab_up
PRI=$NET.11
SEC=$NET.12

# A failback needs a primary that follows: after a restart that takes a moment.
fail_back() {
    fails_back() { "$BIN/primesh" --home "$LAB/prime-sec" -c "ncs ha failback" >/dev/null 2>"$TMP/err"; }
    wait_for 30 fails_back
}

# ---- a node that never had a pair ----
on prime-pri "ncs ha status"
is "$OUT" "[State] Stand Alone" "a node without a pair stands alone"
on prime-pri "ncs status"
like "$OUT" "^Health Monitor Server is running. \( \[Role\] Primary \[State\] HA not Configured \)" "ncs status says so too"
for command in failover failback; do
    on prime-pri "ncs ha $command"
    is "$STATUS" 1 "no $command without a pair"
    is "$OUT$(grep -c '^% Error: there is nothing to fail ' <<<"$ERR")" 1 "and it says why, and nothing else"
done
on prime-pri "ncs ha remove force"
is "$OUT$ERR" "% Error: this server is in no pair" "nothing to remove"
on prime-pri "ncs ha remove"
is "$OUT$ERR" "% Error: this server is in no pair" "and nothing to ask"
HELLO=$(curl -sk "https://$PRI:8082/ha/v1/hello")
is "$(jq -r '.role + " " + (keys | join(","))' <<<"$HELLO")" "standalone node,product,role,version" "hello says who, and no state"
is "$(curl -sk -o /dev/null -w '%{http_code}' -X POST "https://$PRI:8082/ha/v1/heartbeat")" 403 "nothing else answers a stranger"

# ---- authkey ----
on prime-pri "ncs ha authkey $(printf 'x%.0s' {1..132})"
is "$STATUS" 1 "a key of 132 characters is refused"
unlike "$ERR" "xxxx" "and not repeated"
OUT=$(echo "$(printf 'x%.0s' {1..131})" | "$BIN/primesh" --home "$LAB/prime-pri" -c "ncs ha authkey password-stdin")
is "$OUT" "Going to update primary authentication key
Successfully updated primary authentication key" "one of 131 is taken, and the published lines are printed"
on prime-pri "ncs ha authkey typed-secret"
on prime-pri "show audit last 3"
like "$OUT" "ncs ha authkey \*+" "the audit trail masks it"
unlike "$(cat "$LAB"/prime-pri/log/*.log "$LAB"/prime-pri/history/* 2>/dev/null)" "typed-secret" "neither logs nor history hold it"
grep -q "typed-secret" "$LAB/prime-pri/store/data.mdb"
is $? 1 "nor does the store"

# ---- a registration that cannot be ----
configure prime-pri ha "heartbeat interval $HEARTBEAT_MS misses $MISSES"
configure prime-sec ha "heartbeat interval $HEARTBEAT_MS misses $MISSES"
pair_register
like "$ERR" "% Error: no secondary server is configured" "without a secondary"
pair_register secondary-server "$PRI"
like "$ERR" "is this server itself" "with itself"
pair_register secondary-server "$SEC"
is "$STATUS" 1 "no key on the secondary"
like "$ERR" "Pre-HA Registration failed: no authentication key is set on $SEC" "and it says where"
echo "something else" | tr -d ' ' | "$BIN/primesh" --home "$LAB/prime-sec" -c "ncs ha authkey password-stdin" >/dev/null
pair_register secondary-server "$SEC"
is "$STATUS" 1 "another key on the secondary"
like "$ERR" "Authentication key does not match between primary $PRI and secondary servers $SEC" "the published sentence"
on prime-pri "ncs ha status"
like "$OUT" "^\[State\] Stand Alone" "and it stands alone as before"
like "$OUT" "Last registration: .*Authentication key does not match" "the status remembers why"
on prime-pri "ncs certvalidation tofu-certs listcerts"
unlike "$OUT" "$SEC" "who did not prove itself was not pinned"
echo "$AUTHKEY" | "$BIN/primesh" --home "$LAB/prime-sec" -c "ncs ha authkey password-stdin" >/dev/null

# ---- registration ----
configure prime-sec "logging loglevel 3"
configure prime-pri "logging loglevel 7"
pair_register secondary-server "$SEC" failover-type manual
is "$STATUS" 0 "register succeeds${ERR:+: $ERR}"
is "$(grep -c '100%' <<<"$OUT")" 3 "three milestones to 100 %"
like "$OUT" "Pre-HA Registration   \[#{40}\] 100%" "as bars"
is "$(grep -oE '[0-9]+%' <<<"$OUT" | grep -vxE '0%|50%|100%')" "" "without a terminal at 0, 50 and 100 % alone"
is "$(tail -1 <<<"$OUT")" "Configuration Mode: Primary Active" "the last line is the published one"
states "Primary Active" "Secondary Syncing" "both know it"
on prime-pri "ncs ha status"
is "$(head -1 <<<"$OUT")" "[Role] Primary [Secondary Server] $SEC [State] Primary Active [Failover Type] Manual" "ncs ha status on the primary"
on prime-sec "ncs ha status"
is "$(head -1 <<<"$OUT")" "[Role] Secondary [Primary Server] prime-pri($PRI) [State] Secondary Syncing [Failover Type] Manual" "and on the secondary"
on prime-sec "ncs status"
like "$OUT" "^Health Monitor Server is running. \( \[Role\] Secondary \[State\] Secondary Syncing \)" "ncs status on the secondary"
is "$(level_of prime-sec)" 7 "the secondary has the primary's records"
on prime-pri "ncs certvalidation tofu-certs listcerts"
like "$OUT" "host=${SEC}_8082;  subject= .*CN=prime-sec" "the peer is pinned"
on prime-pri "show running-config"
like "$OUT" " secondary-server $SEC" "what was given on the line is configured"
pair_register
is "$STATUS" 0 "registering a pair that stands changes nothing"
like "$OUT" "The pair stood already: nothing was copied" "and says so"
on prime-sec "ncs ha register secondary-server $PRI"
like "$OUT$ERR" "^% Error: .*this server is Secondary Syncing already" "the standby is refused before it is asked for a key"
on prime-sec "ncs ha check-readiness | json"
is "$(jq -r '.tests[] | select(.test == "Pair") | .primary + "/" + .secondary' <<<"$OUT")" "Primary Active/Secondary Syncing" \
    "check-readiness on the secondary: each in its column"
is "$(jq -r '.tests[] | select(.test == "Certificate trust") | .primary + "/" + .secondary' <<<"$OUT")" \
    "trusts the secondary/trusts the primary" "with the right words"

# ---- replication ----
for level in 4 5 6; do configure prime-pri "logging loglevel $level"; done
is "$(level_of prime-sec)" 6 "a change is on the standby when its command ends"
configure prime-sec "logging loglevel 3"
like "$(cat "$TMP/configure.out")" "% Error: this node is the standby of prime-pri \($PRI\), the active node of the pair" "the standby takes none, and names the active one"

# ---- planned failover and failback ----
on prime-sec "ncs ha failover"
is "$STATUS" 0 "planned failover${ERR:+: $ERR}"
like "$OUT" "Configuration Mode: Secondary Active" "to Secondary Active"
states "Primary Syncing" "Secondary Active" "the primary follows"
is "$(level_of prime-sec)" 6 "nothing was lost"
configure prime-sec "logging loglevel 5"
wait_for 20 same_revision
is "$(level_of prime-pri)" 5 "changes go the other way now"
on prime-pri "ncs ha failback"
is "$STATUS$OUT" 1 "failback is not for the primary"
on prime-sec "ncs ha failback"
is "$STATUS" 0 "failback${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "back where it was"
is "$("$BIN/primesh" --home "$LAB/prime-pri" -c "ncs ha status | json" | jq .ha.epoch)" 3 "two promotions, two epochs more"

# ---- the primary dies ----
crash prime-pri
wait_for 30 is_state prime-sec "Secondary Lost Primary"
is "$(state_of prime-sec)" "Secondary Lost Primary" "the secondary notices"
configure prime-sec "logging loglevel 3"
like "$(cat "$TMP/configure.out")" "% Error" "and takes no changes yet"
on prime-sec "ncs ha failover"
is "$STATUS" 0 "failover without the primary${ERR:+: $ERR}"
configure prime-sec "logging loglevel 4"
crash prime-sec
revive prime-sec
wait_for 30 is_state prime-sec "Secondary Active"
on prime-sec "ncs ha history"
like "$OUT" "Secondary Active +Secondary Uncertain +services started" "restarted, the active secondary serves nobody until it has asked"
like "$OUT" "Secondary Uncertain +Secondary Active +no answer from the peer +[0-9]+ +[^ ].*$PRI" "hearing nothing it goes on, and the history says why"
is "$(level_of prime-sec)" 4 "with all it had"
revive prime-pri
states "Primary Syncing" "Secondary Active" "the primary comes back as a standby"
wait_for 20 same_revision
is "$(level_of prime-pri)" 4 "and has what it missed"
crash prime-sec
revive prime-sec
states "Primary Syncing" "Secondary Active" "the active secondary restarts and is active again"
fail_back
states "Primary Active" "Secondary Syncing" "failback again"

# ---- the secondary dies ----
crash prime-sec
wait_for 30 is_state prime-pri "Primary Lost Secondary"
is "$(state_of prime-pri)" "Primary Lost Secondary" "the primary notices"
configure prime-pri "logging loglevel 7"
is $? 0 "and goes on"
on prime-pri "ncs restart"
wait_for 30 is_state prime-pri "Primary Alone"
is "$(state_of prime-pri)" "Primary Alone" "restarted without its secondary it is alone"
on prime-pri "ncs ha history"
like "$OUT" "Primary Lost Secondary +Primary Uncertain +services started" "after it was uncertain"
like "$OUT" "Primary Uncertain +Primary Alone +no answer from the peer +[0-9]+ +[^ ].*$SEC" "and the history says why it went on"
configure prime-pri "logging loglevel 3"
is "$?/$(level_of prime-pri)" "0/3" "alone, it takes changes"
configure prime-pri "logging loglevel 7"
revive prime-sec
states "Primary Active" "Secondary Syncing" "the secondary comes back"
wait_for 20 same_revision
is "$(level_of prime-sec)" 7 "and has what it missed"

# ---- both restart at once ----
crash prime-pri
crash prime-sec
revive prime-pri &
revive prime-sec
wait
states "Primary Active" "Secondary Syncing" "both restart at once"

# ---- both were active: the later epoch wins, and nothing is dropped silently ----
on prime-pri "ncs stop"
wait_for 30 is_state prime-sec "Secondary Lost Primary"
on prime-sec "ncs ha failover"
configure prime-sec "logging loglevel 3"
on prime-sec "ncs stop"
on prime-pri "ncs start"
wait_for 30 is_state prime-pri "Primary Alone"
is "$(state_of prime-pri)" "Primary Alone" "the primary starts with nobody to ask"
configure prime-pri "logging loglevel 4"
on prime-sec "ncs start"
states "Primary Syncing" "Secondary Active" "the later epoch wins"
wait_for 20 same_revision
is "$(level_of prime-pri)" 3 "its records are the pair's"
on prime-pri "ncs ha diverged"
like "$OUT" "diverged-[0-9]+.json" "what the other did is kept aside, and listed"
fail_back
states "Primary Active" "Secondary Syncing" "and on it goes"

# ---- a standby that does not answer ----
frozen=$(pgrep -P "$(cat "$LAB/prime-sec/run/primed.pid")")
kill -STOP "$frozen"
configure prime-pri "logging loglevel 5"
is $? 0 "a change while the standby is frozen"
kill -CONT "$frozen"
states "Primary Active" "Secondary Syncing" "thawed, it follows again"
wait_for 20 same_revision
is "$(level_of prime-sec)" 5 "and has what it missed"

# ---- by itself: fe80::1 without an interface is reachable from nowhere ----
configure prime-pri ha "failover-type automatic" "witness fe80::1"
crash prime-pri
wait_for 30 is_state prime-sec "Secondary Lost Primary"
on prime-sec "ncs ha status"
like "$OUT" "^\[Role\] Secondary .*\[Failover Type\] Automatic" "automatic is what the primary had configured"
revive prime-pri
states "Primary Active" "Secondary Syncing" "the primary is back before anybody took over: its witness did not answer"
configure prime-pri ha "witness 127.0.0.1"
crash prime-pri
wait_for 30 is_state prime-sec "Secondary Active"
is "$(state_of prime-sec)" "Secondary Active" "with a witness that answers the secondary takes over by itself"
revive prime-pri
states "Primary Syncing" "Secondary Active" "the primary comes back as a standby"
fail_back
states "Primary Active" "Secondary Syncing" "and is the active one again"

# ---- not by itself: it was stopped while the primary went on ----
on prime-sec "ncs stop"
wait_for 30 is_state prime-pri "Primary Lost Secondary"
configure prime-pri "logging loglevel 3"
is $? 0 "the primary goes on without a secondary that is stopped"
crash prime-pri
on prime-sec "ncs start"
wait_for 30 grep -q "stays as it is: it had not all changes" "$LAB/prime-sec/log/health_monitor.log"
ok $? "a secondary that was stopped meanwhile does not take over by itself"
is "$(state_of prime-sec)" "Secondary Lost Primary" "and waits for an admin"
revive prime-pri
states "Primary Active" "Secondary Syncing" "the primary comes back as the active one"
wait_for 20 same_revision
is "$(level_of prime-pri)/$(level_of prime-sec)" "3/3" "and what it did alone is the pair's"
configure prime-pri "logging loglevel 5"

# ---- history ----
on prime-pri "ncs ha history"
like "$OUT" "Primary Active +Primary Lost Secondary +peer lost" "the history has every step"
on prime-pri "ncs ha history | json"
is "$(jq -r '.events[1].to' <<<"$OUT")" "HA not Configured" "also of what failed"

# ---- removal ----
printf 'ncs ha remove\n' | "$BIN/primesh" --home "$LAB/prime-pri" >"$TMP/out" 2>"$TMP/err"
like "$(cat "$TMP/err")" "force" "remove without a terminal says how to answer"
crash prime-sec
on prime-pri "ncs ha remove force"
is "$STATUS" 0 "remove without the other one${ERR:+: $ERR}"
like "$OUT" "The other server could not be told" "and says so"
revive prime-sec
wait_for 30 is_state prime-sec "Secondary Lost Primary"
on prime-sec "ncs ha status"
like "$OUT" "is in no pair" "the other one learns why it is alone"
on prime-sec "ncs ha remove force"
is "$STATUS" 0 "and is removed on its own"
configure prime-sec "logging loglevel 5"
is "$(level_of prime-sec)" 5 "both take changes again"

# ---- kill -9 in the middle of a registration ----
# The sanitized programs take long enough for this to hit each step sooner or later; whatever it hits, both stand alone or
# both are a pair in the end, and the secondary has either all of its own records or all of the primary's.
count() { grep -c -e "$2" "$LAB/$1/log/health_monitor.log"; }
more() { [ "$(count "$1" "$2")" -gt "$3" ]; }
for round in 1 2 3 4; do
    configure prime-pri "logging loglevel 7"
    configure prime-sec "logging loglevel 6"
    victim=$([ $((round % 2)) = 0 ] && echo prime-pri || echo prime-sec)
    # the log is the quickest to tell how far it is
    initializing=$(count prime-sec "-> HA Initializing") syncing=$(count prime-sec "-> Secondary Syncing")
    (echo "$AUTHKEY" | "$BIN/primesh" --home "$LAB/prime-pri" -c "ncs ha register password-stdin secondary-server $SEC" >/dev/null 2>&1) &
    register=$!
    case $round in
    1 | 2) wait_for 10 more prime-sec "-> HA Initializing" "$initializing" ;;
    *) wait_for 10 more prime-sec "-> Secondary Syncing" "$syncing" ;;
    esac
    crash $victim
    wait $register
    revive $victim
    settled() {
        local both
        both="$(state_of prime-pri)/$(state_of prime-sec)"
        [ "$both" = "HA not Configured/HA not Configured" ] || [ "$both" = "Primary Active/Secondary Syncing" ]
    }
    wait_for 40 settled
    both="$(state_of prime-pri)/$(state_of prime-sec)"
    like "$both" "^(HA not Configured/HA not Configured|Primary Active/Secondary Syncing)$" "killed $victim, round $round: $both"
    case $both in
    HA*) like "$(level_of prime-sec)" "^[67]$" "the secondary's records are whole" ;;
    *) is "$(level_of prime-sec)" 7 "the secondary's records are the primary's" ;;
    esac
    "$BIN/primesh" --home "$LAB/prime-pri" -c "ncs ha remove force" >/dev/null 2>&1
    "$BIN/primesh" --home "$LAB/prime-sec" -c "ncs ha remove force" >/dev/null 2>&1
done

done_testing
