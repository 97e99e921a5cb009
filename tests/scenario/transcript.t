#!/usr/bin/env bash
# What a person sees, byte for byte: keystrokes in tests/transcript/*.in, the terminal's bytes in *.out.
# With UPDATE=1 the .out files are written anew: read the difference before you commit it.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up

# What differs from run to run gets a name.
mask() { sed -e "s/${ADDRESS//./\\.}/ADDRESS/g" | cat -v; }

for keys in "$ROOT"/tests/transcript/*.in; do
    name=$(basename "$keys" .in)
    expected=${keys%.in}.out
    rm -f "$HOME_DIR/history/admin"
    "$ROOT/tests/transcript/play.exp" "$keys" "$TMP/$name.raw" "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/$name.err"
    is "$? $(cat "$TMP/$name.err")" "0 " "$name: the session runs to its end"
    mask <"$TMP/$name.raw" >"$TMP/$name.out"
    [ -n "${UPDATE:-}" ] && cp "$TMP/$name.out" "$expected"
    if difference=$(diff "$expected" "$TMP/$name.out"); then
        ok 0 "$name: byte for byte"
    else
        ok 1 "$name: byte for byte"
        printf '%s\n' "$difference" | sed 's/^/# /'
    fi
done
done_testing
