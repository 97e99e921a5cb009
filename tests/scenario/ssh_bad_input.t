#!/usr/bin/env bash
# What no person types: megabytes, binary junk, NULs, escape sequences, half characters. Refused or ignored; no line of a
# log or of the audit trail is forged by it.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
need_sshd
TOFU="ncs certvalidation tofu-certs"

feed() { # feed <file>: as commands on standard input
    OUT=$(timeout 60 ssh -F "$SSH_CONFIG" prime-pri <"$1" 2>"$TMP/err")
    STATUS=$?
    ERR=$(tr -d '\0' <"$TMP/err")
}

perl -e 'print "show ", "a" x (4 << 20), "\nshow privilege\n"' >"$TMP/long"
feed "$TMP/long"
is "$STATUS|$OUT" "2|Current privilege level is 15" "a line of 4 MB is refused, the next one runs"
like "$ERR" "% Error: the line is longer than [0-9]+ bytes" "with its reason, not with its text"
perl -e 'srand 7; print map { chr int rand 256 } 1 .. 200000; print "\nshow privilege\n"' >"$TMP/junk"
feed "$TMP/junk"
is "$STATUS" 2 "200 KB of random bytes"
like "$OUT" "Current privilege level is 15$" "and a command after them"
printf 'show\0privilege\nshow privilege\n' >"$TMP/nul"
feed "$TMP/nul"
is "$STATUS|$OUT" "2|Current privilege level is 15" "a NUL in a line"
printf '%s\n' $'show privilege\xc3' $'show \xe2\x82 privilege' $'show privilege\xff' $'show \xed\xa0\x80' >"$TMP/half"
feed "$TMP/half"
is "$STATUS|$OUT" "2|" "half characters, a surrogate"
printf '%s\n' $'show \e[2Jprivilege' $'show \e]0;title\aprivilege' $'show \x9b2J' $'show \u202eegelivirp' >"$TMP/escape"
feed "$TMP/escape"
is "$STATUS|$OUT" "2|" "escape sequences, a C1 control, a directional override"
unlike "$ERR" $'\e|\a' "none of them comes back"

# Values that would be lines of their own in a log.
FORGED=$'x\r\n2026-01-01 00:00:00.000 user=root role=admin origin=local result=ok line="forged"'
for value in "$FORGED" $'a\eb' "\"x\" result=ok line=\"forged\"" $'\xff\xfe' $'\u2028forged'; do
    ssh_ prime-pri "$TOFU deletecert host \"$value\"" >/dev/null 2>&1
    ssh_ prime-pri "configure terminal" >/dev/null 2>&1
    printf 'configure terminal\nusername x sshkey "%s" role admin\nhostname "%s"\nno repository "%s"\n' "$value" "$value" "$value" |
        ssh_ prime-pri >/dev/null 2>&1
done
ssh_ prime-pri "$TOFU deletecert host 10.1.1.1_443" >/dev/null 2>&1

# The same on a terminal, typed once the prompt is there.
cat >"$TMP/type_in.py" <<'P'
import os, sys, pexpect
child = pexpect.spawn("ssh", ["-tt", "-F", os.environ["SSH_CONFIG"], "prime-pri"], timeout=60)
child.logfile_read = open(sys.argv[2], "wb")
child.expect_exact(b"admin# ")
child.send(open(sys.argv[1], "rb").read())
child.send(b"\x03\rshow privilege\r")
child.expect_exact(b"level is 15\r\nprime-pri/admin# ")
child.send(b"exit\r")
child.expect(pexpect.EOF)
child.close()
sys.exit(0 if child.exitstatus == 0 else "status %s" % child.exitstatus)
P
export SSH_CONFIG
type_in() { # type_in <file>
    OUT=$(/usr/bin/python3 "$TMP/type_in.py" "$1" "$TMP/typed.out" 2>&1 | tail -3)
}
head -c 100000 "$TMP/long" >"$TMP/long-typed"
sed -i 's/$/\r/' "$TMP/nul" "$TMP/half" "$TMP/escape"
for name in long-typed nul half escape; do
    type_in "$TMP/$name"
    is "$OUT" "" "typed: $name; the session goes on, and ends well"
    is "$(LC_ALL=C grep -acP '\x1b\]|\x1b\[2J|\x9b' "$TMP/typed.out")" 0 "and none of it reaches the terminal as a command"
done

# A long paste into the search of a long history: nobody waits minutes for the next prompt.
perl -e 'print "show version | include ", "x$_ " x 40, "\n" for 1 .. 300' >"$LAB/prime-pri/history/admin"
perl -e 'print "\x12", "q" x 5000' >"$TMP/search"
type_in "$TMP/search"
is "$OUT" "" "typed: 5,000 characters into Ctrl-R with 300 lines of history"

for log in audit application health_monitor; do
    file=$LAB/prime-pri/log/$log.log
    [ -e "$file" ] || continue
    is "$(LC_ALL=C grep -acP '[\x00-\x08\x0b-\x1f\x7f]' "$file")" 0 "$log.log holds no control character"
    is "$(LC_ALL=C grep -ac '^2026-01-01' "$file")" 0 "and no line that somebody else wrote"
done
is "$(LC_ALL=C grep -avcE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{12} user=admin role=admin origin=[0-9a-z.]+ result=[a-z-]+ line=' \
    "$LAB/prime-pri/log/audit.log")" 0 "every line of audit.log is an entry"
OUT=$(ssh_ prime-pri 'show audit | json')
is "$(echo "$OUT" | jq -r '[.audit[] | select(.user != "admin")] | length')" 0 "the audit trail has nobody else in it"
is "$(LC_ALL=C ssh_ prime-pri 'show audit' | LC_ALL=C grep -acP '[\x00-\x09\x0b-\x1f\x7f]')" 0 "and shows no control character"
wait_for 10 no_shells
ok $? "no shell is left"
done_testing
