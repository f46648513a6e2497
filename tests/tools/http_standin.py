#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an HTTP server, well or badly behaved as the path asks.

It listens on a free loopback port and, if an argument names one, on a unix
socket; prints the port; and ends when its standard input is closed. What
follows the behaviour in the path is ignored, so that "/status/503" serves as
the base URL of an API.

    /status/N            answers with status N
    /answer/N/BODY       the same with BODY (percent-encoded) as JSON
    /echo                answers with the request as it came
    /hold, /release      is answered when /release is asked for
    /slow                is never answered
    /drip                answers a byte at a time, without end
    /reset               resets the connection
    /half                cuts its answer short
    /garbage             is no HTTP
    /big, /chunked-big   declares, or just sends, 1 MiB
    /chunked             answers in chunks
    /gzip                answers with 10 MiB of zeros, compressed unasked
    /redirect            answers 302
    /retry/VALUE         answers 429 with Retry-After: VALUE; "in-N" is a date N s ahead
    /close-second        answers once per connection, then closes on the next request
    /recipients          answers 200 with a list of 2 MiB
    /last                answers with the request before this one
    /agree/ORIGIN/RATE   answers 200 and lets ORIGIN deliver webhooks at that rate
    /stats               counts of connections, requests, most requests at once
"""
import asyncio
import email.utils
import gzip
import json
import os
import socket
import struct
import sys
import time
import urllib.parse

GZIP_BOMB = gzip.compress(bytes(10 << 20))


class Standin:
    def __init__(self):
        self.connections = self.requests = self.at_once = self.at_once_max = 0
        self.released = asyncio.Event()
        self.last = b""

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            nth = 0
            while True:
                head = await reader.readexactly(1)
                if head == b"\x16":  # the record type of a TLS handshake
                    self.send(writer, 400)
                    break
                head += await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                body = await reader.readexactly(length)
                nth += 1
                self.requests += 1
                self.at_once += 1
                self.at_once_max = max(self.at_once_max, self.at_once)
                try:
                    go_on = await self.answer(nth, head, body, reader, writer)
                    self.last = head + body
                finally:
                    self.at_once -= 1
                if not go_on:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    def send(writer, status, body=b"", *fields):
        head = [f"HTTP/1.1 {status} Stand-in"]
        if status not in (204, 304):
            head.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*head, *fields, "", ""]).encode() + body)

    async def answer(self, nth, head, body, reader, writer):
        part = head.split(b" ")[1].decode().split("/")[1:]
        text = "Content-Type: text/plain; charset=utf-8"
        what = part[0]
        if what == "status":
            self.send(writer, int(part[1]), b"" if part[1] == "204" else b"status", text)
        elif what == "answer":
            self.send(writer, int(part[1]), urllib.parse.unquote(part[2]).encode(),
                      "Content-Type: application/json; charset=utf-8")
        elif what == "echo":
            self.send(writer, 200, head + body, text)
        elif what == "hold":
            await self.released.wait()
            self.send(writer, 200, b"released", text)
        elif what == "release":
            self.released.set()
            self.send(writer, 200)
        elif what == "slow":
            await reader.read()
            return False
        elif what == "drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            while not reader.at_eof() and not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        elif what == "reset":
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        elif what == "half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            return False
        elif what == "garbage":
            writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            return False
        elif what == "big":
            self.send(writer, 200, bytes(1 << 20))
        elif what in ("chunked", "chunked-big"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"5\r\nparts\r\n" if what == "chunked" else b"10000\r\n" + bytes(65536) + b"\r\n"
            for _ in range(2 if what == "chunked" else 16):
                writer.write(chunk)
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif what == "gzip":
            self.send(writer, 200, GZIP_BOMB, "Content-Encoding: gzip")
        elif what == "redirect":
            self.send(writer, 302, b"", "Location: /status/200")
        elif what == "retry":
            value = urllib.parse.unquote(part[1])
            if value.startswith("in-"):
                value = email.utils.formatdate(time.time() + int(value[3:]), usegmt=True)
            self.send(writer, 429, b"", f"Retry-After: {value}")
        elif what == "close-second":
            if nth > 1:
                return False
            self.send(writer, 200, b"first", text)
        elif what == "agree":
            self.send(writer, 200, b"", f"WebHook-Allowed-Origin: {part[1]}",
                      f"WebHook-Allowed-Rate: {part[2]}")
        elif what == "recipients":
            self.send(writer, 200, b"[" + b",".join([b"0" * 63] * (2 << 14)) + b"]")
        elif what == "last":
            self.send(writer, 200, self.last, text)
        elif what == "stats":
            self.send(writer, 200, json.dumps({
                "connections": self.connections,
                "requests": self.requests,
                "at_once_max": self.at_once_max}).encode())
        else:
            self.send(writer, 404)
        await writer.drain()
        return True


async def main():
    standin = Standin()
    server = await asyncio.start_server(standin.serve, "127.0.0.1", 0)
    if len(sys.argv) > 1:
        await asyncio.start_unix_server(standin.serve, sys.argv[1])
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
