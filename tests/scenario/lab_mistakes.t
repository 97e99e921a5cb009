#!/usr/bin/env bash
# primelab where people err: two that do the same at once, addresses asked for too late, servers that hang or are half there,
# a damaged file, another user's lab, words that are wrong. Each time: what is the matter, what to do, and nothing spoiled.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
P=$BIN/primelab
cd "$TMP" || exit 1
at_exit 'cd /; for l in run/lab run/labs/a run/labs/b spaced\ out; do "$P" --folder "$TMP/$l" down; done >/dev/null 2>&1'
run_() { # run_ <arguments...>: OUT, ERR, STATUS
    OUT=$(timeout 60 "$P" "$@" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}
take_port() { # take_port <address> <port>: TAKER
    openssl s_server -accept "$1:$2" -key k.pem -cert c.pem -quiet >/dev/null 2>&1 &
    TAKER=$!
    at_exit "kill $TAKER 2>/dev/null"
    wait_for 5 bash -c "exec 3<>/dev/tcp/$1/$2"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -subj /CN=x -days 1 2>/dev/null

# --- words that are wrong
while IFS='|' read -r typed what; do
    # shellcheck disable=SC2086
    run_ $typed
    like "$STATUS ${ERR%%$'\n'*}" "^2 primelab: $what" "'$typed' is told what is wrong, first"
    like "$ERR" "usage: primelab" "  and then the usage"
    # shellcheck disable=SC2086
    run_ --json $typed
    is "$STATUS $(jq -r .error.code <<<"$OUT") $ERR" "2 invalid-argument " "  as JSON, that alone"
    # shellcheck disable=SC2086
    run_ $typed --json
    is "$STATUS $(jq -r .error.code <<<"$OUT")" "2 invalid-argument" "  wherever --json stands"
done <<'TYPED'
|a command is missing
foo|there is no command "foo"
up extra|"extra" is too much: primelab up
renew|a word is missing behind renew: primelab renew <server>
shell prime-pri -c x y|"y" is too much: primelab shell <node>
--jobs 99 play|--jobs wants a number from 1 to 16
--bogus up|there is no option --bogus
--json=yes up|the option --json=yes takes no value
TYPED
run_ --json mood ise list
is "$STATUS $(jq -r '.moods[] | select(.name == "slow") | .unit' <<<"$OUT") $(jq -r '.others[] | select(.name == "type") | .value' <<<"$OUT")" \
    "0 ms <0-3>" "the list of moods as JSON"
is "$(jq -r '(.moods + .others)[].name' <<<"$OUT")" "$("$P" mood ise list | sed -n 's/^  \([a-z0-9-]*\) .*/\1/p')" "with all of them"
[ ! -e run ]
ok $? "nothing was made"

# --- advice that can be followed
run_ --name a status
like "$STATUS $ERR" "^3 .*primelab --name a up$" "no lab of that name: how to start it"
run_ --folder "spaced out" shell prime-pri
like "$STATUS $ERR" "^3 .*primelab --folder 'spaced out' up$" "none in that folder"
run_ mood ise
like "$STATUS $ERR" "^3 .*primelab up$" "none without a name"

# --- a folder of other things: it could not be taken down again without them
mkdir others
echo precious >others/letter
for command in up down; do
    run_ --folder others $command
    like "$STATUS $ERR" "^2 .*others holds other things than a lab.*--folder <folder> up" "no lab for $command in a folder of other things"
done
is "$(cat others/*)" precious "which stay as they are"

# --- two that bring up the same lab at once: both have found no addresses yet when the first one chooses
take_port 127.0.1.11 8082 # or another lab has
mkdir -p run/labs/a
exec 9<run/labs/a
flock 9
"$P" --name a up >first.out 2>&1 9<&- &
FIRST=$!
"$P" --name a up >second.out 2>&1 9<&- &
SECOND=$!
waits() { [ "$(tr '\0' ' ' <"/proc/$1/cmdline")" = "$P --name a up " ] && [ "$(cut -d' ' -f3 "/proc/$1/stat")" = S ]; }
wait_for 5 waits $FIRST
wait_for 5 waits $SECOND
exec 9<&-
wait $FIRST
STATUS=$?
wait $SECOND
is "$STATUS $?" "0 0" "two at once come up"
is "$(grep -hc 'runs already$' first.out second.out | sort | tr '\n' ' ')" "0 4 " "one does it, the other finds it done"
NET=$(head -1 run/labs/a/network)
run_ --name a status --json
is "$(jq -r '.servers[] | select(.name == "prime-pri") | .sha256' <<<"$OUT")" "$(shown_sha256 "$NET.11" 8082)" "and what is written down is where it is"
[ ! -e run/labs/a/ssh/config ] || grep -q "HostName $NET.11" run/labs/a/ssh/config
ok $? "for ssh, too"
kill $TAKER 2>/dev/null

# --- addresses asked for too late
run_ --name a --network 127.9.9 up
like "$STATUS $ERR" "^4 .*has the addresses $NET, not 127.9.9.*primelab --name a down" "other addresses for a lab that runs: which it has, and what to do"
is "$(head -1 run/labs/a/network)" "$NET" "and it keeps them"
run_ --name a --network 127.9.9 status
like "$STATUS $ERR" "^2 .*--network is for up alone" "to all other commands they are no option"
run_ --name a --network "$NET" up
is "$STATUS" 0 "the addresses that it has are no mistake"
run_ --name a --network "$NET" --netns up
is "$STATUS" 2 "addresses on loopback for a lab that is not there are"

# --- a server that hangs
KEY=$(sha256sum run/labs/a/prime-sec/keys/server.pem)
run_ --name a break prime-sec
for command in "renew prime-sec" "start prime-sec" "shell prime-sec" "ssh prime-sec show clock"; do
    # shellcheck disable=SC2086
    run_ --name a $command
    like "$STATUS $ERR" "^1 .*prime-sec hangs.*primelab heal prime-sec --name a$" "$command says that it hangs"
done
is "$(sha256sum run/labs/a/prime-sec/keys/server.pem)" "$KEY" "and it has the key that it had"
run_ --name a up
like "$STATUS $OUT" "^1 .*prime-sec +$NET.12 port 8082 +hangs; .*primelab heal prime-sec --name a" "so says up"
run_ --name a heal prime-sec
run_ --name a renew prime-sec
is "$STATUS" 0 "healed, it can be renewed"
KEY=$(sha256sum run/labs/a/ise/server.*)
run_ --name a break ise
run_ --name a mood ise rolled
is "$STATUS $(sha256sum run/labs/a/ise/server.*)" "1 $KEY" "a stand-in that hangs has its key, too"
run_ --name a mood ise 503
is "$STATUS $(grep -c 503 run/labs/a/ise/mood 2>/dev/null)" "1 $([ ! -e run/labs/a/ise/mood ] || echo 0)" "and its mood"
run_ --name a heal ise

# --- half there
run_ --name a renew ise-2
like "$STATUS $ERR" "^3 .*primelab --name a start ise-2$" "what up does not start is started by name"
run_ --name a stop ise --json
is "$STATUS $(jq -r '.servers[] | select(.name == "ise") | .state' <<<"$OUT")" "0 stopped" "one is stopped"
run_ --name a status
is "$STATUS" 3 "not all of it runs"
take_port "$NET.21" "$(cat run/labs/a/ise/port)"
run_ --name a start ise
like "$STATUS $ERR" "^4 .*ise cannot have $NET.21 port [0-9]+: openssl \(process $TAKER\) listens there" "start says who has its port"
kill $TAKER
wait $TAKER 2>/dev/null
run_ --name a start ise
is "$STATUS" 0 "once it is free it starts"
if "$P" --name a status | grep -q "sshd .* listens"; then # not everywhere there is an sshd
    run_ --name a stop prime-sec
    run_ --name a start prime-sec
    run_ --name a ssh prime-sec show clock
    is "$STATUS" 0 "a node that was started again has its sshd: $ERR"
    run_ --name a status
    is "$STATUS" 0 "all of it runs"
    kill "$(cat run/labs/a/ssh/prime-sec/sshd.pid)"
    sshd_stopped() { "$P" --name a status | grep -q 'sshd .* stopped'; }
    wait_for 5 sshd_stopped
    run_ --name a status
    is "$STATUS" 3 "without its sshd not all of it runs"
    run_ --name a ssh prime-sec show clock
    like "$STATUS $ERR" "^3 .*its sshd does not run.*primelab --name a start prime-sec$" "nobody listens: what to do"
    run_ --name a --json ssh prime-sec show clock
    is "$STATUS $(jq -r .error.code <<<"$OUT")" "3 unreachable" "as JSON"
    run_ --name a start prime-sec
    run_ --name a ssh prime-sec show clock
    is "$STATUS" 0 "that helps"
fi

# --- a file that is damaged, and one that is gone
for content in "" "127.0" "127.0.1 and more" "10.0.0"; do
    printf '%s' "$content" >run/labs/a/network
    run_ --name a status
    like "$STATUS $ERR" "^1 .*$TMP/run/labs/a/network is damaged.*primelab --name a down" "a damaged file (\"$content\") is named"
done
run_ --name a up
like "$STATUS $ERR" "^1 .*network is damaged" "up does not guess"
like "$("$P" list)" "a +damaged +4 of 4 +$TMP/run/labs/a" "list has it all the same"
rm run/labs/a/network
run_ --name a up
like "$STATUS $ERR" "^4 .*run, but its file .network. is gone.*primelab --name a down" "without the file it does not guess, either"
: >run/labs/a/network
run_ --name a down
is "$STATUS $(grep -c stopped <<<"$OUT") $(pgrep -f "$TMP/run/labs/a" | wc -l)" "0 4 0" "down does without it"
[ ! -e run ]
ok $? "and nothing is left, the folders above included"

# --- kept, and another user's
mkdir -p run/labs/b
echo 127.0.77 >run/labs/b/network
run_ --name b --network 127.9.9 up
like "$STATUS $ERR" "^4 .*has the addresses 127.0.77" "a lab that was kept has its addresses, too"
if [ "$(id -u)" = 0 ]; then
    chown -R 65534:65534 run/labs/b
    for command in up "start ise" "renew ise" "mood ise 503"; do
        # shellcheck disable=SC2086
        run_ --name b $command
        like "$STATUS $ERR" "^4 .*run/labs/b belongs to nobody.*run primelab as that user" "root does not $command another user's lab"
    done
    is "$(ls run/labs/b)" network "nor leaves anything there"
fi
run_ --name b down
is "$STATUS" 0 "but takes it down"
done_testing
