#!/usr/bin/env bash
# `make lint` is clean.
echo 1..1
if out=$("$(dirname "$0")/lint" 2>&1); then
    echo "ok 1 - lint"
else
    printf '%s\n' "$out" | sed 's/^/# /'
    echo "not ok 1 - lint"
fi
