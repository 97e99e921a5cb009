# A CA of this test's own, by the openssl command line: a root, an intermediate, and signing.

CA=$TMP/ca
mkdir -p "$CA"

# ca_root <name> [<openssl x509 options>]: a self-signed CA in $CA/<name>.crt and .key
ca_root() {
    local name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CA/$name.key" -out "$CA/$name.crt" \
        -subj "/O=Lab/CN=$name" -days 100 -addext "basicConstraints=critical,CA:TRUE" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" "$@" 2>/dev/null
}

# ca_intermediate <name> <issuer>
ca_intermediate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CA/$1.key" -out "$CA/$1.req" \
        -subj "/O=Lab/CN=$1" 2>/dev/null
    printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n' >"$CA/$1.ext"
    openssl x509 -req -in "$CA/$1.req" -CA "$CA/$2.crt" -CAkey "$CA/$2.key" -CAcreateserial -days 90 \
        -extfile "$CA/$1.ext" -out "$CA/$1.crt" 2>/dev/null
}

# ca_sign <request> <issuer> <out> [<openssl x509 options>]: takes over what the request asks for
ca_sign() {
    local request=$1 issuer=$2 out=$3
    shift 3
    openssl x509 -req -in "$request" -CA "$CA/$issuer.crt" -CAkey "$CA/$issuer.key" -CAcreateserial -days 60 \
        -copy_extensions copyall "$@" -out "$out" 2>/dev/null
}

# ca_sign_between <request> <issuer> <out> <from> <until>: times as YYMMDDHHMMSSZ
ca_sign_between() {
    : >"$CA/index.txt"
    cat >"$CA/ca.cnf" <<CNF
[ca]
default_ca = lab
[lab]
database = $CA/index.txt
new_certs_dir = $CA
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copyall
unique_subject = no
[any]
commonName = optional
CNF
    openssl ca -batch -notext -config "$CA/ca.cnf" -in "$1" -cert "$CA/$2.crt" -keyfile "$CA/$2.key" -out "$3" \
        -startdate "$4" -enddate "$5" -preserveDN >/dev/null 2>&1
}
