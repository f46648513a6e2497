#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real issuers: agents start builds by the ID tokens of npm's oidc-provider, and users by those of a
real Backstage, whose other tokens are refused. Travis CI is a stand-in."""

import base64
import contextlib
import hashlib
import http.cookiejar
import http.server
import json
import os
import secrets
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import peer as peers  # first: it finds the harness
import harness
from harness import request, wait_until
from peer import FULL_TOKEN, Peer
from test_triggers import BUILDS, Tool, refused, world


MODULES = peers.modules_of("oidc")
BACK = "http://127.0.0.1/back"
RELEASE = "repo:acme/parcel-api:ref:refs/heads/main"
OTHER = "repo:acme/parcel-ui:ref:refs/heads/main"
BOTS = {"name": "bots", "effect": "allow", "action": ["build.*"],
	"subject": {"principal": ["agent:release-bot"]}}
PEOPLE = {"name": "people", "effect": "allow", "action": ["build.*"],
	"subject": {"group": ["group:default/platform"]}}

peer = None
plugins = None


# --- the OpenID provider ---


class Stay(urllib.request.HTTPRedirectHandler):
	"""Follows to the provider's own pages, and not back to the client."""

	def redirect_request(self, req, fp, code, msg, headers, newurl):
		if newurl.startswith(BACK + "?"):
			return None
		return super().redirect_request(req, fp, code, msg, headers, newurl)


class Provider(Tool):
	"""npm's oidc-provider; Tool knows how such a child lives and ends."""

	def __init__(self, box):
		peers.npm_install("oidc", 20)
		self.process = subprocess.Popen(["node", os.path.join(MODULES, "provider.js")],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
		self.port = int(self.process.stdout.readline())
		self.url = f"http://127.0.0.1:{self.port}"
		box.sinks.append(self)

	down = Tool.stop

	def tokens(self, client="relay-rs256", account=RELEASE):
		"""The authorization code flow with PKCE, as a client and the account's browser go it."""
		verifier = secrets.token_urlsafe(48)
		challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
		browser = urllib.request.build_opener(Stay(),
			urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
		question = urllib.parse.urlencode({"client_id": client, "response_type": "code",
			"scope": "openid", "redirect_uri": BACK, "login_hint": account,
			"code_challenge": challenge.rstrip(b"=").decode(), "code_challenge_method": "S256"})
		try:
			with browser.open(f"{self.url}/auth?{question}", timeout=30) as page:
				raise AssertionError(f"no way back: {page.status} {page.url}")
		except urllib.error.HTTPError as e:
			with e:
				back = urllib.parse.urlparse(e.headers["Location"] or "")
		code, = urllib.parse.parse_qs(back.query)["code"]
		body = urllib.parse.urlencode({"grant_type": "authorization_code", "code": code,
			"redirect_uri": BACK, "client_id": client, "code_verifier": verifier})
		with browser.open(f"{self.url}/token", body.encode(), timeout=30) as answer:
			return json.load(answer)

	def id_token(self, **more):
		return self.tokens(**more)["id_token"]

	def rotate(self):
		assert request(self.port, "POST", "/rotate").status == 200


def agents(w, provider, algorithm="RS256"):
	w.daemon.config["issuers"] = [{"name": "provider", "url": provider.url,
		"audience": "relay-" + algorithm.lower(), "algorithm": algorithm}]
	w.daemon.config["agents"] = [{"name": "release-bot", "issuer": "provider",
		"claims": ["repository_id=4242", "sub=repo:acme/parcel-api:*", "run_attempt=1"]}]


def told(answer, reason):
	assert reason in refused(answer, 401, "token-refused").json()["detail"], (reason, answer)


def by(w, algorithm, provider):
	agents(w, provider, algorithm)
	w.daemon.write_config()
	if w.daemon.process is None:
		w.daemon.start()
	else:
		w.daemon.reload()
	token = provider.id_token(client="relay-" + algorithm.lower())
	answer = w.call("POST", BUILDS, {"branch": "main"}, token=token)
	assert answer.status == 202, answer
	wait_until(lambda: w.call("GET", answer.headers["Location"], token=token).json()["state"]
		== "built", "it is built")


def test_the_id_tokens_of_a_real_provider_start_builds(box):
	provider = Provider(box)
	with world(box, BOTS, start=False) as w:
		by(w, "RS256", provider)
		by(w, "ES256", provider)
		assert [p["body"]["request"]["branch"] for p in w.posts()] == ["main", "main"]
		entries = w.audit("build.trigger")
		assert {e["actor"] for e in entries} == {"agent:release-bot"}, entries
		assert all(f"issuer={provider.url} " in e["token"] for e in entries), entries


def test_its_other_tokens_start_none(box):
	provider = Provider(box)
	with world(box, BOTS, start=False) as w:
		agents(w, provider)
		w.daemon.start()
		mine = provider.tokens()
		told(w.call("POST", BUILDS, token=mine["access_token"]), "malformed")
		told(w.call("POST", BUILDS, token=provider.id_token(client="another")), "wrong-audience")
		told(w.call("POST", BUILDS, token=provider.id_token(client="relay-es256")),
			"wrong-algorithm")
		told(w.call("POST", BUILDS, token=provider.id_token(account=OTHER)), "no-agent")
		head, claims, signature = mine["id_token"].split(".")
		forged = json.loads(base64.urlsafe_b64decode(claims + "=="))
		forged = base64.urlsafe_b64encode(json.dumps({**forged, "x": 1}).encode()).decode()
		told(w.call("POST", BUILDS, token=".".join((head, forged.rstrip("="), signature))),
			"bad-signature")
		assert w.posts() == []


def test_a_new_key_of_the_provider_is_taken_up(box):
	provider = Provider(box)
	with world(box, BOTS, start=False) as w:
		agents(w, provider)
		w.daemon.config["access"]["key_refetch"] = "1s"
		w.daemon.start()
		old = provider.id_token()
		assert w.call("POST", BUILDS, token=old).status == 202
		provider.rotate()
		new = provider.id_token()
		wait_until(lambda: w.call("POST", BUILDS, token=new).status == 202, "the new key is known")
		assert w.call("POST", BUILDS, token=old).status == 202, "the old one is published yet"


# --- Backstage ---


class Plugins:
	"""Stands where Backstage's plugins look for the event bus, and keeps the tokens they show."""

	def __init__(self):
		seen = self.seen = []

		class Handler(http.server.BaseHTTPRequestHandler):
			def answer(self):
				seen.append(self.headers.get("Authorization", ""))
				self.rfile.read(int(self.headers.get("Content-Length") or 0))
				self.send_error(404)

			do_GET = do_POST = do_PUT = answer

			def log_message(self, *args):
				pass

		self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		threading.Thread(target=self.server.serve_forever, daemon=True).start()
		self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

	def token(self):
		return wait_until(lambda: self.seen, "a plugin's token")[-1].removeprefix("Bearer ")


@contextlib.contextmanager
def backstage_world(box):
	"""A relay whose users, and what they belong to, are those of the peer."""
	with world(box, PEOPLE, start=False) as w:
		path = os.path.join(w.daemon.dir, "backstage.token")
		w.daemon.write(path, FULL_TOKEN + "\n")
		w.daemon.config["backstage"] = {"url": peer.url, "token": {"file": path}}
		w.daemon.config["catalog"] = {"refresh": "1s"}
		w.daemon.config["access"] = {"key_refetch": "1s"}
		w.daemon.start()
		wait_until(lambda: w.daemon.ctl("status")["catalog"]["repositories"] >= 2, "the catalog")
		yield w


def part(token, n):
	return json.loads(base64.urlsafe_b64decode(token.split(".")[n] + "=="))


def limited(token):
	"""The token that Backstage puts into a cookie: its signature is the user token's uip."""
	def text(value):
		return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()
			).rstrip(b"=").decode()
	head, claims = part(token, 0), part(token, 1)
	return ".".join((text({"typ": "vnd.backstage.limited-user", "alg": head["alg"],
		"kid": head["kid"]}), text({n: claims[n] for n in ("sub", "iat", "exp")}), claims["uip"]))


def test_the_real_token_of_a_guest_starts_a_build(box):
	with backstage_world(box) as w:
		token = peer.guest()
		# Backstage makes its first key when it first signs: there may have been none to fetch.
		wait_until(lambda: w.call("POST", BUILDS, {"branch": "main"}, token=token).status == 202,
			"the key is known")
		wait_until(w.posts, "Travis is asked")
		for entry in w.audit("build.trigger"):
			assert entry["actor"] == "user:default/guest" and entry["rule"] == "people", entry
			assert f" kid={part(token, 0)['kid']} " in entry["token"], entry


def test_a_limited_token_of_the_guest_is_refused(box):
	with backstage_world(box) as w:
		token = limited(peer.guest())
		told(w.call("POST", BUILDS, token=token), "wrong-type")
		# Backstage itself knows it: as a cookie's it is good, and as a bearer's it says why not.
		try:
			peer.call("GET", "/api/catalog/entities?limit=1", token=token)
			raise AssertionError("Backstage takes it as a bearer")
		except urllib.error.HTTPError as e:
			with e:
				assert e.code == 401 and b"limited user token" in e.read().lower(), e
		assert w.posts() == []


def test_the_token_of_a_plugin_is_refused(box):
	with backstage_world(box) as w:
		token = plugins.token()
		assert part(token, 0)["typ"] == "vnd.backstage.plugin", part(token, 0)
		told(w.call("POST", BUILDS, token=token), "wrong-type")
		told(w.call("POST", BUILDS, token=FULL_TOKEN), "malformed")
		assert w.posts() == []


def test_a_new_key_of_backstage_is_taken_up_and_its_outage_is_survived(box):
	with backstage_world(box) as w:
		old = peer.guest()
		wait_until(lambda: w.call("POST", BUILDS, token=old).status == 202, "the key is known")
		peer.run("stop-backstage")
		assert w.call("POST", BUILDS, token=old).status == 202, "its last keys hold"
		peer.run("start-backstage")
		new = peer.guest()
		assert part(old, 0)["kid"] != part(new, 0)["kid"], "it signs with a new key"
		wait_until(lambda: w.call("POST", BUILDS, token=new).status == 202, "the new key is known")
		assert w.call("POST", BUILDS, token=old).status == 202, "the old one is published yet"


def main():
	global peer, plugins
	if peers.is_skipped():
		return
	plugins = Plugins()
	try:
		with Peer() as peer:
			peer.env["PEER_CONFIG"] = os.path.join(peer.state, "plugins.yaml")
			with open(peer.env["PEER_CONFIG"], "w", encoding="utf-8") as f:
				json.dump({"discovery": {"endpoints": [
					{"target": plugins.url + "/api/events", "plugins": ["events"]}]}}, f)
			peer.start()
			harness.main(globals())
	finally:
		plugins.server.shutdown()


if __name__ == "__main__":
	main()
