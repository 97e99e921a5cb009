#!/usr/bin/python3
"""An HTTP proxy (CONNECT, RFC 9110 section 9.3.6) for a test. Usage: connect_proxy.py <folder> <address> <port>

What it is sent before a tunnel stands goes to <folder>/heard, as it comes. With each request it looks into
<folder>/mode: `carry`; `divert <address> <port>` (to another server than the one asked for); a status such as 403 or
407; `stall`; `close`; `junk` (answers in another protocol); `drip` (a header without end). <folder>/names holds lines
`<name> <address>`: hosts that only the proxy can resolve.
"""
import os
import socket
import sys
import threading

folder, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
lock = threading.Lock()


def read(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def say(data):
    with lock, open(os.path.join(folder, "heard"), "ab") as out:
        out.write(data)


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def carry(client, host, to_port):
    try:
        server = socket.create_connection((host, to_port), timeout=10)
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\nno way")
        return
    server.settimeout(None)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    back = threading.Thread(target=copy, args=(server, client), daemon=True)
    back.start()
    copy(client, server)
    back.join()
    server.close()


def drip(client):
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        client.sendall(b"x" * 65536)


def target_of(head):
    host, _, to_port = head.split(b" ")[1].decode().rpartition(":")
    names = dict(line.split() for line in read("names").splitlines())
    host = host.strip("[]")
    return names.get(host, host), int(to_port)


def answer(client, head):
    word, *rest = read("mode").split()
    if word == "carry":
        carry(client, *target_of(head))
    elif word == "divert":
        carry(client, rest[0], int(rest[1]))
    elif word == "stall":
        client.recv(1)
    elif word == "junk":
        client.sendall(b"220 mail.test ESMTP\r\n")
    elif word == "drip":
        drip(client)
    elif word.isdigit():
        extra = b"Proxy-Authenticate: Basic realm=\"proxy\"\r\n" if word == "407" else b""
        client.sendall(b"HTTP/1.1 " + word.encode() + b" No\r\n" + extra + b"Content-Length: 2\r\n\r\nno")


def serve(client):
    head = b""
    try:
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            say(data)
            head += data
        answer(client, head)
    except OSError:
        pass
    finally:
        client.close()


listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
open(os.path.join(folder, "ready"), "w").close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
