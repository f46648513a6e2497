#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Backstage's catalog that misbehaves on demand.

usage: catalog_standin.py SCENARIO

Answers GET /api/catalog/entities/by-query and POST .../by-refs on a loopback
port, which it prints, until its standard input ends. It is as strict as
Backstage about parameters, body size and references. A scenario decides what is
in the catalog by the number of the read, which starts at 1 with every first
page, and may answer a request in its own way.
"""

import base64
import http.server
import json
import sys
import threading
import urllib.parse

ANNOTATION = "travis-ci.com/repo-slug"
FILTERS = ["metadata.annotations." + ANNOTATION, "kind=group", "kind=user"]


def entity(kind, name, slug=None, owner=None, parents=(), **annotations):
    if slug:
        annotations[ANNOTATION] = slug
    relations = [{"type": "childOf" if kind == "Group" else "memberOf", "targetRef": p}
                 for p in parents]
    if owner:
        relations.append({"type": "ownedBy", "targetRef": owner})
    return {"kind": kind, "relations": relations, "spec": {"type": "service"},
            "metadata": {"name": name, "namespace": "default", "uid": "uid-" + name,
                         "etag": "etag-" + name, "annotations": annotations}}


def ref(e):
    return f"{e['kind']}:default/{e['metadata']['name']}".lower()


API = entity("Component", "parcel-api", "Acme/Parcel-API", "group:default/payments")
UI = entity("Component", "Parcel-UI", "acme/parcel-ui", "user:default/alice")
LOST = entity("Component", "lost", "acme/lost", "group:default/absent",
              **{"backstage.io/orphan": "true"})
PAYMENTS = entity("Group", "payments", parents=["group:default/platform"])
PLATFORM = entity("Group", "platform")
BOB = entity("User", "bob", parents=["group:default/payments"])
ALL = [API, UI, LOST, PAYMENTS, PLATFORM, BOB]


class Scenario:
    """The catalog as it should be: read n sees self.entities(n)."""

    def __init__(self):
        self.read = 0

    def entities(self, read):
        return ALL

    def entity(self, wanted):
        """What by-refs answers for a reference; None if it is gone."""
        return next((e for e in self.entities(self.read) if ref(e) == wanted), None)

    def list(self, offset, limit):
        """A page, or (status, content type, body) to misbehave."""
        everything = self.entities(self.read)
        page = {"items": everything[offset:offset + limit], "totalItems": 1, "pageInfo": {}}
        if offset + limit < len(everything):
            page["pageInfo"]["nextCursor"] = self.cursor(offset + limit)
        return page

    def look_up(self, refs):
        return {"items": [self.entity(r) for r in refs]}

    def cursor(self, offset):
        return base64.b64encode(b'{"offset":%d,"pad":">>>???"}' % offset).decode()


def error(status, name, message):
    body = {"error": {"name": name, "message": message}, "response": {"statusCode": status}}
    return status, "application/json", json.dumps(body)


class Plain(Scenario):
    pass


class Starting(Scenario):
    """Routes are not mounted yet: every path is an empty 404."""

    def list(self, offset, limit):
        return (404, None, "") if self.read <= 2 else super().list(offset, limit)


class Midway(Scenario):
    """The second read breaks down on its second page, after an entity has changed."""

    def list(self, offset, limit):
        if self.read == 2 and offset > 0:
            return error(500, "Error", "connect ECONNREFUSED")
        return super().list(offset, limit)

    def entities(self, read):
        return ALL if read == 1 else [entity("Component", "parcel-api", "acme/moved")] + ALL[1:]


class Unauthorized(Scenario):
    def list(self, offset, limit):
        return error(401, "AuthenticationError", "Illegal token")


class Forbidden(Scenario):
    def list(self, offset, limit):
        return error(403, "NotAllowedError",
                     "This token's access is restricted to plugin(s) 'events'")


class Refused(Scenario):
    def list(self, offset, limit):
        return error(400, "InputError", "Unknown query parameter 'fields'")


class NoApi(Scenario):
    def list(self, offset, limit):
        return error(404, "NotFoundError", "Not found")


class Html(Scenario):
    """A log-in page in the way."""

    def list(self, offset, limit):
        return 200, "text/html", "<!doctype html><title>Log in</title>"


class NotAPage(Scenario):
    def list(self, offset, limit):
        return {"items": ALL}


class Circle(Scenario):
    def list(self, offset, limit):
        page = super().list(offset, limit)
        page["pageInfo"]["nextCursor"] = self.cursor(2 if offset != 2 else 4)
        return page


class Endless(Scenario):
    """Ever new cursors and nothing behind them."""

    def list(self, offset, limit):
        return {"items": [], "totalItems": 1, "pageInfo": {"nextCursor": self.cursor(offset + 1)}}


class Silent(Scenario):
    def list(self, offset, limit):
        threading.Event().wait()


class Heavy(Scenario):
    """A page of more than one entity holds more values than one may."""

    def list(self, offset, limit):
        page = super().list(offset, limit)
        if limit > 1:
            page["ballast"] = [0] * 2000000
        return page


class Vanished(Scenario):
    """From the second read on some are not listed; not all of them are gone."""

    hidden = entity("Component", "hidden", "acme/hidden", "group:default/new-owner")
    plain = entity("Component", "plain")
    kept = entity("Component", "garbled", "acme/garbled")

    def entities(self, read):
        gone = entity("Component", "gone", "acme/gone")
        plain = entity("Component", "plain", "acme/plain")
        before = entity("Component", "hidden", "acme/hidden", "group:default/old-owner")
        return ALL + [gone, plain, before, self.kept] if read == 1 else ALL

    def entity(self, wanted):
        return {"component:default/hidden": self.hidden, "component:default/plain": self.plain,
                "component:default/garbled": {"kind": "Component"}}.get(wanted)


class Unconfirmed(Scenario):
    """What vanished cannot be looked up at first."""

    asked = 0

    def entities(self, read):
        return ALL if read == 1 else ALL[1:]

    def look_up(self, refs):
        self.asked += 1
        if self.asked == 1:
            return error(503, "ServiceUnavailableError", "not now")
        return super().look_up(refs)


class Exodus(Scenario):
    """Thousands vanish at once: more than one look-up can ask for."""

    many = [entity("Component", f"Service-number-{i:05d}-of-a-large-organization", f"acme/r{i}")
            for i in range(2500)]

    def entities(self, read):
        return ALL + self.many if read == 1 else ALL


class Patched(Scenario):
    """What look-ups find: one has another owner, one cannot be read, and of the rest numbers."""

    def entity(self, wanted):
        if wanted == "component:default/moved":
            return entity("Component", "moved", "acme/moved", "group:default/new-owner")
        if wanted == "component:default/garbled":
            return {"kind": "Component"}
        if wanted.startswith("component:default/number-"):
            return entity("Component", wanted.partition("/")[2], "acme/numbers")
        return super().entity(wanted)


class Unavailable(Scenario):
    def look_up(self, refs):
        return error(503, "ServiceUnavailableError", "not now")


SCENARIOS = {c.__name__.lower(): c for c in Scenario.__subclasses__()}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, what):
        if isinstance(what, dict):
            what = 200, "application/json; charset=utf-8", json.dumps(what)
        status, content_type, body = what
        body = body.encode()
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        scenario = self.server.scenario
        if url.path != "/api/catalog/entities/by-query":
            return self.answer(error(404, "NotFoundError", "no such path"))
        if set(query) - {"filter", "fields", "limit", "cursor"}:
            return self.answer(error(400, "InputError", "unknown query parameter"))
        if "fields" not in query or "limit" not in query:
            return self.answer(error(400, "InputError", "fields and limit must be repeated"))
        fields = query["fields"][0].split(",")
        if "relations" not in fields or FILTERS[0] not in fields:
            return self.answer(error(400, "InputError", "fields are missing"))
        offset = 0
        if "cursor" in query:
            offset = json.loads(base64.b64decode(query["cursor"][0], validate=True))["offset"]
        elif sorted(query.get("filter", [])) != sorted(FILTERS):
            return self.answer(error(400, "InputError", "another filter was expected"))
        else:
            scenario.read += 1
        return self.answer(scenario.list(offset, int(query["limit"][0])))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/api/catalog/entities/by-refs":
            return self.answer(error(404, "NotFoundError", "no such path"))
        if len(body) > 100 * 1024:
            return self.answer(error(400, "InputError", "request entity too large"))
        asked = json.loads(body)
        if "relations" not in asked["fields"]:
            return self.answer(error(400, "InputError", "fields are missing"))
        return self.answer(self.server.scenario.look_up(asked["entityRefs"]))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.scenario = SCENARIOS[sys.argv[1]]()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


main()
