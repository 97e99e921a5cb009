#!/usr/bin/env bash
# A pair under a writer of numbered changes while everything fails that may: HA_ROUNDS rounds (200), each a fault picked at
# random, its length too. Ends with the proof and the counts. HA_SEED: the same faults again.
BIN=$(cd "$(dirname "$0")/../.." && pwd)/build/bin
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/netns.sh"
. "$ROOT/tests/lib/ha.sh"
. "$ROOT/tests/lib/ha_faults.sh"
skip_all() {
    echo "skipped: $1"
    exit 0
}
netns_require
ROUNDS=${HA_ROUNDS:-200}
RANDOM=${HA_SEED:=$$}
PROVED_EVERY=20
faults=(cut_both cut_to_secondary cut_to_primary primary_isolated secondary_isolated loss delay flapping altered repeated
    primary_frozen secondary_frozen primary_blinks primary_killed secondary_killed both_killed both_stopped full_disk planned
    "killed_in_failover a" "killed_in_failover b" "killed_in_failback a" "killed_in_failback b" "killed_in_registration a"
    "killed_in_registration b" clock)
if [ -r /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1 ]; then
    NODE_ENV_OF=clocked
else
    unset 'faults[-1]' # no libfaketime here: the clock stays
fi
echo "seed $HA_SEED, $ROUNDS rounds"
faults_up "virtual-ip ipv4 10.77.0.100" || { echo "the pair did not come up"; exit 1; }
failed=0
for ((round = 1; round <= ROUNDS; round++)); do
    # shellcheck disable=SC2206
    one=(${faults[RANDOM % ${#faults[@]}]})
    HOLD=$(awk -v seed="$RANDOM" 'BEGIN { srand(seed); printf "%.2f", 0.3 + 1.2 * rand() }')
    if ! fault "${one[@]}"; then
        echo "round $round, ${one[*]} of $HOLD s: the pair did not come back"
        failed=1
        break
    fi
    if ((round % PROVED_EVERY == 0)); then
        if ! proved=$(faults_proved); then
            echo "after round $round: $proved"
            failed=1
            break
        fi
        echo "after round $round: $proved"
        writer_start
    fi
done
proved=$(faults_proved) || failed=1
for one in "${!FAULT_COUNT[@]}"; do echo "$one: ${FAULT_COUNT[$one]} times, ${FAULT_FAILED[$one]:-0} failed"; done | sort
echo "$proved"
if [ $failed != 0 ]; then
    KEPT=${TMPDIR:-/tmp}/ha_faults.$$
    mkdir -p "$KEPT" && for node in a b; do cp -r "$TMP/$node/log" "$KEPT/$node"; on "$node" "ncs ha status" && echo "$OUT" >"$KEPT/$node/status"; done
    cp "$TMP/record" "$KEPT"
    echo "logs: $KEPT"
fi
exit $failed
