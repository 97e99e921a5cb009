#!/usr/bin/env bash
# The virtual address in the hands of the privileged half, with a real keepalived in network namespaces.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/netns.sh"
netns_require
[ -x /usr/sbin/keepalived ] || skip_all "keepalived is not here"
VIP=10.77.0.100
VIP6=fd77::100
not() { ! "$@"; }
declare -A TO FROM PID
netns_up

start_half() { # start_half <namespace>: the privileged half in it, asked through ask_
    mkdir -p "$TMP/$1"
    printf 'hostname = node\nlisten = %s\nuser = nobody\n' "${NODE_ADDRESS[$1]}" >"$TMP/$1/node.conf"
    mkfifo "$TMP/$1.in" "$TMP/$1.out" 2>/dev/null
    nsenter --net="/run/netns/$NETNS$1" "$TOOL/address" "$TMP/$1" <"$TMP/$1.in" >"$TMP/$1.out" 2>"$TMP/$1.err" &
    PID[$1]=$!
    exec {to}>"$TMP/$1.in" {from}<"$TMP/$1.out"
    TO[$1]=$to FROM[$1]=$from
}
stop_half() {
    kill -KILL "${PID[$1]}" 2>/dev/null
    wait "${PID[$1]}" 2>/dev/null
}
at_exit 'rm -rf $FOLDERS'
at_exit 'for half in a b; do [ -z "${PID[$half]:-}" ] || stop_half "$half"; done'
ask_() { # ask_ <namespace> <command...>: ANSWER
    echo "${*:2}" >&"${TO[$1]}"
    read -r -t 10 ANSWER <&"${FROM[$1]}" || ANSWER=silence
}
folder() { # folder <namespace>: where the parent writes: its own name is a hash
    local pid
    pid=$(pgrep -P "${PID[$1]}" -x keepalived | head -1)
    tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n '/--use-file/{n;s|/keepalived.conf||p}'
}
running() { ask_ "$1" state && [[ $ANSWER == *running=1* ]]; }

start_half a
start_half b
A="${NODE_ADDRESS[a]}" B="${NODE_ADDRESS[b]}"

# --- what is refused before anything is written
ask_ a check "$A" "$B" 10.77.1.100 - 100
like "$ANSWER" "conflict: the virtual address 10.77.1.100 is not in the subnet of both nodes" "another subnet"
ask_ a check "$B" "$A" "$VIP" - 100
like "$ANSWER" "invalid-argument" "an address that node.conf does not listen on"
ask_ a check "$A" "$B" "$VIP" fe80::1 100
like "$ANSWER" "fe80::/10" "fe80::/10"
ask_ a check "$A" "10.77.0.2;x" "$VIP" - 100
like "$ANSWER" "invalid-argument" "what is no address"
ask_ a check "$A" "$B" "$VIP" "$VIP6" 100
is "$ANSWER" ok "a good one"

# --- both as standbys: nobody has it
ask_ a start "$A" "$B" "$VIP" "$VIP6" 100
is "$ANSWER" ok "started on one node"
ask_ b start "$B" "$A" "$VIP" "$VIP6" 100
is "$ANSWER" ok "and on the other"
wait_for 10 running a && wait_for 10 running b
FOLDER=$(folder a)
FOLDERS="$FOLDER $(folder b)" # what is killed cannot tidy up; its next start would
is "$(stat -c '%a %u' "$FOLDER" "$FOLDER/keepalived.conf" "$FOLDER/active" | sort -u | tr '\n' ' ')" "600 0 700 0 " \
    "configuration and track file are root's alone"
sleep 1 # three adverts' time many times over: nobody may take it
not answers "$VIP"
ok $? "two standbys: the address is nowhere"

# --- it follows the active role
ask_ a active 1
wait_for 5 answers "$VIP"
ok $? "the active node has it, and it answers ping"
wait_for 5 answers "$VIP6"
ok $? "the IPv6 one too"
holds a "$VIP"
ok $? "on the active node"
ask_ a state
like "$ANSWER" "started=1 running=1 held=1 restarts=0" "state says so"
ask_ a standby
ask_ b active 2
wait_for 5 holds b "$VIP"
ok $? "it moves with the role"
wait_for 5 not holds a "$VIP"
ok $? "and leaves the other node"
wait_for 5 answers "$VIP"
ok $? "and answers ping there"
is "$(in_ c ip neighbour show "$VIP" | awk '{ print $5 }')" \
    "$(ip -n "${NETNS}b" link show eth0 | awk '/ether/ { print $2 }')" \
    "the client knows it by the new node's hardware address"

# --- of two that hold themselves for active the later epoch wins (one was frozen and wakes up)
ask_ a active 3
wait_for 5 not holds b "$VIP"
ok $? "the later epoch takes it from the earlier one, which still holds itself for active"
holds a "$VIP"
ok $? "and has it"
ask_ b standby
ask_ b active 2
sleep 0.5
holds a "$VIP" && not holds b "$VIP"
ok $? "the earlier epoch does not take it back"
ask_ b standby

# --- a new configuration without giving the address up
spawn_in c ping -i 0.02 -c 150 "$VIP" >"$TMP/ping" 2>&1
PING=$SPAWNED
ask_ a start "$A" "$B" "$VIP" - 500
is "$ANSWER" ok "reloaded with another heartbeat and without IPv6"
wait "$PING"
like "$(cat "$TMP/ping")" " 0% packet loss" "the address that stays answers all the while"
wait_for 5 not answers "$VIP6"
ok $? "the one that went does not"
like "$(cat "$FOLDER/keepalived.conf")" "advert_int 0.100" "the adverts follow the heartbeat"

# --- keepalived dies
first=$(pgrep -P "${PID[a]}" -x keepalived)
for file in keepalived.conf active; do echo "! somebody else's" >"$FOLDER/$file"; done
kill -KILL $(pgrep -P "$first") "$first"
again() { local now; now=$(pgrep -P "${PID[a]}" -x keepalived) && [ "$now" != "$first" ]; }
wait_for 5 again
ok $? "a keepalived that was killed is started again"
unlike "$(cat "$FOLDER/keepalived.conf" "$FOLDER/active")" "somebody else" "on its own configuration, whatever was written into the file meanwhile"
wait_for 5 answers "$VIP"
ok $? "and the address answers again"
ask_ a state
like "$ANSWER" "running=1 held=1 restarts=1" "the state counts it"
first=$(pgrep -P "${PID[a]}" -x keepalived)
ask_ a standby
wait_for 5 not holds a "$VIP"
ok $? "the one started again gives up an address that its predecessor left"

# --- the end
ask_ a active 4
wait_for 5 holds a "$VIP"
ask_ a stop
is "$ANSWER" ok "stop"
wait_for 5 not holds a "$VIP"
ok $? "gives the address up"
[ ! -e "$FOLDER" ]
ok $? "and leaves no file behind"
[ -z "$(pgrep -P "${PID[a]}" -x keepalived)" ]
ok $? "nor a process"
ask_ a start "$A" "$B" "$VIP" - 100
ask_ a active 5
wait_for 5 holds a "$VIP"
keeper=$(pgrep -P "${PID[a]}" -x keepalived)
kill -KILL "${PID[a]}"
gone() { ! kill -0 "$keeper" 2>/dev/null; }
wait_for 5 gone
ok $? "kill -9 of the privileged half: keepalived ends with it"
wait_for 5 not holds a "$VIP"
ok $? "and takes the address away"
ask_ b start "$B" "$A" "$VIP" - 100
ask_ b active 6
wait_for 5 holds b "$VIP"
keeper=$(pgrep -P "${PID[b]}" -x keepalived)
ask_ b die
wait_for 5 gone
ok $? "kill -9 of the other half: keepalived ends too"
wait_for 5 not holds b "$VIP"
ok $? "and takes the address away"

# --- an ordinary user
mkdir "$TMP/user"
printf 'hostname = node\nlisten = %s\n' "$A" >"$TMP/user/node.conf"
like "$(echo "check $A $B $VIP - 100" | in_ a setpriv --reuid=65534 --regid=65534 --clear-groups "$TOOL/address" "$TMP/user" 2>&1)" \
    "denied: this primed was started by an ordinary user" "an ordinary user is told so"
done_testing
