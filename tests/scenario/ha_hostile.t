#!/usr/bin/env bash
# A pair among strangers: another key, another version, a third node, requests without a proof, junk, slow clients, half-open
# connections. In network namespaces; on the released programs.
BIN=${HOSTILE_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/bin}
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/netns.sh"
. "$ROOT/tests/lib/ha.sh"
netns_require
HEARTBEAT=500
A=${NODE_ADDRESS[a]} B=${NODE_ADDRESS[b]}
hostile() { in_ c timeout 60 /usr/bin/python3 "$ROOT/tests/lib/ha_hostile.py" "$@"; }
events() { on a "ncs ha history | json"; jq '.events | length' <<<"$OUT"; }
unmoved() { # unmoved <events before> <name>: nothing happened to the pair
    is "$(events)/$(state_of a)/$(state_of b)" "$1/Primary Active/Secondary Syncing" "$2"
}

netns_up
at_exit pair_down
for node in a b c; do
    pair_conf "$node"
    node_start "$node"
    on "$node" "ncs ha authkey $AUTHKEY"
    configure "$node" ha "heartbeat interval $HEARTBEAT misses 3"
done

# --- another key
on b "ncs ha authkey Another-key-2"
register
is "$STATUS" 1 "with another key there is no pair"
like "$ERR" "Authentication key does not match between primary $A and secondary servers $B" "and it is said in the known words"
is "$(state_of a)/$(state_of b)" "HA not Configured/HA not Configured" "both stand alone"
on b "ncs ha authkey $AUTHKEY"

# --- another version
node_ b stop
mkdir "$TMP/other" && for program in primed primesh; do perl -pe 's/0\.1\.0/0.1.9/g' "$BIN/$program" >"$TMP/other/$program"; done
chmod 755 "$TMP/other"/*
BIN="$TMP/other" node_start b
register
is "$STATUS" 1 "with another version there is no pair"
like "$ERR" "0\.1\.[09].*0\.1\.[09]" "both versions are named"
is "$(state_of a)/$(state_of b)" "HA not Configured/HA not Configured" "both stand alone"
node_ b stop
node_start b

# --- the pair, and a third node that knows the key
register
is "$STATUS" 0 "the pair is registered"
wait_for 20 healthy
before=$(events)
OUT=$("$BIN/primesh" --home "$TMP/c" -c "ncs ha register secondary-server $A password-stdin" <<<"$AUTHKEY" 2>"$TMP/err")
is $? 1 "a third node cannot take the primary for its secondary: $(head -1 "$TMP/err")"
OUT=$("$BIN/primesh" --home "$TMP/c" -c "ncs ha register secondary-server $B password-stdin" <<<"$AUTHKEY" 2>"$TMP/err")
is $? 1 "nor the secondary: $(head -1 "$TMP/err")"
unmoved "$before" "the pair did not notice"
node_ c stop

# --- one that knows the key and gives itself out for the secondary: its id, its records, its sealing key, but another
# certificate and address
node_ b stop
rm -rf "$TMP/c" && cp -a "$TMP/b" "$TMP/c" && rm "$TMP/c/keys/server.pem"
sed -i "s/^listen = .*/listen = ${NODE_ADDRESS[c]}/" "$TMP/c/node.conf"
node_start b
wait_for 20 healthy
before=$(events)
on a "ncs certvalidation tofu-certs deletecert host ${NODE_ADDRESS[c]}_8082" # that it called before is no help
node_start c
refused() { on c "ncs ha status"; [[ $OUT == *"is in a pair with another server"* ]]; }
wait_for 20 refused
ok $? "whoever gives itself out for the secondary is refused"
configure a "logging loglevel 3"
is $? 0 "a change meanwhile"
level_of() { on "$1" "show running-config | include loglevel"; echo "${OUT##* }"; }
is "$(level_of b)/$(level_of c)" "3/6" "goes to the secondary, and not to it"
on c "ncs ha remove force"
unmoved "$before" "nor can it take the pair apart"
node_ c stop

# --- the key changes on one of both: what was proved before counts no more
on a "ncs ha authkey Another-key-3"
wait_for 30 is_state b "Secondary Lost Primary"
ok $? "another key puts out who proved the one before"
wait_for 30 is_state a "Primary Lost Secondary"
ok $? "which follows no more"
on a "ncs ha authkey $AUTHKEY"
wait_for 30 healthy
ok $? "the same key on both again, and the pair is what it was"
before=$(events)

# --- requests without a proof
asked=$(hostile ask "$A" 8082)
is "$(grep -c ' 200$' <<<"$asked")" 1 "only hello answers who has not proved anything"
like "$asked" "/ha/v1/hello 200" "and hello does"
sed 's/^/# /' <<<"$asked"
unmoved "$before" "the pair did not notice"

# --- junk
hostile junk "$A" 8082 300
hostile junk "$B" 8082 300
ok $? "600 connections full of junk"
unmoved "$before" "the pair did not notice"

# --- slow clients and half-open connections
strangers=()
hostile slow "$A" 8082 100 4 >"$TMP/slow" & strangers+=($!)
hostile open "$A" 8082 1000 6 >"$TMP/open" & strangers+=($!)
hostile open "$B" 8082 1000 6 >"$TMP/open.b" & strangers+=($!)
wait_for 20 test -s "$TMP/open"
START=$(date +%s%N)
configure a "hostname prime-x"
ELAPSED=$((($(date +%s%N) - START) / 1000000))
ok $((ELAPSED > 2000)) "a change is confirmed by the standby meanwhile ($ELAPSED ms, $(cat "$TMP/open") open connections)"
wait "${strangers[@]}"
unmoved "$before" "the pair did not notice"
done_testing
