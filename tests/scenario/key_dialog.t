#!/usr/bin/env bash
# The genkey dialog with answers other than Enter: EC, wrong answers asked again, empty parts, UTF-8, no, Ctrl-C.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up "subject = /C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=node"
REPO=$HOME_DIR/repository/defaultRepo

play() { # play <name>: keystrokes on standard input; the screen comes into SCREEN
    cat >"$TMP/$1.in"
    "$ROOT/tests/transcript/play.exp" "$TMP/$1.in" "$TMP/$1.raw" "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/$1.err"
    is "$? $(cat "$TMP/$1.err")" "0 " "$1: the session runs to its end"
    SCREEN=$(tr -d '\r' <"$TMP/$1.raw" | iconv -f UTF-8 -t LATIN1) # expect logs each byte as a character
}

play ec <<KEYS
< node/admin#\x20
> ncs key genkey -newdn -csr ec.csr repository defaultRepo\r
< [node]:\x20
> node.example.com\r
< [Prime Infra]:\x20
> .\r
< [Cisco Systems]:\x20
> M\xc3\xbcller\r
< [SJ]:\x20
> \r
< [CA]:\x20
> \r
< [US]:\x20
> Deutschland\r
< two letters
< [US]:\x20
> DE\r
< [DNS:node.example.com,IP:$ADDRESS]:\x20
> node.example.com\r
< as an alternative name has to be
< IP:$ADDRESS]:\x20
> DNS:node.example.com, DNS:other, IP:$ADDRESS\r
< [rsa]:\x20
> dsa\r
< rsa, ec or ed25519
< [rsa]:\x20
> ec\r
< [P-256/P-384/P-521] [P-256]:\x20
> P-384\r
< Continue [yes] :\x20
> what\r
< Please answer yes or no
< Continue [yes] :\x20
> y\r
< Completed
< node/admin#\x20
> exit\r
KEYS
is "$(printf '%s\n' "$SCREEN" | sed -n '/^Key and CSR/,/^Public/p')" "Key and CSR will be generated with following details
Subject : /C=DE/ST=CA/L=SJ/O=Müller/CN=node.example.com
Subject Alternate Name : DNS:node.example.com,DNS:other,IP:$ADDRESS
Public Key Alg : ec, P-384" "the details are the answers"
like "$SCREEN" "Generating EC key" "an EC key"
like "$(openssl req -in "$REPO/ec.csr" -noout -subject -nameopt utf8,sep_comma_plus)" "C ?= ?DE.*O ?= ?Müller,CN ?= ?node.example.com" "the request holds the answers in UTF-8"
unlike "$(openssl req -in "$REPO/ec.csr" -noout -subject)" "OU" "and no organizational unit"

FIRST=$(sha256sum <"$HOME_DIR/keys/pending.pem")
play no <<KEYS
< node/admin#\x20
> ncs key genkey -csr ec.csr repository defaultRepo algorithm ec size P-256\r
< which is still pending, will be replaced
< Continue [yes] :\x20
> n\r
< node/admin#\x20
> ncs key genkey -newdn -csr ec.csr repository defaultRepo\r
< [node]:\x20
> abc
< abc
> \x03
< interrupted
< node/admin#\x20
> ncs key genkey -newdn -csr ec.csr repository nowhere\r
< there is no repository nowhere
< node/admin#\x20
> ncs key genkey ou Sales\r
< add -newdn
< node/admin#\x20
> exit\r
KEYS
is "$(sha256sum <"$HOME_DIR/keys/pending.pem")" "$FIRST" "no, Ctrl-C and mistakes change nothing"
like "$SCREEN" "repository nowhere"$'\n'"% Error: there is no repository nowhere" "a bad repository is said before the questions"

play self-signed <<KEYS
< node/admin#\x20
> ncs key genkey algorithm ed25519\r
< Key and certificate will be generated
< Continue [yes] :\x20
> \r
< Generating Ed25519 key
< Completed
< node/admin#\x20
> ncs key genkey force\r
< Generating RSA key
< The certificate that waited for the restart is replaced
< node/admin#\x20
> ncs key rollback\r
< will be withdrawn
< Continue [no] :\x20
> \r
< node/admin#\x20
> ncs key show | include State\r
< waiting for the restart
< node/admin#\x20
> ncs key rollback\r
< Continue [no] :\x20
> yes\r
< is withdrawn
< node/admin#\x20
> ncs key ?
< rollback
< node/admin#\x20
> \x15ncs key genkey algorithm \t\t
< ed25519
> \x15exit\r
KEYS
done_testing
