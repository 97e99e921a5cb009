#!/usr/bin/python3
"""Kills processes with SIGKILL the moment a log gets a line.

usage: ha_kill.py <log> <text> <pid>...

Says "ready" once it looks; only what is written after that counts. Exit status 1 if no such line came within 10 s.
"""
import os
import signal
import sys
import time

log, text, pids = sys.argv[1], sys.argv[2], [int(pid) for pid in sys.argv[3:]]
with open(log, encoding="utf-8", errors="replace") as lines:
    lines.seek(0, os.SEEK_END)
    print("ready", flush=True)
    end = time.monotonic() + 10
    seen = ""
    while time.monotonic() < end:
        seen += lines.read()
        if text in seen:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            sys.exit(0)
        time.sleep(0.0001)
sys.exit(1)
