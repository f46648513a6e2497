#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the parts of Travis CI's API v3 that start builds and keep variables.

It listens on a free loopback port, prints the port, and ends when its standard
input is closed. A token may act on the repositories of one owner: "OWNER-token".

    POST /repo/{slug}/requests          202, and a request that is approved when it is
                                        looked at for the second time
    GET  /repo/{slug}/request/{id}
    GET  /build/{id}
    POST /build/{id}/restart, /cancel
    GET, POST /repo/{slug}/env_vars
    PATCH, DELETE /repo/{slug}/env_var/{id}
                                        one text for all variables of a repository, which
                                        is read, changed and written: two at a time are
                                        counted, and one's change is lost

    A token that posts more than 50 times in 30 s is banned for good; a repository may
    have 10 requests in an hour.

    POST /_control   {"quota": {...}}   max_requests, per_seconds of a repository instead
                     {"unban": true}    no token is banned any more
                     {"build": {...}}   there is a build of that id and slug
                     {"reject": "why"}  the next request is rejected
                     {"fail": [...]}    what the next POSTs, PATCHes and DELETEs are
                                        answered: a status, "reset" (acted on, no answer)
                                        or "limit"
                     {"fail_lists": [...]}  what the next lists of variables are: a status,
                                        or "banned", the token for an hour
                     {"slow": seconds}  how long a change of variables takes
                     {"variable": {...}}  somebody else writes one: slug, name, value, …
                     {"public": {...}}  … shows one to everybody: slug, name
                     {"without": {...}} somebody else removes one: slug, name
    GET  /_seen      every call: method, path, token, body
    GET  /_settings  what repositories have, and how often two changed it at a time
"""
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse
import uuid

builds, requests, seen, failures = {}, {}, [], []
reject = []

# A token that posts more than 50 times in 30 s is banned; a repository has so many
# requests in an hour. As the real one does, though the numbers may be set.
POSTS, POSTS_S = 50, 30
posted, banned = {}, set()
quota = {"max_requests": 10, "per_seconds": 3600}
# slug -> the variables of its settings, and how many are changing them now
settings, changing, slow, fail_lists = {}, {}, [0], []
overlaps = []


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

    def is_banned(self):
        token = self.headers.get("Authorization")
        if self.command == "POST":
            now = time.monotonic()
            posted[token] = [t for t in posted.get(token, []) if t > now - POSTS_S] + [now]
            if len(posted[token]) > POSTS:
                banned.add(token)
        if token in banned:
            self.answer(403, "Forbidden\n", plain=True)
        return token in banned

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
        if self.is_banned():
            return None
        made = re.fullmatch(r"/repo/([^/]+)/requests", self.path)
        act = re.fullmatch(r"/build/(\d+)/(restart|cancel)", self.path)
        reset = failures[:1] == ["reset"]
        variables = re.fullmatch(r"/repo/([^/]+)/env_vars", self.path)
        if self.fails():
            return None
        if variables:
            self.add_variable(urllib.parse.unquote(variables[1]), body, reset)
        elif made:
            self.make(urllib.parse.unquote(made[1]), body, reset)
        elif act:
            self.act(int(act[1]), act[2])
        else:
            self.answer(404, error("not_found", "not found"))
        return None

    def control(self, body):
        quota.update(body.get("quota", {}))
        if "unban" in body:
            banned.clear()
            posted.clear()
        if "build" in body:
            builds[body["build"]["id"]] = body["build"]
        if "reject" in body:
            reject.append(body["reject"])
        if "variable" in body:
            self.write_by_hand(**body["variable"])
        for v in settings.get(body.get("public", {}).get("slug"), []):
            v["public"] = v["public"] or v["name"] == body["public"]["name"]
        if "without" in body:
            gone = body["without"]
            settings[gone["slug"]] = [v for v in settings.get(gone["slug"], [])
                if v["name"] != gone["name"]]
        slow[0] = body.get("slow", slow[0])
        fail_lists.extend(body.get("fail_lists", []))
        failures.extend(body.get("fail", []))
        self.answer(200, {})

    def make(self, slug, body, reset):
        if not self.allowed(slug):
            return
        since = time.monotonic() - quota["per_seconds"]
        remaining = quota["max_requests"] - sum(
            r["slug"] == slug and r["at"] > since for r in requests.values())
        if remaining <= 0:
            self.answer(429, {**error("request_limit_reached",
                "request limit reached for resource"), **quota})
            return
        number = 205729 + len(requests)
        requests[number] = {"slug": slug, "body": body, "looks": 0, "at": time.monotonic(),
            "reject": reject.pop(0) if reject else None}
        if reset:
            self.close_connection = True
            self.connection.close()
            return
        self.answer(202, {"@type": "pending", "remaining_requests": remaining,
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
        if self.path == "/_settings":
            self.answer(200, {"settings": settings, "overlaps": overlaps})
            return
        seen.append({"method": "GET", "path": self.path,
            "authorization": self.headers.get("Authorization")})
        if self.is_banned():
            return
        looked = re.fullmatch(r"/repo/([^/]+)/request/(\d+)", self.path)
        build = re.fullmatch(r"/build/(\d+)", self.path)
        variables = re.fullmatch(r"/repo/([^/]+)/env_vars", self.path)
        if variables:
            self.list_variables(urllib.parse.unquote(variables[1]))
        elif looked:
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


    # --- variables in a repository's settings ---

    @staticmethod
    def write_by_hand(slug, name, value, branch=None, public=False):
        kept = [v for v in settings.get(slug, []) if (v["name"], v["branch"]) != (name, branch)]
        settings[slug] = kept + [{"id": str(uuid.uuid4()), "name": name, "value": value,
            "branch": branch, "public": public}]

    @staticmethod
    def shown(variable):
        """The value of a private one is told to nobody."""
        return {"@type": "env_var", "@representation": "standard", "id": variable["id"],
            "name": variable["name"], "public": variable["public"], "branch": variable["branch"],
            "value": variable["value"] if variable["public"] else None}

    def change(self, slug, act):
        """Read all, change it, write all. What another writes meanwhile is lost."""
        changing[slug] = changing.get(slug, 0) + 1
        if changing[slug] > 1:
            overlaps.append(slug)
        mine = [dict(v) for v in settings.get(slug, [])]
        time.sleep(slow[0])
        answer = act(mine)
        settings[slug] = mine
        changing[slug] -= 1
        return answer

    def reply_change(self, status, value, reset):
        if reset:
            self.close_connection = True
            self.connection.close()
        elif status == 204:
            self.send_response(204)
            self.end_headers()
        else:
            self.answer(status, value)

    def list_variables(self, slug):
        if not self.allowed(slug):
            return
        if fail_lists:
            how = fail_lists.pop(0)
            if how == "banned":
                self.answer(403, "Forbidden", plain=True)
            else:
                self.answer(how, error("error", "as told"))
            return
        self.answer(200, {"@type": "env_vars", "@href": "/v3/repo/7/env_vars",
            "@representation": "standard",
            "env_vars": [self.shown(v) for v in settings.get(slug, [])]})

    def add_variable(self, slug, body, reset):
        if not self.allowed(slug):
            return
        if not body.get("env_var.name"):
            self.answer(422, error("error", "Name can't be blank"))
            return
        made = self.made_of(body)

        def act(mine):
            if any((v["name"], v["branch"]) == (made["name"], made["branch"]) for v in mine):
                return 409, error("duplicate_resource", "Resource already exists")
            mine.append(made)
            return 201, self.shown(made)

        self.reply_change(*self.change(slug, act), reset)

    @staticmethod
    def made_of(body):
        return {"id": str(uuid.uuid4()), "name": body["env_var.name"],
            "value": body["env_var.value"], "branch": body.get("env_var.branch"),
            "public": body.get("env_var.public", False)}

    def do_PATCH(self):
        self.change_one(self.body())

    def do_DELETE(self):
        self.change_one(None)

    def change_one(self, body):
        """A change is to destroy it and to add it."""
        seen.append({"method": self.command, "path": self.path, "body": body,
            "authorization": self.headers.get("Authorization")})
        one = re.fullmatch(r"/repo/([^/]+)/env_var/([0-9a-f-]+)", self.path)
        reset = failures[:1] == ["reset"]
        if self.fails():
            return
        slug = urllib.parse.unquote(one[1]) if one else None
        if not self.allowed(slug):
            return

        def act(mine):
            at = [i for i, v in enumerate(mine) if v["id"] == one[2]]
            if not at:
                return 404, error("not_found", "env_var not found (or insufficient access)")
            was = mine.pop(at[0])
            if body is None:
                return 204, None
            mine.append({**self.made_of(body), "id": was["id"]})
            return 200, self.shown(mine[-1])

        self.reply_change(*self.change(slug, act), reset)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A relay that is killed resets its connections."""


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
