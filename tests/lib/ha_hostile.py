#!/usr/bin/python3
"""What a stranger on the network does to the port of the pair.

usage: ha_hostile.py junk <address> <port> <connections>     random bytes, in clear and inside TLS
       ha_hostile.py slow <address> <port> <connections> <s>  TLS, then a header that never ends, a byte a second
       ha_hostile.py open <address> <port> <connections> <s>  connections that say nothing
       ha_hostile.py ask <address> <port>                     every request of the pair, without a proof; prints the statuses
"""
import os
import random
import socket
import ssl
import sys
import time

what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def connect(tls):
    raw = socket.create_connection((address, port), timeout=5)
    return context.wrap_socket(raw) if tls else raw


def ignore(action, *arguments):
    try:
        return action(*arguments)
    except OSError:
        return None


def junk(connections):
    starts = [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /ha/v1/hello HTTP/1.1\r\n", b"POST /ha/v1/heartbeat HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
              b"GET /" + b"a" * 20000, b"GET /ha/v1/changes?after=18446744073709551616&epoch=-1 HTTP/1.1\r\nHost: x\r\n\r\n"]
    for number in range(connections):
        peer = ignore(connect, number % 2 == 1)
        if peer is None:
            continue
        ignore(peer.sendall, random.choice(starts) + os.urandom(random.randrange(1, 4000)))
        peer.settimeout(0.05)
        ignore(peer.recv, 4096)
        peer.close()


def slow(connections, seconds):
    peers = [peer for peer in (ignore(connect, True) for _ in range(connections)) if peer]
    for peer in peers:
        ignore(peer.sendall, b"GET /ha/v1/hello HTTP/1.1\r\nX-Slow: ")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for peer in peers:
            ignore(peer.sendall, b"a")
        time.sleep(1)
    print(len(peers))


def hold(connections, seconds):
    peers = [peer for peer in (ignore(connect, False) for _ in range(connections)) if peer]
    print(len(peers), flush=True)
    time.sleep(seconds)


def ask():
    for method, path in (("GET", "/ha/v1/hello"), ("GET", "/ha/v1/changes?after=0"), ("GET", "/ha/v1/snapshot"), ("GET", "/ha/v1/digest"),
                         ("POST", "/ha/v1/heartbeat"), ("POST", "/ha/v1/register/status"), ("POST", "/ha/v1/handover"),
                         ("POST", "/ha/v1/remove"), ("PUT", "/etc/passwd"), ("GET", "/../../etc/passwd")):
        peer = connect(True)
        peer.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        answer = ignore(peer.recv, 65536) or b""
        print(path, answer.split(b" ")[1].decode() if b" " in answer else "closed")
        peer.close()


if what == "junk":
    junk(int(sys.argv[4]))
elif what == "slow":
    slow(int(sys.argv[4]), float(sys.argv[5]))
elif what == "open":
    hold(int(sys.argv[4]), float(sys.argv[5]))
else:
    ask()
