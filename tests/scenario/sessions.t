#!/usr/bin/env bash
# Sessions over SSH: who is in, what they typed before, log lines while they type, and how many there may be.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
need_sshd

play() { # play <name>, keystrokes on standard input; OUT: what the terminal showed
    cat >"$TMP/$1.in"
    "$ROOT/tests/transcript/play.exp" "$TMP/$1.in" "$TMP/$1.raw" ssh -tt -F "$SSH_CONFIG" prime-pri 2>"$TMP/$1.err"
    STATUS=$?
    OUT=$(tr -d '\r' <"$TMP/$1.raw")
}

# --- who is in, and history ---
play first <<'K'
< admin#\x20
> show users\r
< admin#\x20
> configure terminal\r
< (config)#\x20
> mail-server 192.0.2.25 username me password plain hunter2secret\r
< (config)#\x20
> no mail-server\r
< (config)#\x20
> end\r
< admin#\x20
> exit\r
K
is $STATUS 0 "a session"
like "$OUT" "admin +/dev/pts/[0-9]+ +127\.[0-9.]+ +[0-9]+ " "show users: terminal and the address that ssh came from"
play second <<'K'
< admin#\x20
> show history\r
< admin#\x20
> exit\r
K
like "$OUT" "mail-server 192.0.2.25 username me password plain \*+" "the history of the session before, the secret masked"
is "$(grep -ac hunter2secret "$LAB/prime-pri/history/admin" "$LAB/prime-pri/log/"*.log | cut -d: -f2 | sort -u)" 0 "no secret on disk"

# --- terminal monitor ---
cat >"$TMP/monitor.exp" <<'E'
set timeout 20
log_user 0
set log [lindex $argv 1]/prime-pri/log
proc want {text} {
    expect {
        -ex $text {}
        timeout { puts "no <$text>"; exit 1 }
        eof { puts "ended before <$text>"; exit 1 }
    }
}
proc append_line {file line} { set out [open $file a]; puts $out $line; close $out }
spawn ssh -tt -F [lindex $argv 0] prime-pri
want "prime-pri/admin# "
send "terminal monitor\r"
want "prime-pri/admin# "
send "show priv"
want "show priv"
append_line $log/application.log "first news"
want "\rfirst news"
want "\r\nprime-pri/admin# show priv"
append_line $log/health_monitor.log "second news \033\[2J"
want "\rsecond news \\1b\[2J"
want "\r\nprime-pri/admin# show priv"
file rename $log/application.log $log/application.log.1
append_line $log/application.log "after rotation"
want "\rafter rotation"
want "\r\nprime-pri/admin# show priv"
send "ilege\r"
want "Current privilege level is 15\r\nprime-pri/admin# "
send "terminal no monitor\r"
want "prime-pri/admin# "
append_line $log/application.log "unseen"
send "show privilege\r"
expect {
    "unseen" { puts "still monitored"; exit 1 }
    "level is 15" {}
    timeout { puts "no answer"; exit 1 }
}
want "prime-pri/admin# "
send "exit\r"
expect eof
puts fine
E
is "$(expect "$TMP/monitor.exp" "$SSH_CONFIG" "$LAB" </dev/null 2>&1)" fine "log lines come above the line being typed, which goes on"
OUT=$(ssh_ prime-pri 'terminal monitor' 2>&1)
is $? 1 "no monitor without a terminal"
like "$OUT" "show logging application follow" "with what to use there"

# --- a paste ---
{
    echo '< admin#\x20'
    printf '> configure terminal\\r'
    for i in $(seq 1 99); do printf 'repository paste%d\\r' "$i"; done
    printf '\n< (config-Repository)#\\x20\n> end\\r\n< admin#\\x20\n> exit\\r\n'
} | play paste
is "$STATUS$(cat "$TMP/paste.err")" 0 "a hundred lines pasted at once"
OUT=$(ssh_ prime-pri 'show running-config | include "^repository paste" | count')
like "$OUT" "99" "are all applied"

# --- how many ---
cat >"$TMP/crowd.pl" <<'P'
use strict;
use IO::Socket::UNIX;
my @open;
for my $number (1 .. 64) {
    my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "connect: $!";
    $socket->autoflush(1);
    print $socket qq({"id":1,"method":"session.open","params":{"terminal":"crowd$number"}}\n);
    my $answer = <$socket>;
    die $answer unless $answer =~ /"result"/;
    push @open, $socket;
}
$| = 1;
print "full\n";
<STDIN>;
P
mkfifo "$TMP/leave"
perl "$TMP/crowd.pl" "$LAB/prime-pri/run/control.sock" <"$TMP/leave" >"$TMP/crowd.out" 2>&1 &
exec 9>"$TMP/leave"
wait_for 10 grep -q full "$TMP/crowd.out"
ok $? "64 sessions"
OUT=$(ssh_ -tt prime-pri </dev/null 2>/dev/null)
is $? 3 "the next is refused"
like "$OUT" "64 sessions are open, and no more are allowed" "and told why"
OUT=$(ssh_ prime-pri 'show users | count')
like "$OUT" "6[0-9]" "a single command still gets through"
if [ "$(id -u)" = 0 ]; then
    printf '%s\n' '< admin#\x20' '> show users | include crowd64\r' '< admin#\x20' '> exit\r' >"$TMP/root.in"
    "$ROOT/tests/transcript/play.exp" "$TMP/root.in" "$TMP/root.raw" "$BIN/primesh" --home "$LAB/prime-pri"
    is $? 0 "and root still comes in"
    like "$(cat "$TMP/root.raw")" "crowd64" "to see who else is there"
fi
exec 9>&-
wait
play again <<'K'
< admin#\x20
> exit\r
K
is $STATUS 0 "and when they have left, there is room again"
wait_for 10 no_shells
ok $? "no shell is left"
done_testing
