#!/usr/bin/env bash
# The shortest session timeout there is, a minute, over real sshd: output is no keystroke, and nothing is left behind.
. "$(dirname "$0")/../lib/tap.sh"
BIN=$ROOT/build/bin
. "$ROOT/tests/lib/lab.sh"
lab_up
need_sshd
cat >"$TMP/idle.exp" <<'E'
set timeout 90
log_user 0
spawn ssh -tt -F [lindex $argv 0] prime-pri
expect "admin# "
send "terminal session-timeout 1\r"
expect "admin# "
send "terminal monitor\r"
expect "admin# "
set start [clock milliseconds]
expect {
    "This session ends in" {}
    timeout { puts "no warning"; exit 1 }
}
exec sh -c "echo news >>[lindex $argv 1]/prime-pri/log/application.log"
expect "news"
expect {
    eof {}
    timeout { puts "does not end"; exit 1 }
}
set took [expr {([clock milliseconds] - $start) / 1000}]
puts [expr {$took >= 58 && $took <= 65 ? "ended" : "ended after $took s"}]
E
is "$(expect "$TMP/idle.exp" "$SSH_CONFIG" "$LAB" </dev/null 2>&1)" ended "an idle session ends after its minute"
wait_for 5 no_shells
ok $? "and leaves no process"
done_testing
