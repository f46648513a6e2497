#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the part of Travis CI's API v3 that starts builds.

It listens on a free loopback port, prints the port, and ends when its standard
input is closed. A token may act on the repositories of one owner: "OWNER-token".

    POST /repo/{slug}/requests          202, and a request that is approved when it is
                                        looked at for the second time
    GET  /repo/{slug}/request/{id}
    GET  /build/{id}
    POST /build/{id}/restart, /cancel

    POST /_control   {"build": {...}}   there is a build of that id and slug
                     {"reject": "why"}  the next request is rejected
                     {"fail": [...]}    what the next POSTs are answered: a status, "reset"
                                        (acted on, no answer) or "limit"
    GET  /_seen      every call: method, path, token, body
"""
import http.server
import json
import re
import sys
import threading
import urllib.parse

builds, requests, seen, failures = {}, {}, [], []
reject = []


def error(kind, message):
    return {"@type": "error", "error_type": kind, "error_message": message}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, value, plain=False):
        body = value.encode() if plain else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(text) if text else None

    def allowed(self, slug):
        """As v3 does: a scheme in another case or a bad token is plain text."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if not token:
            self.answer(403, error("login_required", "login required"))
        elif scheme != "token" or not token.endswith("-token"):
            self.answer(403, "access denied", plain=True)
        elif self.headers.get("Travis-API-Version") != "3":
            self.answer(404, "not found", plain=True)
        elif slug is None or slug.split("/")[0].lower() != token[:-len("-token")]:
            self.answer(404, error("not_found", "repository not found (or insufficient access)"))
        else:
            return True
        return False

    def fails(self):
        if not failures:
            return False
        how = failures.pop(0)
        if how == "limit":
            self.answer(429, error("request_limit_reached", "request limit reached"))
        elif how != "reset":
            self.answer(how, error("error", "as told"))
        return how != "reset"

    def do_POST(self):
        body = self.body()
        if self.path == "/_control":
            return self.control(body)
        seen.append({"method": "POST", "path": self.path, "body": body,
            "authorization": self.headers.get("Authorization")})
        made = re.fullmatch(r"/repo/([^/]+)/requests", self.path)
        act = re.fullmatch(r"/build/(\d+)/(restart|cancel)", self.path)
        reset = failures[:1] == ["reset"]
        if self.fails():
            return None
        if made:
            self.make(urllib.parse.unquote(made[1]), body, reset)
        elif act:
            self.act(int(act[1]), act[2])
        else:
            self.answer(404, error("not_found", "not found"))
        return None

    def control(self, body):
        if "build" in body:
            builds[body["build"]["id"]] = body["build"]
        if "reject" in body:
            reject.append(body["reject"])
        failures.extend(body.get("fail", []))
        self.answer(200, {})

    def make(self, slug, body, reset):
        if not self.allowed(slug):
            return
        number = 205729 + len(requests)
        requests[number] = {"slug": slug, "body": body, "looks": 0,
            "reject": reject.pop(0) if reject else None}
        if reset:
            self.close_connection = True
            self.connection.close()
            return
        self.answer(202, {"@type": "pending", "remaining_requests": 10,
            "repository": {"@type": "repository", "id": 7, "slug": slug},
            "request": {"repository": {"id": 990, "owner_name": slug.split("/")[0]},
                "id": number, "branch": body["request"].get("branch")},
            "resource_type": "request"})

    def act(self, number, verb):
        build = builds.get(number)
        if not self.allowed(build and build["slug"]):
            return
        running = build["state"] in ("created", "received", "started")
        if running == (verb == "restart"):
            word = "build_already_running" if running else "build_not_cancelable"
            self.answer(409, error(word, word.replace("_", " ")))
            return
        build["state"] = "created" if verb == "restart" else "canceled"
        self.answer(202, {"@type": "pending", "build": {"id": number}, "state_change": verb,
            "resource_type": "build"})

    def do_GET(self):
        if self.path == "/_seen":
            self.answer(200, seen)
            return
        seen.append({"method": "GET", "path": self.path,
            "authorization": self.headers.get("Authorization")})
        looked = re.fullmatch(r"/repo/([^/]+)/request/(\d+)", self.path)
        build = re.fullmatch(r"/build/(\d+)", self.path)
        if looked:
            self.look(urllib.parse.unquote(looked[1]), int(looked[2]))
        elif build:
            self.show(int(build[1]))
        else:
            self.answer(404, error("not_found", "not found"))

    def look(self, slug, number):
        """By its number alone, whatever the path says: as the real one does."""
        request = requests.get(number)
        if not self.allowed(slug):
            return
        if request is None:
            self.answer(404, error("not_found", "request not found"))
            return
        request["looks"] += 1
        done = request["looks"] > 1
        result = None if not done else "rejected" if request["reject"] else "approved"
        made = [{"@type": "build", "id": number * 10, "number": "17", "state": "created"}]
        self.answer(200, {"@type": "request", "id": number, "state": "finished" if done else "pending",
            "result": result, "message": request["reject"],
            "repository": {"id": 7, "slug": request["slug"]},
            "builds": made if result == "approved" else []})

    def show(self, number):
        build = builds.get(number)
        if build is None:
            self.answer(404, error("not_found", "build not found"))
            return
        self.answer(200, {"@type": "build", "id": number, "number": "17", "state": build["state"],
            "repository": {"id": 7, "slug": build["slug"]}, "branch": {"name": "main"}})


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A relay that is killed resets its connections."""


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
