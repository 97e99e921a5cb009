# A CA of this test's own, made with the openssl command line: a root and an intermediate. After `ca_up`: CA (folder) with
# root.pem, issuing.pem, chain.pem (issuing and root), and the functions below.

CA=$TMP/ca

ca_up() {
    mkdir -p "$CA"
    printf '%s\n' 'basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign' >"$CA/ca.ext"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$CA/root.key" -out "$CA/root.pem" -days 3650 \
        -subj "/O=Test CA/CN=Test Root" -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
    ca_make issuing root
    cat "$CA/issuing.pem" "$CA/root.pem" >"$CA/chain.pem"
}

ca_make() { # ca_make <name> <issuer>: another CA
    openssl req -new -newkey rsa:2048 -nodes -keyout "$CA/$1.key" -out "$CA/$1.csr" -subj "/O=Test CA/CN=Test $1" 2>/dev/null
    openssl x509 -req -in "$CA/$1.csr" -CA "$CA/$2.pem" -CAkey "$CA/$2.key" -CAcreateserial -days 1000 \
        -extfile "$CA/ca.ext" -out "$CA/$1.pem" 2>/dev/null
}

# Signs a request as it is; further arguments go to `openssl x509 -req` (-days, -extfile, ...).
ca_sign() { # ca_sign <request> <certificate> [...]
    local request=$1 certificate=$2
    shift 2
    openssl x509 -req -in "$request" -CA "$CA/issuing.pem" -CAkey "$CA/issuing.key" -CAcreateserial -copy_extensions copy \
        -days 100 "$@" -out "$certificate" 2>/dev/null
}

# The SHA-256 of a certificate file.
sha256_of() { openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//'; }
