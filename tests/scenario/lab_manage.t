#!/usr/bin/env bash
# primelab as a tool: labs side by side, exit statuses, JSON, logs that are followed, servers that hang, and bad luck: killed
# in the middle, ports taken, numbers of processes that mean others now, disks without room.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
P=$BIN/primelab
cd "$TMP" || exit 1
at_exit 'cd /; for l in run/lab run/labs/*; do "$P" --folder "$TMP/$l" down; done >/dev/null 2>&1'
run_() { # run_ <arguments...>: OUT, ERR, STATUS
    OUT=$("$P" "$@" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}
not_alive() { ! kill -0 "$1" 2>/dev/null; }
processes() { pgrep -f -- "$1" | wc -l; }

# --- nothing there yet
for command in status "shell prime-pri" "ssh prime-pri" "renew ise" "log ise" "break ise" "break link" "mood ise"; do
    # shellcheck disable=SC2086
    run_ $command
    is "$STATUS" 3 "without a lab, $command exits with 3: $(head -1 <<<"$ERR")"
done
run_ down
is "$STATUS" 0 "down is content"
run_ up and more
is "$STATUS" 2 "too many words: 2"
run_ --name 'no/name' up
like "$STATUS $ERR" '2 .*"no/name" is no name for a lab' "a name that is none"
run_ --name x --folder y up
like "$STATUS $ERR" "2 .*a name or a folder" "a name and a folder"
run_ --network 10.0.0 up
like "$STATUS $ERR" "2 .*three numbers of loopback" "a network that is no loopback"
[ ! -e run ]
ok $? "nothing was made"

# --- two of them, with addresses that they choose; both come up at once
"$P" --name one up >one.out 2>&1 &
FIRST=$!
"$P" --name two up >two.out 2>&1
is "$?" 0 "one comes up: $(tail -1 two.out)"
wait $FIRST
is "$?" 0 "beside another: $(tail -1 one.out)"
NET1=$(head -1 run/labs/one/network)
NET2=$(head -1 run/labs/two/network)
[ "$NET1" != "$NET2" ]
ok $? "on addresses of its own ($NET1, $NET2)"
LIMIT=3.0 # s
[[ $BIN != */asan/* ]] || LIMIT=8.0 # beside other tests, and several times as slow by itself
is "$(awk -v limit=$LIMIT '/^up after/ && $3 >= limit' one.out two.out)" "" "each within $LIMIT s, though side by side"
run_ list
like "$OUT" "one +$NET1 +4 of 4 +$TMP/run/labs/one" "list has the first"
like "$OUT" "two +$NET2 +4 of 4 +$TMP/run/labs/two" "and the second"
(cd / && "$P" list --json) >list.json
is "$(jq -r --arg f "$TMP/run/labs/one" '.labs[] | select(.folder == $f) | .running' list.json)" 4 "and from anywhere, as JSON"
run_ --name one status --json
is "$(jq -r '.servers[] | select(.name == "ise") | .state' <<<"$OUT")" running "status as JSON"
is "$(jq -r '.servers[] | select(.name == "prime-pri") | .sha256' <<<"$OUT")" "$(shown_sha256 "$NET1.11" 8082)" "with the certificate that is shown"
is "$(jq -r '.servers[] | select(.name == "prime-pri") | .ssh.port' <<<"$OUT")" 2211 "and the way in"
run_ --name one up --json
is "$STATUS $(jq -r '.servers | length' <<<"$OUT")" "0 4" "up as JSON"
run_ --name one renew dnac --json
is "$STATUS $(jq -r '.servers[] | select(.name == "dnac") | .sha256' <<<"$OUT")" \
    "0 $(shown_sha256 "$NET1.22" "$(cat run/labs/one/dnac/port)")" "renew as JSON"
run_ --name one renew nobody --json
is "$STATUS $(jq -r .error.code <<<"$OUT")" "2 invalid-argument" "a mistake as JSON"

# --- a server that hangs
run_ --name one break ise
is "$STATUS" 0 "break"
run_ --name one status
like "$OUT" "ise +[0-9]+ +$NET1.21 +[0-9]+ +frozen" "status says frozen"
curl -sk -m 1 -o /dev/null "https://$NET1.21:$(cat run/labs/one/ise/port)/"
is "$?" 28 "it takes the connection and answers nothing"
run_ --name one heal ise
wait_for 5 curl -sk -m 1 -o /dev/null "https://$NET1.21:$(cat run/labs/one/ise/port)/"
is "$STATUS $?" "0 0" "heal"
run_ --name one break prime-sec
curl -sk -m 1 -o /dev/null "https://$NET1.12:8082/ha/v1/hello"
is "$STATUS $?" "0 28" "a node hangs as well"
run_ --name one break link
like "$STATUS $ERR" "4 .*loopback, which has no cables.*--netns" "no cable can be pulled on loopback, and what to do"

# --- logs
run_ --name one log prime-pri --json
is "$(head -1 <<<"$OUT" | jq -r .server)" prime-pri "a log as JSON, a line each"
"$P" --name one log -f >followed 2>&1 &
FOLLOWER=$!
at_exit "kill $FOLLOWER 2>/dev/null"
wait_for 5 grep -q 'application.log' followed
"$P" --name one shell prime-pri -c "ncs certvalidation tofu-certs addcert host $NET1.22_$(cat run/labs/one/dnac/port)" >/dev/null
"$P" --name one renew dnac >/dev/null
"$P" --name one shell prime-pri -c "ncs certvalidation tofu-certs verify all" >/dev/null 2>&1
wait_for 5 grep -q "TOFU failed" followed
ok $? "log -f shows what comes"

# --- down, a hanging node and all; whoever follows its logs is done
run_ --name one down
is "$STATUS" 0 "down"
[ ! -e run/labs/one ]
ok $? "its folder is gone"
is "$(processes "$TMP/run/labs/one")" 0 "and its processes"
wait_for 5 not_alive $FOLLOWER
ok $? "log -f has ended"
run_ --name two status
is "$STATUS" 0 "the other lab goes on"

# --- numbers that mean another process now
"$P" --name two down --keep >/dev/null
sleep 300 &
STRANGER=$!
at_exit "kill $STRANGER 2>/dev/null"
echo $STRANGER >run/labs/two/prime-pri/run/primed.pid
echo $STRANGER >run/labs/two/ise/pid
echo $STRANGER >run/labs/two/ssh/prime-pri/sshd.pid
run_ --name two status
like "$STATUS $OUT" "3 .*prime-pri +- +$NET2.11 +8082 +stopped" "a number of another process: stopped"
run_ --name two down
is "$STATUS" 0 "down"
kill -0 $STRANGER 2>/dev/null
ok $? "and the other process lives"

# --- killed in the middle of up
for delay in 0.05 0.15 0.3 0.5; do
    "$P" --name three up >/dev/null 2>&1 &
    VICTIM=$!
    sleep $delay # the very subject: not a wait, a moment to be killed in
    kill -KILL $VICTIM
    wait $VICTIM 2>/dev/null
    if [ $delay = 0.3 ]; then
        run_ --name three up
        is "$STATUS $(grep -c -e ' up$' -e 'runs already$' <<<"$OUT")" "0 4" "killed after $delay s: up goes on from there"
    fi
    run_ --name three down
    is "$STATUS" 0 "killed after $delay s: down"
    is "$(processes "$TMP/run/labs/three") $(ls run 2>&1)" "0 ls: cannot access 'run': No such file or directory" "  and nothing is left"
done

# --- the folder is gone, the processes are not
"$P" --name four up >/dev/null
rm -r run/labs/four
[ "$(processes "$TMP/run/labs/four")" -gt 0 ]
ok $? "somebody removes a lab's folder"
run_ --name four down
is "$STATUS $(processes "$TMP/run/labs/four")" "0 0" "down ends it all the same"

# --- ports that are taken
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -subj /CN=x -days 1 2>/dev/null
openssl s_server -accept "$NET.12:8082" -key k.pem -cert c.pem -quiet >/dev/null 2>&1 &
TAKER=$!
at_exit "kill $TAKER 2>/dev/null"
listens() { (exec 3<>"/dev/tcp/$NET.12/8082") 2>/dev/null; }
wait_for 5 listens
run_ --folder five --network "$NET" up
like "$STATUS $ERR" "4 .*prime-sec cannot have $NET.12 port 8082: openssl \(process $TAKER\) listens there" "a port that is taken: by whom"
like "$ERR" "primelab --name" "and what to do"
[ ! -e five ]
ok $? "nothing is left of it"
kill $TAKER
wait $TAKER 2>/dev/null
run_ --folder five --network "$NET" up
is "$STATUS" 0 "once it is free, up: $ERR"
run_ --folder six --network "$NET" up
like "$STATUS $ERR" "4 .*prime-pri cannot have $NET.11 port 8082: primed" "by another lab"
run_ --folder five down
run_ --folder six down

# --- disks
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=1m,mode=755 none small 2>/dev/null; then
    at_exit "umount -l '$TMP/small' 2>/dev/null"
    run_ --folder small/lab up
    like "$STATUS $ERR" "4 .*has [0-9]+ KB left.*--folder" "a disk without room: $(head -1 <<<"$ERR")"
    is "$(ls small)" "" "where nothing is left of it"
    mount -o remount,ro small
    run_ --folder small/lab up
    like "$STATUS $ERR" "4 .*Read-only file system.*--folder" "a disk that is read only: $(head -1 <<<"$ERR")"
    umount small
else
    echo "# no small disk can be mounted here"
fi
mkdir closed
chmod 555 closed
as_nobody=()
[ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod -R a+rX "$BIN"
if "${as_nobody[@]}" "$P" --version >/dev/null 2>&1; then
    ERR=$("${as_nobody[@]}" "$P" --folder closed/lab up 2>&1)
    like "$? $ERR" "4 .*cannot make.*--folder" "a folder that is not ours: $(head -1 <<<"$ERR")"
fi

# --- a machine without sshd, and one without ip(8)
mkdir -p bare
for program in bash ssh-keygen; do ln -sf "$(command -v $program)" bare/; done
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    OUT=$(unshare -m bash -c 'for s in /usr/sbin/sshd /usr/local/sbin/sshd /usr/bin/sshd; do [ ! -e $s ] || mount --bind /dev/null $s; done
        "$0" --name seven up; s=$?; "$0" --name seven down >/dev/null; exit $s' "$P" 2>&1)
    like "$? $OUT" "0 .*not there: sshd is not installed" "without sshd it comes up, and says what is missing"
    OUT=$(PATH=$TMP/bare "$P" --name eight up --netns 2>&1)
    like "$? $OUT" "4 .*ip\(8\), which is not installed.*iproute2" "without ip(8) there are no networks of its own"
    is "$(processes "$TMP/run/labs/eight") $(ls run 2>/dev/null)" "0 " "and nothing is left of the attempt"
fi

# --- networks of its own
if [ "$(id -u)" != 0 ]; then
    run_ --name nine up --netns
    like "$STATUS $ERR" "4 .*take root" "networks of the nodes' own take root"
elif unshare -n true 2>/dev/null && command -v ip >/dev/null; then
    run_ --name nine up --netns
    is "$STATUS" 0 "up with networks of their own: $ERR"
    run_ --name nine up --netns
    is "$STATUS $(grep -c 'runs already$' <<<"$OUT")" "0 4" "twice changes nothing"
    reach() { "$P" --name nine run prime-pri curl -sk -m 1 https://192.0.2.12:8082/ha/v1/hello; }
    like "$(reach)" primesh "one node reaches the other"
    run_ --name nine ssh prime-sec 'show clock'
    is "$STATUS" 0 "ssh goes there too"
    run_ --name nine break link
    is "$STATUS" 0 "the cable is pulled"
    reach
    is "$?" 28 "nothing comes through"
    run_ --name nine status
    like "$OUT" "prime-sec +[0-9]+ +192.0.2.12 +8082 +no link" "status says so"
    run_ --name nine heal link
    wait_for 5 reach
    is "$?" 0 "and put back"
    run_ --name nine down
    is "$STATUS $(processes "$TMP/run/labs/nine")" "0 0" "down takes the networks along"
else
    echo "# no network namespaces are to be had here"
fi
done_testing
