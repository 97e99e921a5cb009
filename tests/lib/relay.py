#!/usr/bin/python3
"""Passes connections on to another address. Usage: relay.py <address> <port> <to address> <to port> <ready file>"""
import asyncio
import sys

ADDRESS, PORT, TO, TO_PORT, READY = sys.argv[1:]


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        there, to = await asyncio.open_connection(TO, int(TO_PORT))
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, to), copy(there, writer))


async def main():
    server = await asyncio.start_server(serve, ADDRESS, int(PORT))
    open(READY, "w", encoding="ascii").close()
    await server.serve_forever()


asyncio.run(main())
