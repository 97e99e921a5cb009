#!/usr/bin/env python3
"""keystrokes.py <sessions> <seed> <command...>: sessions of random keystrokes on a terminal.

Each session starts the command on a terminal of its own, types 10 to 80 random keystrokes and leaves. It must end by
itself, within the limit, and with a status that a shell may have (0 to 3: a sanitizer's complaint has 99). A Ctrl-C typed
while it ends is its end too: the terminal is no longer its own then.
Prints the seed of what went wrong; that seed alone, with one session, does it again.
"""
import os
import pty
import random
import select
import signal
import sys
import time

LIMIT_S = 240
WORDS = (b"show version|show running-config|show|ncs certvalidation tofu-certs listcerts|ncs|detail|terminal|length|width|"
         b"0|24|511|json|include|exclude|begin|section|count|last|more|host|127.0.0.1_443|::1_8082|conf t|hostname|"
         b"repository|end|exit|no|do show clock|help|username|sshkey|role admin|logging|ping|history|follow|"
         b"certificate-check|trustzone|user|monitor|copy running-config startup-config|dir|save|show interface|show tech-support|"
         b"traceroute|nslookup").split(b"|")
KEYS = [b"\t", b"?", b"\r", b"\n", b"\r\n", b" ", b"|", b'"', b"'", b"\\", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05",
        b"\x06", b"\x08", b"\x0b", b"\x0c", b"\x0e", b"\x10", b"\x12", b"\x14", b"\x15", b"\x16", b"\x17", b"\x19",
        b"\x1a", b"\x1b", b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F", b"\x1b[3~", b"\x1b[1;5C",
        b"\x1bOA", b"\x1b[200~", b"\x1b]0;x\x07", b"\x7f", b"\x00", b"\x80", b"\xc3", b"\xc3\xa9", b"\xe2\x82",
        b"\xf0\x9f\x98\x80", b"\xff\xfe", b"q", b"/", b"e\xcc\x81", b"\xe6\xbc\xa2"]


def keystroke(source):
    kind = source.random()
    if kind < 0.35:
        return source.choice(WORDS) + source.choice([b" ", b"", b"\t", b"?", b"\r"])
    if kind < 0.75:
        return source.choice(KEYS)
    if kind < 0.997:
        return source.randbytes(source.randint(1, 4))
    return bytes([source.randint(32, 126)]) * source.randint(100, 5000)


class Session:
    def __init__(self, command):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "vt100"
            os.execvp(command[0], command)
        self.output = b""
        self.deadline = time.monotonic() + LIMIT_S
        os.set_blocking(self.terminal, False)

    def read(self, wait):
        """False once the other side is gone."""
        if not select.select([self.terminal], [], [], wait)[0]:
            return True
        try:
            got = os.read(self.terminal, 65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.output = (self.output + got)[-8000:]
        return bool(got)

    def type(self, keys):
        while keys:
            if time.monotonic() > self.deadline or not self.read(0):
                return False
            try:
                keys = keys[os.write(self.terminal, keys):]
            except BlockingIOError:
                self.read(0.01)
            except OSError:
                return False
        return True

    def leave(self):
        """Types what ends any question, pager and mode until the program ends. Its status; None: it is stuck."""
        while time.monotonic() < self.deadline:
            alive = self.type(b"\x03q\x03\x1a\x03quit\r")
            patience = time.monotonic() + 2
            while alive and time.monotonic() < patience:
                alive = self.read(0.1)
            done, status = os.waitpid(self.pid, os.WNOHANG if alive else 0)
            if done:
                os.close(self.terminal)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def main():
    sessions, seed, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    failed = 0
    for number in range(seed, seed + sessions):
        source = random.Random(number)
        session = Session(command)
        while b"# " not in session.output and time.monotonic() < session.deadline and session.read(1):
            pass
        for _ in range(source.randint(10, 80)):
            if not session.type(keystroke(source)):
                break
        status = session.leave()
        if status not in (0, 1, 2, 3, -signal.SIGINT) or b"Sanitizer" in session.output or b"runtime error" in session.output:
            failed += 1
            complaint = session.output.find(b"ERROR: ")
            tail = session.output[complaint:complaint + 3000] if complaint >= 0 else session.output[-400:]
            print("# seed %d: %s\n# %r" % (number, "stuck" if status is None else "status %d" % status, tail))
    print("# %d sessions, %d failed" % (sessions, failed))
    return 1 if failed else 0


sys.exit(main())
