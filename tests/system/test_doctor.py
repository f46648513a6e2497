#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stagewirectl doctor: each check sees what is really wrong, and its fix names the thing.

Backstage and Travis CI are stand-ins here that answer what a test tells them to; the real
Backstage is asked in tests/peers.
"""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from email.utils import formatdate

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import harness  # noqa: E402
from vault_standin import VaultStandin  # noqa: E402
from harness import wait_until  # noqa: E402


class Peer:
	"""A stand-in that answers by path: path -> (status, value), value as JSON, None for no body.

	Its clock is skew seconds ahead; while slow, it answers nothing.
	"""

	def __init__(self):
		self.answers, self.seen, self.skew = {}, [], 0
		self.go_on = threading.Event()
		self.go_on.set()
		peer = self

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def do_GET(self):
				self.rfile.read(int(self.headers.get("Content-Length", 0)))
				path = self.path.split("?")[0]
				peer.seen.append((self.command, self.path, self.headers.get("Authorization")))
				peer.go_on.wait(harness.PATIENCE_S)
				status, value = peer.answers.get(path, (404, None))
				body = b"" if value is None else json.dumps(value).encode()
				self.send_response(status)
				self.send_header("Connection", "close")
				if body:
					self.send_header("Content-Type", "application/json")
				self.send_header("Content-Length", str(len(body)))
				self.end_headers()
				self.wfile.write(body)

			do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

			def date_time_string(self, timestamp=None):
				return formatdate(time.time() + peer.skew, usegmt=True)

			def log_message(self, *_):
				pass

		class Server(http.server.ThreadingHTTPServer):
			daemon_threads = True

			def handle_error(self, *_):
				pass

		self.server = Server(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
		threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

	def down(self):
		self.go_on.set()
		self.server.shutdown()
		self.server.server_close()


def travis_error(kind, message):
	return {"@type": "error", "error_type": kind, "error_message": message}


def backstage_error(status, name, message):
	return (status, {"error": {"name": name, "message": message}, "response": {"statusCode": status}})


NOT_FOUND = backstage_error(404, "NotFoundError", "Subscription not found")
UNKNOWN = backstage_error(401, "AuthenticationError", "Illegal token")
USERS_ONLY = backstage_error(403, "NotAllowedError",
	"This endpoint does not allow 'service' credentials")


def barred(plugins):
	return backstage_error(403, "NotAllowedError",
		f"This token's access is restricted to plugin(s) '{plugins}'")


JWKS = "/api/auth/.well-known/jwks.json"
CATALOG = "/api/catalog/entities/by-query"
BUS = "/api/events/bus/v1/subscriptions/stagewire.doctor/events"


def secret(d, name, text):
	path = os.path.join(d.dir, name)
	d.write(path, text + "\n")
	os.chmod(path, 0o600)
	return {"file": path}


def travis_peer(box):
	peer = Peer()
	box.sinks.append(peer)
	with open(box.key + ".pub", encoding="ascii") as f:
		peer.answers = {
			"/config": (200, {"config": {"host": harness.HOST,
				"notifications": {"webhook": {"public_key": f.read()}}}}),
			JWKS: (200, {"keys": [{"kty": "EC"}]}),
			"/user": (200, {"@type": "user", "login": "relay-bot"}),
			"/repos": (200, {"@type": "repositories", "repositories": [{"slug": "acme/parcel-api"}]}),
			"/repo/acme%2Fparcel-api": (200, {"slug": "acme/parcel-api",
				"@permissions": {"read": True, "create_request": True}}),
		}
	return peer


RULE = {"name": "owners", "effect": "allow", "action": ["build.*"],
	"subject": {"owner_of_entity": True}}


def with_travis(box, **more):
	"""A daemon that may start builds at a stand-in of Travis."""
	d, peer = box.daemon(), travis_peer(box)
	os.chmod(d.dir, 0o750)
	d.config["sources"][0].update(api_url=peer.url, config_url=peer.url + "/config",
		owners=["acme"], api_token=secret(d, "travis.token", "travis-token-0123456789"))
	d.config["sources"][0].update(more)
	d.config["listen"]["api"] = [f"127.0.0.1:{harness.free_port()}"]
	d.config["access"] = {"issuer": peer.url + "/api/auth"}
	d.config["policy"] = [RULE]
	return d, peer


def with_backstage(box):
	"""A daemon that needs all three of Backstage's plugins."""
	d, peer = box.daemon(), Peer()
	box.sinks.append(peer)
	os.chmod(d.dir, 0o750)
	peer.answers = {
		CATALOG: (200, {"items": [], "totalItems": 0, "pageInfo": {}}),
		BUS: NOT_FOUND,
		"/api/notifications": USERS_ONLY,
		"/api/scaffolder/v2/tasks": barred("catalog, events, notifications"),
	}
	d.config["backstage"] = {"url": peer.url,
		"token": secret(d, "backstage.token", "backstage-token-0123456789")}
	d.config["catalog"] = {}
	d.config["sinks"] += [{"name": "notify", "type": "backstage-notifications"},
		{"name": "bus", "type": "backstage-events", "topic": "stagewire.build"}]
	return d, peer


def run(d, *args, env=None):
	return subprocess.run([harness.STAGEWIRECTL, "--socket", d.socket, *args], text=True,
		capture_output=True, timeout=harness.PATIENCE_S, env=env)


def examine(d):
	"""The findings; the exit status must be that of the worst of them."""
	done = run(d, "--json", "doctor", "--config", d.config_path)
	report = json.loads(done.stdout)
	verdicts = {f["verdict"] for f in report["findings"]}
	assert done.returncode == (1 if "fail" in verdicts else 0), done
	worst = next(v for v in ("fail", "warn", "skipped", "ok") if v in verdicts)
	assert report["verdict"] == worst, report["verdict"]
	for f in report["findings"]:
		assert f["verdict"] in ("ok", "skipped") or f.get("fix"), f
		assert "token-0123456789" not in json.dumps(f), f
	return report["findings"]


def found(findings, check, about=None):
	them = [f for f in findings if f["check"] == check and about in (None, f["about"])]
	assert len(them) == 1, (check, about, findings)
	return them[0]


def sees(d, verdict, check, about, *words, fix=()):
	"""One finding is that; words are in what was seen, and those of fix in the fix."""
	f = found(examine(d), check, about)
	assert f["verdict"] == verdict, f
	assert all(w in f["seen"] for w in words), f
	assert all(w in f["fix"] for w in fix), f
	return f


def nothing_fails(findings):
	assert not [f for f in findings if f["verdict"] == "fail"], findings


# --- without the daemon ---


def test_without_a_daemon_the_local_part_is_looked_at(box):
	d = box.daemon()
	os.chmod(d.dir, 0o750)
	d.write_config()
	findings = examine(d)
	nothing_fails(findings)
	told = found(findings, "daemon")
	assert told["verdict"] == "skipped" and "is it running?" in told["seen"], told
	assert found(findings, "configuration")["verdict"] == "ok"
	assert {f["by"] for f in findings} == {"stagewirectl"}
	text = run(d, "doctor", "--config", d.config_path)
	assert text.returncode == 0 and "0 failed" in text.stdout, text


def test_without_anything_to_look_at_it_ends_with_2(box):
	d = box.daemon()
	done = run(d, "doctor", "--config", d.config_path)
	assert done.returncode == 2 and done.stdout == "", done
	assert done.stderr.count("\n") == 1 and d.config_path in done.stderr, done
	assert run(d, "doctor", "more").returncode == 2
	assert run(d, "status", "--config", d.config_path).returncode == 2


def test_a_broken_configuration_is_told_with_its_line(box):
	d = box.daemon()
	d.write(d.config_path, "listen: {}\nnonsense: 1\n")
	sees(d, "fail", "configuration", d.config_path, ":2:", "nonsense", fix=["--check-config"])


def test_a_file_that_the_daemon_has_not_read_again_is_told(box):
	d, _ = with_travis(box)
	d.start()
	sees(d, "ok", "configuration-drift", d.config_path)
	d.config["log"]["level"] = "info"
	d.write_config()
	sees(d, "warn", "configuration-drift", d.config_path, fix=["systemctl reload stagewired"])
	assert "reload.refused" not in d.reload()
	sees(d, "ok", "configuration-drift", d.config_path)


# --- files ---


def test_modes_that_are_too_wide_are_told_with_the_chmod_that_mends_them(box):
	d, _ = with_travis(box)
	d.start()
	token, state = os.path.join(d.dir, "travis.token"), d.dir
	for path, mode, what, mended in [(token, 0o644, "read by others", "chmod 0640 "),
			(token, 0o660, "written by its group", "chmod 0640 "),
			(state, 0o757, "written by others", "chmod 0750 "),
			(d.config_path, 0o666, "written by others", "chmod 0644 "),
			(d.store, 0o604, "read by others", "chmod 0600 "),
			(os.path.join(d.dir, "audit.key"), 0o644, "read by others", "chmod 0640 "),
			(d.socket, 0o666, "", "chmod 0660 ")]:
		before = os.stat(path).st_mode & 0o7777
		os.chmod(path, mode)
		f = sees(d, "fail", "file-mode", path, what, fix=[mended + path])
		subprocess.run(f["fix"].split(), check=True)
		sees(d, "ok", "file-mode", path)
		os.chmod(path, before)
	nothing_fails(examine(d))


def test_a_secret_that_is_missing_is_told(box):
	d, _ = with_travis(box)
	d.write_config()
	token = os.path.join(d.dir, "travis.token")
	os.unlink(token)
	sees(d, "fail", "file-mode", token, "No such file", fix=[token])


def test_a_file_of_a_stranger_is_told(box):
	if os.geteuid() != 0:
		raise harness.Skip("files can only be given away by root")
	d, _ = with_travis(box)
	d.write_config()
	token = os.path.join(d.dir, "travis.token")
	os.chown(token, 12345, -1)
	sees(d, "fail", "file-owner", token, "12345", fix=[f"chown root {token}"])


def test_a_secret_in_the_environment_is_told(box):
	d, _ = with_travis(box)
	d.config["sources"][0]["api_token"] = {"env": "TRAVIS_TOKEN"}
	d.write_config()
	sees(d, "warn", "secret-place", "TRAVIS_TOKEN", fix=["LoadCredential=TRAVIS_TOKEN"])


def test_a_disk_in_memory_and_without_room_is_told(box):
	d = box.daemon()
	disk = os.path.join(box.dir, "disk")
	with harness.small_disk(disk, "12M"):
		os.chmod(disk, 0o750)
		d.config["store"]["path"] = os.path.join(disk, "stagewire.db")
		d.write_config()
		sees(d, "warn", "disk-kind", disk, "memory", fix=[disk])
		sees(d, "fail", "disk-room", disk, "12 MiB", fix=[disk, "retention"])
	with contextlib.suppress(OSError):
		os.rmdir(disk)


def test_both_programs_tell_their_libraries(box):
	d = box.daemon()
	d.start()
	findings = examine(d)
	for by in ("stagewired", "stagewirectl"):
		names = {f["about"] for f in findings if f["check"] == "library" and f["by"] == by}
		assert names == {"libevent", "libcurl", "json-c", "libsodium", "OpenSSL", "libyaml",
			"SQLite"}, names
	assert found(findings, "clock")["verdict"] in ("ok", "warn", "skipped")


# --- Travis CI ---


def test_travis_is_well(box):
	d, peer = with_travis(box)
	d.start()
	findings = examine(d)
	nothing_fails(findings)
	for check in ("travis-key", "travis-host", "travis-token", "travis-scope", "travis-permission",
			"clock-skew"):
		assert found(findings, check, harness.SOURCE)["verdict"] == "ok", (check, findings)
	assert "relay-bot" in found(findings, "travis-token")["seen"]
	assert "acme/parcel-api" in found(findings, "travis-permission")["seen"]
	# Harmless, and to /config nothing is shown.
	assert {method for method, _, _ in peer.seen} == {"GET"}, peer.seen
	assert {shown for _, path, shown in peer.seen if path == "/config"} == {None}, peer.seen


def test_a_token_of_travis_that_is_refused_is_told(box):
	d, peer = with_travis(box)
	d.start()
	peer.answers["/user"] = (403, travis_error("login_required", "login required"))
	sees(d, "fail", "travis-token", harness.SOURCE, fix=["api_token", harness.SOURCE])
	peer.answers["/user"] = (500, None)
	sees(d, "fail", "travis-token", harness.SOURCE, "500", fix=["api_url", harness.SOURCE])


def test_a_token_that_sees_more_than_the_source_is_told(box):
	d, peer = with_travis(box)
	d.start()
	peer.answers["/repos"] = (200, {"repositories": [{"slug": "acme/parcel-api"},
		{"slug": "Acme/scales"}, {"slug": "globex/vault"}]})
	sees(d, "warn", "travis-scope", harness.SOURCE, "1 of 3", "globex/vault", fix=[harness.SOURCE])


def test_a_token_that_may_not_start_builds_is_told(box):
	d, peer = with_travis(box)
	d.start()
	repository = "/repo/acme%2Fparcel-api"
	peer.answers[repository] = (200, {"slug": "acme/parcel-api",
		"@permissions": {"create_request": False}})
	sees(d, "fail", "travis-permission", harness.SOURCE, "create_request", fix=["acme/parcel-api"])
	peer.answers[repository] = (404, travis_error("not_found", "repository not found"))
	sees(d, "fail", "travis-permission", harness.SOURCE, "not found", fix=["acme/parcel-api"])
	peer.answers[repository] = (200, {"slug": "acme/parcel-api"})
	sees(d, "skipped", "travis-permission", harness.SOURCE, "acme/parcel-api")


def test_a_key_that_travis_signs_with_and_we_do_not_know_is_told(box):
	d, peer = with_travis(box)
	del d.config["sources"][0]["config_url"]  # or it would be fetched, and known
	d.start()
	sees(d, "ok", "travis-key", harness.SOURCE, "sha256:")
	other = harness.make_key(os.path.join(box.dir, "other.pem"))
	with open(other + ".pub", encoding="ascii") as f:
		config = {"notifications": {"webhook": {"public_key": f.read()}}}
	peer.answers["/config"] = (200, {"config": config})
	sees(d, "fail", "travis-key", harness.SOURCE, "none of ours", fix=["public_keys", harness.SOURCE])
	config["notifications"]["webhook"]["public_key"] = None
	sees(d, "fail", "travis-key", harness.SOURCE, "signs nothing", fix=["webhook key"])
	peer.answers["/config"] = (404, None)
	sees(d, "fail", "travis-key", harness.SOURCE, "404", fix=["api_url", harness.SOURCE])


def test_another_host_than_the_sources_is_told(box):
	d, peer = with_travis(box)
	d.start()
	peer.answers["/config"][1]["config"]["host"] = "travis.example.org"
	sees(d, "warn", "travis-host", harness.SOURCE, "travis.example.org", fix=[harness.SOURCE])


def test_a_clock_that_is_off_is_told(box):
	d, peer = with_travis(box)
	d.start()
	for skew, verdict, word in ((3, "ok", ""), (-10, "warn", "ahead"), (60, "fail", "behind")):
		peer.skew = skew
		f = sees(d, verdict, "clock-skew", harness.SOURCE, word)
		assert verdict == "ok" or "timedatectl" in f["fix"], f


def test_travis_that_is_away_is_told(box):
	d, peer = with_travis(box)
	d.start()
	peer.down()
	box.sinks.remove(peer)
	findings = examine(d)
	assert found(findings, "travis-key", harness.SOURCE)["verdict"] == "fail"
	assert found(findings, "travis-token", harness.SOURCE)["verdict"] == "fail"


def test_a_token_kept_by_entity_is_tried_for_one(box):
	vault = VaultStandin()
	box.sinks.append(vault)
	d, peer = with_travis(box, api_token={"vault": "ci/{namespace}/{name}", "field": "token",
		"provider": "vault"})
	d.config["secrets"] = [{"name": "vault", "type": "vault", "address": vault.url,
		"role_id": secret(d, "role_id", vault.role_id),
		"secret_id": secret(d, "secret_id", vault.secret_id)}]
	d.start()
	sees(d, "fail", "travis-token", harness.SOURCE, "404", "acme/parcel-api",
		fix=["api_token", harness.SOURCE])
	vault.put("ci/default/parcel-api", {"token": "scoped-token-0123456789"})
	sees(d, "ok", "travis-token", harness.SOURCE, "acme/parcel-api")
	assert ("GET", "/user", "token scoped-token-0123456789") in peer.seen, peer.seen
	sees(d, "ok", "secrets-provider", "vault")


# --- Backstage ---


def test_backstage_is_well(box):
	d, peer = with_backstage(box)
	d.start()
	wait_until(lambda: peer.seen, "the catalog's first read")
	findings = examine(d)
	for plugin in ("catalog", "events", "notifications"):
		assert found(findings, "backstage-plugin", plugin)["verdict"] == "ok", findings
	assert found(findings, "backstage-scope", "scaffolder")["verdict"] == "ok"
	assert found(findings, "backstage-scope", "search")["verdict"] == "skipped"
	assert found(findings, "clock-skew", "backstage")["verdict"] == "ok"
	assert {method for method, _, _ in peer.seen} == {"GET"}, peer.seen


def test_what_backstage_refuses_is_told(box):
	d, peer = with_backstage(box)
	d.start()
	peer.answers[CATALOG] = UNKNOWN
	sees(d, "fail", "backstage-plugin", "catalog", "401", "Illegal token",
		fix=["backstage.token", "externalAccess"])
	peer.answers["/api/notifications"] = barred("catalog")
	sees(d, "fail", "backstage-plugin", "notifications", "restricted",
		fix=["'- plugin: notifications'", "accessRestrictions"])
	del peer.answers[BUS]
	sees(d, "fail", "backstage-plugin", "events", "404", fix=["@backstage/plugin-events-backend"])
	peer.answers[BUS] = (503, None)
	sees(d, "fail", "backstage-plugin", "events", "503", fix=[peer.url])


def test_a_token_of_backstage_that_is_good_for_more_is_told(box):
	d, peer = with_backstage(box)
	d.start()
	peer.answers["/api/scaffolder/v2/tasks"] = (200, {"tasks": []})
	sees(d, "warn", "backstage-scope", "scaffolder", fix=["accessRestrictions", "catalog events"])


def test_our_own_key_set_is_looked_at(box):
	d, peer = with_backstage(box)
	port = harness.free_port()
	d.config["listen"]["keys"] = [f"127.0.0.1:{port}"]
	d.config["backstage"] = {"url": peer.url, "identity": {"issuer": "https://relay.example",
		"audience": "backstage-external", "subject": "relay"}}
	d.start()
	sees(d, "ok", "own-keys", f"127.0.0.1:{port}")
	peer.answers[CATALOG] = UNKNOWN
	sees(d, "fail", "backstage-plugin", "catalog", fix=["jwks", "https://relay.example"])


def test_issuers_whose_keys_are_not_to_be_had_are_told(box):
	d, peer = with_travis(box)
	d.config["issuers"] = [{"name": "ci", "url": peer.url + "/ci", "audience": "stagewire"}]
	d.config["agents"] = [{"name": "bot", "issuer": "ci", "claims": ["repository_id=7"]}]
	d.start()
	peer.answers["/ci/.well-known/openid-configuration"] = (200, {"issuer": peer.url + "/ci",
		"jwks_uri": peer.url + "/ci/keys"})
	findings = examine(d)
	assert found(findings, "access-keys", "access.issuer")["verdict"] == "ok"
	assert found(findings, "access-keys", "ci")["verdict"] == "ok"
	del peer.answers[JWKS]
	sees(d, "fail", "access-keys", "access.issuer", "404", fix=["access.issuer", "access.keys_url"])
	peer.answers["/ci/.well-known/openid-configuration"] = (200, {"issuer": "no keys"})
	sees(d, "fail", "access-keys", "ci", fix=["'ci'"])


# --- the daemon itself ---


def test_rules_that_can_never_match_are_told(box):
	d, _ = with_travis(box)
	d.config["policy"] += [
		{**RULE, "name": "ghosts", "subject": {"group": ["group:default/ghosts"]}},
		{**RULE, "name": "nobody", "subject": {"principal": ["user:default/nobody"]}},
		{**RULE, "name": "robots", "entity": {"kind": ["robot"]}},
		{**RULE, "name": "payments", "subject": {"group": ["group:default/payments"]}}]
	d.start()
	findings = examine(d)
	for rule, word in (("ghosts", "subject.group"), ("nobody", "subject.principal"),
			("robots", "entity.kind")):
		f = found(findings, "policy-rule", rule)
		assert f["verdict"] == "warn" and word in f["seen"] and word in f["fix"], f
	assert found(findings, "policy-rule", "payments")["verdict"] == "ok"
	assert found(findings, "policy-rule", "owners")["verdict"] == "ok"


def test_halves_of_a_configuration_are_told(box):
	d, _ = with_travis(box)
	rules = d.config["policy"]
	d.config["policy"] = []
	d.start()
	sees(d, "warn", "policy", "policy", "no rule", fix=["build.trigger"])
	d.stop()
	d.config["policy"] = rules
	del d.config["access"]
	d.start()
	sees(d, "warn", "access", "listen.api", fix=["access.issuer"])
	d.stop()
	del d.config["listen"]["api"]
	d.start()
	sees(d, "warn", "access", "listen.api", "nobody can ask", fix=["listen.api"])
	d.stop()
	for key in ("api_url", "api_token"):
		del d.config["sources"][0][key]
	d.start()
	sees(d, "warn", "policy", "policy", "no source", fix=["api_url"])


def test_a_provider_of_secrets_in_trouble_is_told(box):
	vault = VaultStandin()
	box.sinks.append(vault)
	d, sink = box.daemon(), box.sink()
	vault.put("ci/hook", {"token": "hook-token-0123456789"})
	d.config["secrets"] = [{"name": "vault", "type": "vault", "address": vault.url, "refresh": "1s",
		"timeout": "2s", "role_id": secret(d, "role_id", vault.role_id),
		"secret_id": secret(d, "secret_id", vault.secret_id)}]
	d.config["sinks"].append({"name": "hook", "type": "http", "url": sink.url + "/hook",
		"allow": [f"127.0.0.1/32:{sink.port}"],
		"token": {"vault": "ci/hook", "field": "token", "provider": "vault"}})
	d.start()
	sees(d, "ok", "secrets-provider", "vault", "1 secrets")
	vault.down()
	wait_until(lambda: "trouble" in d.ctl("status")["secrets"][0], "the trouble")
	sees(d, "fail", "secrets-provider", "vault", "unreachable", fix=["'vault'"])
	vault.up()


def test_what_waits_for_an_operator_is_told(box):
	d, sink = box.daemon(), box.sink()
	sink.answer = (400, {}, b"")
	d.config["sinks"].append({"name": "hook", "type": "http", "url": sink.url + "/hook",
		"allow": [f"127.0.0.1/32:{sink.port}"]})
	d.config["routes"][0]["to"].append("hook")
	d.start()
	d.accept()
	wait_until(lambda: d.ctl("status")["store"]["dead"] == 1, "a dead letter")
	sees(d, "warn", "dead-letters", "deliveries", "1 ", fix=["stagewirectl dead"])
	d.ctl("hold", "record", "--reason", "a test")
	sees(d, "warn", "sink", "record", "held", fix=["stagewirectl release record"])


# --- it holds up nothing, and ends ---


class Asking:
	"""A doctor that is with a peer which does not answer yet."""

	def __init__(self, d, peer):
		peer.go_on.clear()
		before = len(peer.seen)
		self.process = subprocess.Popen([harness.STAGEWIRECTL, "--socket", d.socket, "--json",
			"doctor", "--config", d.config_path], stdout=subprocess.PIPE, text=True)
		wait_until(lambda: any(path == "/user" for _, path, _ in peer.seen[before:]), "its question")

	def findings(self):
		text, _ = self.process.communicate(timeout=harness.PATIENCE_S)
		return json.loads(text)["findings"]


def test_a_peer_that_says_nothing_holds_up_nothing_and_is_told_in_time(box):
	d, peer = with_travis(box)
	d.start()
	begin = time.monotonic()
	asking = Asking(d, peer)
	d.accept()
	busy = found(examine(d), "daemon")
	assert busy["verdict"] == "skipped" and "somebody else" in busy["seen"], busy
	findings = asking.findings()
	assert time.monotonic() - begin < 20
	assert found(findings, "travis-key", harness.SOURCE)["verdict"] == "fail"
	assert found(findings, "travis-token", harness.SOURCE)["verdict"] == "fail"
	peer.go_on.set()
	nothing_fails(examine(d))


def test_a_reload_and_a_stop_end_it(box):
	d, peer = with_travis(box)
	d.start()
	asking = Asking(d, peer)
	assert "reload.refused" not in d.reload()
	told = found(asking.findings(), "daemon")
	assert told["verdict"] == "skipped" and "reload" in told["seen"], told
	asking = Asking(d, peer)
	assert d.stop() == 0
	assert found(asking.findings(), "daemon")["verdict"] == "skipped"


if __name__ == "__main__":
	harness.main(globals())
