#!/usr/bin/env bash
# Trust zones with real CAs, real OCSP responders and real servers: a table of certificates, the verdict beside each.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
. "$ROOT/tests/lib/pki.sh"
C="ncs certvalidation"
BUNDLE=$TMP/system.crt
PEER=${ADDRESS%.*}.60
REPO=$HOME_DIR/repository/defaultRepo
pki_make
cp "$PKI/root.crt" "$BUNDLE"
node_up "ca-bundle = $BUNDLE"

put() { # put <file> <name in the repository>
    cp "$1" "$REPO/$2" && chmod a+r "$REPO/$2"
}
import() { # import <file> <alias> [<zone>]
    put "$1" "$2.pem"
    sh_ "$C trusted-ca-store importcacert alias $2 repository defaultRepo $2.pem truststore ${3:-system}"
}
port=5000
printf '%s\n' 'openssl_conf = o' '[o]' 'ssl_conf = s' '[s]' 'system_default = d' '[d]' 'CipherString = ALL:@SECLEVEL=0' >"$PKI/weak.cnf"
serve() { # serve <name> [<arguments of s_server>]: a TLS server with that certificate and the intermediate; port in PORT
    local name=$1
    shift
    [ $# -gt 0 ] || set -- -cert_chain "$PKI/inter.crt"
    port=$((port + 1))
    PORT=$port
    OPENSSL_CONF=$PKI/weak.cnf openssl s_server -accept "$PEER:$PORT" -key "$PKI/$name.key" -cert "$PKI/$name.crt" -cipher ALL:@SECLEVEL=0 -quiet \
        "$@" </dev/null >"$PKI/$name.server" 2>&1 &
    at_exit "kill $! 2>/dev/null"
    wait_for 5 openssl s_client -connect "$PEER:$PORT" </dev/null
}
verdict() { # verdict <port or host_port>: VERDICT, DETAIL
    local host=$1
    [[ $host == *_* ]] || host=${PEER}_$host
    sh_ "$C tofu-certs verify host $host | json"
    VERDICT=$(echo "$OUT" | jq -r '.verified[0].verdict // empty' 2>/dev/null)
    DETAIL=$(echo "$OUT" | jq -r '.verified[0].detail // empty' 2>/dev/null)
}
row() { # row <name> <expected verdict> <expected detail> [<arguments of s_server>]: one row of the table
    local name=$1 expected=$2 detail=$3
    shift 3
    serve "$name" "$@"
    verdict "$PORT"
    is "$VERDICT" "$expected" "$name: $expected"
    [ -z "$detail" ] || like "$DETAIL" "$detail" "$name: says why: $DETAIL"
}

# --- policies: one server, every policy
sh_ "$C custom-ocsp-responder failure soft"
is "$STATUS" 0 "soft failure"
responder root root
ROOT_OCSP=$RESPONDER
responder inter inter
AIA=$RESPONDER
issue good inter "IP:$PEER,DNS:localhost"
responder inter inter
serve good
GOOD=$PORT
verdict "$GOOD"
is "$VERDICT" "no pin" "trust-on-first-use: not pinned yet"
sh_ "$C tofu-certs addcert host ${PEER}_$GOOD"
is "$STATUS" 0 "is pinned"
sh_ "$C certificate-check disable trustzone system"
verdict "$GOOD"
is "$VERDICT" "not checked" "disable: not checked"
sh_ "$C certificate-check enable trustzone system"
like "$OUT" "trust store of the zone system is empty" "enable says that the trust store is empty"
like "$OUT" "2 pins of the zone system stay and are not used" "and what becomes of the pins"
verdict "$GOOD"
is "$VERDICT" "unknown issuer" "enable, an empty trust store: refused at once"
import "$PKI/root.crt" root
is "$STATUS" 0 "the root is imported: $ERR"
verdict "$GOOD"
is "$VERDICT $DETAIL" "validated " "from the next connection on it is trusted"
sh_ "ncs status"
like "$OUT" "Self check of ${ADDRESS}_8082 is match" "the node's own self-signed certificate stays trusted on its own address"
sh_ "$C tofu-certs verify host ${ADDRESS}_8082"
like "$STATUS $OUT" "0 .*match" "and verify says so"
sh_ "$C tofu-certs addcert host ${PEER}_$GOOD"
is "$STATUS" 1 "addcert where nothing is pinned: $ERR"
sh_ "$C certificate-check trust-on-first-use trustzone system"
verdict "$GOOD"
is "$VERDICT" "match" "back to trust-on-first-use: the pin is still there"
sh_ "$C certificate-check enable trustzone system"

# --- the table
FROM=20190101000000Z TO=20200101000000Z issue expired inter "IP:$PEER"
row expired "expired" "the server's certificate, CN=expired.* expired on 2020-01-01T00:00:00Z"
FROM=20390101000000Z TO=20400101000000Z issue early inter "IP:$PEER"
row early "not yet valid" "is not valid before 2039-01-01T00:00:00Z"
issue name inter "DNS:other.example,IP:10.1.1.1"
row name "wrong name" "is for DNS:other.example, IP:10.1.1.1, not for $PEER"
issue nameless inter ""
row nameless "wrong name" "has no alternative names"
pki_key self
openssl req -x509 -key "$PKI/self.key" -subj "/CN=self" -addext "subjectAltName=IP:$PEER" -days 30 -out "$PKI/self.crt" 2>/dev/null
row self "self-signed" "is self-signed, and not in the trust store of the zone system" -naccept 1000
SELF=$PORT
issue revoked inter "IP:$PEER"
revoke revoked inter
responder inter inter
row revoked "revoked" "the server's certificate, CN=revoked.* was revoked on .*keyCompromise"
issue forgotten inter "IP:$PEER"
sed -i '/CN=forgotten$/d' "$PKI/inter.db/index.txt"
responder inter inter
row forgotten "unknown status" "is unknown to the OCSP responder of its CA"
KEY="-algorithm RSA -pkeyopt rsa_keygen_bits:1024" issue weak inter "IP:$PEER"
row weak "weak" "key that can be forged today: rsa, 1024 bits"
DIGEST=sha1 issue sha1 inter "IP:$PEER"
row sha1 "weak" "signature that can be forged today: .*(SHA1|sha1)"
USE=clientAuth issue client inter "IP:$PEER"
row client "wrong use" "may not be used by a TLS server"
issue caserver inter "IP:$PEER" "basicConstraints=critical,CA:TRUE"
row caserver "wrong use" "is a CA's, not a server's"
issue lonely inter "IP:$PEER"
row lonely "unknown issuer" "was issued by CN=Test Issuing, O=Test, which the server does not send" -naccept 1000
pki_authority short "/O=Test/CN=No CA Below" root "basicConstraints=critical,CA:TRUE,pathlen:0" "keyUsage=critical,keyCertSign,cRLSign"
pki_authority below "/O=Test/CN=Below" short
AIA= issue long below "IP:$PEER"
cat "$PKI/below.crt" "$PKI/short.crt" >"$PKI/long.chain"
row long "broken chain" "allows fewer CA certificates below it" -cert_chain "$PKI/long.chain"
pki_authority constrained "/O=Test/CN=Constrained" root "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign,cRLSign" "nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0,permitted;DNS:example.com"
AIA= issue outside constrained "IP:$PEER"
row outside "broken chain" "name that the name constraints of its issuers do not allow" -cert_chain "$PKI/constrained.crt"
AIA= issue notca good "IP:$PEER" 2>/dev/null || {
    mkdir -p "$PKI/good.db" && : >"$PKI/good.db/index.txt" && echo 1000 >"$PKI/good.db/serial"
    AIA= issue notca good "IP:$PEER"
}
cat "$PKI/good.crt" "$PKI/inter.crt" >"$PKI/notca.chain"
row notca "broken chain" "certificate 2 of its chain, CN=good.* is no CA certificate" -cert_chain "$PKI/notca.chain"
KEY="-algorithm RSA -pkeyopt rsa_keygen_bits:2048" pki_authority rsa "/O=Test/CN=RSA" root
DIGEST=md5 AIA= issue md5 rsa "IP:$PEER"
row md5 "weak" "signature that can be forged today: .*(MD5|md5)" -cert_chain "$PKI/rsa.crt"
KEY="-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit" issue explicit inter "IP:$PEER"
row explicit "weak" "EC key that spells its curve out"
issue critical inter "IP:$PEER" "1.2.3.4.5.6=critical,ASN1:UTF8String:x"
row critical "broken chain" "the server's certificate, CN=critical.* has a critical extension that is not known here"
issue usage inter "IP:$PEER" "keyUsage=critical,cRLSign"
row usage "wrong use" "may not be used by a TLS server"
issue texted inter "DNS:$PEER"
row texted "wrong name" "is for DNS:$PEER, not for $PEER"
EXTENSION=basicConstraints=critical,CA:TRUE
under() { # under <name> <expected verdict> <expected detail> <lines of extensions>: a good certificate below a bad CA
    local name=$1
    pki_authority "$name" "/O=Test/CN=$name" root "${@:4}"
    AIA= FROM= TO= KEY= DIGEST= issue "of-$name" "$name" "IP:$PEER"
    row "of-$name" "$2" "certificate 2 of its chain, CN=$name.* $3" -cert_chain "$PKI/$name.crt"
}
FROM=20190101000000Z TO=20200101000000Z under past "expired" "expired on 2020-01-01T00:00:00Z" "$EXTENSION"
FROM=20390101000000Z under future "not yet valid" "is not valid before 2039-01-01T00:00:00Z" "$EXTENSION"
KEY="-algorithm RSA -pkeyopt rsa_keygen_bits:1024" under small "weak" "key that can be forged today: rsa, 1024 bits" "$EXTENSION"
DIGEST=sha1 under old-hash "weak" "signature that can be forged today: .*(SHA1|sha1)" "$EXTENSION"
under flagless "broken chain" "is no CA certificate" "keyUsage=critical,keyCertSign"
under signless "broken chain" "is no CA certificate" "$EXTENSION" "keyUsage=critical,digitalSignature"
under client-ca "wrong use" "may not be used to issue certificates of TLS servers" "$EXTENSION" "extendedKeyUsage=clientAuth"
under odd "broken chain" "has a critical extension that is not known here" "$EXTENSION" "1.2.3.4.5.6=critical,ASN1:UTF8String:x"
sh_ "show logging application"
like "$OUT" "CN=revoked, O=Test, was revoked" "refusals are in the log"

# --- a self-signed server that an admin takes in himself; the wrong file leaves no trace
import "$PKI/self.crt" self
verdict "$SELF"
is "$VERDICT" "validated" "an imported self-signed certificate is trusted for its server"
import "$PKI/lonely.crt" lonely
is "$STATUS" 1 "a server's certificate is no CA: $ERR"

# --- revoked intermediate, its responder named by the intermediate itself
EXT="basicConstraints=critical,CA:TRUE"
pki_authority taken "/O=Test/CN=Taken Back" root "$EXT" "keyUsage=critical,keyCertSign,cRLSign" "authorityInfoAccess=OCSP;URI:$ROOT_OCSP"
AIA= issue below-taken taken "IP:$PEER"
revoke taken root cACompromise
responder root root
row below-taken "revoked" "certificate 2 of its chain, CN=Taken Back.* was revoked" -cert_chain "$PKI/taken.crt"

# --- OCSP: cached, stapled, soft and hard, junk
no_responder inter
verdict "$GOOD"
is "$VERDICT $DETAIL" "validated " "the answer is kept until its nextUpdate: the responder may be gone"
issue fresh inter "IP:$PEER"
serve fresh
FRESH=$PORT
verdict "$FRESH"
is "$VERDICT" "validated" "soft failure: no responder, trusted all the same"
like "$DETAIL" "nobody could tell whether the server's certificate, CN=fresh.*cannot be reached" "and it says so"
sh_ "show logging application"
like "$OUT" "is trusted, but nobody could tell" "in the log, too"
issue staple inter "IP:$PEER" "tlsfeature=status_request"
openssl ocsp -issuer "$PKI/inter.crt" -cert "$PKI/staple.crt" -reqout "$PKI/staple.req" >/dev/null 2>&1
openssl ocsp -index "$PKI/inter.db/index.txt" -CA "$PKI/inter.crt" -rsigner "$PKI/inter.crt" -rkey "$PKI/inter.key" \
    -reqin "$PKI/staple.req" -respout "$PKI/staple.answer" -ndays 1 >/dev/null 2>&1
serve staple
verdict "$PORT"
is "$VERDICT" "unknown status" "a certificate that demands a stapled answer (RFC 7633) without one is refused, soft failure or not"
like "$DETAIL" "CN=staple.*demands that the server shows a fresh OCSP answer.*shows none" "which is said"
serve staple -cert_chain "$PKI/inter.crt" -status_file "$PKI/staple.answer"
verdict "$PORT"
is "$VERDICT $DETAIL" "validated " "with one it is validated"
sh_ "$C custom-ocsp-responder failure hard"
verdict "$FRESH"
is "$VERDICT" "unknown status" "hard failure from the next connection on: refused"
is "$STATUS" 1 "with an error"
responder again inter
sh_ "$C custom-ocsp-responder custom set url1 http://127.0.0.1:1/"
sh_ "$C custom-ocsp-responder custom set url2 $RESPONDER/"
sh_ "$C custom-ocsp-responder custom enable"
is "$STATUS" 0 "custom responders"
verdict "$FRESH"
is "$VERDICT" "validated" "url1 does not answer, url2 does"
sh_ "$C custom-ocsp-responder"
like "$OUT" "url2: +$RESPONDER/" "shown"
sh_ "$C custom-ocsp-responder custom set url1 https://x/"
is "$STATUS" 2 "https is refused"
sh_ "$C custom-ocsp-responder custom set url1 http://user@x/"
is "$STATUS" 1 "so is a user name: $ERR"
sh_ "$C custom-ocsp-responder custom clear url1"
sh_ "$C custom-ocsp-responder custom clear url2"
like "$OUT" "nobody will be asked" "without a responder it says so"
verdict "$FRESH"
is "$VERDICT" "unknown status" "and hard failure means what it says"
openssl ocsp -issuer "$PKI/inter.crt" -cert "$PKI/fresh.crt" -reqout "$PKI/fresh.req" >/dev/null 2>&1
answer() { # answer <name> <signer> <arguments>: an OCSP answer about `fresh`
    openssl ocsp -index "$PKI/inter.db/index.txt" -CA "$PKI/inter.crt" -rsigner "$PKI/$2.crt" -rkey "$PKI/$2.key" \
        -reqin "$PKI/fresh.req" -respout "$PKI/$1.answer" "${@:3}" >/dev/null 2>&1
}
answer stapled inter -ndays 1
serve fresh -cert_chain "$PKI/inter.crt" -status_file "$PKI/stapled.answer"
openssl s_client -status -connect "$PEER:$PORT" </dev/null 2>/dev/null | grep -q "Cert Status: good"
ok $? "the server staples (s_client -status)"
verdict "$PORT"
is "$VERDICT $DETAIL" "validated " "a stapled answer comes first, and needs no responder"
answer wrong root -ndays 1
serve fresh -cert_chain "$PKI/inter.crt" -status_file "$PKI/wrong.answer"
verdict "$PORT"
is "$VERDICT" "unknown status" "a stapled answer of another signer does not count"
USE=OCSPSigning issue delegate inter "DNS:ocsp"
answer delegated delegate -ndays 1
serve fresh -cert_chain "$PKI/inter.crt" -status_file "$PKI/delegated.answer"
verdict "$PORT"
is "$VERDICT" "validated" "one of a responder that the CA appointed does"
answer usurped good -ndays 1
serve fresh -cert_chain "$PKI/inter.crt" -status_file "$PKI/usurped.answer"
verdict "$PORT"
is "$VERDICT" "unknown status" "one of a server that it did not appoint does not"

cat >"$TMP/responder.pl" <<'P'
# responder.pl <manner> <file>: an HTTP server that answers every request in one manner; prints its port
use strict;
use IO::Socket::INET;
my ($manner, $file) = @ARGV;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64) or die $!;
$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';
print $listener->sockport, "\n";
my $body = '';
if ($file) { local $/; open my $in, '<', $file or die $!; binmode $in; $body = <$in>; }
while (my $client = $listener->accept) {
    if (fork) { close $client; next; }
    close $listener;
    alarm 30;
    sysread $client, my $junk, 65536;
    my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nConnection: close\r\n";
    if ($manner eq 'junk') { print $client $head, "\r\n", map { chr int rand 256 } 1 .. 5000; }
    elsif ($manner eq 'huge') { print $client $head, "\r\n"; print $client 'x' x 65536 for 1 .. 4000; }
    elsif ($manner eq 'silent') { sleep 30; }
    elsif ($manner eq 'drip') { $client->autoflush(1); print $client $head, "\r\n"; for (1 .. 30) { print $client 'x'; sleep 1; } }
    elsif ($manner eq 'error') { print $client "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"; }
    elsif ($manner eq 'redirect') { print $client "HTTP/1.1 302 Away\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"; }
    else { print $client $head, "Content-Length: ", length $body, "\r\n\r\n", $body; }
    close $client;
    exit;
}
P
badly() { # badly <manner> <expected detail> [<file>]
    local start=$SECONDS
    rm -f "$TMP/badly.out"
    perl "$TMP/responder.pl" "$1" ${3:+"$3"} >"$TMP/badly.out" &
    local pid=$!
    wait_for 5 test -s "$TMP/badly.out"
    sh_ "$C custom-ocsp-responder custom set url1 http://127.0.0.1:$(cat "$TMP/badly.out")/"
    verdict "$FRESH"
    is "$VERDICT" "unknown status" "a responder that answers with ${4:-$1}: refused"
    like "$DETAIL" "$2" "${4:-$1}: $DETAIL"
    [ $((SECONDS - start)) -le 9 ]
    ok $? "${4:-$1}: in bounded time"
    kill "$pid" 2>/dev/null
}
badly junk "the answer is no OCSP response"
badly huge "more than 65536 bytes"
badly silent "did not answer in time"
badly drip "did not answer in time"
badly error "HTTP status 500"
badly redirect "HTTP status 302"
badly file "not signed by the CA" "$PKI/usurped.answer" "an answer of the wrong signer"
cp "$PKI/stapled.answer" "$PKI/cut.answer" && truncate -s 100 "$PKI/cut.answer"
badly file "no OCSP response" "$PKI/cut.answer" "half an answer"
openssl ocsp -issuer "$PKI/inter.crt" -cert "$PKI/good.crt" -reqout "$PKI/other.req" >/dev/null 2>&1
openssl ocsp -index "$PKI/inter.db/index.txt" -CA "$PKI/inter.crt" -rsigner "$PKI/inter.crt" -rkey "$PKI/inter.key" \
    -reqin "$PKI/other.req" -respout "$PKI/other.answer" -ndays 1 >/dev/null 2>&1
badly file "about another certificate" "$PKI/other.answer" "an answer about another certificate"
[ "$(awk '/VmRSS/ { print $2 }' "/proc/$(writer_pid)/status")" -lt 1500000 ]
ok $? "in bounded memory"
sh_ "$C custom-ocsp-responder custom disable"
sh_ "$C custom-ocsp-responder failure soft"

# --- nginx, with name-based checks
if command -v nginx >/dev/null; then
    AIA= issue nginx inter "DNS:localhost,IP:$PEER"
    cat "$PKI/nginx.crt" "$PKI/inter.crt" >"$PKI/nginx.pem"
    cat >"$TMP/nginx.conf" <<N
daemon off; master_process off; pid $TMP/nginx.pid; error_log $TMP/nginx.log;
events {}
http { access_log off; client_body_temp_path $TMP/n1; proxy_temp_path $TMP/n2; fastcgi_temp_path $TMP/n3; uwsgi_temp_path $TMP/n4; scgi_temp_path $TMP/n5;
 server { listen $PEER:5900 ssl; ssl_certificate $PKI/nginx.pem; ssl_certificate_key $PKI/nginx.key; }
 server { listen $PEER:5901 ssl; ssl_certificate $PKI/expired.crt; ssl_certificate_key $PKI/expired.key; } }
N
    nginx -c "$TMP/nginx.conf" 2>/dev/null &
    at_exit "kill $! 2>/dev/null"
    wait_for 5 openssl s_client -connect "$PEER:5901" </dev/null
    verdict 5900
    is "$VERDICT" "validated" "nginx with its chain"
    verdict 5901
    is "$VERDICT" "unknown issuer" "nginx without its intermediate"
    import "$PKI/inter.crt" inter
    verdict 5901
    is "$VERDICT" "expired" "with the intermediate in the trust store: expired"
    sh_ "$C certificate-check disable trustzone system"
    verdict 5901
    is "$VERDICT" "not checked" "and with disable: not checked"
    sh_ "$C certificate-check enable trustzone system"
    sh_ "$C trusted-ca-store deletecacert alias inter truststore system force"
fi

# --- the trust store
sh_ "$C trusted-ca-store deletecacert alias root truststore system"
is "$STATUS" 1 "deletecacert asks"
sh_ "$C trusted-ca-store deletecacert alias root truststore system force"
is "$STATUS$OUT" "0" "deletes, silently"
verdict "$GOOD"
is "$VERDICT" "unknown issuer" "the next connection knows"
sh_ "$C trusted-ca-store deletecacert alias root truststore system force"
like "$STATUS $ERR" "1 .*no CA certificate with the alias root" "twice: there is none"
cat "$PKI/root.crt" "$PKI/inter.crt" "$PKI/short.crt" >"$TMP/bundle.pem"
import "$TMP/bundle.pem" corp
like "$OUT" "^3 CA certificates imported" "a bundle"
sh_ "$C trusted-ca-store listcacerts truststore system"
like "$OUT" "corp-1 .*CN=Test Root.*corp-2 .*CN=Test Issuing.*corp-3" "alias-1, alias-2, alias-3"
like "$OUT" "self .*imported +/CN=self" "beside the others"
verdict "$GOOD"
is "$VERDICT" "validated" "trusted again"
import "$TMP/bundle.pem" corp2
like "$STATUS $ERR" "1 .*has all of these CA certificates already" "the same bundle again"
openssl x509 -in "$PKI/constrained.crt" -outform DER -out "$TMP/der.crt"
import "$TMP/der.crt" der user
is "$STATUS" 0 "DER, into another zone"
sh_ "$C trusted-ca-store listcacerts truststore devicemgmt"
is "$OUT" "The trust store is empty." "the zones are apart"
openssl crl2pkcs7 -nocrl -certfile "$TMP/bundle.pem" -out "$TMP/bundle.p7"
import "$TMP/bundle.p7" p7 devicemgmt
like "$OUT" "^3 CA certificates imported" "PKCS#7"
sh_ "$C trusted-ca-store listcacerts truststore devicemgmt | json"
is "$(echo "$OUT" | jq -r '.ca_certificates[0].sha256')" "$(openssl x509 -in "$PKI/root.crt" -noout -fingerprint -sha256 | sed 's/.*=//')" "the fingerprint in JSON is openssl's"
BEFORE=$(sh_ "$C trusted-ca-store listcacerts truststore system | json" && echo "$OUT")
refused() { # refused <file> <expected sentence> <what it is>
    import "$1" bad
    like "$STATUS $ERR" "1 .*$2" "$3 is refused: $(echo "$ERR" | head -1 | cut -c 1-150)"
}
refused "$PKI/root.key" "private key" "a private key"
head -c 300 "$PKI/root.crt" >"$TMP/half.pem"
refused "$TMP/half.pem" "cannot be read|no certificate" "half a PEM"
head -c 200 "$TMP/der.crt" >"$TMP/half.der"
refused "$TMP/half.der" "cannot be read" "half a DER"
: >"$TMP/empty"
refused "$TMP/empty" "between 1 and" "an empty file"
head -c 100000 /dev/urandom >"$TMP/junk"
refused "$TMP/junk" "no certificate" "junk"
for i in $(seq 1 100); do cat "$PKI/root.crt"; done >"$TMP/hundred.pem"
for i in $(seq 1 100); do cat "$TMP/hundred.pem"; done >"$TMP/many.pem"
refused "$TMP/many.pem" "more than 500 certificates" "a bundle of 10,000"
head -c 9000000 /dev/zero >"$TMP/big.pem"
refused "$TMP/big.pem" "bytes" "a file of 9 MB"
cat "$PKI/root.crt" "$PKI/lonely.crt" >"$TMP/mixed.pem"
refused "$TMP/mixed.pem" "certificate 2 of the file, CN=lonely.*neither a CA's nor self-signed" "a bundle with a server's certificate"
openssl req -x509 -key "$PKI/self.key" -subj "/CN=old" -not_before 20190101000000Z -not_after 20200101000000Z -out "$TMP/old.crt" 2>/dev/null ||
    { FROM=20190101000000Z TO=20200101000000Z issue old inter "DNS:old" "basicConstraints=critical,CA:TRUE" && cp "$PKI/old.crt" "$TMP/old.crt"; }
refused "$TMP/old.crt" "expired on 2020-01-01" "an expired CA certificate"
is "$(sh_ "$C trusted-ca-store listcacerts truststore system | json" && echo "$OUT")" "$BEFORE" "and nothing has changed"
sh_ "$C trusted-ca-store importcacert alias a/b repository defaultRepo corp.pem truststore system"
is "$STATUS" 2 "an alias with a slash"
sh_ "$C trusted-ca-store deleteallcacerts truststore devicemgmt force"
like "$OUT" "^3 CA certificates deleted" "deleteallcacerts"

# --- the system's bundle
sh_ "$C trusted-ca-store auto-ca-update enable truststore pubnet"
like "$OUT" "1 added" "taken over at once"
sh_ "$C trusted-ca-store listcacerts truststore pubnet"
like "$OUT" "system-[0-9a-f]{16} .*system +/O=Test/CN=Test Root" "listed with where it came from"
cat "$PKI/constrained.crt" "$PKI/lonely.crt" >"$BUNDLE"
sh_ "$C trusted-ca-store auto-ca-update enable truststore pubnet"
like "$OUT" "1 added, 1 removed, 0 there already, 1 left out" "follows: added, withdrawn, no CA"
mv "$BUNDLE" "$BUNDLE.away"
sh_ "$C trusted-ca-store auto-ca-update enable truststore user"
like "$STATUS $ERR" "1 .*system's CA certificates cannot be read" "a bundle that is not there"
mv "$BUNDLE.away" "$BUNDLE"
sh_ "$C trusted-ca-store auto-ca-update disable truststore pubnet"
is "$STATUS" 0 "disable"
sh_ "$C trusted-ca-store listcacerts truststore pubnet"
like "$OUT" "Constrained" "keeps what is there"

# --- versions of TLS of our own server
sh_ "$C tls-server-versions TLSv1.3"
like "$OUT" "Enabled TLS version are - TLSv1.3.*Restart is required" "says that a restart is due"
openssl s_client -connect "$ADDRESS:8082" -tls1_2 </dev/null >/dev/null 2>&1
ok $? "TLS 1.2 until then"
sh_ "ncs restart"
not openssl s_client -connect "$ADDRESS:8082" -tls1_2 </dev/null >/dev/null 2>&1
ok $? "no TLS 1.2 from then on"
openssl s_client -connect "$ADDRESS:8082" -tls1_3 </dev/null >/dev/null 2>&1
ok $? "but TLS 1.3"
sh_ "$C tls-server-versions TLSv1 TLSv1.2"
like "$STATUS $ERR" "2 .*TLSv1 is withdrawn" "TLSv1 is refused"
sh_ "$C tls-server-versions TLSv1.2 TLSv1.3"
sh_ "ncs restart"
openssl s_client -connect "$ADDRESS:8082" -tls1_2 </dev/null >/dev/null 2>&1
ok $? "both again"

# --- ends
TO=$(date -u -d '+20 days' +%Y%m%d%H%M%SZ) issue soon inter "DNS:soon" "basicConstraints=critical,CA:TRUE"
import "$PKI/soon.crt" soon user
sh_ "show cert expiry | json"
is "$(echo "$OUT" | jq -c '[.expiries[].expires] == ([.expiries[].expires] | sort)')" "true" "show cert expiry: soonest first"
is "$(echo "$OUT" | jq -r '.expiries[0].name')" "user/soon" "the one that ends in 20 days"
is "$(echo "$OUT" | jq -r '.expiries[0].days')" "19" "with the days that are left"
is "$(echo "$OUT" | jq -c '[.expiries[].kind] | unique')" '["ca","own","pinned"]' "own, CA and pinned certificates"
is "$STATUS" 0 "nothing has ended: status 0"
TO=20210101000000Z issue over inter "DNS:over"
cp "$PKI/over.crt" "$HOME_DIR/repository/defaultRepo/over.crt"
chmod 644 "$HOME_DIR/repository/defaultRepo/over.crt"
sh_ "$C tofu-certs addcert host over.example_443 certfile over.crt repository defaultRepo"
sh_ "show cert expiry"
is "$STATUS $ERR" "1 " "a certificate has ended: status 1, and the list says which"
like "$OUT" "2021-01-01.* -[0-9]+ +pinned +over.example_443" "first of all"
logged() { grep -c "CA certificate user/soon .*expires in 19 days" "$HOME_DIR/log/application.log"; }
wait_for 10 test "$(logged)" = 1 || wait_for 5 grep -q "user/soon" "$HOME_DIR/log/application.log"
is "$(logged)" 1 "a notice goes to the log"
node_stop
node_start
sh_ "show clock"
is "$(logged)" 1 "once"
sh_ "$C trusted-ca-store listcacerts truststore system"
like "$OUT" "corp-1" "the trust store is there after a restart"
verdict "$GOOD"
is "$VERDICT" "validated" "and trusted"
node_stop
is "$(cat "$TMP/primed.err")" "" "primed ends without a complaint"
done_testing
