#!/usr/bin/env bash
# docs/lab.md: its commands run as they stand there, and it knows every command, option and scenario that there is.
. "$(dirname "$0")/../lib/tap.sh"
command -v expect >/dev/null || skip_all "expect is not installed"
BIN=$ROOT/build/bin
PAGE=$ROOT/docs/lab.md
mkdir -p "$TMP/work/build"
ln -s "$BIN" "$TMP/work/build/bin"
ln -s "$ROOT/lab" "$TMP/work/lab"
cd "$TMP/work" || exit 1
export PATH=$BIN:$PATH
at_exit 'for l in run/lab run/labs/*; do primelab --folder "$TMP/work/$l" down; done >/dev/null 2>&1'

awk '/^```sh$/ {n++; on = 1; next} /^```$/ {on = 0} on {print > ("../block." n)}' "$PAGE"
for block in ../block.*; do
    OUT=$(timeout 100 bash -e "$block" </dev/null 2>&1)
    is "$?" 0 "$(head -1 "$block") ..."
done
primelab down >/dev/null
primelab --help >"$TMP/help"
while read -r command; do
    grep -qE "^\| \`.*\b$command\b" "$PAGE"
    ok $? "$command is on the page"
done < <(sed -n 's/^  \([a-z]*\) .*/\1/p' "$TMP/help")
for option in $(grep -oE -- '--[a-z]+' "$TMP/help" | sort -u); do
    grep -q -e "\`$option\|$option[ \`\`]" "$PAGE"
    ok $? "$option is on the page"
done
while read -r name _; do
    grep -q "^| \`$name\` |" "$PAGE"
    ok $? "$name is on the page"
done < <(primelab play)
is "$(sed -n 's/^exit status: //p' "$TMP/help" | tr ',' '\n' | wc -l)" "$(grep -cE '^\| [0-4] \|' "$PAGE")" "every exit status is on the page"
done_testing
