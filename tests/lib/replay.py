#!/usr/bin/python3
"""Runs the commands of a page's fenced blocks, in their order, and prints TAP lines without a plan.

    replay.py <page> [update]

What a block is, its first word says:
    ```sh           commands for bash; each block must end with status 0 (with `fails`: must not)
    ```sh system    the same, on an installed system as root: tests/package/inside runs these (REPLAY_SYSTEM=1)
    ```console      `$ <command>` and `<node>/admin# <command>`, with what each prints; `...` alone stands for any lines
    anything else   is shown, not run; a command in it is a mistake

Times, fingerprints, serial numbers and widths of columns differ from run to run; a fingerprint that a page repeats in a
command is the one that was printed in its place. Addresses 127.0.0.x are those of the lab that REPLAY_NET names.
With `update`, the page's console blocks are written anew: read the difference before you commit it.
"""
import os
import re
import subprocess
import sys

NET = os.environ.get("REPLAY_NET", "127.0.0")
PORT = os.environ.get("REPLAY_PORT", "443")
SYSTEM = os.environ.get("REPLAY_SYSTEM") == "1"
NODE_PROMPT = re.compile(r"^((prime-\w+)/(\w+)(?:\([\w-]+\))?# )(.*)$")
FINGERPRINT = re.compile(r"\b(?:[0-9A-F]{2}:){31}[0-9A-F]{2}\b")
STRAY = re.compile(r"^\s*(\$ |# ?(apt|systemctl)|prime-\w+/|build/bin/|(sudo|make|primesh|primelab|primed|apt|apt-get|systemctl|ssh|git) )")
VARIABLE = [
    (re.compile(r"\b(?:[0-9A-F]{2}:){19,31}[0-9A-F]{2}\b"), "FINGERPRINT"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b[0-9A-F]{38,40}\b"), "SERIAL"),
    (re.compile(r"\bseqtaskexecutor-\d+"), "seqtaskexecutor-N"),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "N s"),
    (re.compile(r" +"), " "),
]


class Page:
    def __init__(self, path):
        self.path = path
        self.known = {}  # fingerprint of the page -> fingerprint of this run
        self.seen = []  # fingerprints of this run, as they were printed
        self.session = None
        self.node = None
        self.output = []  # the page, written anew
        self.blocks = 0

    def to_lab(self, text):
        text = FINGERPRINT.sub(lambda found: self.known.get(found[0], found[0]), text)
        text = re.sub(r"(\.2[12])_443\b", r"\1_" + PORT, text.replace("127.0.0.", NET + "."))
        return re.sub(r"^(ncs server \w+ add .*)$", r"\1 port " + PORT, text) if PORT != "443" else text

    @staticmethod
    def to_page(text):
        return re.sub(r"(\.2[12])_" + PORT + r"\b", r"\1_443", text.replace(NET + ".", "127.0.0."))

    def learn(self, expected, got):
        for ours, theirs in zip(FINGERPRINT.findall(expected), FINGERPRINT.findall(got)):
            self.known[ours] = theirs

    def on_node(self, node, command, prompt):
        import pexpect

        if self.session is None or self.node != node:
            self.end_session()
            self.session = pexpect.spawn("build/bin/primelab", ["shell", node], encoding="utf-8", timeout=30,
                                         dimensions=(60, 2000))
            self.node = node
            self.session.expect_exact(node + "/admin# ")
            self.session.sendline("terminal length 0")
            self.session.expect_exact(node + "/admin# ")
        self.session.sendline(command)
        self.session.expect_exact("\n")
        if command in ("exit", "quit", "logout") and "(" not in prompt:
            self.session.expect(pexpect.EOF)
            self.session = None
            return ""
        printed = ""
        while self.session.expect([r"(?:^|\n)" + node + r"/\w+(?:\([\w-]+\))?# $", r"assword: ?$"]) == 1:
            printed += self.session.before + self.session.after
            self.session.sendline(os.environ.get("REPLAY_PASSWORD", "Ise-lab-1"))
        return (printed + self.session.before).replace("\r", "").strip("\n")

    def end_session(self):
        if self.session is not None:
            self.session.close()
            self.session = None

    def console(self, lines):
        failures = []
        shown = []
        at = 0
        while at < len(lines):
            line = lines[at]
            node = NODE_PROMPT.match(line)
            at += 1
            expected = []
            while at < len(lines) and not lines[at].startswith("$ ") and not NODE_PROMPT.match(lines[at]):
                expected.append(lines[at])
                at += 1
            if "FINGERPRINT" in line and self.seen:  # a page that was not recorded yet: the one printed last
                line = line.replace("FINGERPRINT", self.seen[-1])
                node = NODE_PROMPT.match(line)
            if node:
                got = self.on_node(node[2], self.to_lab(node[4]), node[1])
            elif line.startswith("$ "):
                self.end_session()
                got = run(self.to_lab(line[2:]))[1].strip("\n")
            else:
                failures.append("not a command: " + line)
                continue
            got = self.to_page(got)
            shown.append(line)
            shown.extend(expected if "..." in expected else got.split("\n") if got else [])
            if not alike("\n".join(expected), got):
                failures.append("%s\n  printed: %s\n  the page: %s" % (line, got, "\n".join(expected)))
            self.learn("\n".join(expected), got)
            self.seen.extend(FINGERPRINT.findall(got))
        self.end_session()
        self.output.extend(shown)
        return failures

    def block(self, info, lines):
        words = info.split()
        kind = words[0] if words else ""
        if kind == "console" and not SYSTEM:
            return self.console(lines)
        self.output.extend(lines)
        if kind == "sh" and ("system" in words) == SYSTEM:
            status, printed = run(self.to_lab("set -e\n" + "\n".join(lines)))
            return [] if (status == 0) != ("fails" in words) else ["status %d: %s" % (status, printed)]
        if kind in ("sh", "console"):
            return None
        stray = [line for line in lines if STRAY.match(line)]
        return ["a command that nobody runs: " + line for line in stray] if not SYSTEM else None


def run(command):
    done = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=200, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def plain(text):
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))


def alike(expected, got):
    parts = [re.escape(plain(part)) for part in re.split(r"(?m)^\.\.\.$", expected)]
    return re.fullmatch("(?s)" + r"\s*.*\s*".join(parts), plain(got)) is not None


def main():
    path = sys.argv[1]
    page = Page(path)
    inside = None
    lines = []
    for number, line in enumerate(open(path, encoding="utf-8").read().split("\n"), 1):
        fence = re.match(r"^\s*```(.*)$", line)
        if inside is None and fence:
            inside, start, lines = fence[1], number, []
        elif inside is not None and fence:
            failures = page.block(inside, lines)
            if failures is not None:
                page.blocks += 1
                name = "%s line %d (%s)" % (os.path.basename(path), start, inside or "shown")
                print(("not ok - " if failures else "ok - ") + name)
                print("".join("# " + text.replace("\n", "\n# ") + "\n" for text in failures), end="", flush=True)
            inside = None
        elif inside is not None:
            lines.append(line)
            continue
        page.output.append(line)
    if len(sys.argv) > 2 and sys.argv[2] == "update":
        open(path, "w", encoding="utf-8").write("\n".join(page.output))


main()
