#!/usr/bin/env bash
# Callers must show a certificate: from the node's CA, or pinned. And the shows, completions and limits of ncs key.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
. "$ROOT/tests/lib/ca.sh"
node_conf "monitor-interval-ms = 200"
node_up "monitor-interval-ms = 200"
ca_up
REPO=$HOME_DIR/repository/defaultRepo
IN="repository defaultRepo"
URL=https://$ADDRESS:8082/ha/v1/hello

client() { # client <name> <subject> <issuer> [openssl x509 options]
    local name=$1 subject=$2 issuer=$3
    shift 3
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CA/$name.key" -subj "$subject" -out "$CA/$name.csr" 2>/dev/null
    openssl x509 -req -in "$CA/$name.csr" -CA "$CA/$issuer.pem" -CAkey "$CA/$issuer.key" -days 30 "$@" -out "$CA/$name.pem" 2>/dev/null
}

# The HTTP status, 000 where TLS refuses.
call() { # call [curl options]
    curl -ks -o "$TMP/body" -w '%{http_code}' --max-time 10 "$@" "$URL"
}

is "$(call)" 200 "without the setting no certificate is needed"
cp "$CA/issuing.pem" "$CA/root.pem" "$REPO/"
chmod 644 "$REPO"/*
sh_ "ncs key importcacert alias clients issuing.pem $IN"
is "$STATUS$ERR" 0 "an issuer of clients"
sh_ "ncs key authenticate-client enable"
is "$STATUS$ERR" 0 "authenticate-client enable"
is "$(call)" 200 "nothing changes before the restart"
sh_ "ncs key show"
like "$OUT" "Client certificates: not asked for, required after the restart" "and show says so"
sh_ "ncs restart"
is "$STATUS" 0 "restart"
sh_ "ncs key show"
like "$OUT" "Client certificates: required" "now it is required"
is "$(call)" 000 "a caller without one is refused"

client good /CN=good issuing -extfile <(echo extendedKeyUsage=clientAuth)
cat "$CA/good.pem" >"$TMP/good.pem"
is "$(call --cert "$TMP/good.pem" --key "$CA/good.key")" 200 "one of the CA is served"
client server-only /CN=server issuing -extfile <(echo extendedKeyUsage=serverAuth)
is "$(call --cert "$CA/server-only.pem" --key "$CA/server-only.key")" 000 "one that is not for clients is refused"
ca_make strangers root
client stranger /CN=stranger strangers
is "$(call --cert "$CA/stranger.pem" --key "$CA/stranger.key")" 000 "one of another CA below the same root is refused"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CA/self.key" -subj "/CN=good" -days 9 -out "$CA/self.pem" 2>/dev/null
is "$(call --cert "$CA/self.pem" --key "$CA/self.key")" 000 "a self-signed one is refused"
wait_for 5 grep -q "a caller at 127[0-9.]* was refused: its certificate CN=good is neither pinned nor" "$HOME_DIR/log/application.log"
ok $? "the log says who and why"

# Pinned for the caller's address and our port, as the peer of a pair is.
OTHER=${ADDRESS%.*}.77
cp "$CA/self.pem" "$REPO/"
chmod 644 "$REPO"/*
sh_ "ncs certvalidation tofu-certs addcert host ${OTHER}_8082 certfile self.pem $IN"
is "$STATUS$ERR" 0 "its certificate is pinned for its address"
is "$(call --cert "$CA/self.pem" --key "$CA/self.key" --interface "$OTHER")" 200 "the pinned one is served from there"
is "$(call --cert "$CA/self.pem" --key "$CA/self.key" --interface "${ADDRESS%.*}.78")" 000 "and from nowhere else"
is "$(call --cert "$CA/stranger.pem" --key "$CA/stranger.key" --interface "$OTHER")" 000 "another one is refused from there, too"

sh_ "ncs status"
like "$OUT" "Self check of ${ADDRESS}_8082 is match" "the node's self check goes on"
sh_ "ncs key authenticate-client disable"
sh_ "ncs restart"
is "$(call)" 200 "disabled, no certificate is needed"

# --- CA certificates: aliases, completion, deletion ------------------------------------------------------------
sh_ "ncs key importcacert alias clients root.pem $IN"
like "$STATUS $ERR" "^1 % Error: there is a CA certificate with the alias clients already" "an alias is used once"
sh_ "ncs key importcacert alias 'a b' root.pem $IN"
is "$STATUS" 2 "an alias is one plain word"
sh_ "ncs key importcacert alias root root.pem $IN"
sh_ "ncs key listcacerts | json"
is "$(echo "$OUT" | jq -r '[.ca_certificates[] | .alias] | join(" ")')" "clients root" "listed in the order they came"
is "$(echo "$OUT" | jq -r '.ca_certificates[1].sha256')" "$(sha256_of "$CA/root.pem")" "with their fingerprint as JSON"
sh_ "ncs stop"
sh_ "ncs key listcacerts"
like "$OUT" "Certificate clients from CN=Test issuing, O=Test CA" "listed while the services are stopped"
sh_ "ncs key genkey -newdn algorithm ec force"
like "$OUT" "^The NCS server is stopped." "genkey says that they are"
sh_ "ncs key deletecacert clients"
is "$STATUS$ERR" 0 "deletecacert"
sh_ "ncs key listcacerts"
is "$OUT" "Certificate root from CN=Test Root, O=Test CA" "it is gone"
sh_ "ncs start"

# --- one key at a time, and it is seen ----------------------------------------------------------------------------
"$BIN/primesh" --home "$HOME_DIR" -c "ncs key genkey -newdn -csr big.csr $IN algorithm rsa size 8192 force" >"$TMP/big.out" 2>&1 &
big=$!
generating() { sh_ "ncs key show | json"; [ "$(echo "$OUT" | jq -r '.keys[] | select(.state == "generating") | .key')" = "rsa, 8192 bits" ]; }
wait_for 10 generating
ok $? "a key being made is seen"
sh_ "ncs key genkey -newdn -csr small.csr $IN algorithm ec force"
like "$STATUS $ERR" "^1 % Error: a key is being made already: rsa 8192, since" "a second one has to wait"
sh_ "show clock"
is "$STATUS" 0 "meanwhile the node answers"
start=$SECONDS
node_stop
[ $((SECONDS - start)) -le 4 ]
ok $? "and ends in time"
wait $big
ok $((! $?)) "the one who asked for the key hears that nothing came of it"
[ ! -e "$HOME_DIR/keys/pending.pem" ] && [ ! -e "$REPO/big.csr" ]
ok $? "and nothing did"
node_start
ok $? "it starts again"
done_testing
