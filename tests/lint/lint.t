#!/usr/bin/env bash
# `make lint` is clean.
echo 1..1
if out=$("$(dirname "$0")/lint" 2>&1); then
    echo "ok 1 - lint"
else
    printf '%s\n' "$out" >&2
    echo "not ok 1 - lint"
fi
