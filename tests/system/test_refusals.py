#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is not a webhook of ours is refused, each with a problem of its own and no help to guess."""

import base64
import json

from harness import (SOURCE, Signer, compose_payload, form_encode, main, make_key, request,
	wait_until)

FORM = "application/x-www-form-urlencoded"


def expect(daemon, answer, status, kind):
	"""The answer is a problem document of that kind, and the connection ends."""
	assert answer.status == status, answer
	assert answer.headers["Content-Type"] == "application/problem+json", answer.headers
	problem = answer.json()
	assert problem["type"].endswith(kind), problem
	assert problem["status"] == status, problem
	# Nothing that would help to get past the check.
	with open(daemon.config["sources"][0]["public_keys"][0], encoding="ascii") as f:
		key = f.read().splitlines()[1]
	for expected in (key, "app.travis-ci.com", "acme", "umbrella"):
		assert expected not in answer.body.decode(), problem
	return problem


def guarded(box):
	"""A daemon that listens to one owner only."""
	daemon = box.daemon()
	daemon.config["sources"][0]["owners"] = ["acme", "umbrella"]
	return daemon.start()


def test_teams_mode_is_told_from_travis(box):
	daemon = guarded(box)
	answer = daemon.post(b"", signature="", body=b'{"type":"message","attachments":[]}',
		headers={"Content-Type": "application/json"})
	problem = expect(daemon, answer, 415, "teams-mode")
	assert "msteams" in problem["detail"]


def test_another_media_type_is_refused(box):
	daemon = guarded(box)
	for media in ("text/plain", "multipart/form-data; boundary=x", FORM + "x"):
		answer = daemon.post(compose_payload(), headers={"Content-Type": media})
		expect(daemon, answer, 415, "media-type")


def test_a_compressed_body_is_refused(box):
	daemon = guarded(box)
	answer = daemon.post(compose_payload(), headers={"Content-Encoding": "gzip"})
	assert answer.status == 415, answer


def test_a_missing_signature_is_401(box):
	daemon = guarded(box)
	answer = daemon.post(compose_payload(), signature="")
	expect(daemon, answer, 401, "signature-missing")
	assert "WWW-Authenticate" in answer.headers


def test_a_wrong_signature_is_403(box):
	daemon = guarded(box)
	payload = compose_payload()
	stranger = Signer(make_key(daemon.dir + "/stranger.pem"))
	raw = bytearray(base64.b64decode(daemon.signer.sign(payload)))
	raw[100] ^= 4
	for signature in (stranger.sign(payload), base64.b64encode(raw).decode(),
			daemon.signer.sign(payload + b" ")):
		expect(daemon, daemon.post(payload, signature=signature), 403, "signature-wrong")


def test_a_signature_over_the_encoded_text_is_403(box):
	daemon = guarded(box)
	payload = compose_payload()
	signature = daemon.signer.sign(form_encode(payload)[len("payload="):])
	expect(daemon, daemon.post(payload, signature=signature), 403, "signature-wrong")


def test_a_signature_that_is_none_is_400(box):
	daemon = guarded(box)
	payload = compose_payload()
	for signature in ("@@@@", "QQ", daemon.signer.sign(payload) + "=="):
		answer = daemon.post(payload, signature=signature)
		assert answer.status in (400, 403), answer
	expect(daemon, daemon.post(payload, signature="@@@@"), 400, "signature-malformed")


def test_a_body_that_is_no_form_is_400(box):
	daemon = guarded(box)
	payload = compose_payload()
	for body in (payload, b"", b"payload", b"other=" + form_encode(payload)[8:],
			form_encode(payload) + b"&payload=x", b"payload=%zz"):
		answer = daemon.post(payload, body=body)
		expect(daemon, answer, 400, "form-malformed")


def test_a_signed_text_that_is_no_payload_is_400(box):
	daemon = guarded(box)
	deep = b"[" * 1000 + b"]" * 1000
	twice = compose_payload()[:-1] + b',"state":"failed"}'
	for payload in (b"{", b"[]", b'"x"', b"{}", b'{"id":NaN}', deep, twice,
			compose_payload(repository=None), compose_payload(state="dancing"),
			compose_payload(build_url=None)):
		answer = daemon.post(payload)
		assert answer.status in (400, 403, 413), answer
		assert answer.status == 400 or payload in (deep, compose_payload(build_url=None)) or \
			b"build_url" in payload, answer
	expect(daemon, daemon.post(b"[]"), 400, "payload-malformed")


def test_a_body_over_the_limit_is_413_before_it_is_sent(box):
	daemon = box.daemon()
	daemon.config["sources"][0]["max_body"] = "64KiB"
	daemon.start()
	answer = daemon.post(b"", signature="QUFB", body=b"payload=" + b"x" * 70000)
	expect(daemon, answer, 413, "too-large")


def test_an_unknown_source_is_404(box):
	daemon = guarded(box)
	for source in ("travis-org", "", SOURCE + "x", SOURCE + "/more", "../" + SOURCE):
		answer = daemon.post(compose_payload(), source=source)
		assert answer.status == 404, (source, answer)
	expect(daemon, daemon.post(compose_payload(), source="travis-org"), 404, "source-unknown")


def test_other_methods_and_paths_are_refused(box):
	daemon = guarded(box)
	answer = request(daemon.hooks, "GET", f"/hooks/travis/{SOURCE}")
	expect(daemon, answer, 405, "method")
	assert answer.headers["Allow"] == "POST"
	expect(daemon, request(daemon.hooks, "GET", "/"), 404, "not-found")
	for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"):
		assert request(daemon.hooks, method, "/").status in (400, 405, 501), method


def test_a_repository_of_another_owner_is_403(box):
	daemon = guarded(box)
	answer = daemon.post(compose_payload(slug="mallory/parcel-api"))
	expect(daemon, answer, 403, "owner-not-allowed")
	assert daemon.post(compose_payload(slug="ACME/parcel-api")).status == 202


def test_a_build_of_another_instance_is_403(box):
	daemon = guarded(box)
	for url in ("https://travis-ci.org/acme/parcel-api/builds/1",
			"https://app.travis-ci.com.evil.example/acme/parcel-api/builds/1",
			"https://app.travis-ci.com@evil.example/builds/1",
			"https://evil.example/?app.travis-ci.com/acme/parcel-api/builds/1",
			"ftp://app.travis-ci.com/acme/parcel-api/builds/1"):
		expect(daemon, daemon.post(compose_payload(build_url=url)), 403, "host-mismatch")


def test_the_unsigned_slug_gives_no_rights(box):
	daemon = guarded(box)
	answer = daemon.post(compose_payload(slug="mallory/x"),
		headers={"Travis-Repo-Slug": "acme/parcel-api"})
	expect(daemon, answer, 403, "owner-not-allowed")


def test_no_refusal_is_a_redirect_and_each_is_on_record(box):
	daemon = guarded(box)
	payload = compose_payload()
	for answer in (daemon.post(payload, signature=""), daemon.post(payload, signature="QUFB"),
			daemon.post(payload, source="nobody"), daemon.post(payload, body=b"x")):
		assert 400 <= answer.status < 500, answer
		assert "Location" not in answer.headers
	reasons = {"signature-missing", "signature-wrong", "source-unknown", "form-malformed"}

	def refusals():
		found = [e for e in daemon.ctl("audit") if e["action"] == "webhook.refuse"]
		return found if {e["reason"] for e in found} == reasons else None

	found = wait_until(refusals, f"entries of {reasons}")
	assert all(e["outcome"] == "denied" and e["address"] == "127.0.0.1" for e in found)
	assert daemon.ctl("events") == []


def test_a_refused_text_does_not_reach_the_log_raw(box):
	daemon = guarded(box)
	trap = "x\x1b[2Jy\nforged level=err"
	daemon.post(compose_payload(message=trap, branch=trap))
	daemon.post(compose_payload(slug="mallory/x", build_url="https://evil\x1b.example/"))
	assert "\x1b" not in daemon.log()
	assert "\nforged" not in daemon.log()
	assert json.dumps(daemon.ctl("audit")).count("\\u001b") == 0


if __name__ == "__main__":
	main(globals())
