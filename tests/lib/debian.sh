# A Debian of this test's own, for the packages of `make deb`. Needs root and, the first time, the network: the bare
# system is kept in build/package/.

SUITE=${SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
BASE=$ROOT/build/package/$SUITE.tar
DEBIAN=$TMP/debian

# What is beside the package's dependencies: a service manager, and the server of the way in.
BASE_PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,openssh-client,logrotate,procps,iproute2,curl,expect,keepalived,jq

need_debian() {
    [ "$(id -u)" = 0 ] || skip_all "only root can make another Debian"
    command -v debootstrap >/dev/null || skip_all "debootstrap is not installed"
    DEB=$(ls "$ROOT"/build/deb/primesh_*.deb 2>/dev/null)
    LAB_DEB=$(ls "$ROOT"/build/deb/primesh-lab_*.deb 2>/dev/null)
    [ -n "$DEB" ] && [ -n "$LAB_DEB" ] || skip_all "there are no packages: make deb"
    VERSION=$(dpkg-deb -f "$DEB" Version)
}

# Unpacks the bare system in $DEBIAN, with the packages and the tests in $DEBIAN/check.
debian_make() {
    if [ ! -s "$BASE" ]; then
        mkdir -p "$(dirname "$BASE")"
        debootstrap --variant=minbase --include="$BASE_PACKAGES" "$SUITE" "$TMP/base" "$MIRROR" >"$TMP/debootstrap.log" 2>&1 || {
            tail -3 "$TMP/debootstrap.log" | sed 's/^/# /'
            skip_all "debootstrap did not succeed"
        }
        tar -C "$TMP/base" -cf "$BASE.new" . && mv "$BASE.new" "$BASE"
        rm -rf "$TMP/base"
    fi
    mkdir -p "$DEBIAN"
    tar -C "$DEBIAN" -xf "$BASE"
    mkdir -p "$DEBIAN/check"
    cp -r "$ROOT/tests" "$DEBIAN/check/"
    cp "$DEB" "$DEBIAN/check/primesh.deb"
    cp "$LAB_DEB" "$DEBIAN/check/primesh-lab.deb"
    higher primesh
    higher primesh-lab
    at_exit debian_unmount
}

# The same package once more, as a later version.
higher() { # higher <package>
    local folder=$TMP/higher-$1
    dpkg-deb -R "$DEBIAN/check/$1.deb" "$folder"
    sed -i "s/$VERSION/$VERSION+later/" "$folder/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$folder" "$DEBIAN/check/$1-later.deb" >/dev/null
    rm -rf "$folder"
}

debian_mount() {
    mount -t proc proc "$DEBIAN/proc"
    mount --bind /dev "$DEBIAN/dev"
    mount --bind /dev/pts "$DEBIAN/dev/pts"
    cp /etc/resolv.conf "$DEBIAN/etc/resolv.conf"
}

debian_unmount() {
    for folder in dev/pts dev proc; do
        mountpoint -q "$DEBIAN/$folder" && umount "$DEBIAN/$folder"
    done
    return 0
}

in_debian() { (exec_in_debian "$@"); }

# For the background: $! is the program itself.
exec_in_debian() {
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$DEBIAN" "$@"
}

# What of primesh is left in a system: files, accounts, processes. For use inside it too.
leftovers() { # leftovers <root>
    find "$1/etc" "$1/usr" "$1/var" "$1/run" "$1/lib/systemd" -xdev \( -name '*primesh*' -o -name '*primed*' \) \
        -not -path "$1/var/cache/*" -not -path "$1/var/log/*" -not -path "$1/usr/share/doc/*" 2>/dev/null
    grep -hE '^primesh' "$1/etc/passwd" "$1/etc/group" "$1/etc/shadow" "$1/etc/gshadow"
    return 0
}
