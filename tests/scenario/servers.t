#!/usr/bin/env bash
# Servers that do not behave, and certificates that should not be: one clear error each, in time, nothing half done.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up
TOFU="ncs certvalidation tofu-certs"
PEER=${ADDRESS%.*}.50

cat >"$TMP/server.pl" <<'P'
# server.pl <address> <port> <manner>: accepts and misbehaves
use strict;
use IO::Socket::INET;
my ($address, $port, $manner) = @ARGV;
my $listener = IO::Socket::INET->new(LocalAddr => $address, LocalPort => $port, Listen => 64, ReuseAddr => 1) or die $!;
$| = 1;
$SIG{PIPE} = 'IGNORE';
print "up\n";
my @kept;
while (my $client = $listener->accept) {
    if ($manner eq 'plain') { sysread $client, my $junk, 4096; print $client "HTTP/1.1 400 Bad Request\r\n\r\nno TLS here\r\n"; close $client; }
    elsif ($manner eq 'close') { sysread $client, my $junk, 4096; close $client; }
    elsif ($manner eq 'drip') {
        if (!fork) {
            sysread $client, my $junk, 4096;
            # a TLS record header that promises 1,000 bytes of handshake, then a byte a second
            $client->autoflush(1);
            print $client "\x16\x03\x03\x03\xe8\x02\x00\x03\xe4";
            for (1 .. 60) { print $client "\x03"; sleep 1; }
            exit;
        }
    }
    else { push @kept, $client; }
}
P

misbehave() { # misbehave <port> <manner>
    perl "$TMP/server.pl" "$PEER" "$1" "$2" >"$TMP/$2.out" &
    at_exit "kill $! 2>/dev/null; pkill -f '$TMP/server.pl' 2>/dev/null"
    wait_for 5 grep -q up "$TMP/$2.out"
}
misbehave 4001 silent
misbehave 4002 plain
misbehave 4003 close
misbehave 4004 drip

sh_ "$TOFU addcert host ${PEER}_4000"
is "$STATUS" 1 "nobody listens"
like "$ERR" "% Error: cannot connect to ${PEER}_4000: Connection refused" "says so"
sh_ "$TOFU addcert host ${PEER}_4002"
like "$STATUS $ERR" "1 % Error: .*${PEER}_4002.*(TLS|plain)" "plain HTTP: clear error"
sh_ "$TOFU addcert host ${PEER}_4003"
like "$STATUS $ERR" "1 % Error: .*${PEER}_4003.*clos" "closed in mid-handshake: clear error"
START=$SECONDS
sh_ "$TOFU addcert host ${PEER}_4001"
like "$STATUS $ERR" "1 % Error: .*${PEER}_4001.*10 s" "accepts and says nothing: clear error"
sh_ "$TOFU addcert host ${PEER}_4004"
like "$STATUS $ERR" "1 % Error: .*${PEER}_4004.*10 s" "drips a byte a second: clear error"
[ $((SECONDS - START)) -lt 25 ]
ok $? "within their time limits"
sh_ "$TOFU addcert host ::1_443"
is "$STATUS" 1 "an IPv6 address without a server: $ERR"
sh_ "$TOFU addcert host no-such-host.invalid_443"
like "$STATUS $ERR" "1 % Error: .*no-such-host.invalid" "a name that does not resolve"

# --- certificates
serve() { # serve <port> <openssl req arguments...>
    local port=$1
    shift
    # shellcheck disable=SC2086
    openssl req -x509 -newkey ${NEWKEY:-ec -pkeyopt ec_paramgen_curve:P-256} -nodes -keyout "$TMP/$port.key" -out "$TMP/$port.crt" "$@" 2>/dev/null
    openssl s_server -accept "$PEER:$port" -key "$TMP/$port.key" -cert "$TMP/$port.crt" -cipher ALL:@SECLEVEL=0 -quiet </dev/null >/dev/null 2>&1 &
    at_exit "kill $! 2>/dev/null"
    wait_for 5 openssl s_client -connect "$PEER:$port" </dev/null
}
serve 4010 -subj $'/O=evil\nhost=1.2.3.4_443;  subject= \\/CN=forged/CN=x' -days 10
sh_ "$TOFU addcert host ${PEER}_4010"
is "$STATUS" 0 "a subject with a line end is pinned"
sh_ "$TOFU listcerts"
is "$(echo "$OUT" | grep -c '^host=')" 2 "and forges no row"
like "$OUT" 'O=evil\\0ahost=1.2.3.4_443' "its line end is escaped"
sh_ "$TOFU verify host ${PEER}_4010"
like "$OUT" "expires in [0-9]+ days" "a certificate near its end is flagged"
serve 4011 -subj "/CN=old" -not_before 20200101000000Z -not_after 20210101000000Z 2>/dev/null || true
if [ -s "$TMP/4011.crt" ]; then
    sh_ "$TOFU addcert host ${PEER}_4011"
    is "$STATUS" 0 "an expired certificate is pinned all the same"
    sh_ "$TOFU verify host ${PEER}_4011"
    like "$OUT" "expired" "and flagged"
fi
printf '[req]\ndistinguished_name=dn\nprompt=no\nstring_mask=utf8only\n[dn]\n' >"$TMP/long.cnf"
for i in $(seq 1 1000); do printf '%d.OU=%s\n' "$i" "$(head -c 60 /dev/zero | tr '\0' 'a')"; done >>"$TMP/long.cnf"
serve 4012 -config "$TMP/long.cnf"
sh_ "$TOFU addcert host ${PEER}_4012"
is "$STATUS" 1 "a subject of 60 KB is refused"
like "$ERR" "% Error: .*${PEER}_4012" "with a clear sentence: $(echo "$ERR" | head -c 200)"
NEWKEY=rsa:2048 serve 4013 -subj "/CN=md5" -md5
sh_ "$TOFU addcert host ${PEER}_4013"
is "$STATUS" 0 "an MD5 signature: the certificate itself is what is trusted"
sh_ "$TOFU showcert host ${PEER}_4013"
like "$OUT" "MD5|md5" "and the signature algorithm is shown"

# --- certificates from files
cp "$TMP/4010.crt" "$HOME_DIR/repository/defaultRepo/good.pem"
openssl x509 -in "$TMP/4010.crt" -outform DER -out "$HOME_DIR/repository/defaultRepo/good.der"
head -c 100 "$HOME_DIR/repository/defaultRepo/good.der" >"$HOME_DIR/repository/defaultRepo/short.der"
cp "$TMP/4010.key" "$HOME_DIR/repository/defaultRepo/private.key"
ln -s /etc/passwd "$HOME_DIR/repository/defaultRepo/link.pem"
chmod -R a+rX "$HOME_DIR/repository"
sh_ "$TOFU addcert host a.example_1 certfile good.pem repository defaultRepo"
is "$STATUS" 0 "addcert from a PEM file, without any connection"
sh_ "$TOFU addcert host b.example_1 certfile good.der repository defaultRepo"
is "$STATUS" 0 "and from a DER file"
for file in short.der private.key link.pem none.pem; do
    sh_ "$TOFU addcert host c.example_1 certfile $file repository defaultRepo"
    is "$STATUS" 1 "$file is refused: $(echo "$ERR" | head -1)"
done
sh_ "$TOFU addcert host c.example_1 certfile ../../node.conf repository defaultRepo"
is "$STATUS" 2 "no path leaves the repository"
sh_ "$TOFU addcert host c.example_1 certfile node.conf repository .."
is "$STATUS" 2 "nor by the repository's name"

# --- export and import
sh_ "$TOFU listcerts"
BEFORE=$OUT
sh_ "$TOFU exportcerts pins.json repository defaultRepo"
is "$STATUS" 0 "export"
is "$(wc -l <"$HOME_DIR/repository/defaultRepo/pins.json")" "$(echo "$BEFORE" | grep -c ^host=)" "one line a pin"
sh_ "$TOFU exportcerts good.der repository defaultRepo"
like "$STATUS $ERR" "1 % Error: there is a file disk:/defaultRepo/good.der already.*add \"overwrite\"" \
    "no file that is there is replaced unasked"
openssl x509 -inform DER -in "$HOME_DIR/repository/defaultRepo/good.der" -noout
ok $? "and it stays as it was"
sh_ "$TOFU exportcerts pins.json repository defaultRepo overwrite"
is "$STATUS" 0 "but with overwrite"
echo old >"$HOME_DIR/repository/defaultRepo/pins.json"
expect >/dev/null 2>&1 <<E
set timeout 10
spawn $BIN/primesh --home $HOME_DIR
expect -exact "node/admin# "; send "$TOFU exportcerts pins.json repository defaultRepo\r"
expect -exact "already. Replace it? (yes/no) \[no\] "; send "yes\r"
expect -exact "certificates exported"
E
is "$(grep -c '"host"' "$HOME_DIR/repository/defaultRepo/pins.json")" "$(grep -c ^host= <<<"$BEFORE")" "or after asking"
sh_ "$TOFU deletecert host a.example_1"
printf 'no json\n{"host":"x_1"}\n' >>"$HOME_DIR/repository/defaultRepo/pins.json"
sh_ "$TOFU importcerts pins.json repository defaultRepo"
is "$STATUS" 1 "import reports lines that are none"
like "$OUT" "a.example_1 +added" "adds what is missing"
like "$OUT" "b.example_1 +same" "leaves what is the same"
sh_ "$TOFU listcerts | include a.example_1"
is "$STATUS" 0 "and it is listed again"
done_testing
