#!/usr/bin/env bash
# `| save <file> repository <name>`: what a command gives becomes a file of a repository, whole or not at all.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up
REPO=$HOME_DIR/repository/defaultRepo
leftovers() { find "$HOME_DIR/repository" -name '.*' ! -name . | wc -l; }
no_leftovers() { [ "$(leftovers)" = 0 ]; }

sh_ "show version"
VERSION=$OUT
sh_ "show version | save version.txt repository defaultRepo"
is "$STATUS$OUT$ERR" 0 "saving is silent"
is "$(cat "$REPO/version.txt")" "$VERSION" "and the file holds what would have been shown"
sh_ "show version | include Product | count | save version.txt repository defaultRepo"
is "$STATUS $(cat "$REPO/version.txt")" "0 Count: 1 lines" "after other modifiers, in the place of the old file"
sh_ "show version | json | save version.json repository defaultRepo"
is "$(jq -r .version.product "$REPO/version.json")" primesh "JSON too"
sh_ "show audit last 20 | json"
is "$(echo "$OUT" | jq -r '[.audit[] | select(.line == "... | save version.json repository defaultRepo")][0].result')" ok \
    "the audit trail has it"

# --- longer than any one message, and not only plain letters
perl -e 'for (1 .. 40000) { print "2026-01-01 00:00:00.000 line $_ \xc3\xa9\xe6\xbc\xa2 ", "x" x 40, "\n" }' >>"$HOME_DIR/log/application.log"
sh_ "show logging application | save log.txt repository defaultRepo"
is "$STATUS" 0 "3 MB"
cmp -s "$REPO/log.txt" "$HOME_DIR/log/application.log"
ok $? "arrive as they are"

# --- what does not work leaves no file
sh_ "show version | save x.txt repository nowhere"
like "$STATUS $OUT$ERR" "^1 % Error: there is no disk:/nowhere" "a repository that is not there"
sh_ "ncs restart | save x.txt repository nowhere"
like "$STATUS $OUT$ERR" "^1 % Error: there is no disk:/nowhere" "is found out before the command runs"
for name in ../x /etc/x a/b .x; do
    sh_ "show version | save $name repository defaultRepo"
    is "$STATUS" 2 "no file outside: $name"
    sh_ "show version | save x repository $name"
    is "$STATUS" 2 "no repository outside: $name"
done
sh_ "show version | include [ | save x.txt repository defaultRepo"
is "$STATUS" 2 "a bad pattern"
sh_ "ncs certvalidation tofu-certs showcert host 10.9.9.9_443 | save x.txt repository defaultRepo"
like "$STATUS $OUT$ERR" "^1 % Error: there is no pin for 10.9.9.9_443" "a command that fails"
mkdir "$REPO/folder" && chmod 755 "$REPO/folder"
sh_ "show version | save folder repository defaultRepo"
is "$STATUS" 1 "a folder is in the way"
is "$(ls "$REPO" | tr '\n' ' ')$(leftovers)" "folder log.txt version.json version.txt 0" "and none of them left anything"

# --- straight at the socket: pieces without a beginning, a beginning without an end, junk
cat >"$TMP/pieces.pl" <<'P'
use strict;
use IO::Socket::UNIX;
my ($home, @steps) = @ARGV;
my $socket = IO::Socket::UNIX->new(Peer => "$home/run/control.sock") or die "connect: $!";
$socket->autoflush(1);
my %params = (begin => '{"repository":"defaultRepo","file":"piece.txt","line":"... | save"}', add => '{"data":"aGVsbG8K"}',
              junk => '{"data":"!"}', end => '{"line":"... | save"}');
my $id = 0;
for my $step (@steps) {
    my $method = $step eq "junk" ? "add" : $step;
    printf $socket qq({"id":%d,"method":"file.save_%s","params":%s}\n), ++$id, $method, $params{$step};
    my $answer = <$socket>;
    print $answer =~ /"error"/ ? "$step: " . ($answer =~ /"message":\s*"([^"]*)/)[0] . "\n" : "$step: ok\n";
}
P
pieces() { perl "$TMP/pieces.pl" "$HOME_DIR" "$@" 2>&1; }
is "$(pieces add)" "add: nothing is being saved on this connection" "a piece of nothing"
is "$(pieces end)" "end: nothing is being saved on this connection" "an end of nothing"
is "$(pieces begin junk | tail -1)" 'junk: the parameter \' "junk in the place of bytes"
is "$(pieces begin add)" $'begin: ok\nadd: ok' "a file that is begun"
wait_for 5 no_leftovers
ok $? "is gone with its connection"
[ ! -e "$REPO/piece.txt" ]
ok $? "and has no name"
is "$(pieces begin add begin add add end | tail -1)" "end: ok" "one begun anew"
is "$(cat "$REPO/piece.txt")" $'hello\nhello' "starts from nothing"

# --- whoever may not
node_stop
PRIMESH_HOME=$HOME_DIR "$BIN/primesh" -c "show version | save x.txt repository defaultRepo" 2>"$TMP/err"
is $? 3 "without primed: 3, although the command itself needs none"
like "$(cat "$TMP/err")" "^% Error: .*start it with" "and how to start it"
no_leftovers
ok $? "nothing is left over"
done_testing
