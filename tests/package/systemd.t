#!/usr/bin/env bash
# The packages in a Debian that is booted with systemd and sshd (in a container with a network of its own): what the unit
# takes away is taken away for real, people come in over SSH, an upgrade restarts the service with its data.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/debian.sh"
need_debian
command -v systemd-nspawn >/dev/null || skip_all "systemd-nspawn is not installed"
debian_make

# What they depend on is fetched now: once booted, there is no network.
debian_mount
in_debian apt-get update -qq >"$TMP/apt.log" 2>&1
in_debian apt-get install -y -qq --no-install-recommends /check/primesh.deb openssl openssh-sftp-server python3-minimal >>"$TMP/apt.log" 2>&1 &&
    in_debian dpkg -P primesh >>"$TMP/apt.log" 2>&1
is "$?" 0 "the dependencies are there"
debian_unmount

cp "$ROOT/docs/operations.md" "$DEBIAN/check/"
cat >"$DEBIAN/etc/systemd/system/check.service" <<'U'
[Unit]
After=multi-user.target
[Service]
ExecStart=/bin/bash /check/tests/package/inside
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=file:/check/out
StandardError=file:/check/err
TimeoutStartSec=infinity
U
mkdir -p "$DEBIAN/etc/systemd/system/multi-user.target.wants"
ln -s /etc/systemd/system/check.service "$DEBIAN/etc/systemd/system/multi-user.target.wants/"
echo primesh-check >"$DEBIAN/etc/hostname"
timeout 240 systemd-nspawn --quiet --register=no --keep-unit --private-network --console=pipe --machine=primesh-check \
    -D "$DEBIAN" --boot </dev/null >"$TMP/boot.log" 2>&1
if [ ! -s "$DEBIAN/check/out" ]; then
    tail -20 "$TMP/boot.log" | sed 's/^/# /'
    echo "# systemd does not boot in a container here: skipped"
    done_testing
fi
# the plan stands at the end of what ran inside
sed 's/^/    /' "$DEBIAN/check/out"
grep -qE '^1\.\.[0-9]+$' "$DEBIAN/check/out" && ! grep -q '^not ok' "$DEBIAN/check/out"
ok $? "what was tried inside"
is "$(cat "$DEBIAN/check/err")" "" "without a word on standard error"
done_testing
