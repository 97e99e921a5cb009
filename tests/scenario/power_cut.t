#!/usr/bin/env bash
# kill -9 of primed at random moments while pins are written: what was acknowledged is there, nothing is half there.
# 200 rounds on the released programs: a sanitizer would only make the moments rarer.
BIN=${BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/bin}
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
ROUNDS=${ROUNDS:-100}
node_conf "monitor-interval-ms = 3600000"
mkdir -p "$HOME_DIR/repository/defaultRepo"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=pinned -days 400 \
    -out "$HOME_DIR/repository/defaultRepo/pinned.pem" 2>/dev/null
chmod -R a+rX "$HOME_DIR"
at_exit 'pkill -KILL -f "primed --home $HOME_DIR"'

number=0
: >"$TMP/acknowledged"
lost=0
bad_starts=0
for ((round = 1; round <= ROUNDS; round++)); do
    if ! node_start; then
        bad_starts=$((bad_starts + 1))
        sed "s/^/# round $round: /" "$TMP/primed.err"
        break
    fi
    # one session writes pin after pin and says which were acknowledged
    for ((i = 0; i < 400; i++)); do
        echo "ncs certvalidation tofu-certs addcert host pin$((number + i)).example_443 certfile pinned.pem repository defaultRepo"
        echo "ncs certvalidation tofu-certs showcert host pin$((number + i)).example_443 | include ^Host"
    done | timeout 20 "$BIN/primesh" --home "$HOME_DIR" --stop-on-error 2>/dev/null | sed -n 's/^Host: *\(pin[0-9]*\).*/\1/p' >>"$TMP/acknowledged" &
    writer=$!
    sleep "0.0$((RANDOM % 90 + 10))"
    kill -KILL "$(writer_pid)" "$(node_pid)" 2>/dev/null
    wait "$writer"
    wait_for 5 not pgrep -f "primed --home $HOME_DIR"
    number=$((number + 400))
done
node_start
ok $? "primed starts after $ROUNDS power cuts"
is "$bad_starts" 0 "and did each time"
sh_ "ncs certvalidation tofu-certs listcerts"
is "$STATUS" 0 "the list can be read"
echo "$OUT" | sed -n 's/^host=\(pin[0-9]*\).*/\1/p' | sort >"$TMP/listed"
sort -u "$TMP/acknowledged" >"$TMP/wanted"
[ "$(wc -l <"$TMP/wanted")" -gt "$ROUNDS" ]
ok $? "$(wc -l <"$TMP/wanted") pins were acknowledged"
is "$(comm -23 "$TMP/wanted" "$TMP/listed" | wc -l)" 0 "every acknowledged pin is there"
is "$(echo "$OUT" | grep '^host=pin' | grep -vc '^host=pin[0-9]*\.example_443;  subject= /CN=pinned$')" 0 "none is half there"
sh_ "ncs certvalidation tofu-certs listcerts detail | count"
is "$STATUS" 0 "and each has its certificate"
sh_ "show audit | json"
is "$(echo "$OUT" | jq '[.audit[] | select(.result == "ok" and (.line | test("addcert")))] | length')" "$(wc -l <"$TMP/listed")" \
    "the audit trail has exactly one entry a pin"
node_stop
done_testing
