#!/usr/bin/env bash
# The CTL file: made, served, verified; and altered in every way.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up "subject = /C=PL/ST=Malopolska/L=Krakow/O=Cisco/OU=TAC/CN=node"
FILE=$HOME_DIR/ctl/CTLFile.tlv
fetch() { curl -s -k "https://$ADDRESS:8082/CTLFile.tlv" "$@"; }
FAILED="Executed command unsuccessfully"

sh_ "show ctl"
like "$STATUS $ERR" "1 % Error: there is no CTL file.*$FAILED$" "no CTL file at first"
sh_ "utils ctl update CTLFile force"
like "$STATUS $ERR" "1 % Error: the cluster is in non-secure mode.*set-cluster mixed-mode.*$FAILED$" "nothing to update"
sh_ "utils ctl set-cluster mixed-mode"
like "$STATUS $ERR" '1 % Error: force was not given.*add "force"' "a script is told what to add"
sh_ "utils ctl set-cluster mixed-mode force"
is "$STATUS $OUT" "0 Moving Cluster to Mixed Mode
Cluster set to Mixed Mode
Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services" "mixed mode"
sh_ "utils ctl set-cluster mixed-mode force"
like "$STATUS $ERR" "1 % Error: the cluster is in mixed mode already" "once"

sh_ "show ctl"
is "$STATUS" 0 "show ctl"
SHOWN=$OUT
is "$(echo "$OUT" | sed -n 2,3p)" "$(md5sum <"$FILE" | cut -d' ' -f1)(MD5)
$(sha1sum <"$FILE" | cut -d' ' -f1)(SHA1)" "the checksums are those of the file"
like "$OUT" "Length of CTL file: $(stat -c %s "$FILE")
The CTL File was last modified on [A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9:]{8} UTC [0-9]{4}

Parse CTL File
----------------

Version:        1.2
HeaderLength:   [0-9]+ \(BYTES\)

BYTEPOS TAG             LENGTH  VALUE
------- ---             ------  -----
3       SIGNERID        2       [0-9]+
4       SIGNERNAME" "the header as the original prints it"
like "$OUT" "
        CTL Record #:1
                      ----
BYTEPOS TAG             LENGTH  VALUE
------- ---             ------  -----
1       RECORDLENGTH    2       [0-9]+
2       DNSNAME         5       node
3       SUBJECTNAME     [0-9]+ +CN=ITLRECOVERY_node;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
4       FUNCTION        2       System Administrator Security Token
5       ISSUERNAME      [0-9]+ +CN=ITLRECOVERY_node;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
6       SERIALNUMBER    [0-9]+ +([0-9A-F]{2}:)+[0-9A-F]{2}
7       PUBLICKEY       270 *
8       SIGNATURE       256 *
9       CERTIFICATE     [0-9]+ +([0-9A-F]{2} ){20}\(SHA1 Hash HEX\)
10      IPADDRESS       4       $ADDRESS
This etoken was used to sign the CTL file." "the record of the signer"
is "$(echo "$OUT" | grep FUNCTION | sed 's/.*2 *//')" "System Administrator Security Token
System Administrator Security Token
CCM+TFTP
CAPF" "what the records are for"
like "$OUT" "This etoken was not used to sign the CTL file." "the other token did not sign"
is "$(echo "$OUT" | tail -1)" "The CTL file was verified successfully." "verified"
SERIAL=$(echo "$OUT" | grep SERIALNUMBER | sed -n 2p | sed 's/.* //; s/://g')
sh_ "show cert own ITLRecovery | json"
is "$SERIAL" "$(echo "$OUT" | jq -r '.certificates[0].serial')" "by the certificate ITLRecovery"
openssl x509 -in <(echo "$OUT" | jq -r '.certificates[0].pem') -noout -pubkey >"$TMP/signer.pub"

# openssl verifies the signature without any code of ours
perl -0777 -e '
    my ($file, $signature, $body) = @ARGV;
    sub slurp { open my $in, "<", shift or die $!; local $/; <$in> }
    sub spew { open my $out, ">", shift or die $!; print $out shift }
    my ($bytes, $at) = (slurp($file), 0);
    while (1) {
        my ($tag, $length) = unpack "Cn", substr $bytes, $at, 3;
        if ($tag == 12) {
            spew($signature, substr $bytes, $at + 3, $length);
            substr($bytes, $at + 3, $length) = "\0" x $length;
            last;
        }
        $at += 3 + ($tag == 3 || $tag == 7 || $tag == 9 ? 0 : $length);
    }
    spew($body, $bytes);' "$FILE" "$TMP/signature" "$TMP/body"
openssl dgst -sha512 -verify "$TMP/signer.pub" -signature "$TMP/signature" "$TMP/body" >/dev/null 2>&1
ok $? "openssl dgst verifies the signature too"
sh_ "show ctl | json"
is "$(echo "$OUT" | jq -r '[.ctl[] | select(.tag == "FUNCTION") | .value] | join(",")')" \
    "System Administrator Security Token,System Administrator Security Token,CCM+TFTP,CAPF" "as JSON"

# --- Cisco TFTP serves what it loaded
is "$(fetch -o /dev/null -w '%{http_code}')" 404 "not served before the restart of Cisco TFTP"
sh_ "utils service restart Cisco TFTP"
is "$(fetch | md5sum)" "$(md5sum <"$FILE")" "served from then on"

# --- altered
cp "$FILE" "$TMP/good"
spoil() { # spoil <name> <perl expression on $_> <expected>
    perl -0777 -pe "$2" "$TMP/good" >"$TMP/bad"
    cat "$TMP/bad" >"$FILE"
    sh_ "show ctl"
    like "$STATUS $ERR" "1 % Error: .*($3).*$FAILED$" "$1: $(echo "$ERR" | head -1)"
    unlike "$OUT" "verified successfully" "  and is not called verified"
}
spoil "another host name" 's/node\0/nodf\0/' "signature of the CTL file does not hold"
spoil "a bit of the signature" 'my $i = index($_, "CTLFile") - 20; substr($_, $i, 1) ^= "\1"' "signature of the CTL file does not hold"
spoil "a bit of the timestamp" 'my $i = index($_, "CTLFile.tlv\0") + 16; substr($_, $i, 1) ^= "\1"' "signature of the CTL file does not hold"
spoil "a bit of a certificate" 'substr($_, length($_) - 60, 1) ^= "\1"' "damaged|signature"
spoil "cut off" '$_ = substr $_, 0, length($_) - 1' "damaged: .*is cut off"
spoil "cut off in the header" '$_ = substr $_, 0, 20' "damaged"
spoil "a byte too many" '$_ .= "x"' "damaged"
spoil "empty" '$_ = ""' "damaged"
spoil "without its last record" 'my $i = rindex($_, "CAPF-"); my $r = rindex($_, "\1\0\2", index($_, "\2\0\5node\0", rindex(substr($_, 0, $i), "\2\0\5node\0") - 1)); $_ = substr $_, 0, $r' "damaged|signature"
spoil "oversized" '$_ .= "x" x 1100000' "more than"
cat "$TMP/good" >"$FILE"
sh_ "show ctl"
is "$OUT" "$SHOWN" "the right file is right again"

# a whole file of another node's making
OTHER=$TMP/other
mkdir -p "$OTHER"
sed "s/^listen.*/listen = ${ADDRESS%.*}.2/" "$HOME_DIR/node.conf" >"$OTHER/node.conf"
"$BIN/primed" --home "$OTHER"
at_exit 'kill $(cat "$OTHER/run/primed.pid") 2>/dev/null'
"$BIN/primesh" --home "$OTHER" -c "utils ctl set-cluster mixed-mode force" >/dev/null
cat "$OTHER/ctl/CTLFile.tlv" >"$FILE"
sh_ "show ctl"
like "$STATUS $ERR" "1 % Error: the CTL file was signed by another than this node" "another node's file is not believed"
kill "$(cat "$OTHER/run/primed.pid")"

# --- renewed
sh_ "utils ctl update CTLFile force"
is "$STATUS $OUT" "0 Updating CTL file
CTL file Updated
Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services" "update"
sh_ "show ctl"
like "$OUT" "verified successfully.$" "verified"
sh_ "set cert regen CallManager force"
sh_ "utils service restart Cisco CallManager"
sh_ "show ctl"
like "$STATUS $OUT" "^0 .*verified successfully.
The certificate of CallManager in service is not in the CTL file" "a new CallManager certificate is missing in it, and it says so"
sh_ "utils ctl update CTLFile force"
sh_ "show ctl"
unlike "$OUT" "is not in the CTL file" "until it is updated"
sh_ "utils ctl reset localkey force"
is "$STATUS" 0 "signed with the CallManager key"
sh_ "show ctl"
like "$OUT" "SIGNERNAME +[0-9]+ +CN=node;.*verified successfully." "and verified"
sh_ "utils ctl set-cluster non-secure-mode force"
like "$STATUS $OUT" "0 .*Cluster set to Non Secure Mode" "non-secure mode"
sh_ "show ctl"
is "$STATUS" 1 "takes the file away"
sh_ "utils service restart Cisco TFTP"
is "$(fetch -o /dev/null -w '%{http_code}')" 404 "and Cisco TFTP serves none"
done_testing
