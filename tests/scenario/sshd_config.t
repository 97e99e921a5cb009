#!/usr/bin/env bash
# What etc/ssh/sshd_config.d/primesh.conf means to the sshd that is installed here, beside Debian's own settings.
. "$(dirname "$0")/../lib/tap.sh"
[ -x /usr/sbin/sshd ] || skip_all "sshd is not installed"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/host_key"
GROUP=$(id -gn)
sed -e "s|@PREFIX@|/usr/local|g" -e "s/^Match Group primesh-users/Match Group $GROUP/" \
    "$ROOT/etc/ssh/sshd_config.d/primesh.conf" >"$TMP/primesh.conf"
cat >"$TMP/sshd_config" <<C
Include $TMP/primesh.conf
UsePAM yes
X11Forwarding yes
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
C
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd

settings() { # settings <user>: what counts for that user
    /usr/sbin/sshd -T -f "$TMP/sshd_config" -h "$TMP/host_key" -C "user=$1,host=there,addr=192.0.2.9" 2>&1
}
has() { # has <setting> <name>
    grep -qix -- "$1" <<<"$OUT"
    ok $? "$2: $1"
}
closed() {
    for setting in 'disableforwarding yes' 'allowtcpforwarding no' 'allowstreamlocalforwarding no' 'allowagentforwarding no' \
        'x11forwarding no' 'permittunnel no' 'gatewayports no' 'permituserrc no' 'permituserenvironment no' \
        'acceptenv PRIMESH_ACCEPTS_NONE' 'authorizedkeysfile none' 'trustedusercakeys none' 'hostbasedauthentication no'; do
        has "$setting" "$1"
    done
}

OUT=$(settings primesh-shell)
closed "the shared user"
has 'authorizedkeyscommand /usr/local/bin/primesh --home /var/lib/primesh --authorized-keys %t %k' "the shared user"
has 'authorizedkeyscommanduser primesh' "the shared user"
has 'authenticationmethods publickey' "the shared user"
has 'passwordauthentication no' "the shared user"
has 'forcecommand none' "the shared user has the command of its key"

OUT=$(settings "$(id -un)")
closed "a member of primesh-users"
has 'forcecommand /usr/local/bin/primesh --home /var/lib/primesh --ssh' "a member of primesh-users"
has 'authorizedkeyscommand none' "a member of primesh-users"

OUT=$(settings nosuchuser)
has 'x11forwarding yes' "everybody else keeps the machine's settings"
has 'forcecommand none' "everybody else"
done_testing
