#!/usr/bin/env bash
# Every command of the pages is run: what stands in their fenced blocks, each page against a lab of its own (what a fence
# means: tests/lib/replay.py). Blocks for an installed system are run by tests/package (make check-deb).
# With UPDATE=1 the recorded output is written anew: read the difference before you commit it.
. "$(dirname "$0")/../lib/tap.sh"
[ -x /usr/sbin/sshd ] || skip_all "sshd is not installed"
NET=${UPDATE:+127.0.9} # as long as the addresses on the pages, so that columns have their width
NET=${NET:-$(private_network)}
WORK=$TMP/work
mkdir -p "$WORK/build/bin" "$TMP/bin"
ln -s "$BIN/primesh" "$BIN/primed" "$WORK/build/bin/"
ln -s "$ROOT/docs" "$ROOT/lab" "$WORK/"
ln -s /usr/bin/python3 "$TMP/bin/" # the one that Debian's modules are for
export ROOT BIN NET

# The lab has a network of the test's own; and make is tried dry, but for `make run`, which brings the lab up.
cat >"$WORK/build/bin/primelab" <<'PRIMELAB'
#!/bin/sh
case "$1" in
up) exec "$BIN/primelab" --network "$NET" "$@" ;;
*) exec "$BIN/primelab" "$@" ;;
esac
PRIMELAB
cat >"$TMP/bin/make" <<'MAKE'
#!/bin/sh
/usr/bin/make -C "$ROOT" -n "$@" >/dev/null || exit 1
[ "$1" != run ] || exec build/bin/primelab up
MAKE
chmod +x "$WORK/build/bin/primelab" "$TMP/bin/make"
export PATH=$TMP/bin:$PATH REPLAY_NET=$NET
cd "$WORK" || exit 1
at_exit '"$BIN/primelab" --folder "$WORK/run/lab" down >/dev/null 2>&1'

PAGES=("$ROOT"/README.md "$ROOT"/docs/{guide,operations,tofu,security,ha,replication,servers}.md "$ROOT"/docs/ci-examples/README.md)
ELSEWHERE=("$ROOT"/docs/{lab,standins}.md) # by lab_docs.t and standin_docs.t
for page in "${PAGES[@]}"; do
    build/bin/primelab down >/dev/null 2>&1
    build/bin/primelab up >"$TMP/up.out" 2>&1 || sed 's/^/# /' "$TMP/up.out"
    REPLAY_PORT=$(cat run/lab/ise/port)
    export REPLAY_PORT
    LC_ALL=C.UTF-8 timeout 200 /usr/bin/python3 "$ROOT/tests/lib/replay.py" "$page" ${UPDATE:+update} >"$TMP/replay.out" 2>&1
    is "$?" 0 "${page#"$ROOT"/}: read to its end"
    while IFS= read -r line; do
        case $line in
        'ok - '*) ok 0 "${line#ok - }" ;;
        'not ok - '*) ok 1 "${line#not ok - }" ;;
        *) echo "# $line" >&2 ;;
        esac
    done <"$TMP/replay.out"
done

# --- no page with commands is forgotten
FORGOTTEN=$(grep -lE '^ *```(sh|console)' "$ROOT"/*.md "$ROOT"/docs/*.md "$ROOT"/docs/*/*.md |
    grep -vxF -f <(printf '%s\n' "${PAGES[@]}" "${ELSEWHERE[@]}"))
is "$FORGOTTEN" "" "every page with commands is run by a test"

# --- what the pages name exists
for page in "$ROOT"/README.md "$ROOT"/docs/*.md "$ROOT"/docs/ci-examples/*.md; do
    grep -oE '\]\([a-zA-Z0-9_./-]+\)' "$page" | tr -d '])(' | while read -r target; do
        [ -e "$(dirname "$page")/$target" ] || echo "$page: $target"
    done
done >"$TMP/dead"
is "$(cat "$TMP/dead")" "" "no link leads nowhere"
done_testing
