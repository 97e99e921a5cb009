#!/usr/bin/python3
"""Proves what a pair promises, from the record of ha_writer.py and what both nodes hold in the end.

usage: ha_check.py <record> <running configuration of a node> <of the other> <diverged changes, any text that names them>

Exit status 1, with what is wrong, if a change acknowledged as replicated is not on both nodes; if one kept on one node
alone is neither on both nor among the diverged changes; or if both nodes accepted changes in one epoch.
"""
import json
import re
import sys

NAME = re.compile(r"\bn(\d+)\b")


def numbers(path):
    with open(path, encoding="utf-8", errors="replace") as lines:
        return {int(number) for number in NAME.findall(lines.read())}


with open(sys.argv[1], encoding="utf-8") as lines:
    record = [json.loads(line) for line in lines if line.endswith("\n")]
first, second, diverged = (numbers(path) for path in sys.argv[2:5])
both = first & second
wrong = []
epochs = {}
count = {}
line = 0  # epochs are counted anew with each registration
for change in record:
    if "registered" in change:
        line += 1
        continue
    kind = change["outcome"].split(":")[0]
    if kind == "kept" and change.get("alone"):
        kind = "kept alone"
    count[kind] = count.get(kind, 0) + 1
    number = change["number"]
    if kind == "replicated" and number not in both:
        where = "the first" if number in first else "the second" if number in second else "neither"
        wrong.append(f"n{number}, acknowledged as replicated by node {change['node']} in epoch {change.get('epoch')}, "
                     f"is on {where} node{' and diverged' if number in diverged else ''}")
    if kind == "kept" and number not in both | diverged:
        wrong.append(f"n{number}, kept by node {change['node']} in epoch {change.get('epoch')}, is lost without a word")
    if kind in ("replicated", "kept") and change.get("epoch"):
        epochs.setdefault((line, change["epoch"]), set()).add(change["node"])
for (registration, epoch), nodes in sorted(epochs.items()):
    if len(nodes) > 1:
        wrong.append(f"both nodes accepted changes in epoch {epoch} of registration {registration}")
if first != second:
    wrong.append(f"the nodes differ: {sorted(first ^ second)[:10]}")
print(", ".join(f"{kind} {number}" for kind, number in sorted(count.items())) or "no change at all",
      f"; diverged {len(diverged)}, epochs {len(epochs)}", sep="")
for line in wrong[:20]:
    print(line)
sys.exit(1 if wrong else 0)
