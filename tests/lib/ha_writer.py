#!/usr/bin/python3
"""Writes numbered changes to the nodes of a pair, all the time, to whichever accepts them.

usage: ha_writer.py <record> <home>...

Each change is a repository n<number> in the configuration. What became of it goes to <record>, a line of JSON each,
written and synced before the next: node (index of the home), number, outcome (replicated; kept: on that node only;
refused: with its code; unknown: no answer came), epoch (if the node was in the same one before and after), t (monotonic
seconds, after), alone (the node was in no pair before or after: what it had as its running configuration is then its own
affair). SIGTERM ends it.
"""
import itertools
import json
import os
import signal
import socket
import sys
import threading
import time

record = open(sys.argv[1], "a", encoding="utf-8", buffering=1)
homes = sys.argv[2:]
numbers = itertools.count(1)
lock = threading.Lock()
ending = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ending.set())


class Node:
    def __init__(self, home):
        self.path = os.path.join(home, "run", "control.sock")
        self.socket = None
        self.file = None
        self.last = 0

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, method, params):
        """The answer's result or error; None if there was none."""
        try:
            if not self.socket:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.settimeout(15)
                self.socket.connect(self.path)
                self.file = self.socket.makefile("rwb")
            self.last += 1
            self.file.write(json.dumps({"id": self.last, "method": method, "params": params}).encode() + b"\n")
            self.file.flush()
            while True:
                line = self.file.readline()
                if not line.endswith(b"\n"):
                    raise OSError("closed")
                answer = json.loads(line)
                if answer.get("id") == self.last and ("result" in answer or "error" in answer):
                    return answer
        except (OSError, ValueError):
            self.close()
            return None


def epoch_of(node):
    answer = node.ask("ha.status", {})
    return (answer or {}).get("result", {}).get("epoch")


def outcome_of(answer):
    if answer is None:
        return "unknown"
    if "error" in answer:
        code = answer["error"].get("code", "?")
        # made, but not known to have reached the other node
        return "refused:" + code
    return "replicated" if answer["result"].get("replicated") is True else "kept"


def write(index, home):
    node = Node(home)
    while not ending.is_set():
        with lock:
            number = next(numbers)
        before = epoch_of(node)
        answer = node.ask("config.set", {"values": {f"repository/n{number}": ""}, "line": f"repository n{number}"})
        after = epoch_of(node)
        outcome = outcome_of(answer)
        line = {"node": index, "number": number, "outcome": outcome, "t": round(time.monotonic(), 3)}
        if 0 in (before, after):
            line["alone"] = True
        if before is not None and before == after:
            line["epoch"] = before
        with lock:
            record.write(json.dumps(line) + "\n")
        ending.wait(0.005 if outcome in ("replicated", "kept") else 0.02)


threads = [threading.Thread(target=write, args=pair) for pair in enumerate(homes)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
