#!/usr/bin/env bash
# A pair in network namespaces under a writer of numbered changes, while its network, processes, disk and clock fail. A
# short series; tests/soak/ha_faults.sh is the long one. On the released programs: what is tested is time.
BIN=${FAULTS_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/bin}
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/netns.sh"
. "$ROOT/tests/lib/ha.sh"
. "$ROOT/tests/lib/ha_faults.sh"
netns_require
HOLD=0.5 HEARTBEAT=200
faults_up "virtual-ip ipv4 10.77.0.100"
ok $? "a pair of two nodes is registered"
for one in cut_both cut_to_secondary primary_isolated loss altered primary_frozen primary_killed secondary_killed both_killed \
    "killed_in_failover a" "killed_in_failback b" full_disk; do
    # shellcheck disable=SC2086
    fault $one
    ok $? "$one: the pair is what it was, and takes changes (${FAULT_LAST:-})"
done
node_ a kill
wait_for 20 is_state b "Secondary Active"
ok $? "a secondary whose witness is the default gateway takes over by itself, seeing of /proc what the service sees"
node_ a start && converge
ok $? "and gives back"
proved=$(faults_proved)
ok $? "nothing acknowledged is lost, nobody is active twice in an epoch, both hold the same: $(head -1 <<<"$proved")"
tail -n +2 <<<"$proved" | sed 's/^/# /'
done_testing
