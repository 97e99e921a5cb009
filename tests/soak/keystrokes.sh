#!/usr/bin/env bash
# 10,000 sessions of random keystrokes under AddressSanitizer, as many at once as there are processors.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
make -C "$ROOT" --no-print-directory -j2 MODE=asan all || exit 1
node_up
jobs=$(nproc)
each=$((${SOAK_SESSIONS:-10000} / jobs))
first=$((RANDOM * 100000))
pids=()
for ((i = 0; i < jobs; i++)); do
    /usr/bin/python3 "$ROOT/tests/soak/keystrokes.py" $each $((first + i * each)) "$BIN/primesh" --home "$HOME_DIR" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid"
    ok $? "$each sessions: no crash, none stuck"
done
sh_ "show clock"
is "$STATUS" 0 "the node is well afterwards"
done_testing
