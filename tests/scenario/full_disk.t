#!/usr/bin/env bash
# A full disk: a clear store-full error, the old data whole, and it works again when there is space.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
[ "$(id -u)" = 0 ] || skip_all "a small disk can only be mounted by root"
mkdir -p "$HOME_DIR"
mount -t tmpfs -o size=4m,mode=755 none "$HOME_DIR" 2>/dev/null || skip_all "a tmpfs cannot be mounted here"
at_exit "umount -l '$HOME_DIR'"
node_up "monitor-interval-ms = 3600000"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=pinned -days 400 \
    -out "$HOME_DIR/repository/defaultRepo/pinned.pem" 2>/dev/null
chmod -R a+rX "$HOME_DIR/repository"
add() { sh_ "ncs certvalidation tofu-certs addcert host $1.example_443 certfile pinned.pem repository defaultRepo"; }

EXPORTED=$HOME_DIR/repository/defaultRepo/pins.json

add first
is "$STATUS" 0 "there is space: a pin is added"
sh_ "ncs certvalidation tofu-certs listcerts"
BEFORE=$OUT
sh_ "ncs certvalidation tofu-certs exportcerts pins.json repository defaultRepo"
cp "$EXPORTED" "$TMP/exported"
dd if=/dev/zero of="$HOME_DIR/ballast" bs=4k 2>/dev/null
# a refused pin leaves a page or two for the next one, so each form is tried until it is refused
until_refused() { # until_refused <host prefix> <modifier>
    for ((i = 0; i < 200; i++)); do
        sh_ "ncs certvalidation tofu-certs addcert host $1$i.example_443 certfile pinned.pem repository defaultRepo$2"
        [ "$STATUS" = 0 ] || break
    done
}
until_refused pin ""
is "$STATUS" 1 "a full disk refuses the next pin"
like "$ERR" "% Error: .*(full|space)" "in a clear sentence: $(echo "$ERR" | head -1)"
until_refused again " | json"
is "$(echo "$OUT" | jq -r .error.code)" store-full "with the code store-full"
sh_ "ncs certvalidation tofu-certs listcerts | include first.example"
is "$STATUS" 0 "lists go on"
like "$OUT" "host=first.example_443;  subject= /CN=pinned" "the old data is whole"
dd if=/dev/zero of="$HOME_DIR/ballast" bs=4k oflag=append conv=notrunc 2>/dev/null
sh_ "ncs certvalidation tofu-certs exportcerts pins.json repository defaultRepo overwrite"
like "$STATUS $ERR" "1 % Error: .*No space" "an export has no room"
cmp -s "$EXPORTED" "$TMP/exported"
ok $? "the file of the export before is whole"
sh_ "show version | save version.txt repository defaultRepo"
like "$STATUS $ERR" "1 % Error: the disk is full: the file has 0 bytes so far, and [0-9]+ more have no room" "what is saved has none either"
is "$(find "$HOME_DIR/repository" -name '.*' -type f | wc -l)" 0 "and no half of a file lies beside it"
for ((i = 0; i < 60; i++)); do
    echo "ncs certvalidation tofu-certs deletecert host none$i.example_443"
done | "$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>&1
rm "$HOME_DIR/ballast"
add later
is "$STATUS" 0 "it works again when space returns: $ERR"
like "$(cat "$HOME_DIR/log/audit.log")" "[0-9]+ records? w[a-z]+ lost: No space left on device" "audit.log says what it lost"
is "$(grep -cvE '^[0-9-]{10} [0-9:.]{12} ' "$HOME_DIR/log/audit.log") $(grep -cE 'none.*20[0-9]{2}-[0-9]{2}-[0-9]{2} ' "$HOME_DIR/log/audit.log")" "0 0" \
    "and holds no half of a line"
node_stop
node_start
is "$?" 0 "it starts again"
sh_ "ncs certvalidation tofu-certs listcerts"
like "$OUT" "host=later.example_443" "and everything acknowledged is there"
done_testing
