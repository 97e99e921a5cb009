#!/usr/bin/env bash
# Every command of docs/standins.md works as it stands there, addresses aside; every mood is described.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/standin.sh"
standins_up ise dnac
mkdir "$TMP/bin"
printf '#!/bin/sh\nexec "%s/primelab" --folder "%s" "$@"\n' "$BIN" "$LAB" >"$TMP/bin/primelab"
chmod +x "$TMP/bin/primelab"
sed -n '/^```sh$/,/^```$/p' "$ROOT/docs/standins.md" | sed 's/^```sh$/# block/; /^```$/d' |
    sed "s#https://127.0.0.21/#$URL_ise/#g; s#https://127.0.0.22/#$URL_dnac/#g" >"$TMP/commands"
is "$(grep -c '# block' "$TMP/commands")" 3 "three blocks of commands"
while IFS= read -r line; do
    case $line in '# block' | '') continue ;; esac
    echo "$line" >>"$TMP/so-far"
    # what a line sets, the next one uses
    OUT=$(cd "$TMP" && PATH=$TMP/bin:$PATH bash -e -o pipefail -c "$(grep '^[a-z]*=' so-far; echo "$line")" 2>&1)
    is "$?" 0 "${line:0:100}"
    case $line in
    *ActiveCount*) like "$OUT" "<count>4</count>" "answers" ;;
    *networkdevice?size*) is "$OUT" "access-1
access-2" "answers with the devices of the filter" ;;
    *hostname*) is "$(echo "$OUT" | wc -l)" 5 "answers with five names" ;;
    esac
done <"$TMP/commands"
for name in $(lab mood ise list | sed -n 's/^  \([a-z0-9-]*\) .*/\1/p') $(lab mood dnac list | sed -n 's/^  \([a-z0-9-]*\) .*/\1/p'); do
    [ "$name" = normal ] || grep -q "[\` ]$name[\` ]" "$ROOT/docs/standins.md" || MISSING="${MISSING:-} $name"
done
is "${MISSING:-}" "" "every mood and setting is described"
done_testing
