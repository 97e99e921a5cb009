# CAs of this test's own, made with the openssl command line, as <name>.pem and <name>.key in the folder CA. `ca_up` makes
# two: root and issuing, and chain.pem of both. (What OCSP is asked about: tests/lib/pki.sh, which keeps books.)

CA=$TMP/ca
mkdir -p "$CA"
printf '%s\n' 'basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign' >"$CA/ca.ext"

ca_up() {
    ca_root root "/O=Test CA/CN=Test Root"
    ca_make issuing root "/O=Test CA/CN=Test issuing"
    cat "$CA/issuing.pem" "$CA/root.pem" >"$CA/chain.pem"
}

ca_request() { # ca_request <name> <subject>: a key and a request
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$CA/$1.key" -out "$CA/$1.csr" -subj "$2" 2>/dev/null
}

ca_root() { # ca_root <name> [<subject>]: a self-signed CA
    ca_request "$1" "${2:-/O=Lab/CN=$1}"
    openssl x509 -req -in "$CA/$1.csr" -signkey "$CA/$1.key" -days 3650 -extfile "$CA/ca.ext" -out "$CA/$1.pem" 2>/dev/null
}

ca_make() { # ca_make <name> <issuer> [<subject>]: a CA below another one
    ca_request "$1" "${3:-/O=Lab/CN=$1}"
    openssl x509 -req -in "$CA/$1.csr" -CA "$CA/$2.pem" -CAkey "$CA/$2.key" -CAcreateserial -days 1000 \
        -extfile "$CA/ca.ext" -out "$CA/$1.pem" 2>/dev/null
}

# Signs a request as it is, with the CA that ISSUER names; further arguments go to `openssl x509 -req` (-days, -extfile, ...).
ca_sign() { # ca_sign <request> <certificate> [...]
    local request=$1 certificate=$2 issuer=${ISSUER:-issuing}
    shift 2
    openssl x509 -req -in "$request" -CA "$CA/$issuer.pem" -CAkey "$CA/$issuer.key" -CAcreateserial -copy_extensions copy \
        -days 100 "$@" -out "$certificate" 2>/dev/null
}

# The same with times, as YYMMDDHHMMSSZ.
ca_sign_between() { # ca_sign_between <request> <certificate> <from> <until>
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
    openssl ca -batch -notext -config "$CA/ca.cnf" -in "$1" -cert "$CA/${ISSUER:-issuing}.pem" -keyfile "$CA/${ISSUER:-issuing}.key" \
        -out "$2" -startdate "$3" -enddate "$4" -preserveDN >/dev/null 2>&1
}

# The SHA-256 of a certificate file.
sha256_of() { openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//'; }
