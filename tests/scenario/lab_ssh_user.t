#!/usr/bin/env bash
# The lab's private sshd, run by an ordinary user of the machine. Run by root, that user is made up in a mount namespace.
. "$(dirname "$0")/../lib/tap.sh"
[ -x /usr/sbin/sshd ] || skip_all "sshd is not installed"
[ "$(id -u)" = 0 ] || skip_all "the other tests have tried it already: they run as an ordinary user"
unshare -m true 2>/dev/null || skip_all "no mount namespace is to be had here"
chmod -R a+rX "$BIN"
export TMP BIN
NET=$(private_network)
export NET
cat >"$TMP/inside" <<'INSIDE'
mkdir -p "$TMP/etc" "$TMP/carol"
for file in passwd group shadow; do cp "/etc/$file" "$TMP/etc/$file"; done
echo "carol:x:47150:47150:Carol:$TMP/carol:/bin/bash" >>"$TMP/etc/passwd"
echo 'carol:x:47150:' >>"$TMP/etc/group"
echo 'carol:!:19000::::::' >>"$TMP/etc/shadow"
for file in passwd group shadow; do mount --bind "$TMP/etc/$file" "/etc/$file"; done
chown carol:carol "$TMP/carol"
# as machines have it: only then an sshd that is not root may hand out terminals
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx
exec setpriv --reuid carol --regid carol --clear-groups env HOME="$TMP/carol" ASAN_OPTIONS="$ASAN_OPTIONS" bash "$TMP/as-carol"
INSIDE
cat >"$TMP/as-carol" <<'CAROL'
lab() { "$BIN/primelab" --folder "$TMP/carol/lab" "$@"; }
lab --version >/dev/null 2>&1 || { echo unreachable; exit 0; }
lab --network "$NET" up >"$TMP/carol/up.out" 2>&1
echo "up $?"
lab ssh prime-pri show privilege </dev/null
echo "ssh $?"
lab ssh prime-sec -tt 'show users | count' </dev/null 2>/dev/null | tr -d '\r'
lab ssh prime-sec show nonsense </dev/null 2>/dev/null
echo "mistake $?"
printf 'show privilege\r exit\r' | lab ssh prime-pri -tt 2>/dev/null | grep -c 'prime-pri/admin# show privilege'
lab down >/dev/null
echo "down $? $(ps -u carol -o stat=,comm= | grep -v '^Z' | grep -c sshd)"
CAROL
OUT=$(unshare -m --propagation private bash "$TMP/inside" 2>"$TMP/err")
[ "$OUT" != unreachable ] || skip_all "the programs lie where an ordinary user cannot go"
is "$OUT" "up 0
Current privilege level is 15
ssh 0
Count: 1 lines
mistake 2
1
down 0 0" "up, commands, a session and down"
like "$(cat "$TMP/carol/up.out")" "prime-sec +$NET.12 port 2212 +sshd listens" "up says how to get in"
done_testing
