#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds that no webhook told are found by asking, and nobody is told anything twice.

Travis CI is a stand-in that loses, delays, repeats and reorders its webhooks
(tests/tools/builds_standin.py). STAGEWIRE_BUILDS says of how many builds, STAGEWIRE_SEED by
which dice; both are printed.
"""

import collections
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import hook_standin  # noqa: E402
from harness import PATIENCE_S, TOP_SRC, compose_payload, components, free_port, main  # noqa: E402
from harness import request, seconds, wait_until  # noqa: E402

BUILDS = int(os.environ.get("STAGEWIRE_BUILDS", "1000"))
SEED = int(os.environ.get("STAGEWIRE_SEED", random.randrange(1 << 30)))
BUILDS_A_SECOND = 250

STATES = ["queued", "started", "passed", "failed", "errored", "canceled"]

QUIET = {"seed": SEED, "builds": 0, "seconds": 0, "lose": 0, "delay": 0, "late": 0, "repeat": 0}


class Travis:
	"""The stand-in, as a child; it begins when it is told to."""

	def __init__(self, stack, daemon, slugs, **plan):
		plan = {**QUIET, "repositories": slugs, "hooks": daemon.hooks,
			"key": daemon.config["sources"][0]["public_keys"][0][:-len(".pub")], **plan}
		self.process = subprocess.Popen([sys.executable,
			os.path.join(TOP_SRC, "tests", "tools", "builds_standin.py"), json.dumps(plan)],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		stack.callback(self.stop)
		self.port = int(self.process.stdout.readline())

	def stop(self):
		self.process.stdin.close()
		self.process.wait(PATIENCE_S)
		self.process.stdout.close()

	def begin(self):
		self.process.stdin.write("\n")
		self.process.stdin.flush()

	def truth(self):
		return request(self.port, "GET", "/_truth").json()

	def calls(self):
		return self.truth()["calls"]

	def order(self, **order):
		assert request(self.port, "POST", "/_control", json.dumps(order)).status == 200


def secret(daemon):
	path = os.path.join(daemon.dir, "travis.token")
	daemon.write(path, "acme-token\n")
	os.chmod(path, 0o600)
	return {"file": path}


def use(daemon, travis, slugs, **heal):
	daemon.config["sources"][0].update(api_url=f"http://127.0.0.1:{travis.port}",
		api_token=secret(daemon), heal={"enabled": True, "every": "1s", "unfinished_after": "2s",
			"window": "1h", "rate": 6000, **heal})
	daemon.write(daemon.catalog_path, components(slugs))


def use_hook(box, daemon):
	hook = hook_standin.Hook(hook_standin.answers(200))
	box.sinks.append(hook)
	daemon.config["log"]["level"] = "info"
	daemon.config["sinks"] = [{"name": "owners", "type": "http", "url": hook.url, "inflight": 16,
		"mode": "structured", "allow": [f"127.0.0.0/8:{hook.port}", f"[::1/128]:{hook.port}"]}]
	daemon.config["routes"] = [{"name": "everything", "to": ["owners"]}]
	return hook


def told(hook):
	"""What the owners were told of builds, each event once: a repeat has the same id."""
	events = {}
	for post in list(hook.posts()):
		event = json.loads(post.body)
		if "customData" in event["data"]:
			events[event["id"]] = event["data"]["customData"]["stagewire"]["build"]
	return events


def rows(daemon):
	"""The builds in the store: how far the latest attempt of each came, and when it began."""
	with contextlib.closing(sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)) as db:
		return {str(n): (STATES[state], began) for n, state, began
			in db.execute("SELECT id, state, started_ms FROM build")}


def differences(daemon, truth):
	known = rows(daemon)
	true = {n: (b["state"], int(seconds(b["started_at"]) * 1000) if b["started_at"] else -1)
		for n, b in truth["builds"].items()}
	return {n: (known.get(n), state) for n, state in true.items() if known.get(n) != state}


def await_truth(daemon, travis, timeout):
	truth = wait_until(lambda: (t := travis.truth())["done"] and t, "all that happens", timeout)

	def agrees():
		left = differences(daemon, truth)
		if left:
			time.sleep(0.2)
		return not left
	try:
		wait_until(agrees, "the store to know of all builds", 60)
	except AssertionError as e:
		left = differences(daemon, truth)
		raise AssertionError(f"{e}: {len(left)}: {list(left.items())[:10]}; "
			f"{daemon.ctl('status')['gaps']}; {travis.calls()[-5:]}") from None
	return travis.truth()


def await_delivered(daemon):
	wait_until(lambda: daemon.ctl("status")["store"]["pending"] == 0, "deliveries", 60)


def check_told(hook, truth):
	"""No state of an attempt twice, and of each build its true end once."""
	builds = told(hook).values()
	states = collections.Counter((b["id"], b["attempt"], b["state"]) for b in builds)
	assert [s for s, n in states.items() if n > 1] == [], "told twice"
	# Of two attempts that were canceled before they began, only the end tells which is which.
	ends = collections.Counter((str(b["id"]), b["state"], b["startedAt"], b["finishedAt"])
		for b in builds)
	wrong = [(n, b) for n, b in truth["builds"].items()
		if ends[(n, b["state"], b["started_at"], b["finished_at"])] != 1]
	words = {n: [(b["attempt"], b["state"], b["startedAt"], b["finishedAt"], b.get("backfilled"))
		for b in builds if str(b["id"]) == n] for n, _ in wrong[:3]}
	assert wrong == [], f"{len(wrong)} ends were not told once: {wrong[:3]}, but {words}"
	return builds


def report(begin, truth, builds):
	found = sum(1 for b in builds if b.get("backfilled"))
	print(f"# seed {SEED}: {len(truth['builds'])} builds, {truth['webhooks']} webhooks of which "
		f"{truth['lost']} were lost; {len(builds)} events, {found} of them found by asking in "
		f"{len(truth['calls'])} calls, {truth['at_once']} at once; {time.monotonic() - begin:.1f} s",
		flush=True)
	assert found > 0 and truth["lost"] > 0 and truth["at_once"] <= 2, truth["at_once"]


UNRELIABLE = {"lose": 0.25, "delay": 0.15, "late": 4, "repeat": 0.1}


def test_each_build_ends_in_its_true_state_and_is_told_once_whatever_webhooks_do(box):
	print(f"# seed {SEED}", flush=True)
	slugs = [f"acme/service-{i}" for i in range(20)]
	begin = time.monotonic()
	with contextlib.ExitStack() as stack:
		daemon = box.daemon()
		hook = use_hook(box, daemon)
		length = max(5, BUILDS / BUILDS_A_SECOND)
		travis = Travis(stack, daemon, slugs, builds=BUILDS, seconds=length, **UNRELIABLE)
		use(daemon, travis, slugs)
		daemon.start()
		travis.begin()
		truth = await_truth(daemon, travis, length + 120)
		await_delivered(daemon)
		report(begin, truth, check_told(hook, truth))


def world(box, stack, slugs, **plan):
	"""A daemon whose Travis loses all webhooks, if plan does not say otherwise."""
	daemon = box.daemon()
	hook = use_hook(box, daemon)
	travis = Travis(stack, daemon, slugs, **{"lose": 1, "seconds": 1, **plan})
	use(daemon, travis, slugs)
	return daemon, hook, travis


SLUGS = ["acme/parcel-api", "acme/scales"]


def backfills(daemon):
	return [e for e in daemon.ctl("audit", "--limit", "1000") if e["action"] == "build.backfill"]


def test_a_kill_in_the_middle_loses_nothing_and_tells_nothing_twice(box):
	slugs = [f"acme/service-{i}" for i in range(5)]
	begin = time.monotonic()
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, slugs, builds=200, seconds=6, **UNRELIABLE)
		daemon.start()
		travis.begin()
		for many in (40, 80):
			wait_until(lambda n=many: len(told(hook)) > n, "some events")
			daemon.kill()
			daemon.start()
		truth = await_truth(daemon, travis, 60)
		await_delivered(daemon)
		report(begin, truth, check_told(hook, truth))


def test_what_is_found_is_marked_and_a_webhook_that_comes_later_changes_nothing(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=20)
		daemon.start()
		travis.begin()
		truth = await_truth(daemon, travis, 30)
		await_delivered(daemon)
		builds = check_told(hook, truth)
		assert all(b["backfilled"] is True for b in builds), builds
		entries = backfills(daemon)
		assert len(entries) == len(builds), entries
		for e in entries:
			assert e["source"] == "travis-com" and "API" in e["detail"], e
			assert "key" not in e and "address" not in e and e["owners"], e
		for n, b in truth["builds"].items():
			answer = daemon.post(compose_payload(id=int(n), slug=b["slug"], state=b["state"],
				started_at=b["started_at"]))
			assert answer.status == 202, answer
			assert answer.json()["result"] in ("updated", "late", "duplicate"), answer
		await_delivered(daemon)
		assert len(told(hook)) == len(builds)
		assert differences(daemon, truth) == {}
		status, = daemon.ctl("status")["gaps"]
		assert status["found"] == len(builds) and status["unfinished"] == 0, status


def test_where_all_is_known_a_look_at_each_list_is_all_that_is_asked(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=20, lose=0)
		daemon.start()
		travis.begin()
		await_truth(daemon, travis, 30)
		await_delivered(daemon)
		before = len(travis.calls()), len(told(hook)), len(daemon.ctl("audit"))
		wait_until(lambda: len(travis.calls()) >= before[0] + 12, "more calls")
		more = travis.calls()[before[0]:]
		assert {c.partition("?")[0] for c in more} == \
			{"/repo/acme%2Fparcel-api/builds", "/repo/acme%2Fscales/builds"}, more
		after = len(told(hook)), len(daemon.ctl("audit"))
		assert after == before[1:], (before, after)


def test_what_was_missed_while_the_relay_was_stopped_is_found(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=60)
		daemon.start()
		wait_until(travis.calls, "a call")
		assert daemon.stop() == 0
		travis.begin()
		wait_until(lambda: travis.truth()["done"], "all that happens")
		daemon.start()
		truth = await_truth(daemon, travis, 30)
		await_delivered(daemon)
		check_told(hook, truth)


def test_what_ended_before_it_was_first_enabled_is_not_told(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=20)
		daemon.config["sources"][0]["heal"]["enabled"] = False
		daemon.start()
		travis.begin()
		truth = wait_until(lambda: (t := travis.truth())["done"] and t, "all that happens")
		end = time.time() + 3  # the end of a build is read twice, and told in whole seconds
		wait_until(lambda: time.time() > end, "that it is past")
		assert travis.calls() == []
		daemon.config["sources"][0]["heal"]["enabled"] = True
		daemon.write_config()
		daemon.reload()
		wait_until(lambda: len(travis.calls()) >= 6, "calls")
		assert told(hook) == {} and rows(daemon) == {}
		# But one that is known, and of which the end was not told, is asked for.
		number, build = next((n, b) for n, b in truth["builds"].items() if b["started_at"])
		daemon.accept(id=int(number), slug=build["slug"], state="started",
			started_at=build["started_at"])
		wait_until(lambda: rows(daemon)[number][0] == build["state"], "its end")


def test_before_there_is_a_catalog_nothing_is_asked(box):
	with contextlib.ExitStack() as stack:
		daemon, _, travis = world(box, stack, SLUGS, builds=5)
		daemon.config["catalog"] = {}
		daemon.config["backstage"] = {"url": f"http://127.0.0.1:{free_port()}",
			"token": secret(daemon)}
		daemon.start()
		travis.begin()
		daemon.accept(state="started", slug="acme/scales")
		wait_until(lambda: daemon.ctl("status")["catalog"].get("trouble"), "no catalog")
		truth = wait_until(lambda: (t := travis.truth())["done"] and t, "all that happens")
		assert truth["calls"] == [], truth["calls"]


def test_while_the_api_is_down_nothing_is_lost(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=20)
		travis.order(down=True)
		daemon.start()
		travis.begin()
		wait_until(lambda: travis.truth()["done"], "all that happens")
		status = wait_until(lambda: (s := daemon.ctl("status")["gaps"][0])["failures"] > 1 and s,
			"failures")
		assert status["trouble"] and told(hook) == {}, status
		travis.order(down=False)
		truth = await_truth(daemon, travis, 30)
		await_delivered(daemon)
		check_told(hook, truth)


def test_a_limit_is_kept_to(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=10)
		travis.order(limit=2)
		begin = time.monotonic()
		daemon.start()
		travis.begin()
		wait_until(lambda: len(travis.calls()) >= 3, "calls")
		# Each of the first two was answered 429 with Retry-After: 1.
		assert time.monotonic() - begin >= 2, travis.calls()
		truth = await_truth(daemon, travis, 30)
		await_delivered(daemon)
		check_told(hook, truth)


def test_an_answer_about_another_repository_is_not_believed(box):
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, SLUGS, builds=10)
		travis.order(foreign=4)
		daemon.start()
		travis.begin()
		wait_until(lambda: "another repository" in daemon.log(), "a complaint")
		truth = await_truth(daemon, travis, 30)
		await_delivered(daemon)
		check_told(hook, truth)
		with contextlib.closing(sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)) as db:
			assert {r for r, in db.execute("SELECT repository FROM build")} <= set(SLUGS)


def test_a_token_that_is_not_taken_is_told_once_and_again_when_it_is(box):
	def told_of(kind):
		return [p for p in hook.posts()
			if f"dev.stagewire.operator.gaps.{kind}".encode() in p.body]
	with contextlib.ExitStack() as stack:
		daemon, hook, travis = world(box, stack, ["acme/scales"], builds=5)
		daemon.config["routes"].append({"name": "troubles", "to": ["owners"],
			"when": {"type": ["dev.stagewire.operator.*"]}})
		token = daemon.config["sources"][0]["api_token"]["file"]
		daemon.write(token, "bad\n")
		daemon.start()
		travis.begin()
		wait_until(lambda: told_of("refused"), "the alarm")
		daemon.write(token, "acme-token\n")
		truth = await_truth(daemon, travis, 30)
		await_delivered(daemon)
		check_told(hook, truth)
		wait_until(lambda: told_of("recovered"), "the end of the alarm")
		assert len(told_of("refused")) == 1 and len(told_of("recovered")) == 1


def test_a_build_without_an_end_is_given_up_at_last(box):
	with contextlib.ExitStack() as stack:
		daemon, _, travis = world(box, stack, SLUGS)
		use(daemon, travis, SLUGS, window="10s")
		daemon.start()
		daemon.accept(state="started", slug="acme/scales")
		wait_until(lambda: daemon.ctl("status")["gaps"][0]["unfinished"] == 1, "it is watched")
		entry, = wait_until(lambda: [e for e in daemon.ctl("audit")
			if e["action"] == "build.abandon"], "it is given up")
		assert entry["repository"] == "acme/scales" and entry["outcome"] == "failure", entry
		status, = daemon.ctl("status")["gaps"]
		assert status["abandoned"] == 1 and status["unfinished"] == 0, status


if __name__ == "__main__":
	main(globals())
