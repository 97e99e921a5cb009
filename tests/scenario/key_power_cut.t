#!/usr/bin/env bash
# kill -9 of primed while a new certificate is made and takes over: afterwards the node starts, serves one of the two, whole, and its
# pin of itself agrees.
BIN=${BIN:-$(dirname "$0")/../../build/bin}
BIN=$(cd "$BIN" && pwd)
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up
ROUNDS=${ROUNDS:-12}

served() { openssl s_client -connect "$ADDRESS:8082" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 | sed 's/.*=//'; }
# Nobody may have collected it yet.
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
stage() { echo "$OUT" | jq -r ".keys[] | select(.state == \"$1\") | .sha256"; }

broken=0 kept=0 taken=0 wrong=0 silent=0 left=0
for ((i = 0; i < ROUNDS; i++)); do
    old=$(served)
    sh_ "ncs key genkey -newdn algorithm ec force"
    sh_ "ncs key show | json"
    new=$(stage waiting)
    writer=$(writer_pid)
    broker=$(node_pid)
    "$BIN/primesh" --home "$HOME_DIR" -c "ncs restart" >/dev/null 2>&1 &
    shell=$!
    perl -e 'select undef, undef, undef, rand 0.03'
    kill -KILL "$writer"
    wait "$shell"
    wait_for 10 gone "$broker" || silent=$((silent + 1))
    node_start || silent=$((silent + 1))
    now=$(served)
    [ "$now" = "$new" ] && taken=$((taken + 1)) # the start after the cut finishes what was begun
    [ "$now" = "$old" ] && kept=$((kept + 1))
    sh_ "ncs key show | json"
    [ "$(echo "$OUT" | jq -r '[.keys[] | .problem // empty] | length')" = 0 ] || broken=$((broken + 1))
    [ "$(stage in-service) $(stage previous)" = "$new $old" ] || broken=$((broken + 1))
    sh_ "ncs certvalidation tofu-certs verify host ${ADDRESS}_8082"
    [ "$STATUS" = 0 ] || wrong=$((wrong + 1))
    left=$((left + $(find "$HOME_DIR/keys" -name '*.??????' ! -name '*.sealed' | grep -cE '\.(pem|sealed)\.')))
done
is "$silent" 0 "the node starts every time"
is "$broken" 0 "every stage is whole: the new one in service, the old one kept"
is "$((kept + taken)) $taken" "$ROUNDS $ROUNDS" "the new certificate is served after the next start"
is "$wrong" 0 "the node's pin of itself agrees with what it serves"
is "$left" 0 "no half-written key is left lying"
done_testing
