#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The relay does what doc/openapi.json says, and the document says all that the relay does.

Answers are validated by the document's own schemas. What cannot be made to happen from outside is
excused by name.
"""

import contextlib
import http.client
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import TOP_SRC, Answer, compose_payload, connect, request, wait_until  # noqa: E402
from openapi import URN, Document  # noqa: E402
from test_triggers import OWNERS, SLUG, world  # noqa: E402

FULL = "both-secret-0123456789abc"
NARROW = "page-secret-0123456789abc"
UUID = "5f0c7f2e-6a53-8d0e-9a1b-2f7f5a1f7c11"

HERE = {"kind": "component", "namespace": "default", "name": "parcel-api", "slug": "acme%2Fparcel-api",
	"act": "restart"}

# Statuses that need a store that is broken, an answer of 16 MiB, or more requests than the relay has
# room for. (Of the last two, test_hostile.py and test_page.py have their own.)
NO_ROOM = {"500", "503"}


class Caller:
	"""Asks for the document's operations, and holds the answers against it."""

	def __init__(self, port, token=None):
		self.port = port
		self.token = token
		self.document = Document()

	def ask(self, operation_id, expect, body=None, query="", bearer=None, fields=None, **parts):
		path, method, operation = self.document.named(operation_id)
		target = path.format(**{**HERE, **parts}) + query
		headers = {"Authorization": f"Bearer {bearer or self.token}", **(fields or {})}
		headers = {n: v for n, v in headers.items() if v is not None}
		if isinstance(body, (dict, list)):
			body = json.dumps(body)
		answer = request(self.port, method, target, body=body, headers=headers)
		assert answer.status == expect, (operation_id, expect, answer)
		return self.document.check(operation, answer)


def problem(answer, kind):
	assert answer.json()["type"] == URN + kind, answer
	return answer


def credentials(w):
	"""A secret for all that there is, and one for each part."""
	def one(name, secret, *allow):
		path = os.path.join(w.daemon.dir, name)
		w.daemon.write(path, secret + "\n")
		os.chmod(path, 0o600)
		return {"name": name, "secret": {"file": path}, "allow": list(allow)}
	return [one("full", FULL, "builds", "page"), one("page", NARROW, "page"),
		one("builds", NARROW[::-1], "builds")]


@contextlib.contextmanager
def relay(box, *policy):
	with world(box, *policy, start=False) as w:
		w.daemon.config["credentials"] = credentials(w)
		w.daemon.start()
		yield w, Caller(w.api, w.token())


ACTS = ("restartBuild", "cancelBuild")
ORDERS = ("triggerBuild", *ACTS)
READS = ("listBuilds", "readBuild")
V3_ACTS = ("v3Act", "v3ActOfSite")
V3_READS = ("v3Builds", "v3Build", "v3BuildOfSite", "v3User")


# --- what the document says is done ---


def test_builds_are_ordered_and_followed_as_the_document_says(box):
	with relay(box, {**OWNERS, "env_override": True}) as (w, c):
		for number in (41, 42):
			w.daemon.accept(id=number, slug=SLUG, state="failed")
			w.travis.ask("POST", "/_control", {"build": {"id": number, "slug": SLUG, "state": "failed"}})
		example = c.document.named("triggerBuild")[2]["requestBody"]["content"]["application/json"]["example"]
		taken = [c.ask("triggerBuild", 202, example, fields={"Idempotency-Key": "k"})]
		assert c.ask("triggerBuild", 202, example, fields={"Idempotency-Key": "k"}).json()["repeated"]
		taken.append(c.ask("triggerBuild", 202))
		taken.append(c.ask("restartBuild", 202, {}, id=42))
		taken.append(c.ask("cancelBuild", 202, id=41))
		for answer in taken:
			trigger = answer.json()["trigger"]
			wait_until(lambda t=trigger: c.ask("readTrigger", 200, id=t).json()["state"] in
				("built", "refused"), "its end")
		assert c.ask("listBuilds", 200).json()["total"] == 2
		c.ask("readBuild", 200, id=42)

		for name in ORDERS:
			problem(c.ask(name, 400, {"colour": "red"}, id=42), "body")
			problem(c.ask(name, 400, id=42, fields={"Idempotency-Key": "k" * 256}), "key")
			problem(c.ask(name, 422, {"source": "nothing"}, id=42), "no-source")
			problem(c.ask(name, 422, {"on_behalf_of": "user:default/bob"}, id=42,
				fields={"Idempotency-Key": "k"}), "key-reused")
		for name in ORDERS + READS:
			problem(c.ask(name, 401, id=42, fields={"Authorization": None}), "token-missing")
			problem(c.ask(name, 401, id=42, bearer="a.b.c"), "token-refused")
			problem(c.ask(name, 403, id=42, bearer=w.token("mallory")), "access-denied")
			problem(c.ask(name, 404, id=42, name="unknown"), "entity-unknown")
			problem(c.ask(name, 404, id=42, name="a:b"), "not-found")
		for name in ACTS:
			problem(c.ask(name, 400, {"branch": "main"}, id=42), "body")
		for name in ACTS + ("readBuild",):
			problem(c.ask(name, 404, id=77), "build-unknown")
		group = {"kind": "group", "name": "payments"}
		for name in ORDERS + READS:
			problem(c.ask(name, 422, id=42, **group), "no-repository")
		problem(c.ask("readTrigger", 401, id=trigger_of(taken[0]), bearer="a.b.c"), "token-refused")
		problem(c.ask("readTrigger", 404, id=trigger_of(taken[0]), bearer=w.token("mallory")),
			"trigger-unknown")
		problem(c.ask("readTrigger", 404, id="5"), "not-found")
		# The next two tests have the others.
		assert not c.document.unseen(("Builds", "Triggers"), NO_ROOM | {"429"})


def trigger_of(answer):
	return answer.json()["trigger"]


def test_a_relay_that_starts_too_many_builds_says_when_to_come_again(box):
	with relay(box, OWNERS) as (w, c):
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		w.daemon.config["sources"][0].update(api_builds_per_hour=0,
			api_url=f"http://127.0.0.1:{harness.free_port()}")
		w.daemon.write_config()
		w.daemon.reload()
		path = c.document.named("triggerBuild")[0].format(**HERE)
		with contextlib.closing(connect(w.api)) as connection:
			status = 202
			while status == 202:
				connection.request("POST", path, headers={"Authorization": "Bearer " + c.token})
				status = Answer(connection.getresponse()).status
		assert status == 429
		for name in ORDERS:
			answer = problem(c.ask(name, 429, id=42), "too-many")
			assert int(answer.headers["Retry-After"]) > 0
		for name in V3_ACTS:
			assert int(c.ask(name, 429, id=42).headers["Retry-After"]) > 0


def test_what_cannot_be_answered_yet_is_answered_503_as_the_document_says(box):
	with world(box, OWNERS, start=False) as w:
		w.issuer.ask("POST", "/away")
		w.daemon.config["credentials"] = credentials(w)
		w.daemon.config["catalog"] = {}
		w.daemon.config["backstage"] = {"url": f"http://127.0.0.1:{harness.free_port()}",
			"token": {"file": credentials(w)[0]["secret"]["file"]}}
		w.daemon.start()
		c = Caller(w.api, w.token())
		for name in ORDERS + READS + ("readTrigger",):
			answer = c.ask(name, 503, id=UUID if name == "readTrigger" else 42)
			assert int(problem(answer, "keys-missing").headers["Retry-After"]) > 0
		for name in V3_READS + V3_ACTS:
			problem(c.ask(name, 503, id=42), "keys-missing")
		for name in ("v3Builds", "v3Build", "v3BuildOfSite"):
			assert int(c.ask(name, 503, id=42, bearer=FULL).headers["Retry-After"]) > 0
		w.issuer.ask("POST", "/back")
		wait_until(lambda: request(w.api, "GET", c.document.named("listBuilds")[0].format(**HERE),
			headers={"Authorization": "Bearer " + c.token}).json()["type"] == URN + "catalog-missing",
			"the keys are there and no catalog is")
		for name in ORDERS + READS:
			problem(c.ask(name, 503, id=42), "catalog-missing")
		for name in V3_ACTS:
			c.ask(name, 503, id=42)


def elsewhere(w, number):
	"""Tell of a build at another instance of Travis CI, which the relay cannot ask for anything."""
	payload = compose_payload(id=number, slug=SLUG, state="failed",
		build_url=f"https://travis.example.com/{SLUG}/builds/{number}")
	answer = w.daemon.post(payload, source="elsewhere")
	assert answer.status == 202, answer


def test_travis_cis_part_is_as_the_document_says(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["credentials"] = credentials(w)
		w.daemon.config["sources"].append({**w.daemon.config["sources"][0], "name": "elsewhere",
			"host": "travis.example.com"})
		for key in ("api_url", "api_token"):
			del w.daemon.config["sources"][1][key]
		w.daemon.start()
		c = Caller(w.api, FULL)
		for n in range(3):
			number, state = 41 + n, ("started", "failed", "passed")[n]
			w.daemon.accept(id=number, slug=SLUG, state=state)
			w.travis.ask("POST", "/_control", {"build": {"id": number, "slug": SLUG, "state": state}})
		for number in (43, 50):
			elsewhere(w, number)
		alice, mallory = w.token(), w.token("mallory")

		for bearer in (FULL, alice):
			c.ask("v3Builds", 200, bearer=bearer)
			assert len(c.ask("v3Builds", 200, query="?limit=1&offset=1&build.state=failed,passed",
				bearer=bearer).json()["builds"]) == 1
			c.ask("v3Builds", 400, query="?limit=x", bearer=bearer)
			c.ask("v3Builds", 501, query="?sort_by=id:asc", bearer=bearer)
			c.ask("v3User", 200, bearer=bearer)
			c.ask("v3Builds", 404, slug="acme%2Fsecret-plans", bearer=bearer)
			for name in ("v3Build", "v3BuildOfSite"):
				c.ask(name, 200, id=42, bearer=bearer)
				c.ask(name, 404, id=77, bearer=bearer)
		for name in V3_READS + V3_ACTS:
			c.ask(name, 401, id=42, fields={"Authorization": None})
			c.ask(name, 401, id=42, bearer="nobodys-secret-0123456789")
			problem(c.ask(name, 401, id=42, bearer="a.b.c"), "token-refused")
			c.ask(name, 403, id=42, bearer=NARROW)
			if name != "v3User":
				c.ask(name, 403, id=42, bearer=mallory)
		for name, act in zip(V3_ACTS, ("restart", "cancel")):
			assert c.ask(name, 202, id=42, act=act, bearer=alice).json()["state_change"] == act
			c.ask(name, 404, id=77, bearer=alice)
			c.ask(name, 409, id=43, bearer=alice)
			c.ask(name, 501, id=50, bearer=alice)
			problem(c.ask(name, 413, "x" * 2000, id=42, bearer=alice), "body-too-large")
		for bearer in (FULL, alice):
			for act in ("restart", "cancel", "priority"):
				if bearer == FULL or act == "priority":
					assert c.ask("v3Act", 403, id=42, act=act, bearer=bearer).json()["permission"] == act
		# The tests beside this one have these.
		assert not c.document.unseen(("Travis CI",), NO_ROOM | {"429"}), c.document.unseen(
			("Travis CI",), NO_ROOM | {"429"})


def test_the_page_its_parts_and_badges_are_as_the_document_says(box):
	with relay(box) as (w, c):
		c.token = FULL
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		tagged = ("readBadge", "readIcon", "readScript", "readStyle", "readDescription")
		for name in tagged + ("readPage", "readQuarantine"):
			answer = c.ask(name, 200)
			if name in tagged:
				c.ask(name, 304, fields={"If-None-Match": answer.headers["ETag"]})
			if name == "readDescription":
				assert answer.json() == c.document.root
				continue
			c.ask(name, 401, fields={"Authorization": None})
			c.ask(name, 403, bearer=NARROW[::-1])
		c.ask("readBadge", 404, name="unknown")
		problem(c.ask("readPage", 400, query="?state=purple"), "query")
		problem(c.ask("readQuarantine", 400, query="?after=x"), "query")
		c.ask("followPage", 401, fields={"Authorization": None})
		c.ask("followPage", 403, bearer=NARROW[::-1])
		with contextlib.closing(connect(w.api)) as connection:
			connection.request("GET", "/page/events", headers={"Authorization": "Bearer " + FULL})
			response = connection.getresponse()
			assert response.status == 200 and response.headers["Content-Type"] == "text/event-stream"
			c.document.seen.add(("followPage", "200"))
		assert not c.document.unseen(("Status page", "Description"), NO_ROOM)


def test_a_badge_for_everybody_and_the_document_need_no_credential(box):
	with world(box, start=False) as w:
		w.daemon.config["page"] = {"public_badges": True}
		w.daemon.start()
		c = Caller(w.api)
		c.ask("readBadge", 200, fields={"Authorization": None})
		c.ask("readDescription", 200, fields={"Authorization": None})


def test_what_is_no_request_is_answered_as_the_document_says_of_every_path(box):
	with relay(box, OWNERS) as (w, c):
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		for path, method, operation in c.document.operations():
			other = {"GET": "POST", "POST": "GET"}[method]
			target = path.format(**HERE, id=UUID if "triggers" in path else 42)
			user = path.startswith("/v1/")
			headers = {"Authorization": "Bearer " + (c.token if user else FULL)}

			def judged(way, expect, **more):
				fields = {**headers, **more.pop("fields", {})}
				answer = request(w.api, way, more.pop("at", target), headers=fields, **more)
				assert answer.status in expect, (way, target, answer)
				c.document.check(operation, answer)

			if other.lower() not in c.document.root["paths"][path]:
				# Travis CI's part says 403 to what is posted where it is read.
				judged(other, (405,))
			judged("BREW", (501,))
			judged(method, (414,), at=target + "?" + "a" * 3000)
			judged(method, (431,), fields={"X-Long": "a" * 60000})
			judged(method, (417,), fields={"Expect": "a miracle"})
			if method == "POST" and user:
				judged(method, (413,), body="{" + " " * 70000 + "}")


# --- what the relay does is in the document ---


def source(*names):
	for name in names:
		with open(os.path.join(TOP_SRC, "src", name), encoding="utf-8") as f:
			yield f.read()


def listener_sources():
	"""The files of what answers at listen.api."""
	for room, begin in (("io", "http"), ("daemon", "api"), ("daemon", "page"), ("daemon", "visitors"),
			("daemon", "admin_reply"), ("daemon", "admin_order")):
		for name in sorted(os.listdir(os.path.join(TOP_SRC, "src", room))):
			if name.startswith(begin) and name.endswith(".c"):
				yield f"{room}/{name}"


# Of admin_order.c, which reads the orders of operators too.
OPERATORS_ONLY = {"reason", "event-id"}


def test_every_type_of_problem_is_in_the_document_and_no_other(box):
	found = set()
	for text in source(*(n for n in listener_sources() if not n.startswith("daemon/api_builds"))):
		found |= set(re.findall(r'\.type = "([a-z-]+)"', text))
		found |= set(re.findall(r'(?:reply_problem|asking_refuse)\(\s*[\w>-]+, \d+, "([a-z-]+)"', text))
		found |= set(re.findall(r'\{ \d{3}, "([a-z-]+)" \}', text))
		found |= set(re.findall(r'return "(request-[a-z]+)"', text))
	document = Document()
	assert found - OPERATORS_ONLY == set(document.problem_types()), found ^ set(document.problem_types())
	described = document.root["components"]["schemas"]["ProblemType"]["description"]
	assert re.findall(r"^- `([a-z-]+)`", described, re.M) == document.problem_types()
	used = set(re.findall(URN + "([a-z-]+)", json.dumps(document.root["components"]["responses"])))
	assert used == set(document.problem_types()), used ^ set(document.problem_types())


def test_every_error_of_travis_cis_part_is_in_the_document_and_no_other(box):
	found = set()
	for text in source(*(n for n in listener_sources() if n.startswith("daemon/api_builds"))):
		for value in re.findall(r"\.type = ([^,;}]+)", text):
			found |= set(re.findall(r'"([a-z_]+)"', value))
	error = Document().root["components"]["schemas"]["V3Error"]["properties"]["error_type"]
	assert found == set(error["enum"]), found ^ set(error["enum"])


def words():
	"""Whatever stands in the source of what reads paths, cut at slashes."""
	found = set()
	for text in source("daemon/api_wish.c", "daemon/api_description.c", "daemon/page.c",
			"daemon/page_badge.c", "travis/v3_read.c"):
		for literal in re.findall(r'"(/?[a-z0-9./]+)"', text):
			found |= set(literal.strip("/").split("/"))
	return sorted(found)


class Line:
	"""Many requests over one connection, that is made anew where it ends."""

	def __init__(self, port):
		self.port = port
		self.connection = None

	def status(self, method, target, headers):
		for _ in range(2):
			if self.connection is None:
				self.connection = connect(self.port)
			try:
				self.connection.request(method, target, headers=headers)
				response = self.connection.getresponse()
			except (http.client.HTTPException, OSError):
				self.close()
				continue
			if response.headers["Content-Type"] != "text/event-stream":
				response.read()
			if response.headers["Content-Type"] == "text/event-stream" or response.will_close:
				self.close()
			return response.status
		raise AssertionError(f"no answer to {method} {target}")

	def close(self):
		if self.connection is not None:
			self.connection.close()
		self.connection = None


def targets(document, samples):
	"""Each word of the source, after nothing, each other, and each documented path and its beginnings."""
	beginnings = {""}
	for path in document.root["paths"]:
		whole = path.format(**samples)
		parts = whole.strip("/").split("/")
		beginnings |= {"".join("/" + p for p in parts[:n]) for n in range(1, len(parts) + 1)}
	tails = words() + [samples["id"], "x"]
	yield from (f"/{a}/{b}" for a in words() for b in words())
	for beginning in sorted(beginnings):
		yield beginning or "/"
		yield from (f"{beginning}/{tail}" for tail in tails)


def test_no_path_is_served_that_the_document_does_not_have(box):
	with relay(box, OWNERS) as (w, c):
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		items = c.document.root["paths"]
		known = [(pattern, "post" in items[path]) for path, pattern in c.document.templates()]
		line = Line(w.api)
		samples = {**HERE, "id": "42"}
		asked = 0
		for target in targets(c.document, samples):
			user = target.startswith(("/v1/entities", "/v1/triggers"))
			headers = {"Authorization": "Bearer " + (c.token if user else FULL)}
			plain = re.sub(r"^(/travisci/api|/v3)+(?=/)", "", target)
			fitting = [posts for pattern, posts in known if pattern.fullmatch(plain)]
			status = line.status("GET", target, headers)
			assert status == 404 or fitting, (target, status)
			if not any(fitting):
				status = line.status("POST", target, {**headers, "Content-Length": "0"})
				assert status in (404, 405), (target, status)
			asked += 1
		line.close()
		assert asked > 2000, asked


def test_head_is_answered_as_get_is_without_the_body(box):
	with relay(box, OWNERS) as (w, c):
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		trigger = c.ask("triggerBuild", 202).json()["trigger"]
		for path, method, operation in c.document.operations():
			if method != "GET" or operation["operationId"] == "followPage":
				continue
			user = path.startswith("/v1/")
			target = path.format(**HERE, id=trigger if "triggers" in path else 42)
			answer = request(w.api, "HEAD", target,
				headers={"Authorization": "Bearer " + (c.token if user else FULL)})
			assert answer.status == 200 and answer.body == b"", (target, answer)
			assert int(answer.headers["Content-Length"]) > 0, (target, answer.headers.items())


if __name__ == "__main__":
	harness.main(globals())
