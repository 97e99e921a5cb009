#!/usr/bin/env bash
# Registered servers of a pair: the standby has them, each node's password sealed by its own key, asks them nothing and changes
# nothing of them; after a failover it goes on where the other one stopped, with the same pins.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
. "$ROOT/tests/lib/pair.sh"
TOFU="ncs certvalidation tofu-certs"
INTERVAL_MS=500
pair_prepare
for node in prime-pri prime-sec; do
    on $node "copy running-config startup-config"
    lab stop $node >/dev/null
    echo "server-interval-ms = $INTERVAL_MS" >>"$LAB/$node/node.conf"
    lab start $node >/dev/null
done

asked() { lab log "$1" | grep -c -- "GET\|POST"; }
asked_more() { [ "$(asked "$1")" -gt "$2" ]; }
listed() { "$BIN/primesh" --home "$LAB/$1" -c "ncs server $2 list | json" | jq -r '.servers[] | [.address, .port, .state] | join(" ")'; }
lists() { [ "$(listed "$1" "$2")" = "$3" ]; }
pin_of() { "$BIN/primesh" --home "$LAB/$1" -c "$TOFU showcert host $2" | grep -oE '([0-9A-F]{2}:){31}[0-9A-F]{2}' | head -1; }
STANDBY="1 % Error: this node is the standby of prime-pri \($PRI\), the active node of the pair: make this change there"

# One from before there is a pair, one from after.
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.21 username admin port $ISE_PORT timeout 5 password-stdin"
is "$STATUS$ERR" 0 "an ISE is registered on a node that stands alone"
pair_register
is "$STATUS" 0 "the pair is registered${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the pair stands"
lists prime-sec ise "$NET.21 $ISE_PORT reachable"
ok $? "the standby has the ISE, and its state"
with_password prime-pri "$DNAC_PASSWORD" "ncs server dnac add $NET.22 username admin port $DNAC_PORT timeout 5 password-stdin"
is "$STATUS$ERR" 0 "a DNA Center is registered on the active node"
lists prime-sec dnac "$NET.22 $DNAC_PORT reachable"
ok $? "and is on the standby when the command ends"
for host in "$ISE" "$DNAC"; do
    is "$(pin_of prime-sec "$host")" "$(pin_of prime-pri "$host")" "with the pin of $host"
done
[ -n "$(pin_of prime-sec "$ISE")" ]
ok $? "which is one"

# ---- the standby changes nothing, and gives no password to anybody

for command in "ncs server ise add $NET.31 username admin port $ISE_PORT password-stdin" \
    "ncs server ise edit $NET.21 password-stdin" "ncs server dnac add $NET.32 username admin password-stdin save-unreachable"; do
    with_password prime-sec "Secret-for-nobody-1" "$command"
    like "$STATUS $ERR" "$STANDBY" "on the standby: ${command%% username*}"
done
for command in "ncs server ise add $NET.31 username admin" "ncs server ise edit $NET.21 password" "ncs server ise delete $NET.21" "ncs server dnac delete $NET.22" "ncs server ise test $NET.21"; do
    on prime-sec "$command"
    like "$STATUS $ERR" "$STANDBY" "on the standby: $command"
done
is "$(listed prime-sec ise)/$(listed prime-sec dnac)" "$NET.21 $ISE_PORT reachable/$NET.22 $DNAC_PORT reachable" "nothing changed"
on prime-sec "ncs server ise show $NET.21"
like "$OUT" "User name: +admin" "it shows what is registered"

# ---- the active node asks, the standby does not

BEFORE=$(asked ise)
wait_for 10 asked_more ise $((BEFORE + 2))
ok $? "the active node asks the ISE again and again"
on prime-pri "ncs stop"
wait_for 30 is_state prime-sec "Secondary Lost Primary"
BEFORE="$(asked ise) $(asked dnac)"
# several of its intervals pass: as many as its own heartbeats are counted, which go on meanwhile
missed() { "$BIN/primesh" --home "$LAB/prime-sec" -c "ncs ha status | json" | jq -r .ha.state; }
END=$((SECONDS + 3))
while [ $SECONDS -lt $END ]; do missed >/dev/null; done
is "$(asked ise) $(asked dnac)" "$BEFORE" "with the active node stopped nobody asks: the standby does not"
on prime-pri "ncs start"
states "Primary Active" "Secondary Syncing" "the pair stands again"
wait_for 10 asked_more ise "${BEFORE% *}"
ok $? "and the active node goes on"

# ---- changes go to the standby

with_password prime-pri "$ISE_PASSWORD" "ncs server ise edit $NET.21 timeout 9 password-stdin"
is "$STATUS$ERR" 0 "edit on the active node"
on prime-sec "ncs server ise show $NET.21"
like "$OUT" "Timeout in seconds: 9" "is on the standby"
lab mood ise 500 >/dev/null
wait_for 10 lists prime-sec ise "$NET.21 $ISE_PORT unexpected answer"
ok $? "what the active node meets is known on the standby"
lab mood ise normal >/dev/null
wait_for 20 lists prime-sec ise "$NET.21 $ISE_PORT reachable"
ok $? "that it is over, too"

# ---- failover

PINS="$(pin_of prime-pri "$ISE") $(pin_of prime-pri "$DNAC")"
FIRST_SEEN=$(grep -c "first use" "$LAB/prime-sec/log/application.log")
crash prime-pri
wait_for 30 is_state prime-sec "Secondary Lost Primary"
BEFORE="$(asked ise) $(asked dnac)"
on prime-sec "ncs ha failover"
is "$STATUS" 0 "failover${ERR:+: $ERR}"
wait_for 20 asked_more ise "${BEFORE% *}"
ok $? "the new active node asks the ISE"
wait_for 20 asked_more dnac "${BEFORE#* }"
ok $? "and the DNA Center"
is "$(lab log ise | tail -1 | grep -c ' 200')" 1 "which takes the password"
on prime-sec "ncs server ise test $NET.21"
like "$STATUS $OUT" "0 .*The ISE server $NET.21 is reachable." "test works with the password that was sealed again"
on prime-sec "ncs server dnac test $NET.22"
like "$STATUS $OUT" "0 .*The DNA Center server $NET.22 is reachable." "for the DNA Center as well"
is "$(pin_of prime-sec "$ISE") $(pin_of prime-sec "$DNAC")" "$PINS" "by the same pins"
is "$(grep -c "first use" "$LAB/prime-sec/log/application.log")" "$FIRST_SEEN" "no host was met for the first time again"
is "$("$BIN/primesh" --home "$LAB/prime-sec" -c "$TOFU listcerts" | grep -c -e "$ISE" -e "$DNAC")" 2 "and each is listed once"

# A certificate that is another one since is not taken for a first one.
lab renew ise >/dev/null
HEARD=$(lab log ise | grep -c HTTP)
wait_for 10 lists prime-sec ise "$NET.21 $ISE_PORT certificate mismatch"
ok $? "a renewed certificate is refused by the new active node"
is "$(lab log ise | grep -c HTTP)" "$HEARD" "and hears no password"
on prime-sec "$TOFU deletecert host $ISE"
on prime-sec "ncs server ise test $NET.21"
is "$STATUS" 0 "the published cure works there${ERR:+: $ERR}"

# ---- what the new active node does reaches the old one

on prime-sec "ncs server dnac delete $NET.22"
is "$STATUS" 0 "the new active node deletes one"
with_password prime-sec "$DNAC_PASSWORD" "ncs server dnac add $NET.22 username admin port $DNAC_PORT timeout 5 password-stdin"
is "$STATUS$ERR" 0 "and registers it again"
with_password prime-sec "$ISE_PASSWORD" "ncs server ise edit $NET.21 timeout 11 password-stdin"
is "$STATUS$ERR" 0 "and edits the other one"
revive prime-pri
states "Primary Syncing" "Secondary Active" "the old primary follows"
wait_for 20 same_revision
on prime-pri "ncs server ise show $NET.21"
like "$OUT" "Timeout in seconds: 11" "it has the change"
on prime-sec "ncs ha failback"
is "$STATUS" 0 "failback${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "back where it was"
for server in "ise test $NET.21" "dnac test $NET.22"; do
    on prime-pri "ncs server $server"
    is "$STATUS$ERR" 0 "on the primary: ncs server $server"
done
BEFORE=$(asked ise)
wait_for 10 asked_more ise $((BEFORE + 1))
ok $? "and it asks again"

# ---- nowhere in clear, on neither node

for password in "$ISE_PASSWORD" "$DNAC_PASSWORD" Secret-for-nobody-1; do
    is "$(grep -rlaF -e "$password" -e "$(printf 'admin:%s' "$password" | base64 -w0 | tr -d =)" "$LAB/prime-pri" "$LAB/prime-sec")" "" \
        "no file of the pair holds a password in clear"
done
done_testing
