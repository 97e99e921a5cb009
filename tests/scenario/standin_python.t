#!/usr/bin/env bash
# Somebody's Python against the lab's ISE and DNA Center: urllib, http.client, ElementTree, json.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
. "$ROOT/tests/lib/standin.sh"
python3 -c 'import http.client, ssl, urllib.request' 2>/dev/null || skip_all "Python's standard library is not installed"
standins_up ise dnac
timeout 100 python3 "$ROOT/tests/lib/standin_client.py" "$URL_ise" "$URL_dnac" "$BIN/primelab" --folder "$LAB"
