#!/usr/bin/env bash
# A node renews its own certificate through a CA: the published dialog, two requests in a row, import, restart, and what its peer
# says to that.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/ca.sh"
lab_up
ca_up
TOFU="ncs certvalidation tofu-certs"
DN="/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra"
REPO=$LAB/prime-sec/repository/defaultRepo
PEER=$NET.12_8082

on prime-pri "$TOFU addcert host $PEER"
on prime-sec "$TOFU addcert host $NET.11_8082"
OLD=$(shown_sha256 "$NET.12" 8082)
on prime-pri "$TOFU verify host $PEER"
like "$OUT" "$PEER +match" "the primary has the secondary's certificate pinned"

# --- the dialog, byte for byte -------------------------------------------------------------------------------
cat >"$TMP/dialog.in" <<'KEYS'
< prime-sec/admin#\x20
> ncs key genkey -newdn -csr sec.csr repository defaultRepo\r
< [prime-sec]:\x20
> \r
< [Prime Infra]:\x20
> \r
< [Cisco Systems]:\x20
> \r
< [SJ]:\x20
> \r
< [CA]:\x20
> \r
< [US]:\x20
> \r
< 12]:\x20
> \r
< [rsa]:\x20
> \r
< [4096]:\x20
> \r
< Continue [yes] :\x20
> \r
< Completed
< prime-sec/admin#\x20
> exit\r
KEYS
cat >"$TMP/dialog.expected" <<DIALOG
prime-sec/admin# ncs key genkey -newdn -csr sec.csr repository defaultRepo
The NCS server is running.
Changes will take affect on the next server restart
Enter the fully qualified domain name of the server [prime-sec]: 
Enter the name of your organizational unit [Prime Infra]: 
Enter the name of your organization [Cisco Systems]: 
Enter the name of your city or locality [SJ]: 
Enter the name of your state or province [CA]: 
Enter the two letter code for your country [US]: 
Specify subject alternate names, comma separated - DNS:<name>,IP:<address> [DNS:prime-sec,IP:$NET.12]: 
Specify the public key algorithm [rsa/ec] [rsa]: 
Specify the RSA key size [2048/3072/4096/8192] [4096]: 
Key and CSR will be generated with following details
Subject : $DN/CN=prime-sec
Subject Alternate Name : DNS:prime-sec,IP:$NET.12
Public Key Alg : rsa, 4096 bits
Continue [yes] : 
Generating RSA key
Completed
prime-sec/admin# exit
DIALOG
"$ROOT/tests/transcript/play.exp" "$TMP/dialog.in" "$TMP/dialog.raw" "$BIN/primesh" --home "$LAB/prime-sec" 2>"$TMP/dialog.err"
is "$? $(cat "$TMP/dialog.err")" "0 " "the dialog runs to its end"
is "$(cat -v "$TMP/dialog.raw")" "$(sed 's/$/^M/' "$TMP/dialog.expected")" "the dialog is the published one, byte for byte"

# --- the request, as others read it ---------------------------------------------------------------------------
openssl req -in "$REPO/sec.csr" -noout -verify >"$TMP/req" 2>&1
ok $? "openssl verifies the request"
openssl req -in "$REPO/sec.csr" -noout -text >"$TMP/req"
like "$(cat "$TMP/req")" "Public-Key: \(4096 bit\)" "it has 4096 bits"
like "$(cat "$TMP/req")" "DNS:prime-sec, IP Address:${NET//./\\.}\.12" "and the names"
like "$(cat "$TMP/req")" "TLS Web Server Authentication, TLS Web Client Authentication" "and asks for server and client"
certtool --crq-info --infile "$REPO/sec.csr" >"$TMP/crq" 2>&1
ok $? "GnuTLS reads the request"
like "$(cat "$TMP/crq")" "Subject: CN=prime-sec,OU=Prime Infra,O=Cisco Systems,L=SJ,ST=CA,C=US" "and its subject"
like "$(cat "$TMP/crq")" "Self signature: verified" "and verifies it"
ca_sign "$REPO/sec.csr" "$REPO/first.pem"

# --- a second request, on one line ----------------------------------------------------------------------------
on prime-sec "ncs key genkey -newdn -csr sec.csr repository defaultRepo"
is "$STATUS" 1 "without a terminal nothing is asked"
like "$ERR" "add \"cn <name>\" to the command" "and it says what to give"
on prime-sec "ncs key genkey -newdn -csr sec.csr repository defaultRepo cn prime-sec.example.com ou . o 'Größe GmbH' algorithm rsa size 2048 force"
is "$STATUS$ERR" 0 "every answer can stand on the line"
like "$OUT" "Subject : /C=US/ST=CA/L=SJ/O=Größe GmbH/CN=prime-sec.example.com" "UTF-8 and an empty part"
like "$OUT" "Subject Alternate Name : DNS:prime-sec.example.com,IP:$NET.12" "the names follow the new name"
like "$OUT" "The CSR of [0-9TZ:-]+, which is still pending, is replaced" "the newer request wins, and it says so"
on prime-sec "ncs key importsignedcert first.pem repository defaultRepo"
is "$STATUS" 1 "the certificate for the older request is refused"
like "$ERR" "% Error: the file holds no certificate for the key of the pending signing request, which was made" "with its sentence"

# --- import ---------------------------------------------------------------------------------------------------
ca_sign "$REPO/sec.csr" "$REPO/sec.pem"
on prime-sec "ncs key importsignedcert sec.pem repository defaultRepo"
is "$STATUS" 1 "without its issuers the certificate is refused"
like "$ERR" "% Error: the chain is broken: the certificate /O=Test CA/CN=Test issuing, which issued /C=US/.*is neither in the file nor among the CA certificates" "with its sentence"
like "$ERR" "ncs key importcacert alias <alias> <file> repository <name>" "and what to do"
cp "$CA/chain.pem" "$REPO/"
on prime-sec "ncs key importcacert alias testca chain.pem repository defaultRepo"
is "$STATUS$ERR" 0 "importcacert takes the bundle"
on prime-sec "ncs key listcacerts"
is "$OUT" "Certificate testca-1 from CN=Test issuing, O=Test CA
Certificate testca-2 from CN=Test Root, O=Test CA" "listcacerts"
on prime-sec "ncs key importsignedcert sec.pem repository defaultRepo"
is "$STATUS$ERR" 0 "now it is taken"
like "$OUT" "Changes will take affect on the next server restart" "for the next restart"
NEW=$(sha256_of "$REPO/sec.pem")

# --- served after the restart, not before -----------------------------------------------------------------------
is "$(shown_sha256 "$NET.12" 8082)" "$OLD" "the old certificate is served before the restart"
on prime-sec "ncs key show | json"
is "$(echo "$OUT" | jq -r '[.keys[] | .state] | join(" ")')" "in-service waiting pending" "what serves, what waits, what is pending"
is "$(echo "$OUT" | jq -r '.keys[0].sha256, .keys[1].sha256')" "$OLD
$NEW" "the one in service and the one that waits"
on prime-pri "$TOFU verify host $PEER"
like "$OUT" "$PEER +match" "the primary sees no change yet"
on prime-sec "ncs stop"
on prime-sec "ncs start"
is "$(shown_sha256 "$NET.12" 8082)" "$NEW" "the new one is served after it"
openssl s_client -connect "$NET.12:8082" -CAfile "$CA/root.pem" -verify_return_error -verify_hostname prime-sec.example.com \
    </dev/null >"$TMP/s_client" 2>&1
ok $? "a client that knows the root alone verifies it: the issuer comes along"
is "$(grep -c 'BEGIN CERTIFICATE\|^ *[0-9] s:' "$TMP/s_client")" 3 "leaf and issuer are sent, the root is not"
on prime-sec "ncs key show | json"
is "$(echo "$OUT" | jq -r '[.keys[] | .state] | join(" ")')" "in-service previous" "nothing waits and nothing is pending any more"

on prime-pri "$TOFU verify host $PEER"
is "$STATUS" 1 "the primary refuses the new certificate"
like "$OUT" "$PEER +MISMATCH" "and says MISMATCH"
like "$(cat "$LAB/prime-pri/log/application.log")" "TOFU failed.*CN=prime-sec.example.com, O=Größe GmbH" "its log has the record"
on prime-pri "$TOFU deletecert host $PEER"
on prime-pri "$TOFU addcert host $PEER"
on prime-pri "$TOFU verify host $PEER"
like "$OUT" "$PEER +match" "the published cure helps"
on prime-sec "ncs status"
wait_for 10 grep -q "self check of $PEER succeeded" "$LAB/prime-sec/log/health_monitor.log"
ok $? "the node's own pin followed its certificate"

# --- and back ---------------------------------------------------------------------------------------------------
unlike "$(cat "$LAB/prime-sec/keys/previous.sealed" | tr -d '\0')" "PRIVATE KEY" "the previous key is kept sealed"
on prime-sec "ncs key rollback"
is "$STATUS" 1 "rollback asks"
like "$ERR" 'add "force" to the command' "and says how not to be asked"
on prime-sec "ncs key rollback force"
is "$STATUS$ERR" 0 "rollback force"
is "$(shown_sha256 "$NET.12" 8082)" "$NEW" "changes nothing before the restart"
on prime-sec "ncs restart"
is "$(shown_sha256 "$NET.12" 8082)" "$OLD" "and brings the old certificate back with it"
on prime-sec "ncs key rollback force"
on prime-sec "ncs key rollback force"
like "$OUT" "The certificate that waited for the restart is withdrawn" "a rollback can be taken back before the restart"
on prime-sec "ncs restart"
is "$(shown_sha256 "$NET.12" 8082)" "$OLD" "then nothing changes"
on prime-sec "ncs key rollback force"
on prime-sec "ncs restart"
is "$(shown_sha256 "$NET.12" 8082)" "$NEW" "and what was rolled back comes back itself"
done_testing
