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
FOLDER=$(printf '%s' "$STATE" | python3 -c 'import json, sys; print(json.load(sys.stdin)["folder"])')
CONFIG=$FOLDER/ssh/config
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

# a node whose primed is not there: neither a match nor a mismatch
says() { # says <words> <command...>: its output has them
    words=$1
    shift
    said=$("$@" 2>&1) || true
    case $said in
    *"$words"*) ;;
    *)
        printf '"%s" is not in: %s\n' "$words" "$said" >&2
        exit 1
        ;;
    esac
}
PRIMED=$(cat "$FOLDER/prime-sec/run/primed.pid")
kill "$PRIMED"
while kill -0 "$PRIMED" 2>/dev/null; do sleep 0.1; done
expect 2 check
says "prime-sec: primed does not answer on" check
! command -v ansible-playbook >/dev/null || {
    expect 2 play
    says "the node could not be asked: primed does not answer on" play
}
# -S: without the folder that has netmiko
expect 2 python3 -S "$HERE/check_pins.py" "$CONFIG" prime-pri
echo "check_pins: passed"
