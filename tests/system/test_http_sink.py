#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The http sink as a receiver sees it: CloudEvents in both modes, Standard Webhooks, the handshake."""

import base64
import glob
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse

from harness import TOP_SRC, main, need_program, wait_until

sys.path.insert(0, os.path.join(TOP_SRC, "tests", "tools"))
import hook_standin  # noqa: E402
from hook_standin import Hook  # noqa: E402

KEY = bytes(range(32))
OLD_KEY = bytes(range(32, 64))
SEED = bytes(range(64, 96))


def secret(daemon, name, text):
	"""A reference to a file with a secret."""
	path = os.path.join(daemon.dir, name)
	daemon.write(path, text + "\n")
	os.chmod(path, 0o600)
	return {"file": path}


def whsec(key):
	return "whsec_" + base64.b64encode(key).decode()


def whsk(seed):
	return "whsk_" + base64.b64encode(seed).decode()


def use_hook(box, daemon, hook, name="hook", **options):
	"""Deliver to the receiver too, to which the way is open."""
	box.sinks.append(hook)
	daemon.config["sinks"].append({"name": name, "type": "http", "url": hook.url,
		"allow": [f"127.0.0.0/8:{hook.port}", f"[::1/128]:{hook.port}"], **options})
	daemon.config["routes"][0]["to"].append(name)
	return daemon.config["sinks"][-1]


def received(hook, n=1):
	return wait_until(lambda: len(hook.posts()) >= n and hook.posts(), "requests at the hook")


def delivery(daemon, state, sink="hook"):
	"""The sink's newest delivery, once it is in that state and was tried.

	A try that the sink refused us as such is not counted, but noted.
	"""
	def found():
		rows = [d for d in daemon.ctl("deliveries") if d["sink"] == sink]
		return rows and rows[0]["state"] == state and \
			(rows[0]["tries"] > 0 or rows[0]["note"]) and rows[0]
	return wait_until(found, f"a delivery to {sink} that is {state}")


def signed_text(request):
	return f"{request.get('webhook-id')}.{request.get('webhook-timestamp')}.".encode() + request.body


def v1(request, key):
	mac = hmac.new(key, signed_text(request), hashlib.sha256).digest()
	return "v1," + base64.b64encode(mac).decode()


def signatures(request):
	return request.get("webhook-signature").split(" ")


def ed25519_public(seed, directory):
	"""The public half of a seed as a PEM file, by openssl."""
	der = os.path.join(directory, "seed.der")
	with open(der, "wb") as f:
		f.write(bytes.fromhex("302e020100300506032b657004220420") + seed)
	subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", der, "-pubout", "-out",
		der + ".pub"], check=True, capture_output=True)
	return der + ".pub"


def openssl_verifies(public, text, signature, directory):
	paths = [os.path.join(directory, name) for name in ("signed", "signature")]
	for path, content in zip(paths, (text, base64.b64decode(signature))):
		with open(path, "wb") as f:
			f.write(content)
	return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin",
		"-in", paths[0], "-sigfile", paths[1]], capture_output=True, check=False).returncode == 0


def unescape(value):
	"""An attribute's value as CloudEvents' HTTP binding writes it."""
	assert re.fullmatch(r"([\x21\x23\x24\x26-\x7e]|%[0-9A-F]{2})+", value), value
	return urllib.parse.unquote(value, errors="strict")


def test_an_event_arrives_in_binary_mode(box):
	daemon = box.daemon()
	hook = Hook()
	use_hook(box, daemon, hook)
	event = daemon.start().accept()
	request, = received(hook)
	daemon.wait_recorded(event)
	stored, = daemon.recorded()
	assert request.method == "POST" and request.target == "/hook", request.target
	assert request.get("Content-Type") == "application/json"
	assert json.loads(request.body) == stored["data"]
	attributes = {n[3:]: unescape(v) for n, v in request.fields if n.startswith("ce-")}
	del stored["data"], stored["datacontenttype"]
	assert attributes == stored, (attributes, stored)
	for name in ("id", "source", "type", "time", "subject"):
		assert request.get("ce-" + name), name
	assert request.get("webhook-id") == event
	assert abs(int(request.get("webhook-timestamp")) - time.time()) < 60
	assert request.get("webhook-signature") is None
	assert request.get("WebHook-Request-Origin") == "stagewire"
	assert request.get("Authorization") is None and request.get("Expect") is None
	assert delivery(daemon, "done")["status"] == 204


def test_an_event_arrives_in_structured_mode(box):
	daemon = box.daemon()
	hook = Hook()
	use_hook(box, daemon, hook, mode="structured")
	event = daemon.start().accept()
	request, = received(hook)
	stored = daemon.wait_recorded(event)
	assert request.get("Content-Type") == "application/cloudevents+json; charset=UTF-8"
	assert [json.loads(request.body)] == stored
	assert not [n for n, _ in request.fields if n.lower().startswith("ce-")]


def test_every_live_key_signs(box):
	daemon = box.daemon()
	hook = Hook()
	use_hook(box, daemon, hook, secrets=[secret(daemon, "new", whsec(KEY)),
		secret(daemon, "old", whsec(OLD_KEY)), secret(daemon, "pair", whsk(SEED))])
	daemon.start().accept()
	request, = received(hook)
	new, old, pair = signatures(request)
	assert new == v1(request, KEY) and old == v1(request, OLD_KEY), signatures(request)
	assert pair.startswith("v1a,"), pair
	public = ed25519_public(SEED, daemon.dir)
	assert openssl_verifies(public, signed_text(request), pair[4:], daemon.dir)
	assert not openssl_verifies(public, signed_text(request) + b" ", pair[4:], daemon.dir)


def test_a_reload_takes_the_key_that_lies_there_now(box):
	daemon = box.daemon()
	hook = Hook()
	sink = use_hook(box, daemon, hook, secrets=[secret(daemon, "key", whsec(OLD_KEY))])
	daemon.start().accept()
	assert signatures(received(hook)[0]) == [v1(hook.posts()[0], OLD_KEY)]
	secret(daemon, "key", whsec(KEY))
	assert " reload " in daemon.reload()
	daemon.accept()
	assert signatures(received(hook, 2)[1]) == [v1(hook.posts()[1], KEY)]
	# One that is no key is refused, and the one that was goes on.
	for bad in ("hunter2", "whsec_aHVudGVyMg==", whsk(SEED)):
		secret(daemon, "key", bad)
		line = daemon.reload()
		assert "reload.refused" in line and "sink 'hook': secrets" in line and bad not in line, line
	daemon.accept()
	assert signatures(received(hook, 3)[2]) == [v1(hook.posts()[2], KEY)]
	# A carried sink keeps its connection: nothing of it was made anew.
	assert hook.connections == 1, hook.connections
	sink["secrets"].append(secret(daemon, "more", whsec(OLD_KEY)))
	secret(daemon, "key", whsec(KEY))
	daemon.write_config()
	assert " reload " in daemon.reload()
	daemon.accept()
	assert len(signatures(received(hook, 4)[3])) == 2


SECRETS = ("t0ken-s3cret", "h3ader-s3cret", "wh-path-s3cret", base64.b64encode(KEY).decode())


def everything_written(daemon):
	"""What the daemon leaves behind: log, database, what stagewirectl shows, metrics."""
	for path in glob.glob(daemon.store + "*") + [daemon.log_path, daemon.record]:
		with open(path, "rb") as f:
			yield path, f.read()
	for command in ("status", "events", "deliveries"):
		yield command, json.dumps(daemon.ctl(command)).encode()
	yield "audit", json.dumps(daemon.ctl("audit")).encode()
	yield "metrics", daemon.get("/metrics").body


def test_secrets_arrive_and_stay_nowhere(box):
	daemon = box.daemon()
	hook = Hook(hook_standin.answers(503, body=b"echo t0ken-s3cret"))
	use_hook(box, daemon, hook, url=f"http://127.0.0.1:{hook.port}/wh-path-s3cret?a=%20b",
		headers=["X-Environment: production", "User-Agent: relay of acme"],
		token=secret(daemon, "token", "t0ken-s3cret"),
		secret_headers=[secret(daemon, "header", "X-Api-Key: h3ader-s3cret")],
		secrets=[secret(daemon, "key", whsec(KEY))])
	daemon.start().accept()
	request = received(hook)[0]
	assert request.target == "/wh-path-s3cret?a=%20b"
	assert request.get("X-Environment") == "production"
	assert request.get("User-Agent") == "relay of acme"
	assert request.get("Authorization") == "Bearer t0ken-s3cret"
	assert request.get("X-Api-Key") == "h3ader-s3cret"
	delivery(daemon, "pending")
	daemon.reload()
	for where, text in everything_written(daemon):
		for word in SECRETS:
			assert word.encode() not in text, f"{word} is in {where}"


def test_connections_are_used_again(box):
	daemon = box.daemon()
	hook = Hook()
	use_hook(box, daemon, hook)
	daemon.start()
	for n in range(1, 6):
		daemon.accept()
		received(hook, n)
	assert hook.connections == 1, hook.connections


def test_http2_is_spoken_with_a_receiver_that_does(box):
	node = need_program("node")
	daemon = box.daemon()
	subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-keyout", "hook.key", "-out", "hook.pem", "-days",
		"2", "-subj", "/CN=hook", "-addext", "subjectAltName=DNS:localhost"], check=True,
		capture_output=True, cwd=daemon.dir)
	pem = os.path.join(daemon.dir, "hook.pem")
	script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_http2.js")
	with subprocess.Popen([node, script, pem, os.path.join(daemon.dir, "hook.key")],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
		port = int(peer.stdout.readline())
		daemon.config["sinks"].append({"name": "hook", "type": "http", "ca": pem,
			"url": f"https://localhost:{port}/", "allow": [f"127.0.0.0/8:{port}"],
			"secrets": secret(daemon, "key", whsec(KEY))})
		daemon.config["routes"][0]["to"].append("hook")
		daemon.start()
		# Of several repositories, so that they are under way together.
		events = {daemon.accept(slug=slug) for slug in ("acme/parcel-api", "Acme/parcel-api")}
		heard = [json.loads(peer.stdout.readline()) for _ in events]
		peer.stdin.close()
	for request in heard:
		assert request["version"] == "2.0", request
		assert request["connections"] == 1, "a connection for each"
		fields = request["fields"]
		assert fields["ce-id"] == fields["webhook-id"]
		text = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode()
		mac = hmac.new(KEY, text + base64.b64decode(request["body"]), hashlib.sha256).digest()
		assert fields["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
	assert {r["fields"]["webhook-id"] for r in heard} == events


def test_nothing_is_sent_before_the_sink_agrees(box):
	daemon = box.daemon()
	hook = Hook(hook_standin.answers(200))
	use_hook(box, daemon, hook, handshake=True, origin="relay.example",
		secrets=[secret(daemon, "key", whsec(KEY))])
	daemon.start().accept()
	refused = delivery(daemon, "pending")
	assert "does not agree to deliveries from relay.example" in refused["note"], refused
	assert not hook.posts()
	asked = hook.requests[0]
	assert asked.method == "OPTIONS" and asked.target == "/hook", asked.target
	assert asked.get("WebHook-Request-Origin") == "relay.example"
	assert asked.get("webhook-signature") is None and not asked.body


def test_an_agreement_lasts_until_a_reload(box):
	daemon = box.daemon()
	hook = Hook(hook_standin.agrees("relay.example", rate="120"))
	use_hook(box, daemon, hook, handshake=True, origin="relay.example")
	daemon.start()
	for n in (1, 2):
		daemon.accept()
		received(hook, n)
	assert [r.method for r in hook.requests] == ["OPTIONS", "POST", "POST"]
	shown, = (s for s in daemon.ctl("status")["sinks"] if s["name"] == "hook")
	assert shown["agreed_per_minute"] == 120, shown
	daemon.reload()
	daemon.accept()
	received(hook, 3)
	assert [r.method for r in hook.requests][3:] == ["OPTIONS", "POST"]


def test_an_address_that_is_not_allowed_is_not_contacted(box):
	daemon = box.daemon()
	hook = Hook()
	hosts = {"name": "localhost", "number": "127.0.0.1", "decimal": "2130706433",
		"hex": "0x7f000001", "octal": "0177.0.0.1", "short": "127.1", "v6": "[::1]",
		"mapped": "[::ffff:127.0.0.1]", "any": "0.0.0.0"}
	for name, host in hosts.items():
		use_hook(box, daemon, hook, name=name, url=f"http://{host}:{hook.port}/",
			allow=[f"127.0.0.0/8:{hook.port % 65535 + 1}", "10.0.0.0/8:443"])
	event = daemon.start().accept()
	for name in hosts:
		assert "forbidden" in delivery(daemon, "pending", name)["note"], name
	daemon.wait_recorded(event)
	assert hook.connections == 0


def test_a_key_that_cannot_be_had_is_said_at_the_start(box):
	daemon = box.daemon()
	hook = Hook()
	sink = use_hook(box, daemon, hook, secrets=[{"file": daemon.dir + "/none"}])
	daemon.write_config()
	for change, words in (({}, "none: No such file"),
			({"secrets": [secret(daemon, "key", "hunter2")]}, "must begin with whsec_ or whsk_"),
			({"secrets": [secret(daemon, "pair", whsk(SEED))]}, "needs a whsec_ key beside it"),
			({"secrets": [secret(daemon, "good", whsec(KEY))], "ca": daemon.dir + "/no.pem"},
				"no.pem: No such file"),
			({"ca": daemon.config_path}, "stagewire.yaml: no certificate")):
		sink.update(change)
		daemon.write_config()
		daemon.spawn()
		assert daemon.wait_exit() != 0, change
		assert words in daemon.log().splitlines()[-1], daemon.log().splitlines()[-1]
	assert "hunter2" not in daemon.log()


if __name__ == "__main__":
	main(globals())
