#!/usr/bin/env bash
# Certificates by purpose on a registered pair: what is the pair's arrives on the standby, what is a node's does not, what is
# deleted goes from both, the standby changes nothing of the pair's and names who does; and all that after a failover too.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/pair.sh"
. "$ROOT/tests/lib/ca.sh"
pair_up
states "Primary Active" "Secondary Syncing" "a registered pair"
ca_root root
ca_root other
ca_root mine
for node in prime-pri prime-sec; do
    for name in root other mine; do install -m 644 "$CA/$name.pem" "$LAB/$node/repository/defaultRepo/$name.pem"; done
done

rows() { "$BIN/primesh" --home "$LAB/$1" -c "show cert list trust" | sed -n 's/^\([A-Za-z-]*\/[^:]*\): .*/\1/p'; }
# imported, of the stores that are the pair's
pairs_trust() { rows "$1" | grep -E '^(tomcat|CallManager|Phone-SAST)-trust/' | grep -vE 'prime-|CAPF-'; }
has() { rows "$1" | grep -qxF -- "$2"; }
import() { on "$1" "set cert import trust $2 file $3.pem repository defaultRepo"; }
delete() { on "$1" "set cert delete trust $2 force"; }
in_step() {
    wait_for 20 same_revision
    ok $? "$1: both are at one revision"
}
key() { on "$1" "show key authz $2" && echo "$OUT"; }
own() { on "$1" "show cert own $2 | json" && jq -r '.certificates[0].serial' <<<"$OUT"; }
trusted() { on "$1" "show cert trust $2 | json" && jq -r '.certificates[0].serial' <<<"$OUT"; }
STANDBY="1 % Error: this node is the standby of prime-pri \($PRI\), the active node of the pair: make this change there"

# --- a standby that was never asked for its certificates before
on prime-sec "show cert list own"
is "$STATUS $(wc -l <<<"$OUT")${ERR:+ $ERR}" "0 15" "the standby lists its own certificates"
on prime-sec "show cert list trust"
is "$STATUS$ERR" 0 "and the trust stores"
for which in encryption signing; do
    is "$(key prime-sec $which)" "$(key prime-pri $which)" "both have the same $which key, whoever is asked first"
done

# --- imports: of the pair, of a node
for store in tomcat-trust CallManager-trust Phone-SAST-trust; do
    import prime-pri $store root
    is "$STATUS" 0 "$store: imported on the active node${ERR:+ ($ERR)}"
    unlike "$OUT" "this node only" "  and it says nothing of this node only"
    has prime-sec $store/root.pem
    ok $? "  and is on the standby when the command ends"
done
is "$(trusted prime-sec tomcat-trust/root.pem)" "$(openssl x509 -in "$CA/root.pem" -noout -serial | sed 's/serial=//')" \
    "it is the same certificate"
for store in CAPF-trust ipsec-trust userlicensing-trust TVS-trust Phone-CTL-trust Phone-trust; do
    import prime-pri $store root
    like "$STATUS $OUT" "0 .*The certificate is for this node only" "$store: imported, for this node only"
    ! has prime-sec $store/root.pem
    ok $? "  and is not on the standby"
done
on prime-sec "show cert expiry | json"
like "$(jq -r '.expiries[].name' <<<"$OUT")" "tomcat-trust/root.pem" "the standby knows when the pair's certificates end"

# --- the standby: what is the pair's it refuses, what is its own it takes
import prime-sec tomcat-trust other
like "$STATUS $ERR" "$STANDBY" "the standby imports nothing into a store of the pair"
delete prime-sec tomcat-trust/root.pem
like "$STATUS $ERR" "$STANDBY" "and deletes nothing of it"
has prime-sec tomcat-trust/root.pem
ok $? "which stays"
delete prime-sec tomcat-trust/prime-pri.pem
is "$STATUS" 1 "nor the active node's own certificate"
for which in encryption signing; do
    BEFORE=$(key prime-sec $which)
    on prime-sec "set key regen authz $which force"
    like "$STATUS $ERR" "$STANDBY" "set key regen authz $which"
    is "$(key prime-sec $which)" "$BEFORE" "changes nothing"
done
on prime-sec "set cert regen authz force"
like "$STATUS $ERR" "$STANDBY" "set cert regen authz"
on prime-sec "utils ctl set-cluster mixed-mode force"
like "$STATUS $ERR" "$STANDBY" "the CTL file is made on the active node alone"
import prime-sec CAPF-trust other
is "$STATUS" 0 "into CAPF-trust, a store of the node, it imports"
import prime-sec ipsec-trust mine
is "$STATUS" 0 "and into ipsec-trust"
! has prime-pri CAPF-trust/other.pem && ! has prime-pri ipsec-trust/mine.pem
ok $? "which the active node does not get"
delete prime-sec ipsec-trust/mine.pem
is "$STATUS" 0 "and deletes there"

# --- deletions
for store in tomcat-trust CallManager-trust Phone-SAST-trust; do
    delete prime-pri $store/root.pem
    is "$STATUS $OUT" "0 Successfully deleted certificate $store/root.pem from every node of the pair." "$store: deleted"
    ! has prime-sec $store/root.pem
    ok $? "  and gone from the standby"
done
import prime-pri CAPF-trust other
delete prime-pri CAPF-trust/other.pem
like "$OUT" "from every node of the pair" "CAPF-trust: each node's copy is its own"
! has prime-sec CAPF-trust/other.pem
ok $? "  and the deletion reaches both"
import prime-sec ipsec-trust root
delete prime-pri ipsec-trust/root.pem
like "$OUT" "from this node" "ipsec-trust: deleted on this node"
has prime-sec ipsec-trust/root.pem
ok $? "  the standby's copy stays"
in_step "after that"

# --- own certificates: each node's key is its own, what the Sync Agent enters reaches the pair
[ "$(own prime-pri tomcat-ECDSA)" != "$(own prime-sec tomcat-ECDSA)" ]
ok $? "each node has its own tomcat-ECDSA"
is "$(trusted prime-sec tomcat-trust/prime-pri.pem)" "$(own prime-pri tomcat)" "the standby trusts the active node's tomcat"
is "$(trusted prime-sec tomcat-trust/prime-pri-EC.pem)" "$(own prime-pri tomcat-ECDSA)" "and its tomcat-ECDSA"
SECONDARY=$(own prime-sec tomcat-ECDSA)
on prime-pri "set cert regen tomcat-ECDSA force"
like "$OUT" "utils service restart Cisco Tomcat" "regenerated: which services to restart"
on prime-pri "utils service restart Cisco Tomcat"
is "$STATUS" 0 "restarted${ERR:+ ($ERR)}"
on prime-pri "utils service restart Cisco Intercluster Sync Agent"
is "$STATUS" 0 "Cisco Intercluster Sync Agent restarted"
trusts_new() { [ "$(trusted prime-sec tomcat-trust/prime-pri-EC.pem)" = "$(own prime-pri tomcat-ECDSA)" ]; }
wait_for 20 trusts_new
ok $? "the standby trusts the new one"
is "$(own prime-sec tomcat-ECDSA)" "$SECONDARY" "its own is what it was"
on prime-sec "set cert regen tomcat-ECDSA force"
is "$STATUS" 0 "the standby regenerates its own${ERR:+ ($ERR)}"
on prime-sec "utils service restart Cisco Tomcat"
is "$STATUS" 0 "and puts it in service${ERR:+ ($ERR)}"
is "$(trusted prime-sec tomcat-trust/prime-sec-EC.pem)" "$(own prime-sec tomcat-ECDSA)" "and shows it in its own trust store"
wait_for 30 is_state prime-pri "Primary Active"
wait_for 30 is_state prime-sec "Secondary Syncing"

# --- keys of access tokens
for which in encryption signing; do
    BEFORE=$(key prime-pri $which)
    on prime-pri "set key regen authz $which force"
    like "$STATUS $OUT" "0 .*holds for every node of the pair" "set key regen authz $which on the active node"
    AFTER=$(key prime-pri $which)
    [ "$AFTER" != "$BEFORE" ]
    ok $? "is another one"
    is "$(key prime-sec $which)" "$AFTER" "and the standby's at once"
done
on prime-pri "set key regen authz encryption force"
KEYS="$(key prime-pri encryption) $(key prime-pri signing)"
import prime-pri tomcat-trust mine
TRUSTED=$(pairs_trust prime-pri)

# --- failover without the primary
crash prime-pri
wait_for 30 is_state prime-sec "Secondary Lost Primary"
on prime-sec "ncs ha failover"
is "$STATUS" 0 "failover${ERR:+: $ERR}"
is "$(key prime-sec encryption) $(key prime-sec signing)" "$KEYS" "the new active node opens the keys of access tokens"
is "$(pairs_trust prime-sec)" "$TRUSTED" "and has what the pair trusts"
on prime-sec "set key regen authz signing force"
is "$STATUS" 0 "and regenerates them${ERR:+: $ERR}"
on prime-sec "set key regen authz encryption force"
delete prime-sec tomcat-trust/mine.pem
is "$STATUS" 0 "deletes${ERR:+: $ERR}"
import prime-sec tomcat-trust other
is "$STATUS" 0 "and imports${ERR:+: $ERR}"
on prime-sec "utils service restart Cisco Intercluster Sync Agent"
is "$STATUS" 0 "Cisco Intercluster Sync Agent restarted there${ERR:+: $ERR}"
revive prime-pri
states "Primary Syncing" "Secondary Active" "the old primary is the standby now"
in_step "after the failover"
is "$(key prime-pri encryption) $(key prime-pri signing)" "$(key prime-sec encryption) $(key prime-sec signing)" "it opens the new keys"
has prime-pri tomcat-trust/other.pem && ! has prime-pri tomcat-trust/mine.pem
ok $? "it trusts what the pair trusts now"
is "$(trusted prime-pri tomcat-trust/prime-sec-EC.pem)" "$(own prime-sec tomcat-ECDSA)" "and the new active node's own certificate"
import prime-pri tomcat-trust root
like "$STATUS $ERR" "1 % Error: this node is the standby of prime-sec \($SEC\), the active node of the pair" "and names that one"

# --- what was the active node renews its own certificate as the standby
on prime-pri "set cert regen tomcat-ECDSA force"
on prime-pri "utils service restart Cisco Tomcat"
is "$STATUS" 0 "the standby that was active puts a new certificate in service${ERR:+: $ERR}"
NEW=$(own prime-pri tomcat-ECDSA)
on prime-pri "show cert list trust | json"
like "$(jq -r '.certificates[].serial' <<<"$OUT")" "$NEW" "and shows it in its trust store"
states "Primary Syncing" "Secondary Active" "the pair stands"
on prime-sec "ncs ha failback"
is "$STATUS" 0 "failback${ERR:+: $ERR}"
states "Primary Active" "Secondary Syncing" "the primary is active again"
on prime-pri "utils service restart Cisco Intercluster Sync Agent"
is "$STATUS" 0 "Cisco Intercluster Sync Agent restarted${ERR:+: $ERR}"
on prime-sec "show cert list trust | json"
is "$(jq -r --arg serial "$NEW" '[.certificates[] | select(.serial == $serial)] | length' <<<"$OUT")" 1 "enters it for the pair"
is "$(trusted prime-sec tomcat-trust/prime-pri-EC.pem)" "$NEW" "in the place of the old one"
on prime-pri "show cert list trust | json"
is "$(jq -r --arg serial "$NEW" '[.certificates[] | select(.serial == $serial)] | length' <<<"$OUT")" 1 "once"
in_step "at the end"
done_testing
