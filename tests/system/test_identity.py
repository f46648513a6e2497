#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens that the relay signs itself, and the keys that it publishes for them."""

import base64
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import HttpSink, need_program, request, wait_until  # noqa: E402

JWKS = "/.well-known/jwks.json"
VERIFY = """
const crypto = require('crypto'), {jwk, token} = JSON.parse(require('fs').readFileSync(0));
const [head, claims, signature] = token.split('.');
process.stdout.write(String(crypto.verify(null, Buffer.from(head + '.' + claims),
	crypto.createPublicKey({key: jwk, format: 'jwk'}), Buffer.from(signature, 'base64url'))));
"""


def part(token, n):
	text = token.split(".")[n]
	return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def relay(box, **identity):
	"""A daemon that identifies itself to a stand-in for Backstage, and the stand-in."""
	daemon, sink = box.daemon(), HttpSink()
	box.sinks.append(sink)
	daemon.use_bus(sink)
	daemon.keys = harness.free_port()
	daemon.config["listen"]["keys"] = [f"127.0.0.1:{daemon.keys}"]
	daemon.config["backstage"] = {"url": sink.url,
		"identity": {"issuer": "https://relay.example", **identity}}
	return daemon.start(), sink


def published(daemon):
	return {k["kid"]: k for k in request(daemon.keys, "GET", JWKS).json()["keys"]}


def token_of_a_delivery(daemon, sink):
	before = len(sink.requests)
	daemon.accept()
	wait_until(lambda: len(sink.requests) > before, "the event at the sink")
	scheme, token = sink.requests[-1][1]["Authorization"].split(" ")
	assert scheme == "Bearer"
	return token


def key_path(daemon):
	return os.path.join(daemon.dir, "identity.key")


def key_lines(daemon):
	with open(key_path(daemon), encoding="ascii") as f:
		return f.read().splitlines()


def make_older(daemon, days):
	"""As if the key had been made so long ago; its file is from now."""
	seed, _ = key_lines(daemon)
	made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400))
	daemon.write(key_path(daemon), f"{seed}\n{made}\n")


def verify(token, keys):
	node = need_program("node")
	jwk = keys[part(token, 0)["kid"]]
	done = subprocess.run([node, "-e", VERIFY], input=json.dumps({"jwk": jwk, "token": token}),
		capture_output=True, text=True, timeout=60, check=True)
	return done.stdout == "true"


def test_a_token_is_good_by_the_published_key_for_another_implementation(box):
	daemon, sink = relay(box)
	token = token_of_a_delivery(daemon, sink)
	claims = part(token, 1)
	assert claims["iss"] == "https://relay.example", claims
	assert claims["aud"] == "backstage-external", claims
	assert claims["sub"] == "stagewire", claims
	assert claims["exp"] - claims["iat"] == 600, claims
	assert abs(claims["iat"] - time.time()) < 60, claims
	assert verify(token, published(daemon))
	head, body, signature = token.split(".")
	other = ("A" if signature[0] != "A" else "B") + signature[1:]
	assert not verify(f"{head}.{body}.{other}", published(daemon))


def test_the_listener_serves_public_keys_and_nothing_else(box):
	daemon, _ = relay(box)
	answer = request(daemon.keys, "GET", JWKS)
	assert answer.headers["Cache-Control"] == "public, max-age=60"
	keys = answer.json()["keys"]
	assert len(keys) == 1 and set(keys[0]) == {"kty", "crv", "x", "kid", "alg", "use"}, keys
	assert request(daemon.keys, "POST", JWKS).status == 405
	for path in ("/", "/healthz", "/metrics", "/v1/status", "/hooks/travis/travis-com"):
		assert request(daemon.keys, "GET", path).status == 404, path
	assert request(daemon.hooks, "GET", JWKS).status != 200
	key = os.path.join(daemon.dir, "identity.key")
	assert os.stat(key).st_mode & 0o777 == 0o600
	with open(key, encoding="utf-8") as f:
		assert f.readline().strip() not in daemon.log()


def test_an_old_key_is_replaced_and_signs_until_the_new_one_is_known(box):
	daemon, sink = relay(box, overlap="3s")
	first = part(token_of_a_delivery(daemon, sink), 0)["kid"]
	daemon.stop()
	make_older(daemon, 31)
	daemon.start()
	keys = wait_until(lambda: len(published(daemon)) == 2 and published(daemon), "two keys")
	token = token_of_a_delivery(daemon, sink)
	assert part(token, 0)["kid"] == first
	assert verify(token, keys)

	def signed_anew():
		token = token_of_a_delivery(daemon, sink)
		assert verify(token, keys)
		return part(token, 0)["kid"] != first
	wait_until(signed_anew, "a token by the new key")
	assert set(published(daemon)) == set(keys)
	entries = [e for e in daemon.ctl("audit")
		if e["action"] == "key.rotate"]
	assert [e["detail"] for e in entries] == [k for k in keys if k != first], entries
	assert all(e["outcome"] == "success" for e in entries), entries


def test_a_token_and_an_identity_at_once_are_refused(box):
	daemon, _ = relay(box)
	daemon.config["backstage"]["token"] = {"env": "TOKEN"}
	daemon.write_config()
	done = subprocess.run([harness.STAGEWIRED, "--check-config", "--config", daemon.config_path],
		capture_output=True, text=True, timeout=60, check=False)
	assert done.returncode != 0
	assert "a token or an identity, not both" in done.stderr, done.stderr
	assert f"{daemon.config_path}:" in done.stderr, done.stderr


def test_a_key_is_as_old_as_it_says_whatever_its_file_is(box):
	daemon, _ = relay(box)
	lines, first = key_lines(daemon), set(published(daemon))
	daemon.stop()
	long_ago = time.time() - 400 * 86400
	os.utime(key_path(daemon), (long_ago, long_ago))
	daemon.start()
	assert key_lines(daemon) == lines and set(published(daemon)) == first
	assert daemon.ctl("status")["identity"]["age_s"] < 3600
	# One from before keys had a time gets its file's, once.
	daemon.stop()
	daemon.write(key_path(daemon), lines[0] + "\n")
	ago = time.time() - 20 * 86400
	os.utime(key_path(daemon), (ago, ago))
	daemon.start()
	identity = daemon.ctl("status")["identity"]
	assert 20 * 86400 <= identity["age_s"] < 20 * 86400 + 3600, identity
	assert key_lines(daemon) == [lines[0], identity["made_at"]]
	assert os.stat(key_path(daemon)).st_mode & 0o777 == 0o600


def test_status_says_who_we_are_and_until_when(box):
	daemon, sink = relay(box, subject="instance-a", rotate="10d")
	kid = part(token_of_a_delivery(daemon, sink), 0)["kid"]
	identity = daemon.ctl("status")["identity"]
	assert identity["issuer"] == "https://relay.example" and identity["subject"] == "instance-a"
	assert identity["key"] == identity["signing"] == kid
	rows = dict(row.split(None, 1) for row in daemon.ctl_text("status").splitlines()
		if len(row.split(None, 1)) == 2)
	assert rows["subject"] == "instance-a" and rows["key"] == kid, rows
	assert rows["made"] == identity["made_at"], rows
	text = daemon.ctl_text("status")
	assert "\nbus          not followed\n" in text, text
	assert "signs now    " + kid in text and "next key     " + identity["next_at"] in text, text


def test_a_reload_changes_who_we_are_and_turns_it_off_and_on(box):
	daemon, sink = relay(box)
	backstage = daemon.config["backstage"]
	kid = part(token_of_a_delivery(daemon, sink), 0)["kid"]
	for change in ({"subject": "another"}, {"issuer": "https://moved.example"},
		{"audience": "backstage-other"}):
		backstage["identity"].update(change)
		daemon.write_config()
		assert " reload " in daemon.reload()
		token = token_of_a_delivery(daemon, sink)
		claims = part(token, 1)
		want = backstage["identity"]
		assert claims["iss"] == want["issuer"], claims
		assert claims["sub"] == want.get("subject", "stagewire"), claims
		assert claims["aud"] == want.get("audience", "backstage-external"), claims
		assert part(token, 0)["kid"] == kid and verify(token, published(daemon))
	token_file = os.path.join(daemon.dir, "token")
	identity = backstage.pop("identity")
	backstage["token"] = {"file": token_file}
	daemon.write_config()
	assert " reload " in daemon.reload()
	assert token_of_a_delivery(daemon, sink) == "token-0123456789abcdef"
	assert "identity" not in daemon.ctl("status")
	del backstage["token"]
	backstage["identity"] = identity
	daemon.write_config()
	assert " reload " in daemon.reload()
	assert part(token_of_a_delivery(daemon, sink), 0)["kid"] == kid
	# What is wrong changes nothing.
	backstage["identity"] = {"subject": "nobody"}
	daemon.write_config()
	line = daemon.reload()
	assert "reload.refused" in line and "backstage.identity needs an 'issuer'" in line, line
	assert part(token_of_a_delivery(daemon, sink), 1)["sub"] == "another"


def test_a_key_file_that_is_none_or_open_to_others_stops_the_start(box):
	daemon, _ = relay(box)
	seed, made = key_lines(daemon)
	daemon.stop()
	for text, mode, word in (
		("no key at all\n", 0o600, "is not 32 bytes in base64"),
		("", 0o600, "is not 32 bytes in base64"),
		(f"{seed}\nyesterday\n", 0o600, "the time it was made at"),
		(f"{seed}\n{made}\n{made}\n", 0o600, "the time it was made at"),
		(f"{seed}\n{made}\n", 0o640, "others may read or write it"),
		(f"{seed}\n{made}\n", 0o604, "others may read or write it")):
		daemon.write(key_path(daemon), text)
		os.chmod(key_path(daemon), mode)
		begin = os.path.getsize(daemon.log_path)
		daemon.spawn()
		assert daemon.wait_exit() != 0, (text, mode)
		log = daemon.log(begin)
		assert word in log and key_path(daemon) in log and seed not in log, log
	os.chmod(key_path(daemon), 0o600)
	daemon.start()


def test_a_refusal_pauses_sinks_of_backstage_and_alarms_without_a_try_counted(box):
	for status in (401, 403):
		daemon, sink = relay(box)
		daemon.config["sinks"].append({"name": "notify", "type": "backstage-notifications",
			"coalesce": "0ms"})
		for s in daemon.config["sinks"][1:]:
			s.update({"schedule": "1s", "circuit": {"hold": "300ms",
				"max_hold": "300ms"}})
		daemon.config["routes"] = [
			{"name": "builds", "to": ["record", "bus", "notify"]},
			{"name": "alarms", "when": {"type": ["dev.stagewire.operator.*"]}, "to": ["record"]}]
		daemon.write_config()
		assert " reload " in daemon.reload()
		refusal = (status, {"Content-Type": "application/json"},
			b'{"error":{"name":"NotAllowedError","message":"not you"}}')
		sink.answer = refusal
		event = daemon.accept(state="failed")

		def alarms(daemon=daemon):
			return sorted(e["data"]["sink"] for e in daemon.recorded()
				if e["type"] == "dev.stagewire.operator.sink.refuses")
		wait_until(lambda a=alarms: a() == ["bus", "notify"], "an alarm for each")
		# More than the schedule has.
		wait_until(lambda d=daemon: all(s["tempfails"] >= 4 for s in d.ctl("status")["sinks"]
			if s["name"] != "record"), "probes")
		rows = [r for r in daemon.ctl("event", event)["deliveries"] if r["sink"] != "record"]
		assert len(rows) == 2, rows
		assert all(r["state"] == "pending" and r["tries"] == 0 for r in rows), rows
		assert all(str(status) in r["note"] for r in rows), rows
		assert all(s["circuit"] != "closed" for s in daemon.ctl("status")["sinks"]
			if s["name"] != "record")
		sink.answers = {"/api/notifications": (200, {"Content-Type": "application/json"},
			b'[{"user":"user:default/bob"}]')}
		sink.answer = (201, {}, b"")
		wait_until(lambda d=daemon, e=event: all(r["state"] == "done"
			for r in d.ctl("event", e)["deliveries"]), "what had waited")
		assert alarms() == ["bus", "notify"]


if __name__ == "__main__":
	harness.main(globals())
