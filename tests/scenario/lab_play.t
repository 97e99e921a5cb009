#!/usr/bin/env bash
# `primelab play all`: the published flows, each on a fresh lab; their commands are those of the documents, word for word.
. "$(dirname "$0")/../lib/tap.sh"
command -v expect >/dev/null || skip_all "expect is not installed"
BIN=$ROOT/build/bin # the released programs: this is about the flows, and shall be quick
P=$BIN/primelab
export TMPDIR=$TMP
LIST=$ROOT/tests/scenario/published-commands.txt
play() { timeout 100 "$P" play "$@"; }

# --- what there is
OUT=$(play)
is "$(wc -l <<<"$OUT")" "$(find "$ROOT/lab/scenarios" -name '[0-9]*.exp' | wc -l)" "play alone lists the scenarios"
is "$(play --json | jq -r '.scenarios[0].title')" "$(sed -n '2s/^# //p' "$ROOT"/lab/scenarios/01-*.exp)" "as JSON, with their titles"
OUT=$(play 99 2>&1)
like "$? $OUT" '2 .*there is no scenario "99".*06-own-port' "one that there is not"
for file in "$ROOT"/lab/scenarios/[0-9]*.exp; do
    [ "$(sed -n '2,/^[^#]/p' "$file" | grep -c '^#')" -ge 4 ]
    ok $? "$(basename "$file") has a header that tells its story"
done

# --- all of them
SECONDS=0
play all --jobs 4 >"$TMP/played" 2>&1
is "$?" 0 "play all succeeds"
[ $SECONDS -lt 120 ] # alone in less than one minute; here five tests run at a time
ok $? "in less than two minutes ($SECONDS s)"
while read -r line; do
    result=${line%% - *}
    ok "$([[ $result == ok* ]]; echo $?)" "${line#* - }"
done < <(grep -E '^(not )?ok [0-9]+ - ' "$TMP/played")
is "$(tail -1 "$TMP/played")" "1..$(play | wc -l)" "it is something that a test harness reads"
grep -q '^not ok' "$TMP/played" && cat "$TMP/played" >&2
is "$(pgrep -f "$TMP/primelab-play" | wc -l) $(find "$TMP" -maxdepth 1 -name 'primelab-play*' | wc -l)" "0 0" "and leaves nothing behind"

# --- what was typed is what the documents say
awk '/^=== /{n++} {print > (FILENAME "." n)}' "$TMP/played"
transcript_of() { # the part of the scenario of that number: they are played in the order of the list
    local at
    at=$(play | grep -n "^$(printf %02d "$1")-" | cut -d: -f1)
    cat "$TMP/played.$at"
}
while IFS='|' read -r flow line; do
    [ "$flow" != "- " ] || continue
    line=$(sed -e 's/[.[\*^$]/\\&/g; s/{[a-z]*}_443/[0-9.]+_(443|8443)/; s/{[a-z]*}/[0-9.]+/' <<<"${line# }")
    transcript_of "${flow% }" | grep -qE "^prime-(pri|sec)/admin# $line$"
    ok $? "scenario ${flow% }: $line"
done < <(grep -v -e '^#' -e '^$' "$LIST")

# --- recorded, with steps, alone, stopped
PRIMELAB_PACE=0 play 6 --record "$TMP/cast" >/dev/null 2>&1
is "$?" 0 "a recording"
is "$(head -1 "$TMP/cast" | jq -r '.version')" 2 "its header is that of asciinema's format 2"
jq -es '.[1:] | length > 5 and all(.[]; length == 3 and (.[0] | type == "number") and .[1] == "o" and (.[2] | type == "string"))' \
    "$TMP/cast" >/dev/null
ok $? "and every further line is an event"
like "$(jq -rs '.[1:] | map(.[2]) | add' "$TMP/cast")" "MISMATCH" "with what was seen"
OUT=$(play 6 --record /nowhere/cast 2>&1)
like "$? $OUT" "1 .*cannot record to /nowhere/cast: No such file" "a recording that cannot be made, and why"
OUT=$(yes '' | head -50 | play 6 --step 2>&1)
is "$? $(grep -c '\[Enter\]' <<<"$OUT")" "0 6" "with --step it waits at every step"
OUT=$(play 6 --quiet)
is "$? $(sed 's/ ([0-9.]* s)//' <<<"$OUT")" "0 ok 1 - 06-own-port: Something else answers on the node's own 8082
1..1" "with --quiet it prints results alone"
OUT=$(play 6 --keep)
STATUS=$?
LAB=$(sed -n 's/^# its lab goes on: primelab --folder \(.*\) status$/\1/p' <<<"$OUT")
is "$STATUS $("$P" --folder "$LAB" status >/dev/null; echo $?)" "0 0" "with --keep its lab goes on"
"$P" --folder "$LAB" down >/dev/null
is "$? $(find "$TMP" -maxdepth 1 -name 'primelab-play*')" "0 " "until it is taken down, with all that was there"
OUT=$(play 6 --json)
is "$? $(jq -r '"\(.passed) \(.failed) \(.skipped) \(.played[0] | .number, .name, .result, (.seconds > 0), has("output"))"' <<<"$OUT" | tr '\n' ' ')" \
    "0 1 0 0 1 1 0 0 06-own-port 1 0 0 ok 1 0 0 true 1 0 0 false " "with --json it is one document"
OUT=$(play 6 --json --step 2>&1)
is "$? $(jq -r .error.code <<<"$OUT")" "2 invalid-argument" "which cannot be stepped through"
rm -f "$TMP/cast"
OUT=$(PRIMELAB_PACE=0 play 6 --json --record "$TMP/cast")
is "$? $(jq -r .passed <<<"$OUT") $(jq -rs '.[1:] | map(.[2]) | add' "$TMP/cast" | grep -c MISMATCH)" "0 1 1" "recorded all the same"
mkdir -p "$TMP/broken/bin" "$TMP/broken/share/primesh"
cp "$BIN"/prime* "$TMP/broken/bin/"
cp -r "$ROOT/lab/data" "$TMP/broken/share/primesh/lab"
mkdir "$TMP/broken/share/primesh/scenarios"
cp "$ROOT"/lab/scenarios/{frame,pair}.exp "$TMP/broken/share/primesh/scenarios/"
printf '# One that goes wrong\nputs "what\\033\[1m it did"\nexit 1\n' >"$TMP/broken/share/primesh/scenarios/01-wrong.exp"
printf '# One that cannot be\nputs "no rights"\nexit 77\n' >"$TMP/broken/share/primesh/scenarios/02-cannot.exp"
for jobs in 1 2; do
    OUT=$(cd "$TMP/broken" && timeout 100 bin/primelab play all --json --jobs $jobs 2>"$TMP/broken.err")
    is "$? $(jq -c '[.passed, .failed, .skipped, (.played[] | .number, .result, .output[0])]' <<<"$OUT")" \
        '1 [0,1,1,1,"failed","what\\1b[1m it did",2,"skipped","no rights"]' "what went wrong is explained in it, $jobs at once"
done
"$P" play 8 >"$TMP/stopped" 2>&1 &
PLAYER=$!
wait_for 20 grep -q 'addcert host' "$TMP/stopped"
kill -TERM $PLAYER
SECONDS=0
wait $PLAYER
is "$?" 143 "stopped in the middle"
is "$(pgrep -f "$TMP/primelab-play" | wc -l)" 0 "it takes its lab down"
done_testing
