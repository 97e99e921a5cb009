#!/usr/bin/env bash
# What of the packages needs no other Debian: the unit, the maintainer scripts, the metadata, the contents. Installing them
# is tests/package (make check-deb).
. "$(dirname "$0")/../lib/tap.sh"
cd "$ROOT" || exit 1
make --no-print-directory install DESTDIR="$TMP/dest" PREFIX=/usr >"$TMP/install.log" 2>&1
is "$?" 0 "make install"
UNIT=$TMP/dest/lib/systemd/system/primesh.service

# --- the unit ---
if command -v systemd-analyze >/dev/null; then
    mkdir -p "$TMP/dest/etc" && cp /etc/passwd /etc/group "$TMP/dest/etc/"
    mkdir -p "$TMP/dest/lib/systemd/system" "$TMP/dest/bin"
    cp /bin/kill "$TMP/dest/bin/kill"
    for unit in basic.target sysinit.target shutdown.target multi-user.target network-online.target system.slice -.slice; do
        [ -e "$TMP/dest/lib/systemd/system/$unit" ] || printf '[Unit]\nDescription=stand-in\n' >"$TMP/dest/lib/systemd/system/$unit"
    done
    is "$(systemd-analyze verify --man=no --root="$TMP/dest" primesh.service 2>&1)" "" "systemd-analyze verify has nothing to say"
    SCORE=$(systemd-analyze security --offline=true --no-pager "$UNIT" 2>/dev/null | sed -n 's/.*exposure level for primesh.service: \([0-9.]*\).*/\1/p')
    awk -v score="$SCORE" 'BEGIN { exit !(score != "" && score <= 2.2) }'
    ok $? "systemd-analyze security: exposure $SCORE of 10, at most 2.2"
    # what is left over is what primed needs, one line of the unit each
    is "$(systemd-analyze security --offline=true --no-pager --json=short "$UNIT" |
        jq -r '.[] | select(.set == false and (.exposure | tonumber) > 0) | .name' | sed 's/=.*//' | sort -u | tr '\n' ' ')" \
        "AmbientCapabilities CapabilityBoundingSet DeviceAllow IPAddressDeny PrivateNetwork PrivateUsers ProtectProc RestrictAddressFamilies RootDirectory SystemCallFilter " \
        "nothing is open but what the unit's comments name"
fi
is "$(sed -n 's/^ *\(After\|Wants\)=//p' "$UNIT" | sort -u)" network-online.target "it waits for the network"
unlike "$(cat "$UNIT" "$TMP/dest/etc/ssh/sshd_config.d/primesh.conf")" '@[A-Z]+@' "no placeholder is left"
is "$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$UNIT")" /usr/bin/primed "the service's program is where it was installed"
is "$(cd "$TMP/dest" && find . -perm -4000 -o -perm -2000 -o -perm -0002 -type f)" "" "nothing is setuid or writable by all"

# --- versions agree ---
VERSION=$(sed -n 's/.*PRODUCT_VERSION "\(.*\)"/\1/p' base/version.h)
is "$(dpkg-parsechangelog -l debian/changelog -S Version)" "$VERSION" "debian/changelog has the program's version"
is "$(sed -n 's/^## \([0-9.]*\).*/\1/p' CHANGELOG.md | head -1)" "$VERSION" "so has CHANGELOG.md"
is "$("$BIN/primed" --version) $("$BIN/primelab" --version)" "primed $VERSION primelab $VERSION" "and the programs"

# --- maintainer scripts ---
for script in debian/primesh.postinst debian/primesh.postrm; do
    sed 's/^#DEBHELPER#$//' "$script" >"$TMP/script"
    sh -n "$TMP/script" && { ! command -v shellcheck >/dev/null || shellcheck -s sh "$TMP/script"; }
    ok $? "$script is plain sh"
done

# --- what each package holds, by its own list; the lists and the installation agree ---
listed() { sed 's|^debian/tmp/||' debian/primesh.install debian/primesh-lab.install | sort; }
while read -r path; do
    [ -e "$TMP/dest/$path" ] || echo "missing: $path"
done < <(listed) >"$TMP/missing"
is "$(cat "$TMP/missing")" "" "what the packages list is installed"
(cd "$TMP/dest" && find . -type f | sed 's|^\./||') | while read -r path; do
    while read -r known; do [[ $path == "$known" || $path == "$known"/* ]] && continue 2; done < <(listed)
    echo "$path"
done | grep -vE '^(etc/(passwd|group)|bin/kill|lib/systemd/system/(.*\.target|.*\.slice))$' >"$TMP/unlisted"
is "$(cat "$TMP/unlisted")" "" "and what is installed is in a package"
needs() { sed -n "/^Package: $1\$/,/^\$/p" debian/control; }
like "$(needs primesh)" 'shlibs:Depends.*Recommends.*openssh-server' "primesh depends on its libraries and recommends sshd"
like "$(needs primesh-lab)" 'primesh \(= \$\{binary:Version\}\)' "primesh-lab depends on the very same primesh"
build=$(sed -n '/^Build-Depends:/,/^[A-Z]/p' debian/control | sed -n 's/^ \([a-z0-9.-]*\).*/\1/p' | sort)
wanted=$(sed -n '/^BUILD_PACKAGES/,/[^\\]$/p' Makefile | tr -d '\\' | sed 's/.*:=//' | tr -s ' ' '\n' | grep -E 'lib.*-dev$|^pkg-config|^protobuf' | grep -v libc6-dev | sort)
is "$(grep -vE '^(debhelper-compat|dh-sequence)' <<<"$build")" "$wanted" "debian/control and the Makefile build with the same packages"

# --- logrotate, sysusers and tmpfiles read their files ---
if [ -x /usr/sbin/logrotate ]; then
    sed '/su primesh/d' "$TMP/dest/etc/logrotate.d/primesh" >"$TMP/logrotate"
    is "$(/usr/sbin/logrotate -d "$TMP/logrotate" 2>&1 | grep -i error)" "" "logrotate understands its file"
fi
# what root runs after a rotation: systemd says whom to signal, not a file that the node's user can write
sed -n '/postrotate/,/endscript/p' "$TMP/dest/etc/logrotate.d/primesh" | sed '1d;$d' >"$TMP/postrotate"
mkdir "$TMP/systemd"
printf '#!/bin/sh\necho "$@" >>"$0.asked"\n[ "$2" != is-active ] || exit "$INACTIVE"\n' >"$TMP/systemd/systemctl"
chmod +x "$TMP/systemd/systemctl"
is "$(INACTIVE=0 PATH=$TMP/systemd:$PATH sh -e "$TMP/postrotate" 2>&1) $? $(tail -1 "$TMP/systemd/systemctl.asked")" \
    " 0 kill --kill-whom=main --signal=HUP primesh.service" "after a rotation, systemd passes SIGHUP to the service's main process"
is "$(INACTIVE=3 PATH=$TMP/systemd:$PATH sh -e "$TMP/postrotate" 2>&1) $? $(wc -l <"$TMP/systemd/systemctl.asked")" " 0 3" \
    "and nothing is signalled, or said, where the service does not run"
is "$(PATH=/nonexistent /bin/sh -e "$TMP/postrotate" 2>&1) $?" " 0" "nor where there is no systemd"
unlike "$(cat "$TMP/postrotate")" '\$\(|`' "no file says whom"
if command -v systemd-sysusers >/dev/null; then
    mkdir -p "$TMP/users/etc"
    systemd-sysusers --root="$TMP/users" "$TMP/dest/usr/lib/sysusers.d/primesh.conf" >/dev/null 2>&1
    is "$(cut -d: -f1,6,7 "$TMP/users/etc/passwd" | sort)" "primesh-shell:/:/bin/sh
primesh:/var/lib/primesh:/usr/sbin/nologin" "sysusers makes the two users"
    is "$(grep -E '^primesh' "$TMP/users/etc/group" | cut -d: -f1,4 | sort)" "primesh-shell:
primesh-users:
primesh:primesh-shell" "and the groups"
fi

# --- manual pages ---
for page in primesh.1 primed.8 primelab.1; do
    [ -s "$TMP/dest/usr/share/man/man${page##*.}/$page" ] && { ! command -v man >/dev/null || [ -z "$(man --warnings -E UTF-8 -l "docs/$page" 2>&1 >/dev/null)" ]; }
    ok $? "$page is well formed"
done
"$BIN/primelab" --reference man | cmp -s - docs/primelab.1
ok $? "primelab.1 is what primelab --help says (make docs)"
for key in $(sed -n 's/^    {"\([a-z-]*\)", set_.*/\1/p' base/node_conf.c); do
    grep -qF "${key//-/\\-}" docs/primed.8 || echo "$key"
done >"$TMP/undescribed"
is "$(cat "$TMP/undescribed")" "" "primed.8 has every key of node.conf"
done_testing
