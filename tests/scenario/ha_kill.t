#!/usr/bin/env bash
# kill -9 of the primary and of the secondary at each step of a registration, a failover and a failback: the moment the log
# of one of both tells of the step. Each time both come back, find to each other, and take changes again; in the end no
# change that was acknowledged as replicated is lost, and no epoch had two active nodes.
BIN=${KILL_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/bin}
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/netns.sh"
. "$ROOT/tests/lib/ha.sh"
. "$ROOT/tests/lib/ha_faults.sh"
netns_require
faults_up "failover-type manual" || { echo "Bail out! no pair"; exit 1; }
MISSED=

# Runs a command while somebody waits for the step, kills one, and starts it again.
killed_at() { # killed_at <victim> <node whose log tells> <text> <command>...
    local victim=$1 pids pid killer command
    pids=$(halves "$victim")
    rm -f "$TMP/killer"
    # shellcheck disable=SC2086
    /usr/bin/python3 "$ROOT/tests/lib/ha_kill.py" "$TMP/$2/log/health_monitor.log" "$3" $pids >"$TMP/killer" &
    killer=$!
    wait_for 5 grep -qs ready "$TMP/killer"
    "${@:4}" &
    command=$!
    if ! wait "$killer"; then
        MISSED="$MISSED [$2: $3]"
        sed 's/^/# /' "$TMP/on.err"
        node_ "$victim" kill
    fi
    for pid in $pids; do wait_for 5 ended "$pid"; done
    wait $command
    node_ "$victim" start
}

fault_registration() {
    on a "ncs ha remove force"
    wait_for 10 is_state b "Stand Alone|HA not Configured" || on b "ncs ha remove force"
    on a "copy running-config startup-config"
    echo '{"registered": true}' >>"$TMP/record"
    killed_at "$1" "$2" "$3" register
}
fault_failover() { killed_at "$1" "$2" "$3" on b "ncs ha failover"; }
fault_failback() {
    on b "ncs ha failover"
    wait_for 10 ready_for_failback
    killed_at "$1" "$2" "$3" on b "ncs ha failback"
}

at_each_step() { # at_each_step <what> <"node:text">...
    local what=$1 step victim
    for step in "${@:2}"; do
        for victim in a b; do
            fault "$what" "$victim" "${step%%:*}" "-> ${step#*:} ("
            ok $? "$what, ${step#*:}: kill -9 of $([ $victim = a ] && echo primary || echo secondary), $FAULT_LAST"
        done
    done
}

at_each_step failover "b:Secondary Failover" "a:Primary Failover" "a:Primary Uncertain" "b:Secondary Active" \
    "a:Primary Preparing for Failback"
at_each_step failback "b:Secondary Failback" "a:Primary Failback" "b:Secondary Post Failback" "a:Primary Active" \
    "b:Secondary Syncing"
at_each_step registration "a:HA Initializing" "b:HA Initializing" "b:Secondary Syncing" "a:Primary Active"
is "$MISSED" "" "each step was seen"
faults_proved >"$TMP/proved"
ok $? "no acknowledged change is lost, no epoch had two active nodes, both hold the same: $(head -1 "$TMP/proved")"
sed 's/^/# /' "$TMP/proved"
done_testing
