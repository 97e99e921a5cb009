#!/usr/bin/env bash
# Several people behind one user of the system: the key says who it is, the account what that one may do.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
need_sshd

configure() { # configure <line...>, on prime-pri, by the lab's own key
    { printf 'configure terminal\n'; printf '%s\n' "$@"; printf 'end\n'; } | ssh_ prime-pri >"$TMP/configure.out" 2>&1
}
key_of() { cut -d' ' -f1-2 "$TMP/$1.pub"; }
as() { # as <person> <ssh's arguments>: OUT, ERR, STATUS
    local who=$1
    shift
    OUT=$(ssh -o IdentityFile=none -i "$TMP/$who" -F "$TMP/config" "$@" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}
grep -v IdentityFile "$SSH_CONFIG" >"$TMP/config"
for who in oper boss; do ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$TMP/$who"; done
ssh-keygen -q -t rsa -b 2048 -N '' -C boss -f "$TMP/boss-rsa"

as oper prime-pri 'show version'
is "$STATUS|$OUT" "255|" "a key that no account has"
configure "username oper sshkey $(key_of oper) role user" "username boss sshkey $(key_of boss) role admin"
is $? 0 "two accounts"

as oper prime-pri 'show privilege'
is "$STATUS|$OUT" "0|Current privilege level is 1" "the role user"
as boss prime-pri 'show privilege'
is "$STATUS|$OUT" "0|Current privilege level is 15" "the role admin"
as oper prime-pri 'ncs certvalidation certificate-check disable trustzone user'
is "$STATUS|$OUT" "1|" "what only administrators may is refused"
like "$ERR" "% Error: .*administrators" "clearly"
as boss prime-pri 'ncs certvalidation certificate-check disable trustzone user'
is "$STATUS|$OUT|$ERR" "0||" "and done for an administrator"
as boss prime-pri 'show audit last 2 | json'
is "$(echo "$OUT" | jq -r '.audit[] | "\(.user) \(.role) \(.result) \(.origin)"' | sed 's/127[.][0-9.]*/ADDRESS/')" \
    "oper user denied ADDRESS
boss admin ok ADDRESS" "the audit trail has both, with the address that each came from"

cat >"$TMP/oper.in" <<'K'
< prime-pri/oper>\x20
> show privilege\r
< level is 1
< prime-pri/oper>\x20
> conf?
< conf
> \x15
> exit\r
K
"$ROOT/tests/transcript/play.exp" "$TMP/oper.in" "$TMP/oper.raw" ssh -tt -o IdentityFile=none -i "$TMP/oper" -F "$TMP/config" prime-pri
is $? 0 "the prompt of the role user"
unlike "$(cat "$TMP/oper.raw")" "configure" "which is not offered what it may not"

as oper prime-pri -- "--session admin/x/1.1/-/00"
is "$STATUS" 2 "a voucher of one's own making is a command that is none"
configure "username boss sshkey $(key_of boss-rsa) role admin"
mv "$TMP/boss-rsa" "$TMP/rsa"
as rsa prime-pri 'show privilege'
is "$STATUS|$OUT" "0|Current privilege level is 15" "a second key, of another kind"

# An open session of somebody who is shown the door.
cat >"$TMP/revoked.exp" <<'E'
set timeout 20
log_user 0
spawn ssh -tt -o IdentityFile=none -i [lindex $argv 0]/oper -F [lindex $argv 0]/config prime-pri
expect "prime-pri/oper> "
exec ssh -F [lindex $argv 1] prime-pri << "configure terminal\nno username oper\nend\n" >/dev/null
send "show version\r"
expect {
    "Product:" { puts "still in"; exit 1 }
    "has no account on this node" {}
    timeout { puts "no refusal"; exit 1 }
}
expect {
    eof {}
    timeout { puts "stays"; exit 1 }
}
puts "refused and out"
E
is "$(expect "$TMP/revoked.exp" "$TMP" "$SSH_CONFIG" </dev/null 2>&1)" "refused and out" \
    "the next command of an open session is refused once its account is gone"
as oper prime-pri 'show version'
is "$STATUS|$OUT" "255|" "and nobody comes in with that key again"
history=$(ls "$LAB/prime-pri/history")
like "$history" oper "each has a history of one's own"
done_testing
