#!/usr/bin/env bash
# Passwords of registered servers: every character, typed without echo, sealed, and nowhere in clear.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/servers.sh"
lab_up
HOME_DIR=$LAB/prime-pri
ADD="ncs server ise add $NET.21 username admin port $ISE_PORT"
BACKUP_PASSPHRASE="backup passphrase 1"

set_user() { # set_user <name> <password>: the ISE's one super user
    printf 'super %s:%s\n' "$1" "$2" >"$LAB/ise/data/users"
    lab stop ise >/dev/null
    lab start ise >/dev/null
}

# ---- every printable character, and others

PRINTABLE=$(for i in $(seq 33 126); do printf "\\x$(printf %x "$i")"; done)
UTF8='Paßwort-密码-пароль-🔑-é'
SPACES='with  two blanks | and a bar ? and "quotes"'
LONG=$(printf 'Lang%.0s' $(seq 1 128)) # 512 bytes
for password in "$PRINTABLE" "$UTF8" "$SPACES" "$LONG"; do
    set_user admin "$password"
    with_password prime-pri "$password" "$ADD password-stdin"
    is "$STATUS$ERR" 0 "add with the password ${password:0:20}..."
    on prime-pri "ncs server ise test $NET.21"
    is "$STATUS" 0 "it comes out of the seal as it went in"
    on prime-pri "ncs server ise delete $NET.21"
done
with_password prime-pri "${LONG}x" "$ADD password-stdin"
like "$STATUS $ERR" "1 % Error: " "a longer one is refused"
unlike "$ERR" "LangLang" "without being repeated"
with_password prime-pri $'tab\there' "$ADD password-stdin"
like "$STATUS $ERR" "1 % Error: the password holds control characters" "a control character is refused"
with_password prime-pri $'not \xff UTF-8' "$ADD password-stdin"
like "$STATUS $ERR" "1 % Error: the password holds control characters, or is no UTF-8" "what is no UTF-8 is refused"
with_password prime-pri "" "$ADD password-stdin"
like "$STATUS $ERR" "1 % Error: the password is empty" "none is refused"
on prime-pri "$ADD"
like "$STATUS $ERR" "1 % Error: .*password-stdin" "without a terminal it says which argument to give"

# ---- user names that would like to be headers

for user in $'admin\r\nX-Evil: 1' $'admin\nX' "ad:min" $'a\x1bb' $'a\xffb'; do
    printf -v quoted '%q' "$user"
    OUT=$(printf '%s\n' "$ISE_PASSWORD" | "$BIN/primesh" --home "$HOME_DIR" \
        -c "ncs server ise add $NET.21 username \"$user\" port $ISE_PORT password-stdin" 2>"$TMP/err")
    STATUS=$?
    [ "$STATUS" != 0 ]
    ok $? "the user name $quoted is refused: $(head -2 "$TMP/err" | tr -d '\r\n\033\377')"
done
set_user "Jörg Müller" "$ISE_PASSWORD"
with_password prime-pri "$ISE_PASSWORD" "ncs server ise add $NET.21 username \"Jörg Müller\" port $ISE_PORT password-stdin"
is "$STATUS$ERR" 0 "a user name with blanks and umlauts works"
on prime-pri "ncs server ise delete $NET.21"
[ -z "$(lab log ise | grep -i evil)" ]
ok $? "nothing of the others reached the server"

# ---- typed at a terminal

TYPED="Typed-Secret-4711"
set_user admin "$TYPED"
cat >"$TMP/dialog.in" <<KEYS
< prime-pri/admin#\x20
> $ADD\r
< Password:\x20
> $TYPED\r
< Confirm Password:\x20
> other\r
< the two passwords differ
< prime-pri/admin#\x20
> $ADD\r
< Password:\x20
> $TYPED\r
< Confirm Password:\x20
> $TYPED\r
< is reachable and saved.
< prime-pri/admin#\x20
> ncs server ise edit $NET.21 password\r
< Password:\x20
> \x03
< prime-pri/admin#\x20
> exit\r
KEYS
"$ROOT/tests/transcript/play.exp" "$TMP/dialog.in" "$TMP/dialog.raw" "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/dialog.err"
is "$? $(cat "$TMP/dialog.err")" "0 " "the dialog: Password, Confirm Password, saved; Ctrl-C leaves it"
is "$(grep -c "$TYPED" "$TMP/dialog.raw")" 0 "nothing of the password is echoed"
on prime-pri "ncs server ise test $NET.21"
is "$STATUS" 0 "what was typed is what is used"

# ---- a DNA Center, with a token

with_password prime-pri "$DNAC_PASSWORD" "ncs server dnac add $NET.22 username admin port $DNAC_PORT password-stdin"
is "$STATUS" 0 "a DNA Center beside it"
with_password prime-pri "Wrong-Secret-0815" "ncs server dnac edit $NET.22 password-stdin"
is "$STATUS" 1 "and a password that it does not take"
lab mood ise 401 >/dev/null
on prime-pri "ncs server ise test $NET.21"
lab mood ise normal >/dev/null
printf '%s\n' "backup node repository defaultRepo password-stdin" "$BACKUP_PASSPHRASE" |
    "$BIN/primesh" --home "$HOME_DIR" >"$TMP/backup.out" 2>&1
is "$?" 0 "a backup"
on prime-pri "show tech-support"
like "$STATUS $OUT" "^0 .*- show running-config -.*- ncs server ise show -.*$NET.21" "the report for support has the servers"
printf '%s\n' "$OUT" >"$TMP/tech-support"
on prime-pri "show running-config"
printf '%s\n' "$OUT" >"$TMP/running-config"
for command in "show audit" "show server events" "ncs server ise show" "ncs server dnac show" "ncs server ise list | json"; do
    on prime-pri "$command"
    printf '%s\n' "$OUT$ERR" >>"$TMP/shown"
done

# ---- nowhere in clear: logs, audit, errors, history, store, backup, listings; nor as base64 of Basic

nowhere() { # nowhere <name> <text>
    is "$(grep -rlaF -e "$2" "$LAB/prime-pri" "$LAB/prime-sec" "$TMP/err" "$TMP/tech-support" "$TMP/running-config" "$TMP/shown" \
        "$TMP/backup.out" 2>/dev/null)" "" "$1 is in no file"
}
for password in "$PRINTABLE" "$UTF8" "$SPACES" "${LONG:0:200}" "$TYPED" "$DNAC_PASSWORD" "Wrong-Secret-0815" "$ISE_PASSWORD"; do
    nowhere "${password:0:12}..." "$password"
    nowhere "its base64" "$(printf 'admin:%s' "$password" | base64 -w0 | tr -d =)"
done
nowhere "a token" "eyJhbGciOi"
is "$(pgrep -af 'primes[h]|prime[d]' | grep -c -e "$TYPED" -e "$DNAC_PASSWORD")" 0 "on no command line"
if [ "$(id -u)" = 0 ]; then
    WRITER=$(pgrep -P "$(cat "$HOME_DIR/run/primed.pid")")
    "$ROOT/tests/lib/memory-has" "$WRITER" "$TYPED"
    is "$?" 1 "and not in the memory of primed, once it was used"
fi

# ---- another sealing key

lab stop prime-pri >/dev/null
cp -p "$HOME_DIR/keys/seal.key" "$TMP/seal.key"
head -c 32 /dev/urandom | cat >"$HOME_DIR/keys/seal.key"
lab start prime-pri >/dev/null
HEARD=$(lab log ise | grep -c GET)
on prime-pri "ncs server ise test $NET.21"
is "$STATUS $ERR" "1 % Error: the password of the ISE server $NET.21 was sealed with another key than this node's, or altered
enter it again with: ncs server ise edit $NET.21 password" "credentials sealed by another key: a clear error"
is "$(lab log ise | grep -c GET)" "$HEARD" "and nothing was sent"
on prime-pri "ncs server ise list"
like "$OUT" "$NET.21 +$ISE_PORT +standalone +password unreadable" "the list says it"
with_password prime-pri "$TYPED" "ncs server ise edit $NET.21 password-stdin"
is "$STATUS$ERR" 0 "entered again it works"
on prime-pri "ncs server dnac test $NET.22"
like "$STATUS $ERR" "1 % Error: the password of the DNA Center server" "the DNA Center's as well: its token does not open either"
done_testing
