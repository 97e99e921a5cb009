#!/usr/bin/env bash
# A short run of every fuzz target; `make fuzz` runs them for long.
exec "$(dirname "$0")/run" --tap "${FUZZ_TEST_SECONDS:-2}"
