#!/usr/bin/env bash
# A pair is upgraded node by node, as docs/operations.md says, and takes changes at every step. The later version is this
# one with another number in it, so what is proved is the order of the steps, and that a pair of two versions works.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/pair.sh"
LATER=$TMP/later
NOW=$(sed -n 's/^#define PRODUCT_VERSION "\(.*\)"/\1/p' "$ROOT/base/version.h")
NEXT=${NOW%?}$(((${NOW: -1} + 1) % 10)) # as long as the one it replaces
mkdir "$LATER"
for program in primed primesh; do
    LC_ALL=C sed "s/\\b${NOW//./\\.}\\b/$NEXT/g" "$BIN/$program" >"$LATER/$program"
    chmod +x "$LATER/$program"
done
is "$("$LATER/primed" --version)" "primed $NEXT" "there is a later version"

upgrade() { # upgrade <node>: what a package does to it
    local pid
    pid=$(cat "$LAB/$1/run/primed.pid")
    kill -TERM "$pid"
    wait_for 10 dead "$pid"
    "$LATER/primed" --home "$LAB/$1" 2>>"$TMP/upgrade.err"
}
LEVEL=4
changes() { # changes <active node> <when>: one is taken, and is on both
    LEVEL=$(((LEVEL + 1) % 8))
    configure "$1" "logging loglevel $LEVEL"
    is "$? $(tail -n +2 "$TMP/configure.out")" "0 " "$2: a change is taken on the active node"
    wait_for 20 same_revision
    is "$(level_of prime-pri) $(level_of prime-sec)" "$LEVEL $LEVEL" "$2: both have it"
}

pair_up
upgrade prime-sec
states "Primary Active" "Secondary Syncing" "the standby is upgraded and follows"
changes prime-pri "primary $NOW, secondary $NEXT"
on prime-sec "ncs ha failover"
is "$STATUS" 0 "a failover to the later version"
states "Primary Syncing" "Secondary Active" "it is active, the earlier one follows"
changes prime-sec "the later one active"
fails_back() { on prime-sec "ncs ha failback" && [ "$STATUS" = 0 ]; }
wait_for 20 fails_back
states "Primary Active" "Secondary Syncing" "if it is no good: back to the earlier one, with all changes"
changes prime-pri "the earlier one active again"
on prime-sec "ncs ha failover"
states "Primary Syncing" "Secondary Active" "once more"
upgrade prime-pri
states "Primary Syncing" "Secondary Active" "the primary is upgraded and follows"
wait_for 20 fails_back
states "Primary Active" "Secondary Syncing" "failback"
changes prime-pri "both $NEXT"
on prime-pri "ncs ha diverged | json"
is "$(jq -c '.diverged // .[keys[0]]' <<<"$OUT")" "[]" "no change is on one node only"
on prime-pri "show version"
is "$STATUS" 0 "a shell of the earlier version reads the home of the later one"
is "$(cat "$TMP/upgrade.err")" "" "without a complaint"

# ---- a pair is not made of two versions ----
on prime-pri "ncs ha remove force"
pid=$(cat "$LAB/prime-pri/run/primed.pid")
kill -TERM "$pid"
wait_for 10 dead "$pid"
revive prime-pri
pair_register secondary-server "$SEC"
is "$STATUS" 1 "a registration between two versions is refused"
like "$ERR" "the secondary runs version $NEXT, and this server $NOW" "and says which"
like "$ERR" "bring both to the same version" "and what to do"
done_testing
