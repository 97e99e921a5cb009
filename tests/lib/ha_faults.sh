# What may go wrong with a pair, each as one function that makes it, waits for what follows, and makes it good again.
# After tests/lib/ha.sh. HOLD: seconds that a fault lasts where nothing else ends it.

HOLD=${HOLD:-1}

pause() { sleep "$(awk -v most="$1" -v seed="$RANDOM" 'BEGIN { srand(seed); print rand() * most }')"; } # at most so many seconds
lost() { ! is_state a "Primary Active" || ! is_state b "Secondary Syncing"; }
off() { local other; for other in a b c; do [ "$other" = "$1" ] || wire_both cut "$1" "$other"; done; } # a node's network

fault_cut_both() { wire_both cut a b; wait_for 10 lost; sleep "$HOLD"; wire heal; }
fault_cut_to_secondary() { wire cut a b; wait_for 10 lost; sleep "$HOLD"; wire heal; }
fault_cut_to_primary() { wire cut b a; wait_for 10 lost; sleep "$HOLD"; wire heal; }
fault_primary_isolated() { off a; wait_for 10 is_state b "Secondary (Active|Lost Primary)"; sleep "$HOLD"; wire heal; }
fault_secondary_isolated() { off b; wait_for 10 lost; sleep "$HOLD"; wire heal; }
fault_loss() { wire_both loss a b 30; sleep "$HOLD"; wire heal; }
fault_delay() { wire_both delay a b 500; sleep "$HOLD"; wire heal; }
fault_flapping() {
    local i
    for i in 1 2 3 4 5 6; do wire_both cut a b; pause 0.4; wire heal; pause 0.4; done
}
fault_altered() { wire_both alter a b 5; sleep "$HOLD"; wire heal; }
fault_repeated() { wire_both repeat a b 50; sleep "$HOLD"; wire heal; }
fault_primary_frozen() { node_ a freeze; wait_for 10 is_state b "Secondary (Active|Lost Primary)"; pause "$HOLD"; node_ a thaw; }
fault_secondary_frozen() { node_ b freeze; sleep "$HOLD"; node_ b thaw; }
fault_primary_blinks() { node_ a freeze; pause 0.5; node_ a thaw; }
fault_primary_killed() { node_ a kill; pause "$HOLD"; node_ a start; }
fault_secondary_killed() { node_ b kill; pause "$HOLD"; node_ b start; }
fault_both_killed() { node_ a kill; node_ b kill; node_ b start; node_ a start; }
fault_both_stopped() {
    kill -TERM "${PRIMED[a]}" "${PRIMED[b]}"
    node_ a stop; node_ b stop
    node_ b start; node_ a start
}
fault_full_disk() {
    dd if=/dev/zero of="$TMP/b/ballast" bs=64k status=none 2>/dev/null
    sleep "$HOLD"
    rm -f "$TMP/b/ballast"
}
fault_clock() { # the secondary's, then the primary's, an hour there and back; needs CLOCK_FILES
    echo "+1h" >"$TMP/clock.b"; sleep "$HOLD"; echo "-1h" >"$TMP/clock.a"; sleep "$HOLD"
    echo "+0" >"$TMP/clock.a"; echo "+0" >"$TMP/clock.b"
}
fault_planned() { on b "ncs ha failover"; }
fault_killed_in_failover() { # kill -9 of one of both at some moment of a planned failover
    local victim=$1
    on b "ncs ha failover" &
    pause 0.3
    node_ "$victim" kill
    wait $!
    node_ "$victim" start
}
fault_killed_in_failback() {
    local victim=$1
    on b "ncs ha failover"
    wait_for 15 ready_for_failback
    on b "ncs ha failback" &
    pause 0.3
    node_ "$victim" kill
    wait $!
    node_ "$victim" start
}
fault_killed_in_registration() {
    local victim=$1
    on a "ncs ha remove force"
    wait_for 10 is_state b "Stand Alone|HA not Configured" || on b "ncs ha remove force"
    # outside a pair a restart puts the startup configuration in place: what was acknowledged so far shall be in it
    on a "copy running-config startup-config"
    echo '{"registered": true}' >>"$TMP/record"
    register &
    pause 0.8
    node_ "$victim" kill
    wait $!
    node_ "$victim" start
}
ready_for_failback() { is_state b "Secondary Active" && is_state a "Primary Syncing"; }

# A pair that is under way, with the writer at it: `faults_up`, then `fault <name> [<argument>]` as often as wanted, then
# `faults_proved`. Counts go to FAULT_COUNT[<name>].
declare -A FAULT_COUNT=() FAULT_FAILED=()

faults_up() { # faults_up [<further lines of the primary's configuration>...]
    local node
    netns_up
    at_exit pair_down
    mkdir -p "$TMP/a" "$TMP/b"
    # a disk of its own, which can be full without anybody else's suffering
    mount -t tmpfs -o size=96m tmpfs "$TMP/b" && at_exit 'umount -l "$TMP/b"'
    for node in a b; do
        echo "+0" >"$TMP/clock.$node"
        pair_conf "$node"
        node_start "$node" || return 1
        on "$node" "ncs ha authkey $AUTHKEY"
    done
    configure a ha "heartbeat interval $HEARTBEAT misses $MISSES" "failover-type automatic" "$@" # the witness: the gateway, c
    configure b ha "heartbeat interval $HEARTBEAT misses $MISSES"
    register
    on a "copy running-config startup-config"
    converge 30 || return 1
    writer_start
}

fault() { # fault <name> [<argument>]: 0 if the pair came back to what it was, and takes changes
    local started=$SECONDS
    FAULT_LAST=
    "fault_$1" "${@:2}"
    FAULT_COUNT[$*]=$((${FAULT_COUNT[$*]:-0} + 1))
    if converge 90 && wait_for 30 more_written "$(written)"; then
        FAULT_LAST="after $((SECONDS - started)) s"
        return 0
    fi
    FAULT_FAILED[$*]=$((${FAULT_FAILED[$*]:-0} + 1))
    return 1
}

faults_proved() { # what was proved, or what is wrong; 0: nothing is
    writer_stop
    converge 40
    check_pair
}
