#!/usr/bin/env bash
# "Troubleshoot certificate errors" of the source, step by step, on two nodes: check tomcat-trust on both, compare,
# restart Cisco Intercluster Sync Agent and Cisco Tomcat, exchange the certificates by hand, restart again.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
NODES="prime-pri prime-sec"
peer_of() { [ "$1" = prime-pri ] && echo prime-sec || echo prime-pri; }
repo() { echo "$LAB/$1/repository/defaultRepo"; }
address() { [ "$1" = prime-pri ] && echo "$NET.11" || echo "$NET.12"; }

# The certificate of a node as its own shell shows it, and as a file for its peer.
own_sha256() { on "$1" "show cert own $2 | json"; echo "$OUT" | jq -r '.certificates[0].sha256'; }
trusted_sha256() { on "$1" "show cert trust tomcat-trust/$2 | json"; echo "$OUT" | jq -r '.certificates[0].sha256 // "none"' 2>/dev/null; }
download() { on "$1" "show cert own $2"; printf '%s\n' "$OUT" | sed -n '/BEGIN/,/END/p;/END/q' >"$3"; chmod 644 "$3"; }

# "Download the Tomcat and Tomcat-ECDSA certificates of each node and upload them to the peer as tomcat-trust."
exchange() {
    local node unit peer
    for node in $NODES; do
        peer=$(peer_of "$node")
        for unit in tomcat tomcat-ECDSA; do
            download "$node" "$unit" "$(repo "$peer")/$node-$unit.pem"
            on "$peer" "set cert import trust tomcat-trust file $node-$unit.pem repository defaultRepo"
            is "$STATUS" 0 "$unit of $node goes into tomcat-trust of $peer: $(echo "$OUT" | head -1)"
        done
    done
}
exchange

# Step 1: the certificates that are needed are there.
for node in $NODES; do
    peer=$(peer_of "$node")
    on "$node" "show cert list trust | include tomcat-trust"
    for file in "$node" "$node-EC" "$peer" "$peer-EC"; do
        like "$OUT" "tomcat-trust/$file.pem: " "$node has $file"
    done
done
# Step 2: their contents are those of the certificates on the other node, and of what that node really shows.
matches() { # matches <node> <yes or no> <name>
    local peer
    peer=$(peer_of "$1")
    if [ "$2" = yes ]; then
        is "$(trusted_sha256 "$1" "$peer.pem")" "$(own_sha256 "$peer" tomcat)" "$3"
        is "$(trusted_sha256 "$1" "$peer.pem")" "$(shown_sha256 "$(address "$peer")" 8082)" "  and what $peer shows on the network"
    else
        [ "$(trusted_sha256 "$1" "$peer.pem")" != "$(own_sha256 "$peer" tomcat)" ]
        ok $? "$3"
    fi
}
for node in $NODES; do matches "$node" yes "$node: the contents are the same"; done

# The error: prime-sec gets a new certificate, and prime-pri still trusts the old one.
on prime-sec "set cert regen tomcat force"
on prime-sec "utils service restart Cisco Tomcat"
is "$STATUS" 0 "prime-sec renews its certificate"
matches prime-pri no "prime-pri: the contents differ now"
matches prime-sec yes "prime-sec: nothing is wrong"

# Steps 3 and 4.
for node in $NODES; do
    for service in "Cisco Intercluster Sync Agent" "Cisco Tomcat"; do
        on "$node" "utils service restart $service"
        like "$STATUS $OUT" "^0 .*Service Manager is running
$service\[STARTING\]
$service\[STARTING\]
$service\[STARTED\]$" "$node: utils service restart $service"
    done
done
is "$(trusted_sha256 prime-sec prime-sec.pem)" "$(own_sha256 prime-sec tomcat)" "prime-sec's own entry follows its certificate"

# Step 5: still wrong, so the certificate is deleted and exchanged by hand.
matches prime-pri no "prime-pri: it is still the old one"
on prime-pri "set cert delete trust tomcat-trust/prime-sec.pem force"
is "$STATUS" 0 "delete it"
on prime-pri "show cert trust tomcat-trust/prime-sec.pem"
like "$STATUS $ERR" "1 % Error: there is no certificate prime-sec.pem in tomcat-trust.*Executed command unsuccessfully$" "it is gone"
on prime-pri "set cert delete trust tomcat-trust/prime-pri.pem force"
is "$STATUS" 1 "the system's own cannot be deleted"
download prime-sec tomcat "$(repo prime-pri)/new.pem"
on prime-pri "set cert import trust tomcat-trust file new.pem repository defaultRepo"
is "$STATUS $(echo "$OUT" | head -1)" "0 tomcat-trust/prime-sec.pem" "upload the new one"

# Step 6.
for node in $NODES; do
    on "$node" "utils service restart Cisco Tomcat"
    is "$STATUS" 0 "$node: restart Cisco Tomcat"
done
for node in $NODES; do matches "$node" yes "$node: the contents are the same again"; done
for node in $NODES; do
    on "$node" "show cert own tomcat | json"
    like "$(echo "$OUT" | jq -r '.certificates[0].used_by')" "Cisco Tomcat" "$node: Cisco Tomcat uses the certificate"
done
# openssl, which trusts nothing but what lies in tomcat-trust of prime-pri, reaches prime-sec
on prime-pri "show cert trust tomcat-trust/prime-sec.pem"
printf '%s\n' "$OUT" | sed -n '/BEGIN/,/END/p' >"$TMP/trusted.pem"
openssl s_client -connect "$NET.12:8082" -CAfile "$TMP/trusted.pem" -verify_return_error -verify_ip "$NET.12" </dev/null >/dev/null 2>&1
ok $? "openssl reaches prime-sec with what prime-pri trusts"
done_testing
