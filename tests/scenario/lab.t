#!/usr/bin/env bash
# primelab: up, status, renew, down; as the user who runs the tests and, where that is root, as an ordinary one too.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"

round() { # round <who> <command that runs primelab...>
    local who=$1
    shift
    OUT=$("$@" --network "$NET" up 2>&1)
    is "$?" 0 "$who: up"
    is "$(echo "$OUT" | grep -c ' up$')" 4 "$who: four processes"
    OUT=$("$@" status)
    is "$(echo "$OUT" | grep -c ' running ')" 4 "$who: status says running"
    local port
    port=$(cat "$LAB/ise/port")
    like "$OUT" "ise +[0-9]+ +$NET.21 +$port +running +$(shown_sha256 "$NET.21" "$port")" "$who: with the certificate that is shown"
    is "$(curl -sk -o /dev/null -w '%{http_code}' "https://$NET.21:$port/")" 404 "$who: the stand-in answers 404"
    OUT=$("$@" --network "$NET" up 2>&1)
    is "$? $(echo "$OUT" | grep -c 'runs already')" "0 4" "$who: up twice changes nothing"
    local before after
    before=$(shown_sha256 "$NET.12" 8082)
    "$@" renew prime-sec >/dev/null
    is "$?" 0 "$who: a node is renewed"
    after=$(shown_sha256 "$NET.12" 8082)
    [ -n "$after" ] && [ "$before" != "$after" ]
    ok $? "$who: and shows another certificate"
    OUT=$("$@" shell prime-sec -c 'ncs certvalidation tofu-certs history host '"$NET"'.12_8082 | json')
    is "$(echo "$OUT" | jq -r '.events[-1].event')" self-renewed "$who: its pin of itself followed"
    OUT=$("$@" shell prime-sec -c 'ncs certvalidation tofu-certs verify all')
    is "$?" 0 "$who: and matches"
    "$@" renew nobody-knows 2>"$TMP/err"
    is "$?" 2 "$who: an unknown server is an error"
    like "$(cat "$TMP/err")" "it has prime-pri, prime-sec, ise and dnac" "$who: that lists the known ones"
    OUT=$("$@" down)
    is "$? $(echo "$OUT" | grep -c stopped)" "0 4" "$who: down"
    [ ! -e "$LAB" ]
    ok $? "$who: nothing is left behind"
    [ -z "$(pgrep -f "$LAB")" ]
    ok $? "$who: no process either"
    "$@" down
    is "$?" 0 "$who: down twice is no error"
}

round "$(id -un)" "$BIN/primelab" --folder "$LAB"
if [ "$(id -u)" = 0 ]; then
    # as a checkout below /root: the servers become a user who cannot walk there
    install -d -m 0700 "$TMP/closed"
    LAB=$TMP/closed/lab
    round "root, in a folder of root's alone" "$BIN/primelab" --folder "$LAB"
    mkdir -p "$TMP/open"
    chown 65534:65534 "$TMP/open"
    LAB=$TMP/open/lab
    chmod -R a+rX "$BIN"
    if setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/primelab" --version >/dev/null 2>&1; then
        round "an ordinary user" setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/primelab" --folder "$LAB"
    else
        echo "# the programs lie where an ordinary user cannot go: skipped"
    fi
fi
done_testing
