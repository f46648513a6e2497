#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The signed catalog push: what stand-ins for its senders tell is read again from Backstage."""

import os
import sqlite3
import sys
import time

from harness import fill, main, request, small_disk, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
# pylint: disable=wrong-import-position,import-error
from bus_standin import Backstage, component  # noqa: E402
from push_standin import PairKey, Plugin, Sender, SharedKey, post  # noqa: E402

SLUG = "acme/parcel-api"
REF = "component:default/parcel-api"
PATH = "/hooks/catalog/portal"
SECRET = b"a plugin's secret of some length"


def secret_files(daemon, name, texts):
	refs = []
	for number, text in enumerate(texts):
		path = os.path.join(daemon.dir, f"{name}-{number}")
		daemon.write(path, text + "\n")
		os.chmod(path, 0o600)
		refs.append({"file": path})
	return refs


def relay(box, *verifiers, **options):
	"""A daemon with a source 'portal' of those keys and a source 'plugin', and its Backstage."""
	backstage = Backstage()
	box.sinks.append(backstage)
	backstage.set("parcel-api", SLUG, "group:default/payments", "e1")
	daemon = box.daemon()
	daemon.config["backstage"] = {"url": backstage.url}
	daemon.config["catalog"] = {"refresh": "1h"}
	daemon.config["sources"] += [
		{"name": "portal", "type": "catalog", "protocol": "standard-webhooks",
			"secrets": secret_files(daemon, "portal", verifiers), **options},
		{"name": "plugin", "type": "catalog", "protocol": "forgedapps",
			"secrets": secret_files(daemon, "plugin", [SECRET.decode()])}]
	return daemon, backstage


def started(box, *verifiers, **options):
	daemon, backstage = relay(box, *verifiers, **options)
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["catalog"]["loaded"], "the catalog")
	return daemon, backstage


def counts(daemon, name="portal"):
	return next(s for s in daemon.ctl("status")["pushes"] if s["name"] == name)


def problem(answer):
	status, document, headers = answer
	assert headers["Content-Type"] == "application/problem+json", headers
	assert document["status"] == status
	assert status != 401 or headers["WWW-Authenticate"]
	return status, document["type"].rpartition(":")[2]


def ids(daemon):
	"""The ids that are known and the times that they were signed at."""
	with sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True) as db:
		rows = db.execute("SELECT CAST(key AS TEXT), CAST(value AS TEXT) FROM state"
			" WHERE ns = 'push'")
		return {key: int(at) for key, at in rows}


def pushes(daemon, action="push.accept"):
	return [e for e in daemon.ctl("audit") if e["action"] == action]


def test_a_push_changes_the_owner_at_once_without_a_subscription(box):
	key = SharedKey(b"one")
	daemon, backstage = started(box, key.verifier)
	reads, begin = backstage.reads, time.monotonic()
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	body, fields = Sender(key).request({"type": "entity.updated", "entityRef": REF, "data": {}},
		message="msg_1")
	status, answer, _ = post(daemon.hooks, PATH, body, fields)
	assert (status, answer) == (202, {"result": "accepted", "entities": 1, "changes": 1})
	wait_until(lambda: backstage.lookups == [[REF]], "the look-up")
	wait_until(lambda: "added=0 changed=1 removed=0" in daemon.log(), "the change")
	assert time.monotonic() - begin < 2
	assert backstage.reads == reads
	event = daemon.accept()
	assert "group:default/logistics" in str(daemon.wait_recorded(event))
	entry = pushes(daemon)[0]
	assert (entry["event"], entry["source"], entry["outcome"], entry["status"], entry["key"]) == (
		"msg_1", "portal", "success", 202, "shared"), entry
	page = daemon.get("/metrics").body.decode()
	assert 'stagewire_pushes_accepted_total{source="portal"} 1\n' in page
	assert 'stagewire_push_changes_total{source="portal"} 1\n' in page
	line = next(row for row in daemon.ctl_text("status").splitlines() if row.startswith("portal"))
	assert line.split()[:9] == ["portal", "standard-webhooks", "1", "1", "0", "0", "1", "1",
		counts(daemon)["last_at"]], line


def test_what_a_push_says_of_an_entity_is_not_believed(box):
	key = SharedKey(b"one")
	daemon, backstage = started(box, key.verifier)
	liar = component("parcel-api", "acme/other", "group:default/thieves", "e9")
	body, fields = Sender(key).request({"entity": liar, "action": "deleted"})
	assert post(daemon.hooks, PATH, body, fields)[0] == 202
	wait_until(lambda: backstage.lookups == [[REF]], "the look-up")
	event = daemon.accept()
	assert "group:default/payments" in str(daemon.wait_recorded(event))
	assert daemon.ctl("status")["catalog"]["entities"] == 1
	del backstage.catalog[REF]
	body, fields = Sender(key).request({"type": "entity.deleted", "entityRef": REF})
	assert post(daemon.hooks, PATH, body, fields)[0] == 202
	wait_until(lambda: daemon.ctl("status")["catalog"]["entities"] == 0, "the removal by proof")


def test_resync_and_what_names_no_entity_ask_for_a_whole_read(box):
	key = SharedKey(b"one")
	daemon, backstage = started(box, key.verifier)
	for payload in ({"type": "catalog.resync", "resync": True}, {"entityRef": "no reference"},
		{"entities": [{"kind": "Component"}]}, {"entities": ["x"]}):
		reads = backstage.reads
		body, fields = Sender(key).request(payload)
		assert post(daemon.hooks, PATH, body, fields)[0] == 202, payload
		wait_until(lambda seen=reads: backstage.reads > seen, f"the whole read for {payload}")
	body, fields = Sender(key).request({"type": "test.ping"})
	assert post(daemon.hooks, PATH, body, fields)[1] == {"result": "accepted", "entities": 0,
		"changes": 0}
	assert backstage.lookups == []


def test_keys_of_both_kinds_sign_and_are_rotated_by_a_reload(box):
	old, pair, new, stranger = SharedKey(b"old"), PairKey(box.dir), SharedKey(b"new"), SharedKey(b"x")
	daemon, _ = started(box, old.verifier, pair.verifier)
	for keys in ((old,), (pair,), (stranger, pair), (stranger, old)):
		body, fields = Sender(*keys).request({"entityRef": REF})
		assert post(daemon.hooks, PATH, body, fields)[0] == 202, keys
	assert {e["key"][:7] for e in pushes(daemon)} == {"shared", "sha256:"}
	body, fields = Sender(new).request({"entityRef": REF})
	assert problem(post(daemon.hooks, PATH, body, fields)) == (401, "signature-wrong")
	daemon.write(os.path.join(daemon.dir, "portal-0"), new.verifier + "\n")
	assert " reload " in daemon.reload()
	assert post(daemon.hooks, PATH, body, fields)[0] == 202
	body, fields = Sender(old).request({"entityRef": REF})
	assert problem(post(daemon.hooks, PATH, body, fields)) == (401, "signature-wrong")
	assert counts(daemon)["accepted"] == 5 and counts(daemon)["refused"] == 2


def test_a_replay_is_answered_and_has_no_effect_also_after_a_kill(box):
	key = SharedKey(b"one")
	daemon, backstage = started(box, key.verifier)
	body, fields = Sender(key).request({"entityRef": REF}, message="msg_once")
	assert post(daemon.hooks, PATH, body, fields)[1]["result"] == "accepted"
	wait_until(lambda: backstage.lookups == [[REF]], "the look-up")
	again = {"result": "duplicate", "entities": 1, "changes": 0}
	status, answer, _ = post(daemon.hooks, PATH, body, fields)
	assert (status, answer) == (202, again)
	daemon.kill()
	daemon.start()
	assert post(daemon.hooks, PATH, body, fields)[1] == again
	# Another attempt of the same message, signed anew.
	later = int(time.time()) + 9
	body, fields = Sender(key).request({"entityRef": REF}, message="msg_once", at=later)
	assert post(daemon.hooks, PATH, body, fields)[1] == again
	assert ids(daemon) == {"portal/msg_once": later}
	# A push that is followed, so that one that was followed before it would have been seen.
	body, fields = Sender(key).request({"entityRef": "component:default/other"})
	assert post(daemon.hooks, PATH, body, fields)[1]["result"] == "accepted"
	wait_until(lambda: len(backstage.lookups) == 2, "the look-up")
	assert backstage.lookups == [[REF], ["component:default/other"]]
	assert counts(daemon)["duplicates"] == 2
	assert len(pushes(daemon)) == 2


def test_what_was_told_before_a_kill_is_healed_by_the_start(box):
	key = SharedKey(b"one")
	daemon, backstage = started(box, key.verifier)
	backstage.unanswered = True
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	body, fields = Sender(key).request({"entityRef": REF})
	assert post(daemon.hooks, PATH, body, fields)[0] == 202
	wait_until(lambda: backstage.lookups == [[REF]], "the look-up")
	daemon.kill()
	backstage.answer_lookups()
	daemon.start()
	wait_until(lambda: "changed=1" in daemon.log(), "the read that a start owes")
	assert "group:default/logistics" in str(daemon.wait_recorded(daemon.accept()))


def test_a_look_up_that_fails_owes_a_whole_read_and_leaves_nothing_in_the_store(box):
	key = SharedKey(b"one")
	daemon, backstage = relay(box, key.verifier)
	daemon.config["backstage"]["timeout"] = "1s"
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["catalog"]["loaded"], "the catalog")
	reads = backstage.reads
	backstage.unanswered = True
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	body, fields = Sender(key).request({"entityRef": REF})
	assert post(daemon.hooks, PATH, body, fields)[0] == 202
	wait_until(lambda: backstage.reads > reads, "the whole read")
	wait_until(lambda: "changed=1" in daemon.log(), "the change")
	# What the bus told is kept there, and nobody follows the bus here.
	daemon.stop()
	with sqlite3.connect(daemon.store) as db:
		assert db.execute("SELECT count(*) FROM state WHERE ns = 'hint'").fetchone() == (0,)
	db.close()


def test_ids_are_forgotten_when_no_source_would_take_them(box):
	key = SharedKey(b"one")
	daemon, _ = started(box, key.verifier)
	body, fields = Sender(key).request({"entityRef": REF}, message="msg_new")
	assert post(daemon.hooks, PATH, body, fields)[0] == 202
	daemon.stop()
	with sqlite3.connect(daemon.store) as db:
		old, late = int(time.time()) - 2 * 3600 - 60, int(time.time()) - 2 * 3600 + 300
		for number in range(600):
			at = late if number == 300 else old
			db.execute("INSERT INTO state (ns, key, version, value) VALUES ('push', ?, 1, ?)",
				(f"portal/msg_old{number}", str(at)))
	db.close()
	daemon.start()
	wait_until(lambda: len(ids(daemon)) == 2, "the sweep")


def test_strangers_and_the_late_are_refused(box):
	key = SharedKey(b"one")
	daemon, backstage = started(box, key.verifier, tolerance="2m")
	now = int(time.time())
	good_body, good = Sender(key).request({"entityRef": REF}, message="msg_good", at=now)

	def changed(name, *values):
		return [f for f in good if f[0] != name] + [(name, v) for v in values]

	signature = dict(good)["webhook-signature"]
	cases = [
		(401, "signature-wrong", good_body + b" ", good),
		(401, "signature-wrong", good_body, changed("webhook-id", "msg_other")),
		(401, "signature-wrong", good_body, changed("webhook-timestamp", str(now + 1))),
		(401, "signature-wrong", *Sender(SharedKey(b"two")).request({"entityRef": REF})),
		(401, "signature-wrong", *Sender(PairKey(box.dir)).request({"entityRef": REF})),
		(401, "signature-wrong", good_body,
			changed("webhook-signature", signature.replace("v1,", "v1a,"))),
		(401, "signature-wrong", good_body, changed("webhook-signature", "v1,AAAA v2," + signature)),
		(401, "timestamp-stale", *Sender(key).request({"entityRef": REF}, at=now - 130)),
		(401, "timestamp-stale", *Sender(key).request({"entityRef": REF}, at=now + 180)),
		(401, "signature-missing", good_body, changed("webhook-id")),
		(401, "signature-missing", good_body, changed("webhook-timestamp")),
		(401, "signature-missing", good_body, changed("webhook-signature")),
		(400, "signature-malformed", good_body, changed("webhook-signature", "")),
		(400, "signature-malformed", good_body, changed("webhook-signature", signature, signature)),
		(400, "signature-malformed", good_body, changed("webhook-id", "msg_good", "msg_good")),
		(400, "signature-malformed", good_body,
			changed("webhook-signature", " ".join(["v1,AAAA"] * 8 + [signature]))),
		(400, "signature-malformed", good_body, changed("webhook-timestamp", f"{now}.0")),
		(400, "signature-malformed", good_body, changed("webhook-timestamp", "-1")),
		(400, "signature-malformed", *Sender(key).request({"entityRef": REF}, message="a.b")),
		(400, "signature-malformed", *Sender(key).request({"entityRef": REF}, message="x" * 201)),
		(415, "media-type", good_body, changed("Content-Type", "text/plain")),
		(415, "media-type", good_body, changed("Content-Type")),
		(400, "payload-malformed", *Sender(key).request(b"[]")),
		(400, "payload-malformed", *Sender(key).request(b"")),
		(400, "payload-malformed", *Sender(key).request(b'{"entityRef":"\xff"}')),
		(400, "payload-malformed", *Sender(key).request(b'{"entityRef":"a","entityRef":"b"}')),
		(400, "payload-malformed", *Sender(key).request(b'{"entityRef":"a\\u0000"}')),
		(413, "too-large", *Sender(key).request(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}")),
	]
	for status, kind, body, fields in cases:
		answer = post(daemon.hooks, PATH, body, fields)
		assert problem(answer) == (status, kind), (status, kind, body[:60], fields, answer)
	assert problem(post(daemon.hooks, "/hooks/catalog/nobody", good_body, good)) == (
		404, "source-unknown")
	assert problem(post(daemon.hooks, "/hooks/catalog/travis-com", good_body, good)) == (
		404, "source-unknown")
	assert request(daemon.hooks, "GET", PATH).status == 405
	assert counts(daemon)["refused"] == len(cases) + 1
	assert counts(daemon)["accepted"] == 0 and not ids(daemon) and backstage.lookups == []
	refused = pushes(daemon, "push.refuse")
	assert refused and all(e["outcome"] == "denied" and e["address"] == "127.0.0.1"
		for e in refused)
	# Nothing of all that has used the good one up.
	assert post(daemon.hooks, PATH, good_body, good)[0] == 202
	for secret in (key.verifier, key.verifier[6:], signature[3:]):
		assert secret not in daemon.log()


def test_a_body_over_the_sources_bound_is_refused_unread(box):
	key = SharedKey(b"one")
	daemon, _ = started(box, key.verifier, max_body="2KiB")
	body, fields = Sender(key).request({"entityRef": REF, "pad": "x" * 3000})
	assert problem(post(daemon.hooks, PATH, body, fields))[0] == 413
	body, fields = Sender(key).request({"entityRef": REF, "pad": "x" * 1000})
	assert post(daemon.hooks, PATH, body, fields)[0] == 202


def test_a_full_store_is_a_503_and_the_next_try_is_taken(box):
	key = SharedKey(b"one")
	disk = os.path.join(box.dir, "disk")
	with small_disk(disk, "4m"):
		daemon, backstage = relay(box, key.verifier)
		daemon.store = daemon.config["store"]["path"] = os.path.join(disk, "stagewire.db")
		daemon.config["audit"] = {"directory": os.path.join(box.dir, "audit")}
		daemon.start()
		wait_until(lambda: daemon.ctl("status")["catalog"]["loaded"], "the catalog")
		fill(os.path.join(disk, "filler"))
		body, fields = Sender(key).request({"entityRef": REF})

		def answer():
			return post(daemon.hooks, PATH, body, fields)

		status, document, headers = wait_until(lambda: (a := answer())[0] == 503 and a, "a refusal")
		assert document["type"].endswith((":storage", ":overloaded")), document
		assert int(headers["Retry-After"]) > 0
		# What could not be stored had its effect all the same: it could have been stored.
		wait_until(lambda: backstage.lookups, "the look-up")
		os.remove(os.path.join(disk, "filler"))
		wait_until(lambda: answer()[0] == 202, "the push to be taken")
		daemon.stop()


# --- the plugin --------------------------------------------------------------


def plugin_of(daemon, backstage, secret=SECRET):
	return Plugin(daemon.hooks, "plugin", secret, backstage.catalog)


def test_the_plugins_run_reads_again_what_has_changed_and_nothing_else(box):
	daemon, backstage = started(box, SharedKey(b"one").verifier)
	plugin = plugin_of(daemon, backstage)
	assert plugin.run()
	assert plugin.config == {}
	assert plugin.answers == [(202, {"result": "accepted", "entities": 1, "changes": 0})]
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	assert plugin.run()
	assert plugin.answers[0][1]["changes"] == 1
	wait_until(lambda: "changed=1" in daemon.log(), "the change")
	assert backstage.lookups == [[REF]]
	# A heartbeat.
	assert plugin.run()
	assert plugin.answers == [(202, {"result": "accepted", "entities": 0, "changes": 0})]
	assert len(pushes(daemon)) == 1


def test_an_aborted_run_that_is_sent_again_is_idempotent(box):
	daemon, backstage = started(box, SharedKey(b"one").verifier)
	plugin = plugin_of(daemon, backstage)
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	for number in range(120):  # of no interest to the relay
		backstage.add({"kind": "Component", "relations": [], "spec": {}, "metadata": {
			"name": f"plain-{number}", "uid": f"u{number}", "etag": "e", "annotations": {}}})
	assert not plugin.run(abort_after=2)
	wait_until(lambda: sum(map(len, backstage.lookups)) == 100, "the look-ups")
	wait_until(lambda: "changed=1" in daemon.log(), "the change")
	assert plugin.run()
	assert [a[1]["changes"] for a in plugin.answers] == [0, 0, 21]
	wait_until(lambda: sum(map(len, backstage.lookups)) == 121, "the rest")
	assert daemon.ctl("status")["catalog"]["entities"] == 1
	plugin.sent.clear()  # as after its restart
	assert plugin.run()
	assert [a[1]["changes"] for a in plugin.answers] == [0, 0, 0]


def test_a_there_and_back_again_is_told_right(box):
	daemon, backstage = started(box, SharedKey(b"one").verifier)
	plugin = plugin_of(daemon, backstage)
	assert plugin.run()
	for count, (slug, etag) in enumerate((("acme/else", "e2"), (SLUG, "e1"), ("acme/else", "e2")), 1):
		backstage.set("parcel-api", slug, "group:default/payments", etag)
		assert plugin.run()
		wait_until(lambda n=count: daemon.log().count("changed=1") == n, f"change {count}")


def test_the_plugin_is_not_believed_that_an_entity_is_gone(box):
	daemon, backstage = started(box, SharedKey(b"one").verifier)
	plugin = Plugin(daemon.hooks, "plugin", SECRET, {})  # a whole snapshot, without anything in it
	assert plugin.run()
	assert daemon.ctl("status")["catalog"]["entities"] == 1 and backstage.lookups == []


def test_the_plugins_signature_is_checked_on_its_question_too(box):
	daemon, backstage = relay(box, SharedKey(b"one").verifier)
	text = '{"kind":["component","group"]}'
	daemon.config["sources"][-1]["entity_filter"] = text
	daemon.start()
	plugin = plugin_of(daemon, backstage)
	assert plugin.run() and plugin.config == {"entityFilter": text}
	for secret, status, kind in ((b"another secret of some length", 401, "signature-wrong"),
		(None, 401, "signature-missing")):
		stranger = plugin_of(daemon, backstage, secret)
		assert not stranger.run() and stranger.config is None
		got, document = stranger.answers[0]
		assert (got, document["type"].rpartition(":")[2]) == (status, kind)
	path = "/hooks/catalog/plugin"
	for value in ("sha1=abc", "sha256=", "sha256=" + "0" * 63, "sha256=" + "0" * 65):
		assert problem(post(daemon.hooks, path, b"{}", [("Content-Type", "application/json"),
			("X-Hub-Signature-256", value)])) == (400, "signature-malformed")
	assert problem(post(daemon.hooks, path, None, [], "GET")) == (400, "query-unknown")


if __name__ == "__main__":
	main(globals())
