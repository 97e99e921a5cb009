#!/usr/bin/env bash
# What may become a node's own certificate: every form that is taken, and every fault that is refused with nothing changed.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
. "$ROOT/tests/lib/ca.sh"
node_up
ca_up
REPO=$HOME_DIR/repository/defaultRepo
IN="repository defaultRepo"
readable() { chmod 644 "$REPO"/* 2>/dev/null; }

# What is on disk of the stages: nothing of it may change when something is refused.
stages() { cat "$HOME_DIR"/keys/*.pem "$HOME_DIR"/keys/*.sealed 2>/dev/null | sha256sum; }

refused() { # refused <command> <sentence> <name>
    local before after
    before=$(stages)
    readable
    sh_ "$1"
    after=$(stages)
    is "$STATUS" 1 "$3: refused"
    like "$ERR" "^% Error: $2" "$3: its own sentence"
    is "$(printf '%s\n' "$ERR" | grep -c '% Error')" 1 "$3: one sentence"
    is "$after" "$before" "$3: nothing changed"
}

taken() { # taken <command> <certificate> <name>
    readable
    sh_ "$1"
    is "$STATUS$ERR" 0 "$3: taken"
    sh_ "ncs key show | json"
    is "$(echo "$OUT" | jq -r '.keys[] | select(.state == "waiting") | .sha256')" "$(sha256_of "$2")" "$3: it waits for the restart"
    sh_ "ncs key rollback force"
}

# --- signed certificates -----------------------------------------------------------------------------------------
cp "$CA/chain.pem" "$CA/issuing.pem" "$REPO/"
refused "ncs key importsignedcert chain.pem $IN" "no signing request is pending" "without a request"
sh_ "ncs key genkey -newdn -csr n.csr $IN algorithm ec size P-384 force"
is "$STATUS" 0 "a request for an EC key"
ca_sign "$REPO/n.csr" "$CA/n.pem"
cp "$CA/n.pem" "$REPO/leaf.pem"
cat "$CA/n.pem" "$CA/chain.pem" >"$REPO/full.pem"
cat "$CA/root.pem" "$CA/issuing.pem" "$CA/n.pem" >"$REPO/backwards.pem"
openssl x509 -in "$CA/n.pem" -outform DER -out "$REPO/leaf.der"
openssl crl2pkcs7 -nocrl -certfile "$REPO/full.pem" -out "$REPO/full.p7b"
openssl crl2pkcs7 -nocrl -certfile "$REPO/full.pem" -outform DER -out "$REPO/full.p7c"
openssl pkcs7 -in "$REPO/full.p7b" -print_certs -noout >"$TMP/p7" && grep -q "CN = Test Root" "$TMP/p7"
ok $? "(openssl reads the PKCS#7)"
refused "ncs key importsignedcert leaf.pem $IN" "the chain is broken: the certificate /O=Test CA/CN=Test issuing" "no issuer"
cat "$CA/n.pem" "$CA/issuing.pem" >"$REPO/no-root.pem"
refused "ncs key importsignedcert no-root.pem $IN" "the chain is broken: the certificate /O=Test CA/CN=Test Root" "no root"
taken "ncs key importsignedcert full.pem $IN" "$CA/n.pem" "PEM with its chain"
taken "ncs key importsignedcert backwards.pem $IN" "$CA/n.pem" "PEM in another order"
taken "ncs key importsignedcert full.p7b $IN" "$CA/n.pem" "PKCS#7 in PEM"
taken "ncs key importsignedcert full.p7c $IN" "$CA/n.pem" "PKCS#7 in DER"
sh_ "ncs key importcacert alias ca chain.pem $IN"
is "$STATUS" 0 "the CA certificates are imported"
taken "ncs key importsignedcert leaf.pem $IN" "$CA/n.pem" "PEM alone"
taken "ncs key importsignedcert leaf.der $IN" "$CA/n.pem" "DER alone"

# The pending key survives restarts, also a hard one.
pid=$(writer_pid)
kill -KILL "$pid"
wait_for 10 not kill -0 "$pid"
wait_for 10 not kill -0 "$(node_pid)"
node_start
ok $? "the node starts after kill -9"
sh_ "ncs key show | json"
is "$(echo "$OUT" | jq -r '[.keys[] | .state] | join(" ")')" "in-service pending" "the pending key survived"
taken "ncs key importsignedcert leaf.pem $IN" "$CA/n.pem" "after a restart"

# --- refused certificates ------------------------------------------------------------------------------------------
: >"$TMP/index"
echo 01 >"$TMP/serial"
cat >"$TMP/ca.cnf" <<CNF
[ca]
default_ca = d
[d]
database = $TMP/index
serial = $TMP/serial
new_certs_dir = $TMP
default_md = sha256
policy = p
copy_extensions = copy
unique_subject = no
rand_serial = yes
[p]
commonName = optional
organizationName = optional
[none]
CNF
dated() { # dated <from> <until> <out>
    openssl ca -batch -config "$TMP/ca.cnf" -cert "$CA/issuing.pem" -keyfile "$CA/issuing.key" -in "$REPO/n.csr" -notext \
        -startdate "$1" -enddate "$2" -out "$3" >/dev/null 2>&1
}
dated 20200101000000Z 20210101000000Z "$REPO/expired.pem"
refused "ncs key importsignedcert expired.pem $IN" "the certificate is expired: it was valid until 2021-01-01T00:00:00Z" "expired"
dated 20990101000000Z 20991231000000Z "$REPO/early.pem"
refused "ncs key importsignedcert early.pem $IN" "the certificate is not valid before 2099-01-01T00:00:00Z" "not valid yet"
ca_sign "$REPO/n.csr" "$REPO/is-ca.pem" -extfile <(echo basicConstraints=CA:TRUE)
refused "ncs key importsignedcert is-ca.pem $IN" "this is the certificate of a CA" "a CA's certificate"
ca_sign "$REPO/n.csr" "$REPO/names.pem" -copy_extensions none -extfile <(echo subjectAltName=DNS:other,IP:10.1.1.1)
refused "ncs key importsignedcert names.pem $IN" \
    "the certificate does not cover this node: it names DNS:other, IP:10.1.1.1, but not DNS:node, IP:$ADDRESS" "other names"
ca_sign "$REPO/n.csr" "$REPO/half.pem" -copy_extensions none -extfile <(echo subjectAltName=DNS:node)
refused "ncs key importsignedcert half.pem $IN" "the certificate does not cover this node: it names DNS:node, but not IP:$ADDRESS" "half the names"
ca_sign "$REPO/n.csr" "$REPO/client.pem" -copy_extensions none -extfile <(printf 'subjectAltName=DNS:node,IP:%s\nextendedKeyUsage=clientAuth\n' "$ADDRESS")
refused "ncs key importsignedcert client.pem $IN" "the certificate's extended key usage does not allow it to a TLS server" "for clients only"
ca_sign "$REPO/n.csr" "$REPO/sha1.pem" -sha1
refused "ncs key importsignedcert sha1.pem $IN" "the certificate cannot be used for TLS" "a SHA-1 signature"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/other.key" -subj "/CN=node" -days 10 -out "$REPO/other.pem" 2>/dev/null
refused "ncs key importsignedcert other.pem $IN" "the file holds no certificate for the key of the pending signing request" "another key"
ca_make rogue root
openssl req -new -key "$CA/rogue.key" -subj "/O=Test CA/CN=Test issuing" -out "$CA/fake.csr" 2>/dev/null
openssl x509 -req -in "$CA/fake.csr" -CA "$CA/root.pem" -CAkey "$CA/root.key" -days 9 -extfile "$CA/ca.ext" -out "$CA/fake.pem" 2>/dev/null
openssl x509 -req -in "$REPO/n.csr" -CA "$CA/fake.pem" -CAkey "$CA/rogue.key" -days 9 -copy_extensions copy -out "$REPO/rogue.pem" 2>/dev/null
refused "ncs key importsignedcert rogue.pem $IN" "the chain is broken" "an issuer of the same name with another key"

# --- files that are no certificates -----------------------------------------------------------------------------------
head -c 400 "$REPO/leaf.pem" >"$REPO/short.pem"
refused "ncs key importsignedcert short.pem $IN" "certificate 1 of the file cannot be read" "truncated PEM"
head -c 300 "$REPO/leaf.der" >"$REPO/short.der"
refused "ncs key importsignedcert short.der $IN" "certificate 1 of the file cannot be read" "truncated DER"
head -c 900 "$REPO/full.p7c" >"$REPO/short.p7c"
refused "ncs key importsignedcert short.p7c $IN" "the PKCS#7 in the file cannot be read" "truncated PKCS#7"
cat "$REPO/leaf.der" <(echo tail) >"$REPO/long.der"
refused "ncs key importsignedcert long.der $IN" "5 bytes follow certificate 1" "bytes behind the DER"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$REPO/private.pem" 2>/dev/null
refused "ncs key importsignedcert private.pem $IN" "the file holds a private key where a certificate belongs" "a private key"
refused "ncs key importcacert alias x private.pem $IN" "the file holds a private key where a certificate belongs" "a private key as CA"
openssl pkey -in "$REPO/private.pem" -outform DER -out "$REPO/private.der"
refused "ncs key importsignedcert private.der $IN" "the file holds a private key or a PKCS#12 where" "a private key in DER"
refused "ncs key importsignedcert n.csr $IN" "the file holds a CERTIFICATE REQUEST where a certificate belongs" "the request itself"
echo hello >"$REPO/text"
refused "ncs key importsignedcert text $IN" "the file holds no certificate in PEM, DER or PKCS#7 form" "plain text"
: >"$REPO/empty"
refused "ncs key importsignedcert empty $IN" "a file of certificates has between 1 and" "an empty file"
head -c 9000000 /dev/zero >"$REPO/huge"
refused "ncs key importsignedcert huge $IN" "huge has 9000000 bytes, more than" "an oversized file"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/k" -subj "/CN=x" -days 9 -out "$TMP/small.pem" 2>/dev/null
perl -e 'local $/; open F, shift; $c = <F>; print $c x 10000' "$TMP/small.pem" >"$REPO/bundle.pem"
refused "ncs key importcacert alias x bundle.pem $IN" "the file holds more than 500 certificates" "10,000 certificates"
refused "ncs key importsignedcert bundle.pem $IN" "the file holds more than 500 certificates" "10,000 certificates as own"
refused "ncs key importcacert alias x leaf.pem $IN" "certificate 1 of the file is not the certificate of a CA" "no CA"
refused "ncs key importcacert alias ca-1 $(basename "$REPO/issuing.pem") $IN" "all CA certificates of the file are there already" "a CA that is there"
refused "ncs key deletecacert nothing" "there is no CA certificate with the alias nothing" "an alias that is not there"
refused "ncs key importsignedcert nowhere.pem $IN" "there is no disk:/defaultRepo/nowhere.pem" "no such file"
refused "ncs key importsignedcert leaf.pem repository nowhere" "there is no disk:/nowhere/leaf.pem" "no such repository"
ln -s /etc/passwd "$REPO/link"
refused "ncs key importsignedcert link $IN" "disk:/defaultRepo/link is or holds a link, and links are not followed" "a link out of the repository"
cp "$CA/n.pem" "$REPO/locked.pem"
chmod 000 "$REPO/locked.pem"
before=$(stages)
sh_ "ncs key importsignedcert locked.pem $IN"
like "$STATUS $ERR" "^1 % Error: .*locked.pem.*Permission denied" "a file without permission"
is "$(stages)" "$before" "and nothing changed"
rm -f "$REPO/locked.pem"
sh_ "ncs key genkey -csr x.csr force"
like "$STATUS $ERR" "^1 % Error: the repository for the signing request is missing: add repository <name>" "a request without a repository"
sh_ "ncs key importsignedcert ../../keys/server.pem $IN"
is "$STATUS" 2 "a path is no file name"
like "$ERR" "is not the name of a file inside a repository" "and it says so"
sh_ "ncs key genkey -csr ../x repository defaultRepo force"
is "$STATUS" 2 "neither for the request"
before=$(stages)
sh_ "ncs key genkey -csr x.csr repository nowhere algorithm rsa size 2048 force"
like "$STATUS $ERR" "^1 % Error: there is no repository nowhere" "a request into no repository"
is "$(stages)" "$before" "and no key was made for it"
sh_ "ncs key genkey -newdn -csr x.csr $IN c USA force"
like "$STATUS $ERR" '^1 % Error: "USA" will not do as country code: it has two letters' "a country of three letters"
sh_ "ncs key genkey -newdn -csr x.csr $IN san 'DNS:a b' force"
like "$STATUS $ERR" '^1 % Error: "DNS:a b" is not DNS:<host name> or IP:<address>' "a name that is none"
sh_ "ncs key genkey -newdn -csr x.csr $IN san DNS:münchen.example force"
like "$STATUS $ERR" '^1 % Error: "DNS:münchen.example" is not .*international name is given as the DNS has it: xn--' "an international name"
sh_ "ncs key genkey -newdn -csr x.csr $IN algorithm ed25519 size 2048 force"
like "$STATUS $ERR" '^1 % Error: "2048" is not a size of an Ed25519 key' "a size that does not fit"

# --- every kind of key, into a request and back ----------------------------------------------------------------------
for kind in "rsa 3072" "ec P-256" "ec P-521" "ed25519 "; do
    read -r algorithm size <<<"$kind"
    sh_ "ncs key genkey -newdn -csr kind.csr $IN algorithm $algorithm ${size:+size $size} force"
    openssl req -in "$REPO/kind.csr" -noout -verify >"$TMP/req" 2>&1 && certtool --crq-info --infile "$REPO/kind.csr" >"$TMP/crq" 2>&1
    ok $? "$kind: openssl and GnuTLS read the request"
    ca_sign "$REPO/kind.csr" "$REPO/kind.pem"
    readable
    sh_ "ncs key importsignedcert kind.pem $IN"
    is "$STATUS$ERR" 0 "$kind: imported"
    sh_ "ncs restart"
    openssl s_client -connect "$ADDRESS:8082" -CAfile "$CA/root.pem" -verify_return_error </dev/null >"$TMP/s_client" 2>&1
    ok $? "$kind: served"
done
sh_ "ncs key genkey -newdn algorithm ed25519 force"
sh_ "ncs restart"
like "$(openssl s_client -connect "$ADDRESS:8082" </dev/null 2>/dev/null | openssl x509 -noout -text)" "Public Key Algorithm: ED25519" "a self-signed Ed25519 certificate"

# --- keys made elsewhere ------------------------------------------------------------------------------------------------
openssl req -new -newkey rsa:2048 -nodes -keyout "$TMP/made.key" -subj "/CN=node" -addext "subjectAltName=DNS:node,IP:$ADDRESS" -out "$TMP/made.csr" 2>/dev/null
ca_sign "$TMP/made.csr" "$CA/made.pem"
cp "$TMP/made.key" "$REPO/made.key"
cp "$CA/made.pem" "$REPO/made.pem"
taken "ncs key importkey made.key made.pem $IN" "$CA/made.pem" "key and certificate in PEM"
SECRET='Grüße & 9f3c'
printf '%s\n' "$SECRET" >"$REPO/word"
openssl pkcs8 -topk8 -in "$TMP/made.key" -out "$REPO/locked.key" -passout "file:$REPO/word" 2>/dev/null
openssl rsa -in "$TMP/made.key" -aes128 -traditional -out "$REPO/old.key" -passout "file:$REPO/word" 2>/dev/null
openssl pkcs12 -export -inkey "$TMP/made.key" -in "$CA/made.pem" -certfile "$CA/chain.pem" -out "$REPO/made.p12" -passout "file:$REPO/word"
openssl pkcs12 -export -legacy -inkey "$TMP/made.key" -in "$CA/made.pem" -out "$REPO/legacy.p12" -passout "file:$REPO/word" 2>/dev/null || rm -f "$REPO/legacy.p12"
openssl pkcs12 -export -inkey "$TMP/made.key" -in "$CA/made.pem" -out "$REPO/open.p12" -passout pass:
taken "ncs key importkey locked.key made.pem $IN password-file word" "$CA/made.pem" "an encrypted key"
taken "ncs key importkey old.key made.pem $IN password-file word" "$CA/made.pem" "a key encrypted the old way"
taken "ncs key importkey made.p12 $IN password-file word" "$CA/made.pem" "PKCS#12"
taken "ncs key importkey open.p12 $IN" "$CA/made.pem" "PKCS#12 without a passphrase"
readable
LONG=$(head -c 600 /dev/urandom | base64 -w0 | head -c 700) # too long for a block of the heap that is used again at once
printf '%s\n%s\n' "ncs key importkey made.p12 $IN password-stdin" "$LONG" | "$BIN/primesh" --home "$HOME_DIR" >"$TMP/out" 2>&1
like "$(cat "$TMP/out")" "the passphrase does not open the private key" "a wrong passphrase on standard input"
MEMORY=$ROOT/tests/lib/memory-has
"$MEMORY" "$(writer_pid)" "$ADDRESS" # the check can find something that is there
if [ $? = 0 ]; then
    "$MEMORY" "$(writer_pid)" "${LONG:200:40}"
    is $? 1 "no passphrase stays in primed's memory"
    "$MEMORY" "$(writer_pid)" "$(sed -n 5p "$TMP/made.key")"
    is $? 1 "nor the text of a private key"
else
    echo "# primed's memory cannot be read here"
fi
printf '%s\n%s\n' "ncs key importkey made.p12 $IN password-stdin" "$SECRET" | "$BIN/primesh" --home "$HOME_DIR" >"$TMP/out" 2>&1
ok $? "the passphrase on standard input"
sh_ "ncs key rollback force"
cat >"$TMP/ask.in" <<KEYS
< node/admin#\x20
> ncs key importkey made.p12 $IN\r
< Passphrase:\x20
> Gr\xc3\xbc\xc3\x9fe & 9f3c\r
< SHA-256
< node/admin#\x20
> exit\r
KEYS
"$ROOT/tests/transcript/play.exp" "$TMP/ask.in" "$TMP/ask.raw" "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/ask.err"
is "$? $(cat "$TMP/ask.err")" "0 " "the passphrase is asked for"
unlike "$(cat "$TMP/ask.raw")" "9f3c" "and not shown"
sh_ "ncs key rollback force"
refused "ncs key importkey made.p12 $IN" "password-stdin was not given" "a passphrase without a terminal"
echo wrong >"$REPO/wrong"
refused "ncs key importkey made.p12 $IN password-file wrong" "the passphrase does not open the private key" "PKCS#12, wrong passphrase"
refused "ncs key importkey locked.key made.pem $IN password-file wrong" "the passphrase does not open the private key" "PKCS#8, wrong passphrase"
refused "ncs key importkey old.key made.pem $IN password-file wrong" "the passphrase does not open the private key" "old form, wrong passphrase"
refused "ncs key importkey made.key other.pem $IN" "the certificate does not belong to the private key" "key and certificate of two kinds"
refused "ncs key importkey made.key $IN" "the file is no PKCS#12: name the file with the certificate" "no certificate"
refused "ncs key importkey made.pem made.pem $IN" "the file holds no private key in PEM form" "a certificate where the key belongs"
head -c 800 "$REPO/made.p12" >"$REPO/short.p12"
refused "ncs key importkey short.p12 $IN password-file word" "the PKCS#12 cannot be read" "a truncated PKCS#12"
openssl pkcs12 -export -nomac -keypbe NONE -certpbe NONE -inkey "$TMP/made.key" -in "$CA/made.pem" -out "$REPO/nomac.p12" -passout pass:
refused "ncs key importkey nomac.p12 $IN" "the PKCS#12 has no integrity code" "PKCS#12 without a MAC"
openssl pkcs8 -topk8 -iter 2000001 -in "$TMP/other.key" -out "$REPO/slow.key" -passout pass:x -v2 aes-128-cbc 2>/dev/null
refused "ncs key importkey slow.key other.pem $IN password-file wrong" "the private key asks for its passphrase to be hashed more than" "a passphrase hashed for ever"
openssl pkcs12 -export -iter 2000001 -nomaciter -inkey "$TMP/made.key" -in "$CA/made.pem" -out "$REPO/slow.p12" -passout "file:$REPO/word"
refused "ncs key importkey slow.p12 $IN password-file word" "the private key asks for its passphrase to be hashed more than" "PKCS#12 with parts hashed for ever"
openssl pkcs8 -topk8 -scrypt -scrypt_N 16384 -scrypt_r 8 -scrypt_p 32 -in "$TMP/other.key" -out "$REPO/memory.key" -passout pass:x 2>/dev/null
refused "ncs key importkey memory.key other.pem $IN password-file wrong" "the private key asks for its passphrase to be hashed more than" "the same with scrypt"
openssl pkcs8 -topk8 -scrypt -in "$TMP/made.key" -out "$REPO/scrypt.key" -passout "file:$REPO/word" 2>/dev/null
taken "ncs key importkey scrypt.key made.pem $IN password-file word" "$CA/made.pem" "scrypt as openssl has it"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/half.key" -subj "/CN=node" -addext "subjectAltName=DNS:node,IP:$ADDRESS" -out "$TMP/half.csr" 2>/dev/null
ca_sign "$TMP/half.csr" "$REPO/half.pem"
openssl ec -in "$TMP/half.key" -outform DER 2>/dev/null | perl -0777 -MMIME::Base64 -ne 'substr($_, 20, 4) ^= "\1\2\3\4";
    print "-----BEGIN EC PRIVATE KEY-----\n", encode_base64($_), "-----END EC PRIVATE KEY-----\n"' >"$REPO/half.key"
refused "ncs key importkey half.key half.pem $IN" "the private key is damaged: what it signs does not hold" "a private key of which some bits are lost"
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$REPO/weak.key" -subj "/CN=node" -addext "subjectAltName=DNS:node,IP:$ADDRESS" -addext basicConstraints=CA:FALSE -days 10 -out "$REPO/weak.pem" 2>/dev/null
refused "ncs key importkey weak.key weak.pem $IN" "the certificate cannot be used for TLS" "a key too small"

# --- no secret anywhere -----------------------------------------------------------------------------------------------------
cat "$HOME_DIR"/log/* "$HOME_DIR"/history/* "$TMP/out" >"$TMP/all" 2>/dev/null
sh_ "show audit"
printf '%s\n' "$OUT" >>"$TMP/all"
unlike "$(cat "$TMP/all")" "9f3c" "no passphrase in logs, audit, history or output"
unlike "$(cat "$TMP/all")" "PRIVATE KEY" "no key either"
is "$(find "$HOME_DIR/keys" -type f ! -perm 600 | wc -l)" 0 "every file of keys is its owner's alone"
done_testing
