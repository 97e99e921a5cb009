#!/usr/bin/env bash
# Installed system-wide, with the machine's sshd and PAM: the shared user with keys, a user of the machine with a password.
# All of it in a mount namespace of the test's own, so that no file of the machine changes. Needs root.
. "$(dirname "$0")/../lib/tap.sh"
[ -x /usr/sbin/sshd ] || skip_all "sshd is not installed"
[ "$(id -u)" = 0 ] || skip_all "only root can try this"
unshare -m true 2>/dev/null || skip_all "no mount namespace is to be had here"
make -C "$ROOT" --no-print-directory install DESTDIR="$TMP/dest" PREFIX=/usr/local >/dev/null 2>&1
ok $? "make install"
export TMP
ADDRESS=$(private_network).1
export ADDRESS

cat >"$TMP/inside" <<'INSIDE'
set -e
mkdir -p "$TMP/etc" /run/sshd
mount -t tmpfs -o mode=755 none /var/lib
mount --bind "$TMP/dest/usr/local/bin" /usr/local/bin
for file in passwd group shadow; do cp "/etc/$file" "$TMP/etc/$file"; done
cat >>"$TMP/etc/passwd" <<P
primesh:x:47110:47110:primesh appliance:/var/lib/primesh:/usr/sbin/nologin
primesh-shell:x:47120:47120:primesh sessions:/:/bin/sh
alice:x:47130:47130:Alice:/:/bin/sh
P
printf 'primesh:x:47110:primesh-shell,alice\nprimesh-shell:x:47120:\nalice:x:47130:\nprimesh-users:x:47140:alice\n' >>"$TMP/etc/group"
printf 'primesh:!*:19000::::::\nprimesh-shell:!*:19000::::::\nalice:%s:19000::::::\n' "$(openssl passwd -6 wonderland)" >>"$TMP/etc/shadow"
for file in passwd group shadow; do mount --bind "$TMP/etc/$file" "/etc/$file"; done
install -d -o primesh -g primesh -m 750 /var/lib/primesh
printf 'hostname = system\nlisten = %s\nuser = primesh\n' "$ADDRESS" >/var/lib/primesh/node.conf
/usr/local/bin/primed
ssh-keygen -q -t ed25519 -N '' -f "$TMP/host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/bob"
printf 'configure terminal\nusername bob sshkey %s role user\nusername alice password system role admin\n' "$(cut -d' ' -f1-2 "$TMP/bob.pub")" |
    /usr/local/bin/primesh >/dev/null
cat >"$TMP/sshd_config" <<C
Include $TMP/dest/etc/ssh/sshd_config.d/primesh.conf
ListenAddress $ADDRESS:2200
HostKey $TMP/host
PidFile $TMP/sshd.pid
UsePAM yes
KbdInteractiveAuthentication no
X11Forwarding yes
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
C
/usr/sbin/sshd -f "$TMP/sshd_config" -E "$TMP/sshd.log"
trap 'kill $(cat "$TMP/sshd.pid") $(cat /var/lib/primesh/run/primed.pid)' EXIT
for i in $(seq 100); do [ -s "$TMP/sshd.pid" ] && break; sleep 0.05; done
set +e
printf '#!/bin/sh\necho wonderland\n' >"$TMP/askpass"
chmod 700 "$TMP/askpass"
export SSH_ASKPASS=$TMP/askpass SSH_ASKPASS_REQUIRE=force
common=(-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes)
bob() { ssh "${common[@]}" -p 2200 -i "$TMP/bob" "$@"; }
alice() { ssh "${common[@]}" -p 2200 -o PubkeyAuthentication=no "$@"; }
say() { # say <name> <command...>: status and output on one line
    local name=$1 out
    shift
    out=$("$@" 2>&1 </dev/null)
    echo "$name: $? $(tr -d '\r' <<<"$out" | tr '\n' '|')"
}
say bob bob "primesh-shell@$ADDRESS" 'show privilege'
say bob-may-not bob "primesh-shell@$ADDRESS" 'ncs certvalidation certificate-check disable trustzone user'
say bob-sftp bob -s "primesh-shell@$ADDRESS" sftp
say bob-scp scp -q "${common[@]}" -P 2200 -i "$TMP/bob" "primesh-shell@$ADDRESS:/etc/passwd" "$TMP/stolen"
say bob-password ssh "${common[@]}" -p 2200 -o PubkeyAuthentication=no "primesh-shell@$ADDRESS" 'show privilege'
say alice alice "alice@$ADDRESS" 'show privilege'
say alice-may alice "alice@$ADDRESS" 'ncs certvalidation certificate-check disable trustzone user'
say alice-sftp alice -s "alice@$ADDRESS" sftp
say alice-forward alice -W "$ADDRESS:8082" "alice@$ADDRESS"
say bob-as-alice bob -o PasswordAuthentication=no "alice@$ADDRESS" 'show privilege'
cat >"$TMP/typed.exp" <<'E'
set timeout 20
log_user 0
eval spawn ssh $argv
expect "system/bob> "
send "show users\r"
expect -re {bob +(/dev/pts/\d+) +127[0-9.]+ }
send "exit\r"
expect eof
puts [lindex [wait] 3]
E
say bob-typed expect "$TMP/typed.exp" "${common[@]}" -tt -p 2200 -i "$TMP/bob" "primesh-shell@$ADDRESS"
say history stat -c '%U %a' /var/lib/primesh/history/bob
/usr/local/bin/primesh -c 'show audit | json' >"$TMP/audit"
INSIDE
unshare -m --propagation private bash "$TMP/inside" >"$TMP/out" 2>"$TMP/err"
is "$?$(cat "$TMP/err")" 0 "it comes up"
line() { grep "^$1: " "$TMP/out" | cut -d' ' -f2-; }
is "$(line bob)" "0 Current privilege level is 1|" "a key's owner comes in through the shared user, with the role of the account"
like "$(line bob-may-not)" "^1 % Error: .*administrators" "and may not what administrators may"
unlike "$(line bob-sftp)" "^0" "no sftp"
unlike "$(line bob-scp)" "^0" "no scp"
[ ! -e "$TMP/stolen" ]
ok $? "and nothing was copied"
like "$(line bob-password)" "^255 .*Permission denied" "the shared user has no password"
is "$(line alice)" "0 Current privilege level is 15|" "a user of the machine comes in with the machine's password"
is "$(line alice-may)" "0 |" "and may what the account may"
unlike "$(line alice-sftp)" "^0" "but no sftp either"
unlike "$(line alice-forward)" "^0" "and no forwarding"
like "$(line bob-as-alice)" "^255 .*Permission denied" "no key opens her account"
is "$(line bob-typed)" "0 0|" "a session on a terminal, with the address it comes from"
is "$(line history)" "0 primesh-shell 600|" "whose history belongs to the shells' user"
is "$(jq -r '.audit[-2:][] | "\(.user) \(.role) \(.result) \(.origin)"' "$TMP/audit" | sed 's/127[0-9.]*/ADDRESS/')" "bob user denied ADDRESS
alice admin ok ADDRESS" "the audit trail tells them apart"
done_testing
