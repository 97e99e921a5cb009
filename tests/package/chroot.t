#!/usr/bin/env bash
# The packages in a bare Debian without a service manager (a container, say): what they need is found, primed runs in
# the foreground as its own user, an upgrade keeps the data, a purge leaves nothing.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/debian.sh"
need_debian
debian_make
debian_mount

in_debian apt-get update -qq >"$TMP/apt.log" 2>&1
in_debian apt-get install -y -qq --no-install-recommends /check/primesh.deb /check/primesh-lab.deb >>"$TMP/apt.log" 2>&1
is "$?" 0 "apt-get installs both with what they depend on"
grep -E '^(E|W|dpkg):' "$TMP/apt.log" | sed 's/^/# /'
is "$(in_debian stat -c '%U:%G %a' /var/lib/primesh)" "primesh:primesh 750" "the home belongs to the service's user"
is "$(in_debian id -nG primesh-shell)" "primesh-shell primesh" "the shells' user is a member of the service's group"
mkdir -p "$DEBIAN/run/sshd"
is "$(in_debian sshd -t 2>&1)" "" "sshd accepts its configuration with the drop-in"
is "$(in_debian primesh --version)" "primesh ${VERSION}" "primesh runs"
is "$(in_debian sh -c 'man -w primesh primed primelab 2>/dev/null || ls /usr/share/man/man1/primesh.1.gz /usr/share/man/man8/primed.8.gz /usr/share/man/man1/primelab.1.gz' | wc -l)" 3 \
    "three manual pages"

primed_up() {
    exec_in_debian setpriv --reuid primesh --regid primesh --clear-groups --no-new-privs --bounding-set -all \
        primed --foreground 2>"$TMP/primed.err" &
    PRIMED=$!
    wait_for 20 in_debian primesh -c 'ncs status'
}
primed_down() {
    kill -TERM "$PRIMED" 2>/dev/null
    wait "$PRIMED"
}
printf 'hostname = box\nlisten = %s.1\n' "$(private_network)" >"$DEBIAN/var/lib/primesh/node.conf"

primed_up
is "$?$(cat "$TMP/primed.err")" 0 "primed starts in the foreground as its own user, without a capability"
at_exit primed_down
is "$(ps -o uid= -p "$PRIMED" --ppid "$PRIMED" | sort -u | tr -d ' ')" "$(in_debian id -u primesh)" "both halves are that user"
in_debian sh -c 'openssl version >/dev/null 2>&1' || in_debian apt-get install -y -qq --no-install-recommends openssl >>"$TMP/apt.log" 2>&1
in_debian sh -c 'umask 022; openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=pinned" -days 30 -keyout /dev/null -out /var/lib/primesh/repository/defaultRepo/p.pem 2>/dev/null'
is "$(in_debian primesh -c 'ncs certvalidation tofu-certs addcert host 192.0.2.7_443 certfile p.pem repository defaultRepo' 2>&1)" "" "a pin"
PINS=$(in_debian primesh -c 'ncs certvalidation tofu-certs listcerts detail')
like "$PINS" "192.0.2.7_443" "is listed"

primed_down
is "$?" 0 "SIGTERM ends it with status 0"
in_debian dpkg -i /check/primesh-later.deb /check/primesh-lab-later.deb >"$TMP/upgrade.log" 2>&1
is "$? $(in_debian dpkg-query -W -f='${Version}' primesh)" "0 $VERSION+later" "a later version is installed over it"
primed_up
ok $? "and starts"
is "$(in_debian primesh -c 'ncs certvalidation tofu-certs listcerts detail' | grep -A8 192.0.2.7_443)" \
    "$(grep -A8 192.0.2.7_443 <<<"$PINS")" "with the pins of the one before"
is "$(grep -c . "$DEBIAN/var/lib/primesh/node.conf")" 2 "and its node.conf"
primed_down

in_debian dpkg -r primesh-lab primesh >"$TMP/remove.log" 2>&1
is "$?" 0 "removed"
[ ! -e "$DEBIAN/usr/bin/primed" ] && [ -e "$DEBIAN/var/lib/primesh/store/data.mdb" ]
ok $? "the data stay"
in_debian dpkg -P primesh >"$TMP/purge.log" 2>&1
is "$?" 0 "purged"
is "$(leftovers "$DEBIAN")" "" "nothing is left"
is "$(cat "$TMP"/{upgrade,remove,purge}.log | grep -iE 'warning|error')" "" "no step complained"
done_testing
