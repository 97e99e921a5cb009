#!/usr/bin/env bash
# show interface and show tech-support: on a node that works, and on one that does not.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up

sh_ "show interface"
like "$STATUS $OUT" "^0 Interface +State +Addresses +Received +Sent.*lo +up +127\.0\.0\.1/8" "show interface: names and addresses"
is "$(sh_ "show interface lo | json"; echo "$OUT" | jq -r '.interfaces | map(.interface) | join(" ")')" lo "one of them, as JSON"
sh_ "show interface nothing0"
like "$STATUS $ERR" "^1 % Error: there is no interface nothing0
those there are: show interface" "one that is not there"

sh_ "show tech-support"
is "$STATUS$ERR" 0 "show tech-support"
for part in "show version" "ncs ha status" "show running-config" "ncs certvalidation tofu-certs listcerts detail" \
    "show audit last 200" "show logging application last 500"; do
    like "$OUT" "------------------ $part ------------------

[^-]" "has: $part"
done
is "$(echo "$OUT" | grep "cannot be shown")" "cannot be shown: there is no CTL file" "what a new node has not, it says"
unlike "$OUT" "% invalid|% incomplete|% ambiguous" "all its commands are commands"
sh_ "show tech-support | json"
is "$(echo "$OUT" | jq -c '[.version.product, (.interfaces | length > 0), (.policies | length)]')" '["primesh",true,4]' \
    "as one JSON document"
sh_ "show tech-support | save support.txt repository defaultRepo"
is "$STATUS$OUT" 0 "into a file"
like "$(cat "$HOME_DIR/repository/defaultRepo/support.txt")" "show version.*show logging application" "that holds it all"

node_stop
sh_ "show tech-support"
is "$STATUS" 0 "without primed"
like "$OUT" "show uptime ------------------

cannot be shown: .*primed.*show inventory ------------------

Item" "it says what cannot be shown, and shows the rest"
done_testing
