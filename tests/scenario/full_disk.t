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

add first
is "$STATUS" 0 "there is space: a pin is added"
sh_ "ncs certvalidation tofu-certs listcerts"
BEFORE=$OUT
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
rm "$HOME_DIR/ballast"
add later
is "$STATUS" 0 "it works again when space returns: $ERR"
node_stop
node_start
is "$?" 0 "it starts again"
sh_ "ncs certvalidation tofu-certs listcerts"
like "$OUT" "host=later.example_443" "and everything acknowledged is there"
done_testing
