#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the /config of a Travis CI instance.

usage: config_standin.py FOLDER

Listens on a free loopback port, prints it, and ends when its standard input is
closed. Each request is first noted as a line in FOLDER/requests: its path, and
the names of its fields. Then the file FOLDER/mode decides:

    (missing)    answers with FOLDER/config
    slow         does not answer
    status N     answers with status N, and FOLDER/config all the same
    redirect     answers 302 to itself

As the real one, it has no /config for those who ask for API version 3.
"""

import http.server
import os
import sys
import threading

FOLDER = sys.argv[1]


def read(name, otherwise=""):
    try:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return otherwise


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # a client may go as it likes
            pass

    def do_GET(self):
        with open(os.path.join(FOLDER, "requests"), "a", encoding="utf-8") as f:
            f.write(" ".join([self.path, *(name.lower() for name in self.headers)]) + "\n")
        mode = read("mode").split()
        if mode == ["slow"]:
            threading.Event().wait()
        if self.path != "/config" or "Travis-API-Version" in self.headers:
            self.answer(404, "{}")
        elif mode == ["redirect"]:
            self.answer(302, "", Location="/config")
        else:
            self.answer(int(mode[1]) if mode else 200, read("config"))

    def answer(self, status, body, **fields):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
