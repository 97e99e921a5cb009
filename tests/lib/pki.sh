# A public key infrastructure of this test's own, made with the openssl command line: a root, an intermediate, OCSP
# responders. After `pki_make`: PKI (folder) with root.crt, inter.crt, and `issue` to make certificates.

PKI=$TMP/pki

pki_key() { openssl ecparam -genkey -name prime256v1 -noout -out "$PKI/$1.key"; } # pki_key <name>

# pki_config <name> <lines of extensions>: an extension file
pki_extensions() {
    printf '%s\n' "${@:2}" >"$PKI/$1.ext"
}

pki_make() {
    mkdir -p "$PKI"
    pki_authority root "/O=Test/CN=Test Root"
    pki_authority inter "/O=Test/CN=Test Issuing" root
}

# pki_authority <name> <subject> [<issuer> [<lines of extensions>]]: a CA, self-signed without an issuer. With one,
# FROM, TO, KEY and DIGEST as for issue
pki_authority() {
    local name=$1 subject=$2 issuer=${3:-}
    mkdir -p "$PKI/$name.db"
    : >"$PKI/$name.db/index.txt"
    echo 1000 >"$PKI/$name.db/serial"
    # shellcheck disable=SC2086
    if [ -n "${KEY:-}" ]; then openssl genpkey $KEY -out "$PKI/$name.key" 2>/dev/null; else pki_key "$name"; fi
    openssl req -new -key "$PKI/$name.key" -subj "$subject" -out "$PKI/$name.csr" 2>/dev/null
    if [ -z "$issuer" ]; then
        pki_extensions "$name" "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign,cRLSign" \
            "subjectKeyIdentifier=hash"
        openssl x509 -req -in "$PKI/$name.csr" -signkey "$PKI/$name.key" -days 3650 -sha256 -set_serial 1 \
            -extfile "$PKI/$name.ext" -out "$PKI/$name.crt" 2>/dev/null
        return
    fi
    if [ $# -gt 3 ]; then
        EXTENSIONS=$(printf '%s\n' "${@:4}") issue_csr "$name" "$issuer" "${FROM:-20200101000000Z}" "${TO:-20400101000000Z}"
    else
        EXTENSIONS=$'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid' \
            issue_csr "$name" "$issuer" "${FROM:-20200101000000Z}" "${TO:-20400101000000Z}"
    fi
}

# issue_csr <name> <issuer> <from> <to>: signs <name>.csr with EXTENSIONS; enters it into the issuer's database
issue_csr() {
    local name=$1 issuer=$2
    printf '%s\n' "$EXTENSIONS" >"$PKI/$name.ext"
    cat >"$PKI/$issuer.cnf" <<C
[ca]
default_ca = this
[this]
database = $PKI/$issuer.db/index.txt
serial = $PKI/$issuer.db/serial
new_certs_dir = $PKI/$issuer.db
certificate = $PKI/$issuer.crt
private_key = $PKI/$issuer.key
default_md = ${DIGEST:-sha256}
policy = any
unique_subject = no
copy_extensions = none
[any]
countryName = optional
organizationName = optional
commonName = optional
C
    openssl ca -batch -config "$PKI/$issuer.cnf" -in "$PKI/$name.csr" -startdate "$3" -enddate "$4" \
        -extfile "$PKI/$name.ext" -notext -out "$PKI/$name.crt" 2>"$PKI/$name.log" || {
        sed 's/^/# /' "$PKI/$name.log"
        return 1
    }
}

# issue <name> <issuer> <alternative names> [<further lines of extensions>]: a server's certificate.
# FROM, TO: validity; KEY: arguments of openssl genpkey; USE: extended key usage; AIA: address of the responder
issue() {
    local name=$1 issuer=$2 names=$3
    shift 3
    # shellcheck disable=SC2086
    openssl genpkey ${KEY:--algorithm EC -pkeyopt ec_paramgen_curve:P-256} -out "$PKI/$name.key" 2>/dev/null
    openssl req -new -key "$PKI/$name.key" -subj "/O=Test/CN=$name" -out "$PKI/$name.csr" 2>/dev/null
    EXTENSIONS=$(
        [ -z "$names" ] || echo "subjectAltName=$names"
        echo "extendedKeyUsage=${USE:-serverAuth}"
        echo "authorityKeyIdentifier=keyid"
        [ -z "${AIA:-}" ] || echo "authorityInfoAccess=OCSP;URI:$AIA"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    ) issue_csr "$name" "$issuer" "${FROM:-20200101000000Z}" "${TO:-20400101000000Z}"
}

revoke() { # revoke <name> <issuer> [<reason>]
    openssl ca -config "$PKI/$2.cnf" -revoke "$PKI/$1.crt" -crl_reason "${3:-keyCompromise}" 2>/dev/null
}

# responder <name> <issuer> [<signer> [<further arguments>]]: an OCSP responder process, up when this returns; its
# address in RESPONDER. Again under the same name: at the same address, with what the issuer knows now.
declare -A RESPONDER_PIDS
responder() {
    local name=$1 issuer=$2 signer=${3:-$2} port=0
    shift 2
    [ $# -eq 0 ] || shift
    [ ! -s "$PKI/$name.port" ] || port=$(cat "$PKI/$name.port")
    no_responder "$name"
    openssl ocsp -port "$port" -index "$PKI/$issuer.db/index.txt" -CA "$PKI/$issuer.crt" -rsigner "$PKI/$signer.crt" \
        -rkey "$PKI/$signer.key" -nmin 60 "$@" >"$PKI/$name.responder" 2>&1 &
    RESPONDER_PIDS[$name]=$!
    at_exit "kill $! 2>/dev/null"
    wait_for 10 grep -q "waiting for OCSP client connections" "$PKI/$name.responder"
    sed -n 's/^ACCEPT .*:\([0-9]*\) PID.*/\1/p' "$PKI/$name.responder" >"$PKI/$name.port"
    RESPONDER=http://127.0.0.1:$(cat "$PKI/$name.port")
}

no_responder() { # no_responder <name>: ends it
    [ -n "${RESPONDER_PIDS[$1]:-}" ] || return 0
    kill "${RESPONDER_PIDS[$1]}" 2>/dev/null
    wait "${RESPONDER_PIDS[$1]}" 2>/dev/null
    RESPONDER_PIDS[$1]=
}
