#!/usr/bin/env bash
# Sessions of random keystrokes under AddressSanitizer; `make soak` runs 10,000.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up
/usr/bin/python3 "$ROOT/tests/soak/keystrokes.py" 100 "${SEED:-1}" "$BIN/primesh" --home "$HOME_DIR"
ok $? "100 sessions: no crash, none stuck"
sh_ "show clock"
is "$STATUS" 0 "the node is well afterwards"
# What was typed in part by chance may have changed the node: its logs must still be lines, one entry each.
is "$(LC_ALL=C grep -avcE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{12} ' "$HOME_DIR/log/audit.log")" 0 "the audit log holds entries only"
done_testing
