#!/usr/bin/env bash
# primesh without a terminal: one command, standard input, exit statuses, errors, modifiers, JSON.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up

FAULT=$("$BIN/primesh" --reference check 2>&1)
is "$?$FAULT" 0 "the command table has no fault"
"$BIN/primesh" --reference markdown | cmp -s - "$ROOT/docs/commands.md"
ok $? "docs/commands.md is what the table says"
"$BIN/primesh" --reference man | cmp -s - "$ROOT/docs/primesh.1"
ok $? "and so is the manual page"
LINKED=$(LC_ALL=C ldd "$BIN/primesh" 2>&1)
like "$LINKED" "libcli" "the shell's libraries can be listed"
unlike "$LINKED" "lib(crypto|ssl|curl|event)[-_.]" "and no OpenSSL is among them: every session would pay for it"
sh_ "show clock"
is "$STATUS" 0 "a command succeeds: 0"
sh_ "sh ver | inc Product"
is "$STATUS $OUT" "0 Product:  primesh" "abbreviations and modifiers"
sh_ "show nonsense"
is "$STATUS$OUT" 2 "not understood: 2, nothing on standard output"
like "$ERR" "% invalid command detected at '\^' marker\." "and says so on standard error"
sh_ "show i"
is "$STATUS $OUT$ERR" '2 % ambiguous command: "show i" matches: interface inventory' "an ambiguous abbreviation"
sh_ "show inv"
like "$STATUS $OUT" "^0 Item +Value" "a unique one"
sh_ "ncs certvalidation tofu-certs"
is "$STATUS" 2 "incomplete: 2"
like "$ERR" "% incomplete command detected at '\^' marker\." "and says so"
sh_ "ncs certvalidation tofu-certs deletecert host 10.0.0.300_443"
is "$STATUS" 2 "a bad value: 2"
like "$ERR" '% invalid value for <host_port>: 10.0.0.300_443 is not an address, a host name and a port joined by "_"' "with what it should be"
sh_ "ncs certvalidation tofu-certs deletecert host 10.0.0.3_443"
is "$STATUS" 1 "a command that fails: 1"
like "$ERR" "^% Error: " "with the sentence"
sh_ "show version | include ["
is "$STATUS$OUT" 2 "a bad pattern is an error before the command runs"
sh_ "show version | json"
is "$(echo "$OUT" | jq -r .version.product)" primesh "JSON"
sh_ "ncs certvalidation certificate-check trust-on-first-use trustzone user | json"
is "$OUT" '{"ok":true}' "JSON of a command without rows"
sh_ "ncs certvalidation certificate-check enable trustzone user"
is "$STATUS" 0 "certificate-check enable is accepted"
like "$OUT" "trust store of the zone user is empty" "and says what is missing"
sh_ "ncs certvalidation certificate-check disable trustzone pubnet"
is "$STATUS" 0 "disable is accepted"
sh_ "ncs certvalidation certificate-check | include pubnet"
like "$OUT" "pubnet +disable" "and shown"

OUT=$(printf 'show privilege\r\n! a comment\n\nshow nonsense\nshow privilege' | "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/err")
is "$? $OUT" "2 Current privilege level is 15
Current privilege level is 15" "standard input: goes on after an error, ends with its status"
OUT=$(printf 'show privilege\nshow nonsense\nshow privilege\n' | "$BIN/primesh" --home "$HOME_DIR" --stop-on-error 2>/dev/null)
is "$? $OUT" "2 Current privilege level is 15" "--stop-on-error ends at the first"
OUT=$(printf 'show privilege\nexit\nshow nonsense\n' | "$BIN/primesh" --home "$HOME_DIR")
is "$? $OUT" "0 Current privilege level is 15" "exit leaves"

# --- bytes that are no commands
head -c 4194304 /dev/zero | tr '\0' 'a' | "$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>"$TMP/err"
is "$?" 2 "a line of 4 MB is not understood"
head -c 65536 /dev/urandom | "$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>"$TMP/err"
STATUS=$?
[ $STATUS -eq 2 ] || [ $STATUS -eq 0 ]
ok $? "junk ends by itself ($STATUS)"
unlike "$(LC_ALL=C cat "$TMP/err")" $'\033|\a|\b' "and nothing of it reaches the terminal"

"$BIN/primesh" --home "$HOME_DIR" -c "show audit" | head -1 >/dev/null
ok 0 "a reader that leaves early is no harm"
PRIMESH_HOME=$TMP/nowhere "$BIN/primesh" -c "ncs status" 2>"$TMP/err"
is "$?" 3 "no appliance: 3"
PRIMESH_HOME=$TMP/nowhere "$BIN/primesh" -c "ncs certvalidation tofu-certs listcerts" 2>"$TMP/err"
is "$?" 3 "no store: 3"
done_testing
