#!/usr/bin/env bash
# Backup and restore of a whole node: while it is written to, with every kind of bad file, killed at any moment, on a full disk.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up "monitor-interval-ms = 3600000"
. "$ROOT/tests/lib/counterparts.sh"
REPO=$HOME_DIR/repository/defaultRepo
TOFU="ncs certvalidation tofu-certs"
PASS='correct horse "battery" 7'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=pinned -days 400 \
    -out "$REPO/pinned.pem" 2>/dev/null
chmod 644 "$REPO/pinned.pem"
add() { sh_ "$TOFU addcert host $1.example_443 certfile pinned.pem repository defaultRepo"; }
pins() { sh_ "$TOFU listcerts" && grep -c 'example_443' <<<"$OUT"; }
served() { openssl s_client -connect "$ADDRESS:8082" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256; }
# What a node is: its id, its pins, its keys.
state() { sh_ "$TOFU listcerts" && echo "$OUT" | sha256sum && sha256sum <"$HOME_DIR/keys/server.pem" && sha256sum <"$HOME_DIR/keys/seal.key" && sha256sum <"$HOME_DIR/node.conf"; }
make_backup() { # make_backup <name>: the file's name in FILE
    lines "backup $1 repository defaultRepo password-stdin" "$PASS"
    FILE=$(cd "$REPO" && ls -t "$1"-*.backup 2>/dev/null | head -1)
}
restore() { lines "restore $1 repository defaultRepo password-stdin force" "${2-$PASS}"; }

# --- a backup
add one
add two
BEFORE=$(state)
SERVED=$(served)
make_backup first
like "$STATUS $OUT" "0 .*disk:/defaultRepo/first-[0-9]{8}-[0-9]{6}.backup, [0-9]+ bytes" "backup says where it is: $ERR"
FIRST=$FILE
is "$(head -c 15 "$REPO/$FIRST")" "primesh backup" "the file says what it is"
is "$(grep -cF -e 'PRIVATE KEY' -e example -e hostname "$REPO/$FIRST")" 0 "and nothing of what it holds"
is "$(stat -c %a "$REPO/$FIRST")" 640 "it is closed to others"
make_backup second
cmp -s "$REPO/$FILE" "$REPO/$FIRST"
is "$?" 1 "no two backups are alike"
lines "backup twice repository defaultRepo password-stdin" "$PASS" "backup twice repository defaultRepo password-stdin" "$PASS" \
    "backup twice repository defaultRepo password-stdin" "$PASS"
is "$STATUS $(ls "$REPO"/twice-*.backup | wc -l)" "0 3" "three of one name, one after the other: $ERR"
lines "backup x repository defaultRepo password-stdin" short
like "$STATUS $ERR" "1 % Error: a passphrase has at least 8 characters" "a short passphrase is refused"
sh_ "backup x repository defaultRepo"
like "$STATUS $ERR" "1 % Error: password-stdin was not given" "without a terminal it says how to give one"
lines "backup x repository nix password-stdin" "$PASS"
like "$STATUS $ERR" "1 % Error: there is no disk:/nix" "an unknown repository"
lines "backup ../x repository defaultRepo password-stdin" "$PASS"
is "$STATUS" 2 "a name with a way out is none"
is "$(find "$REPO" -name '.*' -type f | wc -l)" 0 "no half-written file stays"

# --- bad files: a clear error, and the node untouched
add three
NOW=$(state)
bad() { # bad <file> <pattern> <name>
    chmod 644 "$REPO/$1"
    restore "$1" "${4-$PASS}"
    like "$STATUS $ERR" "1 % Error: $2" "$3: $(head -1 <<<"$ERR")"
    is "$(state)" "$NOW" "  and the node is untouched"
}
bad "$FIRST" "the passphrase is not that of the backup" "wrong passphrase" "wrong passphrase"
SIZE=$(stat -c %s "$REPO/$FIRST")
for at in 10 60 96 100 5000 $((SIZE - 1)); do
    head -c $at "$REPO/$FIRST" >"$REPO/cut"
    bad cut "(the backup|the file|the passphrase)" "cut short after $at bytes"
done
altered() { # altered <byte>
    cp "$REPO/$FIRST" "$REPO/altered"
    perl -e 'open my $f, "+<", $ARGV[0]; seek $f, $ARGV[1], 0; read $f, my $b, 1; seek $f, $ARGV[1], 0; print $f chr(ord($b) ^ 1)' \
        "$REPO/altered" "$1"
}
for at in 0 19 21 24 40 70 96 3000 $((SIZE - 1)); do
    altered $at
    bad altered "(the backup|the file|the passphrase)" "byte $at altered"
done
cat "$REPO/$FIRST" "$REPO/$FIRST" >"$REPO/double"
bad double "the backup" "something behind the end"
echo "hello" >"$REPO/foreign"
bad foreign "the file is no backup of a node" "a foreign file"
: >"$REPO/empty"
bad empty "the file is no backup of a node" "an empty file"
restore none
like "$STATUS $ERR" "1 % Error: there is no disk:/defaultRepo/none" "no such file"
is "$(ls -d "$HOME_DIR"/restore.* 2>/dev/null)" "" "nothing is left of the tries"

# --- a restore
restore "$FIRST"
is "$STATUS" 0 "restore: $ERR"
like "$OUT" "Restarting the services...
Restore completed." "says what it does"
is "$(state)" "$BEFORE" "the node is the one of the backup: pins, keys, settings"
is "$(served)" "$SERVED" "it serves its certificate again"
sh_ "show audit last 1"
like "$OUT" "restore $FIRST" "the restored node's audit trail says so"
add four
is "$STATUS" 0 "and it can be written"
is "$(ls -d "$HOME_DIR"/restore.* 2>/dev/null)" "" "nothing is left of the node before"
sh_ "ncs status"
like "$OUT" "Health Monitor Server is running" "services run"

# --- a session that was open sees the restored node
make_backup session
SESSION=$FILE
add five
{
    echo "$TOFU listcerts"
    wait_for 30 test -e "$TMP/restored"
    echo "$TOFU listcerts"
    echo "ncs certvalidation tofu-certs addcert host six.example_443 certfile pinned.pem repository defaultRepo"
    echo "$TOFU listcerts"
} | "$BIN/primesh" --home "$HOME_DIR" >"$TMP/session.out" 2>&1 &
OPEN=$!
wait_for 10 grep -q five.example "$TMP/session.out"
restore "$SESSION"
touch "$TMP/restored"
wait $OPEN
is "$(grep -c 'host=five.example' "$TMP/session.out")" 1 "another session does not go on showing the past"
is "$(grep -c 'host=six.example' "$TMP/session.out")" 1 "and goes on working"

# --- consistent while it is written to
( i=0; while [ ! -e "$TMP/stop" ]; do i=$((i + 1)); "$BIN/primesh" --home "$HOME_DIR" -c "$TOFU addcert host w$i.example_443 certfile pinned.pem repository defaultRepo" >/dev/null 2>&1; done ) &
WRITER=$!
wait_for 10 sh -c "$BIN/primesh --home $HOME_DIR -c '$TOFU listcerts' | grep -q w2.example"
make_backup busy
is "$STATUS" 0 "a backup while pins are written: $ERR"
touch "$TMP/stop"
wait $WRITER
restore "$FILE"
is "$STATUS" 0 "and back: $ERR"
sh_ "$TOFU listcerts"
LISTED=$(grep -c '^host=w' <<<"$OUT")
is "$(grep '^host=w' <<<"$OUT" | sed 's/^host=w\([0-9]*\).*/\1/' | tr '\n' ' ')" "$(seq -s ' ' 1 "$LISTED") " "it holds the pins of one moment: the first $LISTED, and none out of turn"

# --- killed at any moment: the old node or the new one, whole
restore "$FIRST"
OLD_STATE=$(state)
add later
NEW_STATE=$(state)
make_backup killed
KILLED=$FILE
both=""
for ((i = 0; i < ${KILLS:-6}; i++)); do
    restore "$FIRST" >/dev/null
    pid=$(node_pid)
    children=$(pgrep -P "$pid")
    printf '%s\n' "restore $KILLED repository defaultRepo password-stdin force" "$PASS" |
        "$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>&1 &
    asking=$!
    # from the start of the restore to the restarted node, at a moment of its own each time
    perl -e 'select undef, undef, undef, $ARGV[0]' "$(perl -e "print $i * 2.4 / ${KILLS:-6}")"
    kill -9 "$pid" $children $(pgrep -P "$pid") 2>/dev/null
    wait_for 5 not kill -0 "$pid"
    kill $asking 2>/dev/null
    wait $asking 2>/dev/null
    node_start || { ok 1 "it starts after a kill: $(cat "$TMP/primed.err")"; break; }
    sh_ "$TOFU listcerts"
    found=$(grep -c later.example <<<"$OUT")
    keys=$(sha256sum <"$HOME_DIR/keys/server.pem")
    if [ "$STATUS" != 0 ] || ! grep -q one.example <<<"$OUT" || [ "$(sed -n 2p <<<"$NEW_STATE")" != "$keys" ] ||
        [ -n "$(ls -d "$HOME_DIR"/restore.* 2>/dev/null)" ]; then
        ok 1 "kill $i: whole ($STATUS, $found, $(ls "$HOME_DIR"))"
    fi
    both="$both$found"
done
like "$both" "^[01]{${KILLS:-6}}$" "killed at ${KILLS:-6} moments: the old node or the new one each time ($both)"

# --- a commit that was cut off in its middle is finished at the next start
node_stop
mkdir -p "$TMP/save"
cp -a "$HOME_DIR/store" "$HOME_DIR/keys" "$HOME_DIR/ssh" "$HOME_DIR/node.conf" "$TMP/save/"
for moved in "" "store" "store keys" "store keys ssh" "store keys ssh node.conf"; do
    mkdir "$HOME_DIR/restore.ready" "$HOME_DIR/restore.old"
    for part in store keys ssh node.conf; do
        if [[ " $moved " == *" $part "* ]]; then continue; fi
        mv "$HOME_DIR/$part" "$HOME_DIR/restore.ready/$part"
    done
    # the part that comes next was moved away, and its successor not yet in place
    [ "$(id -u)" != 0 ] || chown -R nobody "$HOME_DIR/restore.ready" "$HOME_DIR/restore.old"
    node_start
    is "$?" 0 "it starts with ${moved:-nothing} in place: $(cat "$TMP/primed.err")"
    sh_ "$TOFU listcerts"
    like "$OUT" "one.example" "  and is whole"
    is "$(ls -d "$HOME_DIR"/restore.* 2>/dev/null)" "" "  and nothing is left of it"
    node_stop
done
node_start

mkdir "$HOME_DIR/restore.ready"
[ "$(id -u)" != 0 ] || chown nobody "$HOME_DIR/restore.ready"
ERRORS=$("$BIN/primed" --home "$HOME_DIR" 2>&1)
like "$? $ERRORS" "1 primed: another primed runs" "nothing is moved under a node that runs"
rmdir "$HOME_DIR/restore.ready"
is "$?" 0 "  and what waits goes on waiting"
sh_ "$TOFU listcerts"
like "$OUT" "one.example" "which goes on"

# --- what cannot run here is refused
cp "$HOME_DIR/node.conf" "$TMP/conf"
sed -i 's/^listen.*/listen = 192.0.2.77/' "$HOME_DIR/node.conf"
make_backup elsewhere
cp "$TMP/conf" "$HOME_DIR/node.conf"
restore "$FILE"
like "$STATUS $ERR" "1 % Error: the node of the backup listens on 192.0.2.77, which is no address of this machine" "an address that is not here"
sed -i '/^user/d' "$HOME_DIR/node.conf"
echo "user = no-such-user" >>"$HOME_DIR/node.conf"
make_backup nobody
cp "$TMP/conf" "$HOME_DIR/node.conf"
restore "$FILE"
like "$STATUS $ERR" "1 % Error: the node of the backup runs as the user no-such-user, this one as .*write user = no-such-user into" "another user"
echo "port = 25" >>"$HOME_DIR/node.conf"
make_backup smtp
cp "$TMP/conf" "$HOME_DIR/node.conf"
restore "$FILE"
like "$STATUS $ERR" "1 % Error: the node of the backup serves port 25, this one port 8082.*write port = 25 into" "a port below 1024"
mv "$HOME_DIR/keys/server.pem" "$TMP/server.pem"
make_backup no-key
mv "$TMP/server.pem" "$HOME_DIR/keys/server.pem"
restore "$FILE"
like "$STATUS $ERR" "1 % Error: the node of the backup cannot run" "no key inside"

# --- a restored node that does not start: says why, and the node before it can be put back
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/other.key" -out "$TMP/other.pem" -subj /CN=other -days 9 2>/dev/null
NOW=$(state)
cp "$HOME_DIR/node.conf" "$TMP/conf"
echo "port = 9099" >>"$HOME_DIR/node.conf"
make_backup taken
cp "$TMP/conf" "$HOME_DIR/node.conf"
openssl s_server -accept "$ADDRESS:9099" -cert "$TMP/other.pem" -key "$TMP/other.key" -quiet >/dev/null 2>&1 &
SQUATTER=$!
listening() { ss -Hltn "src $ADDRESS:9099" | grep -q .; }
wait_for 10 listening
lines "restore $FILE repository defaultRepo password-stdin force" "$PASS" >"$TMP/taken.out" &
RESTORING=$!
wait_for 20 grep -q "does not start" "$HOME_DIR/log/application.log"
like "$(grep "does not start" "$HOME_DIR/log/application.log")" "primesh does not start: .*$ADDRESS.*9099: another program has it" \
    "a restored node that does not start says why in its log"
wait_for 10 not alive "$(node_pid)"
kill "$SQUATTER"
(cd "$HOME_DIR" && mkdir restore.failed && mv store keys ssh node.conf restore.failed/ && mv restore.old/* .)
node_start
is "$? $(state)" "0 $NOW" "and the node before it comes back from restore.old"
rm -r "$HOME_DIR/restore.failed"
kill "$RESTORING" 2>/dev/null
wait "$RESTORING" "$SQUATTER" 2>/dev/null

# --- what the half that meets the outside could write into node.conf before primed begins again
make_backup honest
restore_with() { # restore_with <line...>: the restored node.conf gets the lines while the half that will read it stands still
    local main writer asking
    main=$(node_pid) writer=$(writer_pid)
    kill -STOP "$main"
    printf '%s\n' "restore $FILE repository defaultRepo password-stdin force" "$PASS" |
        "$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>&1 &
    asking=$!
    wait_for 20 not alive "$writer"
    printf '%s\n' "$@" >>"$HOME_DIR/restore.ready/node.conf"
    kill -CONT "$main"
    wait_for 10 not test -e "$HOME_DIR/restore.ready"
    kill "$asking" 2>/dev/null
    wait "$asking" 2>/dev/null
}
if [ "$(id -u)" = 0 ]; then
    restore_with "user = daemon"
    wait_for 10 sh -c "$BIN/primesh --home $HOME_DIR -c 'ncs status'"
    is "$(stat -c %U "/proc/$(writer_pid)")" nobody "no other user by a restore"
    node_stop
    node_start
    like "$? $(cat "$TMP/primed.err")" "1 primed: the home .* belongs to the user number 65534, not to the user of node.conf.*chown -R" "nor at a start, while the home is another one's"
    cp "$TMP/conf" "$HOME_DIR/node.conf"
    node_start
fi
MAIN=$(node_pid)
restore_with "port = 25"
wait_for 10 not alive "$MAIN"
is "$?" 0 "and no port below 1024: primed ends"
mv "$HOME_DIR/node.conf" "$TMP/restored.conf"
ln -s "$TMP/restored.conf" "$HOME_DIR/node.conf"
node_start
like "$? $(cat "$TMP/primed.err")" "1 primed: .*node.conf is a symbolic link, which is not followed" "node.conf is no link"
rm "$HOME_DIR/node.conf"
cp "$TMP/conf" "$HOME_DIR/node.conf"
node_start

# --- at a terminal: asked for twice, and whether
expect >"$TMP/expect.out" 2>&1 <<E
set timeout 30
set env(TERM) vt100
spawn -noecho $BIN/primesh --home $HOME_DIR
expect "node/admin# " {} timeout { exit 1 }
send "backup asked repository defaultRepo\r"
expect "Passphrase: " {} timeout { exit 2 }
send "typed by hand\r"
expect "Confirm passphrase: " {} timeout { exit 3 }
send "typed otherwise\r"
expect "the two passphrases differ" {} timeout { exit 4 }
send "backup asked repository defaultRepo\r"
expect "Passphrase: " {} timeout { exit 5 }
send "typed by hand\r"
expect "Confirm passphrase: " {} timeout { exit 6 }
send "typed by hand\r"
expect "Backup completed." {} timeout { exit 7 }
send "restore $FIRST repository defaultRepo\r"
expect "Passphrase: " {} timeout { exit 8 }
send "[string map {\\\\ \\\\\\\\} {$PASS}]\r"
expect "The backup is whole: node node" {} timeout { exit 9 }
expect -ex "Continue? (yes/no) \[no\] " {} timeout { exit 10 }
send "no\r"
expect "nothing was restored" {} timeout { exit 11 }
send "exit\r"
expect eof
E
is "$?" 0 "questions at a terminal"
is "$(grep -c 'typed by hand' "$TMP/expect.out")" 0 "the passphrase is not echoed"

# --- secrets, and the audit trail
is "$(grep -rlF -e "$PASS" -e "typed by hand" "$HOME_DIR" 2>/dev/null)" "" "the passphrase is in no file of the home"

# --- a full disk
if [ "$(id -u)" = 0 ] && mkdir "$HOME_DIR/repository/tiny" && mount -t tmpfs -o size=16k,mode=777 none "$HOME_DIR/repository/tiny" 2>/dev/null; then
    at_exit "umount -l '$HOME_DIR/repository/tiny'"
    NOW=$(state)
    lines "backup full repository tiny password-stdin" "$PASS"
    like "$STATUS $ERR" "1 % Error: .*No space" "a full disk: $ERR"
    is "$(ls -A "$HOME_DIR/repository/tiny")" "" "nothing half-written stays"
    is "$(state)" "$NOW" "the node goes on"
fi
done_testing
