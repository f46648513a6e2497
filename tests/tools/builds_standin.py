#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a Travis CI that builds: it makes builds of some repositories, tells of them
by signed webhooks as unreliably as it is told to, and answers for them by its API v3.

It takes one argument, JSON: seed, builds, seconds (in which they begin), repositories (a list
of slugs), hooks (the port to post to), key (the path of the private key), and the shares of
webhooks that are lose, delay (by up to late seconds) and repeat. It prints its port and ends
when its standard input is closed. An attempt of a build ends in its true state whatever its
webhooks say, some are restarted, some canceled before they began, and of some (fast_finish) no
end is told, or several times.

    GET  /repo/{slug}/builds?limit=&offset=&sort_by=finished_at:desc
    GET  /build/{id}

    POST /_control  {"down": bool, "limit": n, "foreign": n}: no answer; 429 to the next n;
                    an answer about another repository to the next n
    GET  /_truth    {"done": bool, "builds": {id: {"state", "started_at", "finished_at",
                    "slug"}},
                    "webhooks", "lost", "calls": [path, …], "at_once": most calls at once}
"""
import heapq
import http.client
import itertools
import json
import os
import queue
import random
import re
import sys
import threading
import time
import urllib.parse
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "system"))
import travis_standin  # noqa: E402
from harness import HOST, Signer, compose_payload, form_encode  # noqa: E402

FINAL = ("passed", "failed", "errored", "canceled")
SENDERS = 4


def stamp(seconds):
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class World:
    """The builds, and what is to happen to them when."""

    def __init__(self, plan):
        self.plan = plan
        self.dice = random.Random(plan["seed"])
        self.lock = threading.RLock()
        self.builds, self.by_slug = {}, {slug: [] for slug in plan["repositories"]}
        self.agenda, self.order = [], itertools.count()
        self.webhooks, self.lost, self.calls = 0, 0, []
        self.open = self.at_once = self.limit = self.foreign = 0
        self.down, self.done = False, False
        self.outbox = queue.Queue()

    def at(self, when, act, *args):
        heapq.heappush(self.agenda, (when, next(self.order), act, args))

    def run(self):
        begin = time.time()
        first = 300_000_000
        for i in range(self.plan["builds"]):
            self.at(begin + self.dice.uniform(0, self.plan["seconds"]), self.create, first + i)
        while self.agenda:
            when, _, act, args = heapq.heappop(self.agenda)
            time.sleep(max(0, when - time.time()))
            with self.lock:
                act(*args)
        self.outbox.join()
        self.done = True

    # --- what happens to a build ---

    def create(self, number):
        slug = self.dice.choice(self.plan["repositories"])
        pull = self.dice.random() < 0.2
        build = {"id": number, "slug": slug, "number": str(len(self.by_slug[slug]) + 1),
            "state": "created", "started": None, "finished": None, "restarts": 0,
            "branch": self.dice.choice(["main", "next", "release/1"]),
            "event_type": "pull_request" if pull else self.dice.choice(["push", "cron", "api"]),
            "pull_request_number": self.dice.randrange(1, 50) if pull else None}
        self.builds[number] = build
        self.by_slug[slug].append(build)
        self.queue_up(build)

    def queue_up(self, build):
        wait = time.time() + self.dice.uniform(0.1, 1)
        if self.dice.random() < 0.04:
            self.at(wait + 1, self.end, build, "canceled")
        else:
            self.at(wait, self.start, build)

    def start(self, build):
        build["state"], build["started"] = "started", int(time.time())
        self.tell(build)
        state = self.dice.choices(FINAL, (70, 18, 6, 6))[0]
        self.at(time.time() + self.dice.uniform(1.1, 3), self.end, build, state)

    def end(self, build, state):
        build["state"], build["finished"] = state, int(time.time())
        kind = self.dice.random()
        if kind > 0.06:  # below: fast_finish, and the last optional job passed
            self.tell(build)
        if kind > 0.95:  # fast_finish: once more for each optional job
            self.tell(build, duration=500)
        if build["restarts"] < 2 and self.dice.random() < 0.12:
            self.at(time.time() + self.dice.uniform(1.1, 2), self.restart, build)

    def restart(self, build):
        build.update(state="created", started=None, finished=None, restarts=build["restarts"] + 1)
        self.queue_up(build)

    # --- what is told ---

    def tell(self, build, duration=271):
        owner, name = build["slug"].split("/")
        payload = compose_payload(id=build["id"], slug=build["slug"], number=build["number"],
            state=build["state"], type=build["event_type"], branch=build["branch"],
            started_at=stamp(build["started"]), finished_at=stamp(build["finished"]),
            duration=None if build["finished"] is None else duration,
            pull_request=build["pull_request_number"] is not None,
            pull_request_number=build["pull_request_number"],
            build_url=f"https://{HOST}/{owner}/{name}/builds/{build['id']}")
        self.webhooks += 1
        if self.dice.random() < self.plan["lose"]:
            self.lost += 1
            return
        times = 2 if self.dice.random() < self.plan["repeat"] else 1
        for _ in range(times):
            late = self.dice.random() < self.plan["delay"]
            wait = self.dice.uniform(0, self.plan["late"]) if late else 0
            self.at(time.time() + wait, self.outbox.put, payload)

    def send(self):
        """One of the workers: what is not taken is never sent again."""
        signer, connection = Signer(self.plan["key"]), None
        while True:
            payload = self.outbox.get()
            try:
                connection = connection or http.client.HTTPConnection(
                    "127.0.0.1", self.plan["hooks"], timeout=30)
                connection.request("POST", "/hooks/travis/travis-com", form_encode(payload), {
                    "Signature": signer.sign(payload),
                    "Content-Type": "application/x-www-form-urlencoded"})
                taken = connection.getresponse()
                taken.read()
                if taken.status != 202:
                    self.lost += 1
            except (OSError, http.client.HTTPException):
                self.lost += 1
                connection.close()
                connection = None
            self.outbox.task_done()

    # --- what is answered ---

    def shown(self, build, slug=None):
        branch = {"@type": "branch", "name": build["branch"]}
        commit = {"@type": "commit", "sha": "8f2d6c1b0a9e7f5d3c1b0a9e7f5d3c1b0a9e7f5d",
            "message": "Weigh parcels twice\n\n\"Really\"", "compare_url": None}
        slug = slug or build["slug"]
        return {"@type": "build", "@href": f"/build/{build['id']}", "id": build["id"],
            "number": build["number"], "state": build["state"],
            "duration": 271 if build["finished"] else None, "event_type": build["event_type"],
            "previous_state": None, "pull_request_number": build["pull_request_number"],
            "started_at": stamp(build["started"]), "finished_at": stamp(build["finished"]),
            "repository": {"@type": "repository", "id": zlib.crc32(build["slug"].encode()),
                "name": slug.split("/")[1], "slug": slug},
            "branch": branch, "tag": None, "commit": commit,
            "jobs": [{"@type": "job", "id": build["id"] * 2}]}

    def page(self, slug, offset, limit, other=None):
        """As PostgreSQL sorts: of those that did not end first."""
        found = sorted(self.by_slug[slug], key=lambda b: (
            b["finished"] is not None, -(b["finished"] or 0), -b["id"]))[offset:offset + limit]
        return {"@type": "builds", "builds": [self.shown(b, other) for b in found]}

    def truth(self):
        return {"done": self.done, "webhooks": self.webhooks, "lost": self.lost,
            "calls": self.calls, "at_once": self.at_once,
            "builds": {b["id"]: {"state": b["state"], "started_at": stamp(b["started"]),
                "finished_at": stamp(b["finished"]),
                "slug": b["slug"]} for b in self.builds.values()}}


world = None


class Handler(travis_standin.Handler):
    def do_POST(self):
        with world.lock:
            order = self.body()
            world.down = order.get("down", world.down)
            world.limit = order.get("limit", world.limit)
            world.foreign = order.get("foreign", world.foreign)
        self.answer(200, {})

    def do_GET(self):
        if self.path == "/_truth":
            with world.lock:
                truth = world.truth()
            self.answer(200, truth)
            return
        with world.lock:
            world.calls.append(self.path)
            world.open += 1
            world.at_once = max(world.at_once, world.open)
        try:
            self.serve()
        finally:
            with world.lock:
                world.open -= 1

    def serve(self):
        with world.lock:
            if world.down:
                self.close_connection = True
                self.connection.close()
                return
            if world.limit > 0:
                world.limit -= 1
                self.send_response(429)
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            other = None
            if world.foreign > 0:
                world.foreign -= 1
                other = "acme/elsewhere"
            answer = self.find(other)
        if answer is not None:
            self.answer(200, answer)

    def find(self, other):
        path, _, query = self.path.partition("?")
        listed = re.fullmatch(r"/repo/([^/]+)/builds", path)
        one = re.fullmatch(r"/build/(\d+)", path)
        if listed:
            slug = urllib.parse.unquote(listed[1])
            asked = dict(urllib.parse.parse_qsl(query))
            assert asked["sort_by"] == "finished_at:desc", asked
            if self.allowed(slug if slug in world.by_slug else None):
                return world.page(slug, int(asked["offset"]), int(asked["limit"]), other)
            return None
        build = world.builds.get(int(one[1])) if one else None
        if self.allowed(build and build["slug"]):
            return world.shown(build, other)
        return None


def main():
    global world  # pylint: disable=global-statement
    world = World(json.loads(sys.argv[1]))
    server = travis_standin.Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    if sys.stdin.readline():  # a line: begin
        for _ in range(SENDERS):
            threading.Thread(target=world.send, daemon=True).start()
        threading.Thread(target=world.run, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
