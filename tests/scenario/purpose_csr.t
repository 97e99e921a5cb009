#!/usr/bin/env bash
# Signing requests by purpose: every cell of the source's two tables of key usage, checked with openssl; the life of a
# request; certificates of a real CA, right and wrong ones.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
. "$ROOT/tests/lib/ca.sh"
node_up "subject = /C=US/O=Cisco Systems/CN=node"
REPO=$HOME_DIR/repository/defaultRepo
put() { install -m 644 "$1" "$REPO/$2"; }

# purpose | multi-server | server, client, ipsec | digital signature, key and data encipherment, certificate sign, key agreement
S="TLS Web Server Authentication" C="TLS Web Client Authentication" I="ipsec Internet Key Exchange|IPSec End System|1.3.6.1.5.5.7.3.5"
while IFS='|' read -r purpose multi server client ipsec digital key data sign agree; do
    for name in $purpose; do
        sh_ "set csr gen $name"
        is "$STATUS $OUT" "0 Successfully Generated CSR for $name." "set csr gen $name"
        sh_ "show csr own $name/$name.csr"
        printf '%s\n' "$OUT" >"$TMP/$name.csr"
        openssl req -in "$TMP/$name.csr" -noout -verify >"$TMP/verify" 2>&1
        ok $? "$name: openssl verifies the request"
        TEXT=$(openssl req -in "$TMP/$name.csr" -noout -text)
        KU=$(printf '%s\n' "$TEXT" | sed -n '/X509v3 Key Usage/{n;s/^ *//;p;}')
        EKU=$(printf '%s\n' "$TEXT" | sed -n '/X509v3 Extended Key Usage/{n;s/^ *//;p;}')
        cell() { # cell <Y or N> <text> <expression> <name>
            if [ "$1" = Y ]; then like "$2" "(^|, )($3)(,|$)" "$name: $4"; else unlike "$2" "(^|, )($3)(,|$)" "$name: no $4"; fi
        }
        cell "$server" "$EKU" "$S" "server authentication"
        cell "$client" "$EKU" "$C" "client authentication"
        cell "$ipsec" "$EKU" "$I" "IPsec end system"
        cell "$digital" "$KU" "Digital Signature" "digital signature"
        cell "$key" "$KU" "Key Encipherment" "key encipherment"
        cell "$data" "$KU" "Data Encipherment" "data encipherment"
        cell "$sign" "$KU" "Certificate Sign" "certificate sign"
        cell "$agree" "$KU" "Key Agreement" "key agreement"
        case $name in *-ECDSA) KIND=id-ecPublicKey ;; *) KIND=rsaEncryption ;; esac
        like "$TEXT" "Public Key Algorithm: $KIND" "$name: $KIND"
        sh_ "set csr gen $name names DNS:other.example"
        if [ "$multi" = Y ]; then
            is "$STATUS" 0 "$name: a request may name other servers"
            sh_ "show csr own $name"
            like "$(printf '%s\n' "$OUT" | openssl req -noout -text)" "DNS:other.example" "$name: and does"
        else
            is "$STATUS" 1 "$name: a request names this server only"
            sh_ "show csr own $name"
            is "$OUT" "$(cat "$TMP/$name.csr")" "$name: and the request is the one before"
        fi
    done
done <<'TABLE'
CallManager CallManager-ECDSA|Y|Y|Y|N|Y|Y|Y|N|N
CAPF|N|Y|N|N|Y|Y|N|Y|N
ipsec|N|Y|Y|Y|Y|Y|Y|N|N
tomcat tomcat-ECDSA|Y|Y|Y|N|Y|Y|Y|N|N
TVS|N|Y|Y|N|Y|Y|Y|N|N
cup cup-ECDSA|N|Y|Y|Y|Y|Y|Y|N|Y
cup-xmpp cup-xmpp-ECDSA|Y|Y|Y|Y|Y|Y|Y|N|Y
cup-xmpp-s2s cup-xmpp-s2s-ECDSA|Y|Y|Y|Y|Y|Y|Y|N|Y
TABLE
for name in ITLRecovery authz; do
    sh_ "set csr gen $name"
    like "$STATUS $ERR" "1 % Error: there is no signing request for $name.*Executed command unsuccessfully$" "$name has no request"
done
sh_ "show csr list"
is "$(echo "$OUT" | wc -l)" 13 "show csr list has them all"
like "$OUT" "tomcat-ECDSA/tomcat-ECDSA.csr" "in the form of the source"
sh_ "set csr gen nonsense"
is "$STATUS" 2 "a purpose that there is none"

# --- the life of one
sh_ "set csr gen ipsec"
like "$OUT" "^The signing request of [0-9TZ:-]+ was overwritten.*Successfully Generated CSR for ipsec.$" "a new request overwrites, and says so"
show() { sh_ "show csr own $1"; printf '%s\n' "$OUT" >"$2"; }
show ipsec "$TMP/old.csr"
sh_ "set csr gen ipsec size 3072"
show ipsec "$TMP/new.csr"
like "$(openssl req -in "$TMP/new.csr" -noout -text)" "3072 bit" "a length of its own"
ca_root root
ca_root stranger
ca_make middle root
ISSUER=middle ca_sign "$TMP/old.csr" "$CA/old.pem"
ISSUER=middle ca_sign "$TMP/new.csr" "$CA/new.pem"
cat "$CA/new.pem" "$CA/middle.pem" >"$CA/new-chain.pem"
for f in old new new-chain root middle stranger; do put "$CA/$f.pem" "$f.pem"; done
serial() { sh_ "show cert own $1 | json"; echo "$OUT" | jq -r '.certificates[].serial' | tr '\n' ' '; }
BEFORE=$(serial ipsec)

refused() { # refused <name> <expected error> <file>
    sh_ "set cert import own ipsec file $3 repository defaultRepo"
    like "$STATUS $ERR" "1 % Error: $2.*Executed command unsuccessfully$" "$1: $(echo "$ERR" | head -1 | cut -c1-150)"
    is "$(serial ipsec)" "$BEFORE" "  and nothing changes"
}
refused "root before signed certificate" "the chain is broken.*set cert import trust ipsec-trust" new-chain.pem
sh_ "set cert import own ipsec ghost.pem file new-chain.pem repository defaultRepo"
like "$STATUS $ERR" "1 % Error: there is no certificate ghost.pem in ipsec-trust" "the root that is named must be there"
sh_ "set cert import trust ipsec-trust file middle.pem repository defaultRepo"
like "$STATUS $ERR" "1 % Error: the certificate .*CN = middle cannot go into ipsec-trust before that of its issuer, .*CN = root" \
    "an intermediate certificate before its root is refused"
sh_ "set cert import trust ipsec-trust file root.pem repository defaultRepo"
is "$STATUS" 0 "the root goes in"
like "$OUT" "ipsec-trust/root.pem.*Successfully imported certificate for ipsec-trust." "under its name"
refused "the intermediate certificate is missing" "the chain is broken" new.pem
refused "the certificate of the request before" "this is the certificate of another signing request" old.pem
refused "a CA's certificate" "this is the certificate of another signing request" middle.pem
head -c 300 "$CA/new.pem" >"$TMP/short"; put "$TMP/short" short.pem
refused "a truncated file" ".*" short.pem
head -c 9000000 /dev/zero >"$TMP/big"; put "$TMP/big" big.pem
refused "an oversized file" ".*" big.pem
put "$CA/root.key" key.pem
refused "a private key" ".*" key.pem
ln -s /etc/passwd "$REPO/link.pem"
refused "a link" ".*link.*" link.pem
refused "no file" "there is no .*none.pem" none.pem
sh_ "set cert import own ipsec file ../../node.conf repository defaultRepo"
is "$STATUS" 2 "no path leaves the repository"
ISSUER=middle ca_sign_between "$TMP/new.csr" "$CA/expired.pem" 200101000000Z 210101000000Z
cat "$CA/middle.pem" >>"$CA/expired.pem"; put "$CA/expired.pem" expired.pem
refused "an expired certificate" "the certificate is expired" expired.pem
printf 'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:node,IP:%s\n' "$ADDRESS" >"$TMP/eku"
openssl x509 -req -in "$TMP/new.csr" -CA "$CA/middle.pem" -CAkey "$CA/middle.key" -days 60 -extfile "$TMP/eku" -out "$CA/eku.pem" 2>/dev/null
cat "$CA/middle.pem" >>"$CA/eku.pem"; put "$CA/eku.pem" eku.pem
refused "one whose use does not fit" "the certificate's extended key usage does not allow it to a TLS client" eku.pem

sh_ "set cert import own ipsec root.pem file new-chain.pem repository defaultRepo"
is "$STATUS $OUT" "0 Successfully imported certificate for ipsec.
Please restart services related to ipsec for the new certificate to become active." "the right one is imported"
is "$(serial ipsec | wc -w)" 2 "it waits beside the one in service"
sh_ "show csr list"
like "$OUT" "ipsec/ipsec.csr" "the request is kept until then"
sh_ "utils service restart Cisco DRF Local"
is "$(echo "$OUT" | tail -3)" "Cisco DRF Local[STARTING]
Cisco DRF Local[STARTING]
Cisco DRF Local[STARTED]" "restart of its service"
NEW=$(openssl x509 -in "$CA/new.pem" -noout -serial | sed 's/serial=//')
is "$(serial ipsec)" "$NEW " "puts it in service"
sh_ "show csr list"
unlike "$OUT" "ipsec" "and its request is done"
sh_ "show cert list own"
like "$OUT" "ipsec/ipsec.pem: Certificate Signed by middle" "show cert list names the issuer"
sh_ "show cert own ipsec"
printf '%s\n' "$OUT" | sed -n '/BEGIN/,/END/p' >"$TMP/shown.pem"
openssl verify -CAfile "$CA/root.pem" -untrusted "$CA/middle.pem" "$TMP/shown.pem" >/dev/null 2>&1
ok $? "openssl verify accepts what is shown"
like "$OUT" "To:   [A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9:]{8} UTC [0-9]{4}" "the time has six words"
sh_ "show cert list trust"
like "$OUT" "ipsec-trust/node.pem: Certificate Signed by middle" "and ipsec-trust shows it"
sh_ "set cert import own ipsec file new-chain.pem repository defaultRepo"
like "$STATUS $ERR" "1 % Error: no signing request for ipsec is pending" "it cannot be imported twice"

# CAPF is a CA itself
show CAPF "$TMP/capf.csr"
ISSUER=root ca_sign "$TMP/capf.csr" "$CA/capf.pem"
put "$CA/capf.pem" capf.pem
sh_ "set cert import trust CAPF-trust file root.pem repository defaultRepo"
like "$OUT" "for this node only" "CAPF-trust takes it for this node only"
sh_ "set cert import own CAPF file capf.pem repository defaultRepo"
is "$STATUS" 0 "a CA's certificate for CAPF"
printf 'subjectAltName=DNS:node\nextendedKeyUsage=serverAuth\n' >"$TMP/leaf"
openssl x509 -req -in "$TMP/capf.csr" -CA "$CA/root.pem" -CAkey "$CA/root.key" -days 60 -extfile "$TMP/leaf" -out "$CA/leaf.pem" 2>/dev/null
put "$CA/leaf.pem" leaf.pem
sh_ "set cert import own CAPF file leaf.pem repository defaultRepo"
like "$STATUS $ERR" "1 % Error: the certificate may not sign others" "and no other"

# keys survive a restart of primed, sealed
show TVS "$TMP/tvs.csr"
node_stop
node_start
sh_ "show csr own TVS"
is "$OUT" "$(cat "$TMP/tvs.csr")" "requests survive a restart"
is "$(serial CAPF)" "$(openssl x509 -in "$CA/capf.pem" -noout -serial | sed 's/serial=//') " "a start puts what waits in service"
grep -rlE "BEGIN (RSA |EC )?PRIVATE KEY" "$HOME_DIR/store" >/dev/null
is $? 1 "no private key lies open in the store"

# another sealing key: what was sealed is lost, says so, and can be made anew
node_stop
head -c 32 /dev/urandom | cat >"$HOME_DIR/keys/seal.key"
node_start
ok $? "a node starts with another sealing key"
sh_ "show cert own TVS"
like "$STATUS $ERR" "1 % Error: the sealed secret purpose/TVS/[a-z-]+ was altered.*set cert regen TVS.*Executed command unsuccessfully$" "says what to do"
sh_ "show cert own tomcat"
is "$STATUS" 0 "tomcat is not sealed"
sh_ "set cert regen TVS force"
is "$STATUS" 0 "regenerate"
sh_ "show cert own TVS"
is "$STATUS" 0 "and it is there again"
done_testing
