#!/bin/sh
# The test of check_pins.py and check_pins.yml: a lab, a server that is redeployed, the cure. What a CI job runs.
#     PRIMELAB=build/bin/primelab docs/ci-examples/test.sh
set -eu
PRIMELAB=${PRIMELAB:-primelab}
HERE=$(dirname "$0")
NAME=ci-$$

lab() { "$PRIMELAB" --name "$NAME" "$@"; }
trap 'lab down >/dev/null' EXIT
trap 'exit 130' INT TERM
lab up

STATE=$(lab --json status)
CONFIG=$(printf '%s' "$STATE" | python3 -c 'import json, sys; print(json.load(sys.stdin)["folder"])')/ssh/config
ISE=$(printf '%s' "$STATE" | python3 -c '
import json, sys
print(next("{address}_{port}".format(**one) for one in json.load(sys.stdin)["servers"] if one["name"] == "ise"))')

# expect <status> <command...>
expect() {
    wanted=$1
    shift
    got=0
    "$@" || got=$?
    [ "$got" -eq "$wanted" ] || {
        echo "status $got instead of $wanted: $*" >&2
        exit 1
    }
}
check() { python3 -W ignore "$HERE/check_pins.py" "$CONFIG" prime-pri prime-sec; }
play() {
    ! command -v ansible-playbook >/dev/null ||
        ansible-playbook -i prime-pri,prime-sec, "$HERE/check_pins.yml" -e "ssh_config=$CONFIG"
}

lab shell prime-pri -c "ncs certvalidation tofu-certs addcert host $ISE"
expect 0 check
expect 0 play

lab renew ise
expect 1 check
! command -v ansible-playbook >/dev/null || expect 2 play

lab shell prime-pri -c "ncs certvalidation tofu-certs deletecert host $ISE"
lab shell prime-pri -c "ncs certvalidation tofu-certs addcert host $ISE"
expect 0 check
echo "check_pins: passed"
