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
		assert f.read().strip() not in daemon.log()


def test_an_old_key_is_replaced_and_signs_until_the_new_one_is_known(box):
	daemon, sink = relay(box, overlap="3s")
	first = part(token_of_a_delivery(daemon, sink), 0)["kid"]
	daemon.stop()
	key = os.path.join(daemon.dir, "identity.key")
	long_ago = time.time() - 31 * 86400
	os.utime(key, (long_ago, long_ago))
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


if __name__ == "__main__":
	harness.main(globals())
