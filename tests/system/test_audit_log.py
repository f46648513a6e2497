#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The audit log of real daemons, checked by stagewirectl and by Go's stock packages."""

import glob
import json
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time

from harness import (FIXTURES, STAGEWIRECTL, TOP_SRC, Skip, compose_payload, flat_entry, main,
	need_program, wait_until)

KILLS = int(os.environ.get("STAGEWIRE_KILLS", "10"))
GOCODE = "/usr/share/gocode"
ORIGIN = "relay.example/audit"


# --- tools --------------------------------------------------------------------


def audit(*args, expect=0):
	"""Run one of stagewirectl's commands that need no daemon, and return what it prints."""
	done = subprocess.run([STAGEWIRECTL, "audit", *args], capture_output=True, text=True,
		timeout=120)
	assert done.returncode == expect, f"audit {args}: {done}"
	return done.stdout


class Go:
	"""The verifier of tests/peers/tlog, built once for all tests of this file."""

	program = None

	@classmethod
	def build(cls):
		if cls.program is None:
			go = need_program("go")
			if not os.path.isdir(os.path.join(GOCODE, "src/golang.org/x/mod/sumdb")):
				raise Skip("golang-golang-x-mod-dev is not installed")
			cls.folder = tempfile.TemporaryDirectory(prefix="stagewire-go-")
			program = os.path.join(cls.folder.name, "verify")
			env = dict(os.environ, GO111MODULE="off", GOPATH=GOCODE, GOFLAGS="-p=1",
				GOCACHE=os.path.join(cls.folder.name, "cache"))
			subprocess.run([go, "build", "-o", program,
				os.path.join(TOP_SRC, "tests/peers/tlog/verify.go")], env=env, check=True)
			cls.program = program
		return cls.program

	@classmethod
	def run(cls, log, vkey, *checkpoints):
		return subprocess.run([cls.build(), log, vkey, *checkpoints], capture_output=True,
			text=True, timeout=120)


def log_of(daemon):
	return os.path.join(daemon.dir, "audit")


def read(*path):
	with open(os.path.join(*path), encoding="utf-8") as f:
		return f.read()


def vkey_of(daemon):
	return read(log_of(daemon), "vkey").strip()


def size_of(checkpoint):
	return int(checkpoint.splitlines()[1])


def entries_of(daemon):
	"""Every entry of the log, as it is in its bundles."""
	log, entries = log_of(daemon), []
	size = size_of(read(log, "checkpoint"))
	while len(entries) < size:
		name = f"tile/entries/{len(entries) // 256:03d}"
		if size - len(entries) < 256:
			name += f".p/{size - len(entries)}"
		with open(os.path.join(log, name), "rb") as f:
			data = f.read()
		while data:
			n = int.from_bytes(data[:2], "big")
			entries.append(data[2:2 + n])
			data = data[2 + n:]
	return entries


def audited(box, **options):
	daemon = box.daemon()
	daemon.config["audit"] = {"origin": ORIGIN, "interval": "100ms", **options}
	return daemon


def busy_run(box):
	"""A run with something of everything, stopped; and the checkpoints seen meanwhile."""
	daemon = audited(box).start()
	seen = []

	def look():
		path = os.path.join(daemon.dir, f"checkpoint.{len(seen)}")
		shutil.copy(os.path.join(log_of(daemon), "checkpoint"), path)
		seen.append(path)

	wait_until(lambda: os.path.exists(os.path.join(log_of(daemon), "checkpoint")), "a checkpoint")
	for _ in range(5):
		for _ in range(40):
			daemon.accept()
		look()
	daemon.accept(slug="acme/nobodys")
	assert daemon.post(compose_payload(), signature="AAAA").status == 403
	assert daemon.post(compose_payload(), source="no-such").status == 404
	daemon.reload()
	good = dict(daemon.config)
	daemon.config["nonsense"] = 1
	daemon.write_config()
	daemon.reload()
	daemon.config = good
	daemon.write_config()
	look()
	assert daemon.stop() == 0
	look()
	return daemon, seen


# --- tests --------------------------------------------------------------------


def test_a_log_of_a_real_run_is_right_for_us_and_for_stock_go(box):
	daemon, seen = busy_run(box)
	log, vkey = log_of(daemon), vkey_of(daemon)
	text = audit("verify", "--key", vkey, "--old-checkpoint", seen[0], log)
	assert text.startswith(f"ok {ORIGIN}: "), text
	done = Go.run(log, vkey, *seen)
	assert done.returncode == 0, done
	assert done.stdout == f"ok {len(entries_of(daemon))} entries, {len(seen) + 1} checkpoints\n", done


def test_the_log_has_what_the_store_has_to_the_last_entry(box):
	daemon, _ = busy_run(box)
	with sqlite3.connect(daemon.store) as db:
		rows = [entry.encode() for entry, in db.execute("SELECT entry FROM audit ORDER BY seq")]
	entries = entries_of(daemon)
	assert sorted(rows) == sorted(entries)
	flat = [flat_entry(json.loads(e)) for e in entries]
	assert flat[0]["action"] == "audit.open"
	assert flat[-1]["action"] == "daemon.stop" or flat[-2]["action"] == "daemon.stop", flat[-2:]


def test_every_kind_of_decision_is_in_it(box):
	daemon, _ = busy_run(box)
	flat = [flat_entry(json.loads(e)) for e in entries_of(daemon)]

	def some(**want):
		found = [e for e in flat if all(e.get(k) == v for k, v in want.items())]
		assert found, f"no {want}"
		return found[0]

	accept = some(action="webhook.accept", outcome="success", owners=["group:default/payments"])
	assert accept["entities"] == ["component:default/parcel-api"]
	assert accept["to"] == ["record"] and accept["actor"] and accept["address"] == "127.0.0.1"
	assert len(accept["payload_sha256"]) == 64 and accept["key"].startswith("sha256:")
	some(action="delivery.attempt", outcome="success", sink="record", event=accept["event"])
	some(action="webhook.accept", reason="no-entity", repository="acme/nobodys")
	some(action="webhook.refuse", outcome="denied", status=403, source="travis-com")
	some(action="webhook.refuse", outcome="denied", status=404)
	assert len(some(action="config.reload", outcome="success")["detail"]) == 64
	assert "nonsense" in some(action="config.reload", outcome="failure")["detail"]
	some(action="catalog.refresh", actor="stagewired")
	assert len(some(action="daemon.start")["detail"]) == 64
	some(action="daemon.stop")
	text = b"".join(entries_of(daemon))
	for private in (b"ada@example.com", b"s3cret-path", b"Weigh parcels"):
		assert private not in text, private


def test_entries_have_what_ocsf_requires(box):
	schemas = os.path.join(FIXTURES, "audit-schemas", "ocsf")
	if not os.path.isdir(schemas):
		raise Skip("needs ../shared/fixtures")

	def attributes(*path):
		with open(os.path.join(schemas, *path), encoding="utf-8") as f:
			schema = json.load(f)
		return {k: v for k, v in schema["attributes"].items() if k != "$include"}, schema

	def check(value, spec, schema, where):
		for name, attribute in spec.items():
			assert attribute.get("requirement") != "required" or name in value, f"{where}.{name}"
		for name in value:
			assert name in spec, f"{where}.{name} is not of this class"
			enum = spec[name].get("enum")
			assert not enum or not name.endswith("_id") or str(value[name]) in enum, \
				f"{where}.{name} = {value[name]}"
		one = (schema.get("constraints") or {}).get("at_least_one")
		assert not one or set(one) & set(value), f"{where}: none of {one}"

	base, _ = attributes("events", "base_event.json")
	own, schema = attributes("events", "api_activity.json")
	# An attribute's own file adds to what the base says of it.
	spec = {name: {**base.get(name, {}), **own.get(name, {})} for name in {**base, **own}}
	for name in ("activity_id", "category_uid", "class_uid"):
		spec[name]["enum"] = None
	objects = {"metadata": "metadata", "actor": "actor", "api": "api", "raw_data_hash": "fingerprint"}
	activities = {**base["activity_id"]["enum"], **own["activity_id"]["enum"]}
	daemon, _ = busy_run(box)
	entries = [json.loads(e) for e in entries_of(daemon)]
	assert entries
	for entry in entries:
		check(entry, spec, schema, "entry")
		assert (entry["category_uid"], entry["class_uid"]) == (6, schema["uid"] + 6000)
		assert str(entry["activity_id"]) in activities
		assert entry["type_uid"] == entry["class_uid"] * 100 + entry["activity_id"]
		assert entry["status"] == base["status_id"]["enum"][str(entry["status_id"])]["caption"]
		assert isinstance(entry["time"], int) and entry["time"] > 1600000000000
		for name, kind in objects.items():
			if name in entry:
				check(entry[name], *attributes("objects", kind + ".json"), name)
		if "response" in entry["api"]:
			check(entry["api"]["response"], *attributes("objects", "response.json"), "response")
		if "request" in entry["api"]:
			check(entry["api"]["request"], *attributes("objects", "request.json"), "request")
		# What these inherit is in files that are not here; what they must have is.
		_, endpoint = attributes("objects", "network_endpoint.json")
		for name in ("src_endpoint", "dst_endpoint"):
			assert name not in entry or \
				set(endpoint["constraints"]["at_least_one"]) & set(entry[name]), name


def test_receipts_and_bundles_check_without_the_daemon(box):
	daemon, _ = busy_run(box)
	log, vkey = log_of(daemon), vkey_of(daemon)
	receipt, entry = os.path.join(box.dir, "receipt"), os.path.join(box.dir, "entry")
	size = len(entries_of(daemon))
	for index in (0, 1, 255, 256, size - 1):
		daemon.write(receipt, audit("prove", "--log", log, "--key", vkey, str(index)))
		daemon.write(entry, audit("show", "--log", log, "--key", vkey, str(index)))
		assert f"entry {index} of {size}" in audit("verify", "--key", vkey, "--proof", receipt,
			"--entry", entry)
	daemon.write(entry, audit("show", "--log", log, "3"))
	assert "FAIL" in audit("verify", "--key", vkey, "--proof", receipt, "--entry", entry, expect=1)

	bundle = os.path.join(box.dir, "bundle.tar")
	audit("bundle", "--log", log, "--key", vkey, "--owner", "group:default/payments", "-o", bundle)
	assert audit("verify", "--key", vkey, bundle).startswith(f"ok {ORIGIN}: ")
	out = os.path.join(box.dir, "out")
	os.mkdir(out)
	subprocess.run(["tar", "-xf", bundle, "-C", out], check=True)
	table = read(out, "index.txt")
	assert "acme/parcel-api" in table and "acme/nobodys" not in table
	names = glob.glob(os.path.join(out, "entries", "*.json"))
	assert len(names) == len(table.split("DETAIL\n")[1].splitlines())
	for name in random.Random(4).sample(names, 5):
		audit("verify", "--key", os.path.join(out, "vkey"), "--proof",
			name.replace(".json", ".tlog-proof"), "--entry", name)


def test_one_flipped_bit_is_wrong_for_us_and_for_stock_go(box):
	daemon, _ = busy_run(box)
	vkey = vkey_of(daemon)
	Go.build()
	dice = random.Random(5)
	files = [os.path.join(folder, name) for folder, _, names in os.walk(log_of(daemon))
		for name in names]
	size = size_of(read(log_of(daemon), "checkpoint"))
	# Partial files of former checkpoints are ours to find: who checks the last one needs none.
	needed = [f for f in files if ".p/" not in f or f.endswith(f".p/{size % 256}") or
		(f"tile/1/" in f and f.endswith(f".p/{size // 256}"))]
	for path in needed + dice.choices(needed, k=10):
		if path.endswith("vkey"):
			continue
		with open(path, "r+b") as f:
			data = bytearray(f.read())
			at = dice.randrange(len(data))
			f.seek(at)
			f.write(bytes([data[at] ^ 1 << dice.randrange(8)]))
			f.flush()
			done = Go.run(log_of(daemon), vkey)
			assert done.returncode == 1 and "FAIL" in done.stdout, (path, at, done)
			assert "FAIL" in audit("verify", "--key", vkey, log_of(daemon), expect=1), (path, at)
			f.seek(at)
			f.write(bytes([data[at]]))
	audit("verify", "--key", vkey, log_of(daemon))


def test_kill_9_at_any_moment_leaves_a_log_that_goes_on(box):
	daemon = audited(box, sign_every=3, interval="100ms")
	daemon.config["log"]["level"] = "warning"
	dice = random.Random(6)
	seen, signed = [], 0
	for turn in range(KILLS):
		daemon.start()
		checkpoint = os.path.join(log_of(daemon), "checkpoint")
		wait_until(lambda: os.path.exists(checkpoint), "a checkpoint")
		end = time.monotonic() + dice.uniform(0, 0.2)
		while time.monotonic() < end:
			daemon.accept()
		daemon.kill()
		seen.append(os.path.join(daemon.dir, f"seen.{turn}"))
		shutil.copy(checkpoint, seen[-1])
		signed = size_of(read(seen[-1]))
		audit("verify", "--key", vkey_of(daemon), "--old-checkpoint", seen[0], log_of(daemon))
	daemon.start()
	assert daemon.stop() == 0
	audit("verify", "--key", vkey_of(daemon), "--old-checkpoint", seen[-1], log_of(daemon))
	with sqlite3.connect(daemon.store) as db:
		count, = db.execute("SELECT count(*) FROM audit").fetchone()
	assert len(entries_of(daemon)) == count > signed
	assert "audit.trouble" not in daemon.log()
	done = Go.run(log_of(daemon), vkey_of(daemon), *seen)
	assert done.returncode == 0, done


def test_an_altered_database_is_not_signed_and_the_relay_goes_on(box):
	daemon = audited(box).start()
	for _ in range(20):
		daemon.accept()
	daemon.stop()
	with sqlite3.connect(daemon.store) as db:
		db.execute("UPDATE audit SET entry = replace(entry, 'webhook.accept', 'webhook.refuse')"
			" WHERE seq = (SELECT max(seq) FROM audit WHERE entry LIKE '%webhook.accept%')")
	db.close()
	before = read(log_of(daemon), "checkpoint")
	daemon.start()
	status = wait_until(lambda: (s := daemon.ctl("status")["audit_log"])["state"] == "doubtful" and s,
		"the doubt")
	assert "is not in the store as it was published" in status["trouble"]
	assert "doubtful" in daemon.ctl_text("status")
	assert "stagewire_audit_log_trouble 1" in daemon.get("/metrics").body.decode()
	assert "audit.trouble" in daemon.log()
	daemon.wait_recorded(daemon.accept())
	daemon.restart()
	wait_until(lambda: daemon.ctl("status")["audit_log"]["state"] == "doubtful", "the doubt again")
	assert read(log_of(daemon), "checkpoint") == before

	# What is left to do: another log, which says after which it comes.
	daemon.config["audit"].update(origin=ORIGIN + "-2", directory=os.path.join(daemon.dir, "audit-2"))
	daemon.restart()
	wait_until(lambda: daemon.ctl("status")["audit_log"]["published"] > 0, "the new log")
	first = json.loads(audit("show", "--log", os.path.join(daemon.dir, "audit-2"), "0"))
	origin, size, root = before.splitlines()[:3]
	assert f"previous_origin={origin} previous_size={size} previous_root={root}" in first["message"]


def test_retention_takes_only_what_is_published_and_the_log_keeps_it(box):
	daemon = audited(box, interval="1m", sign_every=100000)
	daemon.config["retention"] = {"audit": "1s", "events": "1s", "deliveries": "1s"}
	daemon.start()
	first, *rest = [daemon.accept() for _ in range(30)]
	wait_until(lambda: daemon.ctl("status")["store"]["events"] == 1, "retention of the events")
	kept = daemon.ctl("audit", "--limit", "1000")
	published = daemon.ctl("status")["audit_log"]["published_seq"]
	assert kept[0]["seq"] <= published + 1, "an entry went before it was published"
	assert {e["event"] for e in kept if e["action"] == "webhook.accept"} >= {*rest}

	daemon.config["audit"]["interval"] = "100ms"
	daemon.write_config()
	daemon.reload()
	wait_until(lambda: len(daemon.ctl("audit", "--limit", "1000")) < 10, "what is published")
	daemon.restart()
	before = daemon.ctl("status")["audit_log"]["published_seq"]
	daemon.accept()
	wait_until(lambda: daemon.ctl("status")["audit_log"]["published_seq"] > before, "the next ones")
	assert daemon.stop() == 0
	audit("verify", "--key", vkey_of(daemon), log_of(daemon))
	entries = b"".join(entries_of(daemon)).decode()
	assert all(event in entries for event in [first, *rest])


def test_a_heartbeat_is_signed_when_nothing_happens(box):
	daemon = audited(box, heartbeat="300ms").start()
	wait_until(lambda: sum(e["action"] == "audit.heartbeat" for e in daemon.ctl("audit")) >= 2,
		"two heartbeats")
	published = daemon.ctl("status")["audit_log"]["published"]
	wait_until(lambda: daemon.ctl("status")["audit_log"]["published"] > published, "a checkpoint")


def test_checkpoints_are_kept_at_sinks_and_tell_of_another_log(box):
	daemon = audited(box, heartbeat="300ms")
	daemon.config["routes"].append({"name": "checkpoints", "to": ["record"],
		"when": {"type": ["dev.stagewire.audit.checkpoint"]}})
	daemon.start()
	daemon.accept()
	notes = wait_until(lambda: (n := [e["data"]["checkpoint"] for e in daemon.recorded()
		if e["type"] == "dev.stagewire.audit.checkpoint"]) and len(n) >= 2 and n, "checkpoints")
	assert daemon.stop() == 0
	kept = os.path.join(daemon.dir, "kept")
	for note in notes[0], notes[-1]:
		daemon.write(kept, note)
		audit("verify", "--key", vkey_of(daemon), "--old-checkpoint", kept, log_of(daemon))
	size = size_of(notes[0])
	daemon.write(kept, notes[0].replace(f"\n{size}\n", f"\n{size + 1}\n", 1))
	audit("verify", "--key", vkey_of(daemon), "--old-checkpoint", kept, log_of(daemon), expect=1)


def test_operators_hear_that_the_log_is_not_signed(box):
	daemon = audited(box)
	daemon.config["routes"].append({"name": "operators", "to": ["record"],
		"when": {"type": ["dev.stagewire.operator.*"]}})
	daemon.start()
	daemon.accept()
	daemon.stop()
	with sqlite3.connect(daemon.store) as db:
		db.execute("UPDATE audit SET entry = replace(entry, 'webhook.accept', 'webhook.refuse')")
	db.close()
	daemon.start()
	told = wait_until(lambda: [e for e in daemon.recorded()
		if e["type"] == "dev.stagewire.operator.audit.trouble"], "the alarm")[0]
	assert "not signed" in told["data"]["message"] and "published" in told["data"]["reason"]


def test_the_key_stays_with_its_log(box):
	daemon = audited(box).start()
	daemon.accept()
	daemon.stop()
	key = os.path.join(daemon.dir, "audit.key")
	assert os.stat(key).st_mode & 0o777 == 0o600
	os.rename(key, key + ".away")
	daemon.expect_exit = 1
	daemon.write_config()
	daemon.spawn()
	assert daemon.wait_exit() == 1
	assert "there is a log that it signed" in daemon.log()
	os.rename(key + ".away", key)
	daemon.expect_exit = 0
	daemon.start()
	daemon.accept()
	daemon.stop()
	audit("verify", log_of(daemon))


if __name__ == "__main__":
	main(globals())
