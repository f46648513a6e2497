#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets from providers: the real daemon against stand-ins of Vault and of AWS.

What the stand-ins are worth is judged by the vendors' own clients in tests/peers.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
# pylint: disable=wrong-import-position
import harness
import memory
from aws_standin import AwsStandin
from bus_standin import Backstage
from harness import wait_until
from push_standin import Sender, SharedKey, post
from vault_standin import VaultStandin


def make_key():
	return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def make_token():
	return "token-" + os.urandom(16).hex()


def secret_file(d, name, text):
	"""A file that only we can read, as a reference."""
	path = os.path.join(d.dir, name)
	harness.Daemon.write(path, text + "\n")
	os.chmod(path, 0o600)
	return {"file": path}


def vault_provider(d, vault, **more):
	"""Sign in at the stand-in by AppRole, under the name vault."""
	provider = {"name": "vault", "type": "vault", "address": vault.url,
		"role_id": secret_file(d, "role_id", vault.role_id),
		"secret_id": secret_file(d, "secret_id", vault.secret_id),
		"refresh": "1s", "timeout": "2s"}
	provider.update(more)
	d.config["secrets"] = [provider]
	return provider


def in_vault(path, field):
	return {"vault": path, "field": field, "provider": "vault"}


def http_sink(d, sink, **more):
	d.config["sinks"].append({"name": "hook", "type": "http", "url": sink.url + "/hook",
		"allow": [f"127.0.0.1/32:{sink.port}"], "schedule": "1s 1s 1s 1s 1s 1s 1s 1s", **more})
	d.config["routes"][0]["to"].append("hook")


def is_signed_by(request, key):
	"""Does one of the request's signatures hold with this key?"""
	_, fields, body = request
	text = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
	mac = hmac.new(base64.b64decode(key[len("whsec_"):]), text, hashlib.sha256).digest()
	return "v1," + base64.b64encode(mac).decode() in fields["webhook-signature"].split(" ")


def signatures(request):
	return len(request[1]["webhook-signature"].split(" "))


def bearer(request):
	return request[1].get("Authorization", "").removeprefix("Bearer ")


def status_of(d, name="vault"):
	return next(p for p in d.ctl("status")["secrets"] if p["provider"] == name)


def wait_change(d, changes):
	"""Wait until so many changes were applied by running sinks."""
	return wait_until(lambda: len(re.findall(r" secret\.rotate ", d.log())) >= changes, "a rotation")


def with_vault(box, **more):
	"""A daemon whose sink is signed for and authorized by what Vault has."""
	d, sink, vault = box.daemon(), box.sink(), VaultStandin()
	box.sinks.append(vault)
	key, token = make_key(), make_token()
	vault.put("ci/hook", {"key": key, "token": token})
	vault_provider(d, vault, **more)
	http_sink(d, sink, secrets=[in_vault("ci/hook", "key")], token=in_vault("ci/hook", "token"))
	return d, sink, vault, key, token


def deliver(d, sink):
	"""Have one event delivered, and return its request."""
	before = len(sink.requests)
	d.accept()
	wait_until(lambda: len(sink.requests) > before, "a delivery")
	return sink.requests[-1]


def test_a_sinks_secrets_come_from_vault(box):
	d, sink, vault, key, token = with_vault(box)
	d.start()
	request = deliver(d, sink)
	assert is_signed_by(request, key) and signatures(request) == 1
	assert bearer(request) == token
	assert status_of(d)["secrets"] == 2 and "trouble" not in status_of(d)
	assert vault.count("auth/approle/login") == 1


def test_backstages_token_comes_from_vault_and_changes_there(box):
	d, sink, vault = box.daemon(), box.sink(), VaultStandin()
	box.sinks.append(vault)
	old, new = make_token(), make_token()
	vault.put("ci/backstage", {"token": old})
	vault_provider(d, vault)
	d.config["backstage"] = {"url": sink.url, "token": in_vault("ci/backstage", "token")}
	d.config["sinks"].append({"name": "bus", "type": "backstage-events"})
	d.config["routes"][0]["to"].append("bus")
	d.start()
	assert bearer(deliver(d, sink)) == old
	vault.put("ci/backstage", {"token": new})
	wait_change(d, 1)
	assert bearer(deliver(d, sink)) == new


def test_a_token_that_is_refused_is_asked_for_anew_at_once(box):
	d, sink, vault, _, _ = with_vault(box, refresh="1d")
	d.start()
	deliver(d, sink)
	time.sleep(1.1)  # what is refused within a second of its fetch is not doubted
	new = make_token()
	vault.put("ci/hook", {"key": make_key(), "token": new})
	sink.answers["/hook"] = lambda fields: 201 if new in fields["Authorization"] else 401
	d.accept()
	# It would be left alone for a quarter of an hour, but for the new token.
	wait_until(lambda: bearer(sink.requests[-1]) == new, "the new token")
	wait_until(lambda: d.ctl("status")["sinks"][-1]["circuit"] == "closed", "its success")


def test_a_try_under_way_with_the_token_of_before_holds_up_nothing(box):
	d, sink, vault = box.daemon(), box.sink(), VaultStandin()
	box.sinks.append(vault)
	old, new = make_token(), make_token()
	vault.put("ci/backstage", {"token": old})
	vault_provider(d, vault)
	d.config["backstage"] = {"url": sink.url, "token": in_vault("ci/backstage", "token")}
	d.config["sinks"].append({"name": "bus", "type": "backstage-events", "schedule": "1s 1s 1s"})
	d.config["routes"][0]["to"].append("bus")
	d.start()
	asked, answer_now = threading.Event(), threading.Event()

	def late(fields):
		if new in fields["Authorization"]:
			return 201
		asked.set()
		answer_now.wait(harness.PATIENCE_S)
		return 401

	sink.answer = late
	d.accept()
	assert asked.wait(harness.PATIENCE_S)
	vault.put("ci/backstage", {"token": new})
	wait_change(d, 1)
	answer_now.set()
	wait_until(lambda: sink.requests and bearer(sink.requests[-1]) == new, "the new token")
	assert "sink.trip" not in d.log()


def test_while_one_key_replaces_another_both_sign(box):
	d, sink, vault, old, _ = with_vault(box, overlap="3s")
	d.start()
	assert is_signed_by(deliver(d, sink), old)
	new = make_key()
	vault.put("ci/hook", {"key": new, "token": make_token()})
	wait_until(lambda: is_signed_by(deliver(d, sink), new), "the new key")
	request = sink.requests[-1]
	assert is_signed_by(request, old) and is_signed_by(request, new) and signatures(request) == 2
	wait_until(lambda: status_of(d)["overlapping"] == 0, "the overlap's end")
	wait_until(lambda: signatures(deliver(d, sink)) == 1, "one signature")
	assert is_signed_by(sink.requests[-1], new)


def test_a_start_amid_a_rotation_knows_the_key_before(box):
	d, sink, vault, old, _ = with_vault(box, overlap="1h")
	new = make_key()
	vault.put("ci/hook", {"key": new, "token": make_token()})
	d.start()
	wait_until(lambda: status_of(d)["overlapping"] == 2, "the values before")
	request = deliver(d, sink)
	assert is_signed_by(request, old) and is_signed_by(request, new)


def test_an_outage_is_survived_on_the_last_value_and_told(box):
	d, sink, vault, key, token = with_vault(box)
	d.config["routes"].append({"name": "operators", "to": ["record"],
		"when": {"type": ["dev.stagewire.operator.*"]}})
	d.start()
	vault.down()
	trouble = wait_until(lambda: [e for e in d.recorded()
		if e["type"] == "dev.stagewire.operator.secret.trouble"], "the alarm")[0]
	assert trouble["subject"] == "secrets/vault", trouble
	request = deliver(d, sink)
	assert is_signed_by(request, key) and bearer(request) == token
	assert "unreachable" in status_of(d)["trouble"]
	assert 'stagewire_secret_provider_trouble{provider="vault"} 1' in d.get("/metrics").body.decode()
	vault.up()
	wait_until(lambda: any(e["type"] == "dev.stagewire.operator.secret.recovered"
		for e in d.recorded()), "the end of it")
	assert "trouble" not in status_of(d)


def test_after_its_grace_a_value_is_shown_to_nobody(box):
	d, sink, vault, _, _ = with_vault(box, grace="1s")
	d.start()
	deliver(d, sink)
	vault.down()
	wait_until(lambda: status_of(d)["secrets"] == 0, "the end of the grace")
	before = len(sink.requests)
	d.accept()
	wait_until(lambda: any("too old" in (s.get("trouble") or "") for s in d.ctl("status")["sinks"]),
		"a held delivery")
	assert len(sink.requests) == before
	vault.up()
	wait_until(lambda: len(sink.requests) > before, "the delivery")


def test_a_revoked_token_is_replaced_by_signing_in_again(box):
	d, sink, vault, _, _ = with_vault(box)
	d.start()
	vault.revoke_all()
	wait_until(lambda: vault.count("auth/approle/login") == 2, "another login")
	new = make_key()
	vault.put("ci/hook", {"key": new, "token": make_token()})
	wait_until(lambda: is_signed_by(deliver(d, sink), new), "the new key")
	assert "secret.trouble" not in d.log()


def test_a_token_is_renewed_and_at_its_longest_life_replaced(box):
	d, _, vault, _, _ = with_vault(box, refresh="1d")
	vault.ttl, vault.max_ttl = 3, 6
	d.start()
	wait_until(lambda: vault.count("auth/token/renew-self") >= 2, "renewals")
	wait_until(lambda: vault.count("auth/approle/login") >= 2, "another login")
	assert "secret.trouble" not in d.log()


def test_a_wrapped_secret_id_is_unwrapped_once(box):
	d, sink, vault, key, _ = with_vault(box)
	wrapping = vault.wrap({"secret_id": vault.secret_id})
	vault_provider(d, vault, wrapped=True, secret_id=secret_file(d, "wrapping", wrapping))
	d.start()
	assert is_signed_by(deliver(d, sink), key)
	vault.revoke_all()
	wait_until(lambda: vault.count("auth/approle/login") == 2, "another login")
	assert vault.count("sys/wrapping/unwrap") == 1


def refuses_to_start(d):
	"""Start what must not, and return what it says."""
	d.write_config()
	d.spawn()
	code = d.wait_exit()
	assert code == 1, code
	return d.log().splitlines()[-1]


def test_a_wrapping_token_that_somebody_used_is_an_alarm(box):
	d, _, vault, _, _ = with_vault(box)
	wrapping = vault.wrap({"secret_id": vault.secret_id})
	vault.wrapped.clear()
	vault_provider(d, vault, wrapped=True, secret_id=secret_file(d, "wrapping", wrapping))
	last = refuses_to_start(d)
	assert "used by somebody else" in last and wrapping not in d.log(), last


def test_a_jwt_signs_in_too(box):
	d, sink, vault, key, _ = with_vault(box)
	d.config["secrets"] = [{"name": "vault", "type": "vault", "address": vault.url, "auth": "jwt",
		"role": "stagewire", "jwt": secret_file(d, "jwt", vault.jwt)}]
	d.start()
	assert is_signed_by(deliver(d, sink), key)


def test_a_namespace_is_named_in_every_call(box):
	d, sink, vault, _, _ = with_vault(box, namespace="ci/team")
	key = make_key()
	vault.namespace = "ci/team"
	vault.put("ci/hook", {"key": key, "token": make_token()}, namespace="ci/team")
	d.start()
	assert is_signed_by(deliver(d, sink), key)
	assert {namespace for _, _, namespace in vault.requests} == {"ci/team"}


def test_a_secret_that_is_missing_stops_the_start(box):
	d, _, vault, _, _ = with_vault(box)
	d.config["sinks"][-1]["token"] = in_vault("ci/nothing", "token")
	last = refuses_to_start(d)
	assert "secret 'ci/nothing' of provider 'vault': 404" in last, last
	vault.down()
	last = refuses_to_start(d)
	assert "unreachable" in last, last


def test_a_version_that_is_deleted_or_destroyed_is_no_value(box):
	d, sink, vault, key, _ = with_vault(box)
	d.start()
	for gone in ({"deleted": "2026-11-20T10:00:00Z"}, {"destroyed": True}):
		vault.kv["", "ci/hook"][-1].update(gone)
		wait_until(lambda: "404" in status_of(d).get("trouble", ""), "trouble")
		assert is_signed_by(deliver(d, sink), key), "the last value is good for its grace"
		key = make_key()
		vault.put("ci/hook", {"key": key, "token": make_token()})
		wait_until(lambda: "trouble" not in status_of(d), "its end")
		assert is_signed_by(deliver(d, sink), key)
	vault.kv["", "ci/hook"][-1]["destroyed"] = True
	d.stop()
	assert "404" in refuses_to_start(d)


def test_a_version_before_that_is_destroyed_is_not_known_after_a_start(box):
	d, sink, vault, old, _ = with_vault(box, overlap="1h")
	new = make_key()
	vault.put("ci/hook", {"key": new, "token": make_token()})
	vault.kv["", "ci/hook"][0]["destroyed"] = True
	d.start()
	request = deliver(d, sink)
	assert is_signed_by(request, new) and not is_signed_by(request, old)
	assert status_of(d)["overlapping"] == 0


def test_a_reload_asks_for_what_is_kept_at_once(box):
	d, sink, vault, old, _ = with_vault(box, refresh="1d", overlap="1h")
	d.start()
	assert is_signed_by(deliver(d, sink), old)
	new = make_key()
	vault.put("ci/hook", {"key": new, "token": make_token()})
	d.reload()
	request = deliver(d, sink)
	assert is_signed_by(request, new) and is_signed_by(request, old)


def test_a_reload_takes_what_is_new_or_refuses_it(box):
	d, sink, vault, key, _ = with_vault(box)
	d.start()
	d.config["sinks"][-1]["secrets"] = [in_vault("ci/nothing", "key")]
	d.write_config()
	assert "reload.refused" in d.reload()
	assert is_signed_by(deliver(d, sink), key)
	other = make_key()
	vault.put("ci/nothing", {"key": other})
	assert "reload.refused" not in d.reload()
	request = deliver(d, sink)
	assert is_signed_by(request, other) and not is_signed_by(request, key)
	assert vault.count("auth/approle/login") == 1


def test_a_credential_of_the_api_is_known_by_both_values(box):
	d, vault = box.daemon(), VaultStandin()
	box.sinks.append(vault)
	old, new = make_token(), make_token()
	vault.put("ci/card", {"secret": old})
	vault_provider(d, vault)
	api = harness.free_port()
	d.config["listen"]["api"] = [f"127.0.0.1:{api}"]
	d.config["credentials"] = [{"name": "card", "allow": ["page"],
		"secret": in_vault("ci/card", "secret")}]
	d.start()

	def status(secret):
		return harness.request(api, "GET", "/", headers={"Authorization": f"Bearer {secret}"}).status

	known = status(old)
	assert known not in (401, 403) and status(new) == 401
	vault.put("ci/card", {"secret": new})
	wait_change(d, 1)
	assert status(old) == known and status(new) == known and status(make_token()) == 401


def test_a_pushers_key_is_known_by_both_values_and_not_after_its_grace(box):
	d, vault, backstage = box.daemon(), VaultStandin(), Backstage()
	box.sinks += [vault, backstage]
	old, new = SharedKey(b"old"), SharedKey(b"new")
	vault.put("ci/portal", {"key": old.verifier})
	vault_provider(d, vault, grace="1s")
	d.config["backstage"] = {"url": backstage.url}
	d.config["catalog"] = {}
	d.config["sources"].append({"name": "portal", "type": "catalog",
		"protocol": "standard-webhooks", "secrets": [in_vault("ci/portal", "key")]})
	d.start()

	def status(key):
		body, fields = Sender(key).request({"entityRef": "component:default/parcel-api"})
		return post(d.hooks, "/hooks/catalog/portal", body, fields)[0]

	assert status(old) == 202 and status(new) == 401
	vault.put("ci/portal", {"key": new.verifier})
	wait_change(d, 1)
	assert status(old) == 202 and status(new) == 202 and status(SharedKey(b"none")) == 401
	vault.down()
	wait_until(lambda: status_of(d)["secrets"] == 0, "the end of the grace")
	wait_until(lambda: status(new) == 503, "the key to be nobody's")
	vault.up()
	wait_until(lambda: status(new) == 202, "the key to be known again")


# --- what is left in memory ---


def make_certificate(d):
	certificate, key = os.path.join(d.dir, "vault.pem"), os.path.join(d.dir, "vault.key")
	subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
		"-out", certificate, "-days", "2", "-subj", "/CN=stand-in", "-addext",
		"subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
	return certificate, key


def test_memory_and_log_have_no_secret_but_the_live_ones(box):
	d, sink = box.daemon(), box.sink()
	certificate = make_certificate(d)
	vault = VaultStandin(tls=certificate)
	box.sinks.append(vault)
	old, new = (make_key(), make_token()), (make_key(), make_token())
	vault.put("ci/hook", {"key": old[0], "token": old[1]})
	vault_provider(d, vault, overlap="0s", ca=certificate[0])
	http_sink(d, sink, secrets=[in_vault("ci/hook", "key")], token=in_vault("ci/hook", "token"))
	d.start()
	memory.need_access(d.process.pid)
	deliver(d, sink)
	first_tokens = [t for t in vault.tokens if t != vault.root.text]
	vault.revoke_all()
	vault.put("ci/hook", {"key": new[0], "token": new[1]})
	wait_until(lambda: is_signed_by(deliver(d, sink), new[0]) and bearer(sink.requests[-1]) == new[1],
		"both new secrets")
	needles = {"secret_id": vault.secret_id, "role_id": vault.role_id, "old key": old[0],
		"old token": old[1], "revoked login": first_tokens[0],
		"live key": new[0], "live token": new[1]}
	found = memory.copies(d.process.pid, needles)
	print("# copies:", found)
	# The keyring's, and of the token the sink's own; the sink keeps a key decoded.
	assert 1 <= found.pop("live key") <= 2 and 1 <= found.pop("live token") <= 3, found
	assert not any(found.values()), found
	log = d.log()
	assert not any(text in log for text in needles.values())


# --- AWS ---


def with_aws(box, **more):
	"""A daemon whose sink is signed for and authorized by what Secrets Manager has."""
	d, sink, aws = box.daemon(), box.sink(), AwsStandin()
	box.sinks.append(aws)
	key, token = make_key(), make_token()
	aws.put("ci/key", key)
	aws.put("ci/hook", json.dumps({"token": token, "note": "\u00e9 \"quoted\""}))
	provider = {"name": "aws", "type": "aws", "region": aws.region, "address": aws.url,
		"refresh": "1s", "timeout": "2s"}
	provider.update(more)
	d.config["secrets"] = [provider]
	http_sink(d, sink, secrets=[{"aws": "ci/key", "provider": "aws"}],
		token={"aws": "ci/hook", "field": "token", "provider": "aws"})
	return d, sink, aws, key, token


def static_keys(d, aws):
	d.config["secrets"][0].update({"credentials": "static",
		"access_key_id": secret_file(d, "key_id", aws.key_id),
		"secret_access_key": secret_file(d, "key", aws.key)})


def test_a_sinks_secrets_come_from_aws_and_rotate_by_stages(box):
	d, sink, aws, old, token = with_aws(box)
	static_keys(d, aws)
	d.start()
	request = deliver(d, sink)
	assert is_signed_by(request, old) and signatures(request) == 1 and bearer(request) == token
	new = make_key()
	aws.put("ci/key", new)
	wait_change(d, 1)
	request = deliver(d, sink)
	assert is_signed_by(request, old) and is_signed_by(request, new)


def test_a_start_amid_a_rotation_knows_awsprevious(box):
	d, sink, aws, old, _ = with_aws(box)
	static_keys(d, aws)
	new = make_key()
	aws.put("ci/key", new)
	d.start()
	wait_until(lambda: status_of(d, "aws")["overlapping"] == 1, "the value before")
	request = deliver(d, sink)
	assert is_signed_by(request, old) and is_signed_by(request, new)


def test_a_wrong_key_of_aws_stops_the_start(box):
	d, _, aws, _, _ = with_aws(box)
	static_keys(d, aws)
	secret_file(d, "key", aws.key[::-1])
	last = refuses_to_start(d)
	assert "InvalidSignatureException" in last and aws.key[::-1] not in d.log(), last


def test_a_web_identity_is_shown_to_sts(box):
	d, sink, aws, key, _ = with_aws(box, credentials="web-identity")
	role, identity = "arn:aws:iam::000000000000:role/relay", "eyJhbGciOiJSUzI1NiJ9." + os.urandom(99).hex()
	aws.identities[identity] = role
	d.config["secrets"][0].update({"sts": aws.url, "role_arn": role,
		"token_file": secret_file(d, "identity", identity)["file"]})
	d.start()
	assert is_signed_by(deliver(d, sink), key) and aws.count("sts") == 1
	aws.revoke_all()
	wait_until(lambda: aws.count("sts") == 2, "new credentials")
	assert "secret.trouble" not in d.log()


def test_credentials_of_a_task_are_got_anew_before_they_end(box):
	d, sink, aws, key, _ = with_aws(box, credentials="ecs", refresh="1d")
	aws.lease = 3
	d.environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": aws.url + "/ecs/creds",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN": aws.ecs_token}
	d.start()
	assert is_signed_by(deliver(d, sink), key)
	wait_until(lambda: aws.count("ecs") >= 3, "new credentials")


def test_a_machines_credentials_are_got_by_version_2_only(box):
	d, sink, aws, key, _ = with_aws(box, credentials="imds")
	d.config["secrets"][0]["metadata"] = aws.url
	d.start()
	assert is_signed_by(deliver(d, sink), key)
	d.stop()
	aws.imds_version_2 = False
	last = refuses_to_start(d)
	assert "version 2" in last and aws.count("imds 1") == 0, last


def test_an_outage_of_aws_is_survived_too(box):
	d, sink, aws, key, _ = with_aws(box)
	static_keys(d, aws)
	d.start()
	aws.status = 500
	wait_until(lambda: "trouble" in status_of(d, "aws"), "trouble")
	assert is_signed_by(deliver(d, sink), key)
	aws.status = None
	wait_until(lambda: "trouble" not in status_of(d, "aws"), "its end")


if __name__ == "__main__":
	harness.main(globals())
