#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the catalog and the event bus of a large Backstage.

usage: backstage.py ANNOTATED PLAIN SLUGS

Prints its port and serves until its standard input ends. The catalog has ANNOTATED
components with a repository (the first of them those in the file SLUGS), PLAIN ones
without, a group for each hundred annotated ones and five users a group. Groups have
a relation for each entity that they own, as in Backstage, whatever it is. Components
without a repository are made up when a listing asks for them: the filters decide.

Orders, a line each on standard input, each answered with a line:

  refresh N     N annotated entities get another etag and another owner, and the bus
                tells of each
  stats         what was asked for since the last time
"""

import base64
import json
import random
import socket
import sys
import threading
import time
import urllib.parse

ANNOTATION = "metadata.annotations.travis-ci.com/repo-slug"
WANTED = {ANNOTATION, "kind=group", "kind=user"}
NOTIFY_MS = 55000


class Catalog:
    def __init__(self, annotated, plain, slugs):
        self.annotated, self.plain, self.slugs = annotated, plain, slugs
        self.groups = max(1, annotated // 100)
        self.users = 5 * self.groups
        self.state = {}  # of annotated ones that were refreshed
        order = list(range(annotated + self.groups + self.users))
        random.Random(1).shuffle(order)  # Backstage lists by uid
        self.order = order
        self.kept = {}

    def slug(self, i):
        return self.slugs[i] if i < len(self.slugs) else f"acme/service-{i:06d}"

    def owner(self, i):
        return f"group:default/team-{(i + self.state.get(i, 0)) % self.groups:04d}"

    def component(self, i):
        state = self.state.get(i, 0)
        return (f'{{"kind":"Component","metadata":{{"name":"service-{i:06d}","namespace":"default",'
                f'"uid":"{i:08x}-0000-4000-8000-000000000000","etag":"{i:020x}{state:020x}",'
                f'"tags":["java","tier-{i % 3}"],"annotations":{{"travis-ci.com/repo-slug":'
                f'"{self.slug(i)}"}}}},"spec":{{"type":"service","lifecycle":"production",'
                f'"system":"system-{i % 500}"}},"relations":['
                f'{{"type":"dependsOn","targetRef":"component:default/service-{(i * 7) % self.annotated:06d}"}},'
                f'{{"type":"dependencyOf","targetRef":"component:default/service-{(i * 3) % self.annotated:06d}"}},'
                f'{{"type":"ownedBy","targetRef":"{self.owner(i)}"}},'
                f'{{"type":"partOf","targetRef":"system:default/system-{i % 500}"}},'
                f'{{"type":"providesApi","targetRef":"api:default/api-{i % 9000}"}}]}}')

    def plain_component(self, i):
        return (f'{{"kind":"Component","metadata":{{"name":"plain-{i:07d}","namespace":"default",'
                f'"uid":"{i:08x}-1111-4000-8000-000000000000","etag":"{i:040x}"}},'
                f'"spec":{{"type":"library","lifecycle":"production"}},"relations":['
                f'{{"type":"ownedBy","targetRef":"group:default/team-{i % self.groups:04d}"}}]}}')

    def group(self, i):
        owned = [f'{{"type":"ownerOf","targetRef":"component:default/service-{k:06d}"}}'
                 for k in range(i, self.annotated, self.groups)]
        owned += [f'{{"type":"ownerOf","targetRef":"component:default/plain-{k:07d}"}}'
                  for k in range(i, self.plain, self.groups)]
        owned += [f'{{"type":"hasMember","targetRef":"user:default/user-{k:05d}"}}'
                  for k in range(i, self.users, self.groups)]
        if i > 0:
            owned.append(f'{{"type":"childOf","targetRef":"group:default/team-{i // 10:04d}"}}')
        return (f'{{"kind":"Group","metadata":{{"name":"team-{i:04d}","namespace":"default",'
                f'"uid":"{i:08x}-2222-4000-8000-000000000000","etag":"{i:040x}"}},'
                f'"spec":{{"type":"team"}},"relations":[{",".join(owned)}]}}')

    def user(self, i):
        return (f'{{"kind":"User","metadata":{{"name":"user-{i:05d}","namespace":"default",'
                f'"uid":"{i:08x}-3333-4000-8000-000000000000","etag":"{i:040x}"}},"spec":{{}},'
                f'"relations":[{{"type":"memberOf","targetRef":"group:default/team-'
                f'{i % self.groups:04d}"}}]}}')

    def item(self, n):
        """The n-th of those that the filters let through, in no order, as bytes."""
        kept = self.kept.get(n)
        if kept is None:
            if n < self.annotated:
                text = self.component(n)
            elif n < self.annotated + self.groups:
                text = self.group(n - self.annotated)
            else:
                text = self.user(n - self.annotated - self.groups)
            kept = self.kept[n] = text.encode()
        return kept

    def listed(self, k, everything):
        if k < len(self.order):
            return self.item(self.order[k])
        return self.plain_component(k - len(self.order)).encode() if everything else None

    def total(self, everything):
        return len(self.order) + (self.plain if everything else 0)

    def by_ref(self, ref):
        kind, _, name = ref.partition(":default/")
        word, _, number = name.partition("-")
        base = {("component", "service"): 0, ("group", "team"): self.annotated,
                ("user", "user"): self.annotated + self.groups}.get((kind, word))
        if base is None:
            return b"null"
        n = int(number)
        end = {0: self.annotated, self.annotated: self.groups}.get(base, self.users)
        return self.item(base + n) if n < end else b"null"

    def refresh(self, first, n):
        refs = []
        for k in range(first, first + n):
            i = k % self.annotated
            self.state[i] = self.state.get(i, 0) + 1
            self.kept.pop(i, None)
            refs.append(f"component:default/service-{i:06d}")
        return refs


class Backstage:
    def __init__(self, catalog):
        self.catalog = catalog
        self.news = threading.Condition()
        self.events = []
        self.next = len(catalog.slugs)
        self.stats = self.no_stats()

    def no_stats(self):
        return {"pages": 0, "page_bytes": 0, "lookups": 0, "refs": 0, "first": None, "last": None}

    def page(self, query):
        q = urllib.parse.parse_qs(query)
        limit = int(q["limit"][0])
        if "cursor" in q:
            where = json.loads(base64.b64decode(q["cursor"][0]))
        else:
            where = {"everything": set(q.get("filter", [])) != WANTED, "at": 0}
        at, end = where["at"], where["at"] + limit
        total = self.catalog.total(where["everything"])
        items = [self.catalog.listed(k, where["everything"]) for k in range(at, min(end, total))]
        info = {}
        if end < total:
            cursor = json.dumps({"everything": where["everything"], "at": end})
            info["nextCursor"] = base64.b64encode(cursor.encode()).decode()
        body = (b'{"items":[' + b",".join(items) + b'],"totalItems":%d,"pageInfo":' % total
                + json.dumps(info).encode() + b"}")
        now = time.monotonic()
        if at == 0:
            self.stats["first"] = now
        self.stats["last"] = now
        self.stats["pages"] += 1
        self.stats["page_bytes"] += len(body)
        return 200, body

    def look_up(self, body):
        if len(body) > 100 * 1000:
            return 400, b'{"error":{"name":"InputError","message":"request entity too large"}}'
        refs = json.loads(body)["entityRefs"]
        self.stats["lookups"] += 1
        self.stats["refs"] += len(refs)
        return 200, b'{"items":[' + b",".join(self.catalog.by_ref(r) for r in refs) + b"]}"

    def refresh(self, n):
        refs = self.catalog.refresh(self.next, n)
        self.next += n
        with self.news:
            self.events += [{"topic": "stagewire.catalog", "payload": {"entityRef": r}}
                            for r in refs]
            self.news.notify_all()

    def poll(self, conn):
        """Events at once, or a 202 that ends when there are some."""
        with self.news:
            events, self.events = self.events[:10], self.events[10:]  # as Backstage does
        if events:
            answer(conn, 200, json.dumps({"events": events}).encode())
            return
        conn.sendall(b"HTTP/1.1 202 Accepted\r\nbackstage-events-notify-timeout: %d\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n" % NOTIFY_MS)
        with self.news:
            self.news.wait_for(lambda: self.events, NOTIFY_MS / 1000)
        conn.sendall(b"0\r\n\r\n")

    def serve(self, conn, method, target, body):
        path, _, query = target.partition("?")
        if method == "GET" and path == "/api/catalog/entities/by-query":
            answer(conn, *self.page(query))
        elif method == "POST" and path == "/api/catalog/entities/by-refs":
            answer(conn, *self.look_up(body))
        elif method == "PUT" and path.startswith("/api/events/bus/v1/subscriptions/"):
            answer(conn, 201, b"")
        elif method == "GET" and path.startswith("/api/events/bus/v1/subscriptions/"):
            self.poll(conn)
        else:
            answer(conn, 404, b'{"error":{"name":"NotFoundError","message":"none"}}')


def answer(conn, status, body):
    conn.sendall(b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                 % (status, len(body)) + body)


def connection(backstage, conn):
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            got = conn.recv(65536)
            if not got:
                return
            data += got
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        while len(data) < length:
            data += conn.recv(65536)
        body, data = data[:length], data[length:]
        backstage.serve(conn, method, target, body)


def accept(backstage, listener):
    while True:
        conn, _ = listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=guarded, args=(backstage, conn), daemon=True).start()


def guarded(backstage, conn):
    try:
        connection(backstage, conn)
    except OSError:
        pass
    finally:
        conn.close()


def main():
    annotated, plain = int(sys.argv[1]), int(sys.argv[2])
    with open(sys.argv[3]) as f:
        slugs = f.read().split()
    backstage = Backstage(Catalog(annotated, plain, slugs))
    for n in range(len(backstage.catalog.order)):
        backstage.catalog.item(n)  # so that the first read measures the relay
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=accept, args=(backstage, listener), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        word = line.split()
        if word[0] == "refresh":
            backstage.refresh(int(word[1]))
            print("ok", flush=True)
        else:
            stats, backstage.stats = backstage.stats, backstage.no_stats()
            print(json.dumps(stats), flush=True)


main()
