# Test Anything Protocol for the scenario tests. Source it; end with `done_testing`.
# BIN is where the programs lie: the sanitized ones unless the test says otherwise.

set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BIN=${BIN:-$ROOT/build/asan/bin}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/primesh-test.XXXXXX")
chmod 755 "$TMP" # a node's user must be able to walk there
tap_count=0
tap_failed=0
cleanups=()

at_exit() { cleanups+=("$1"); }

finish() {
    local i
    for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}"; done
    rm -rf "$TMP"
}
trap finish EXIT
trap 'exit 1' INT TERM

ok() { # ok <condition's status> <name>
    tap_count=$((tap_count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tap_count - $2"
    else
        echo "not ok $tap_count - $2"
        echo "# ${0##*/}: not ok $tap_count - $2" >&2 # prove shows that
        tap_failed=1
    fi
}

# What a check that failed saw.
tell() { # tell <got> <what was wanted of it> <that>
    printf '#      got: %s\n# %s: %s\n' "${1//$'\n'/$'\n'#           }" "$2" "${3//$'\n'/$'\n'#           }" >&2
}

is() { # is <got> <expected> <name>
    if [ "$1" = "$2" ]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        tell "$1" expected "$2"
    fi
}

like() { # like <got> <extended regular expression> <name>
    if [[ "$1" =~ $2 ]]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        tell "$1" "to match" "$2"
    fi
}

unlike() {
    if [[ "$1" =~ $2 ]]; then
        ok 1 "$3"
        tell "$1" "not to match" "$2"
    else
        ok 0 "$3"
    fi
}

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

done_testing() {
    echo "1..$tap_count"
    exit $tap_failed
}

# Waits until a command succeeds, at most some seconds. Never for a time alone.
wait_for() { # wait_for <seconds> <command...>
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

# A loopback network of this test's own: 127.a.b
# Always as long, so that a line wraps at the same place in every run.
private_network() { echo "127.$((100 + $$ / 150 % 116)).$((100 + $$ % 150))"; }
