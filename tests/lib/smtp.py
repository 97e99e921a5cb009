#!/usr/bin/python3
"""A real mail server (aiosmtpd) for a test. Usage: smtp.py <folder> <address> <port> [word...]

What it hears goes to <folder>/heard, a line each; mails to <folder>/mail.<n>. Words: starttls (offered), tls (from the
first byte), auth (a login is offered and asked for: relay / Secret-of-mail), deaf (accepts and says nothing).
A recipient that begins with "nobody" is refused, one with "later" for now, as long as <folder>/later exists.
Certificate and key: <folder>/server.crt, server.key.
"""
import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, address, port, words = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
count = len([name for name in os.listdir(folder) if name.startswith("mail.")])


def say(line):
    with open(os.path.join(folder, "heard"), "a", encoding="utf-8") as out:
        out.write(line + "\n")


class Server(SMTP):
    def connection_made(self, transport):
        super().connection_made(transport)
        say("connected" + (" with TLS" if transport.get_extra_info("sslcontext") else ""))

    async def smtp_STARTTLS(self, arg):
        say("STARTTLS")
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg):
        say("AUTH" + (" in TLS" if self.session.ssl or "tls" in words else " in clear"))
        await super().smtp_AUTH(arg)


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        say("EHLO " + hostname)
        return responses

    async def handle_RCPT(self, server, session, envelope, to, options):
        say("RCPT " + to)
        if to.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        if to.startswith("later") and os.path.exists(os.path.join(folder, "later")):
            return "450 4.2.1 try again later"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        name = os.path.join(folder, f"mail.{count}")
        with open(name + ".new", "wb") as out:
            out.write(f"X-From: {envelope.mail_from}\nX-To: {','.join(envelope.rcpt_tos)}\n".encode())
            out.write(envelope.original_content.replace(b"\r\n", b"\n"))
        os.rename(name + ".new", name)
        say("DATA for " + ",".join(envelope.rcpt_tos))
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"relay", b"Secret-of-mail")
    return AuthResult(success=good, handled=False)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(os.path.join(folder, "server.crt"), os.path.join(folder, "server.key"))
    return made


def make():
    settings = {"hostname": "mail.test", "enable_SMTPUTF8": False}
    if "starttls" in words:
        settings["tls_context"] = context()
    if "auth" in words:
        settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=False)
    return Server(Handler(), **settings)


async def main():
    loop = asyncio.get_running_loop()
    if "deaf" in words:
        server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(3600), address, port)
    else:
        server = await loop.create_server(make, address, port, ssl=context() if "tls" in words else None)
    say("ready")
    await server.serve_forever()


asyncio.run(main())
