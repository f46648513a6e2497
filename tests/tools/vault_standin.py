#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for HashiCorp Vault and OpenBao, not the product.

What it does it does as their API documents say, which their own clients judge
(tests/peers/test_secrets.py): KV version 2 with versions that can be deleted and
destroyed, AppRole, JWT login, tokens that end, are renewed up to a longest life, looked
up and revoked, namespaces, wrapping of answers, health and sealing.

usage: vault_standin.py FOLDER

As a program it listens on a free loopback port, prints it, writes FOLDER/root-token, has
the secrets travis/default/parcel-api and travis/default/weigh-api, and ends when its
standard input is closed.
"""

import datetime
import http.server
import json
import os
import secrets
import ssl
import sys
import threading
import time
import urllib.parse


def now_text():
	return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class Refused(Exception):
	"""An answer that is none: a status, and words."""

	def __init__(self, status, *words, body=None):
		super().__init__(status)
		self.status = status
		self.body = {"errors": list(words)} if body is None else body


class Token:
	def __init__(self, ttl, max_ttl, namespace, root=False):
		self.text = "hvs." + secrets.token_urlsafe(24)
		self.ttl, self.namespace, self.root = ttl, namespace, root
		self.end = None if root else time.monotonic() + ttl
		self.last = None if root else time.monotonic() + max_ttl

	def left(self):
		return 0 if self.root else max(0, int(self.end - time.monotonic() + 0.5))


class VaultStandin:
	"""One server. ttl and max_ttl are those of tokens that are given out from now on."""

	def __init__(self, mount="secret", port=0, tls=None):
		self.lock = threading.RLock()
		self.mount, self.port = mount, port
		self.tls = tls  # (certificate, key), files; or None
		self.ttl, self.max_ttl = 3600, 86400
		self.sealed = False
		self.status = None  # answer everything with it
		self.requests = []  # (method, path, namespace)
		self.tokens, self.wrapped = {}, {}
		self.kv = {}  # (namespace, path) -> list of {"data", "created", "deleted", "destroyed"}
		self.role_id = secrets.token_hex(16)
		self.secret_ids = {secrets.token_hex(16)}
		self.jwts = {"eyJhbGciOiJFUzI1NiJ9." + secrets.token_urlsafe(200): "stagewire"}
		self.namespace = ""  # that AppRole and JWT are in
		self.root = Token(0, 0, "", root=True)
		self.tokens[self.root.text] = self.root
		self.server = None
		self.up()

	# --- what a test does ---

	@property
	def url(self):
		return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

	@property
	def secret_id(self):
		return next(iter(self.secret_ids))

	@property
	def jwt(self):
		return next(iter(self.jwts))

	def put(self, path, data, namespace=""):
		"""Write a new version, and return its number."""
		with self.lock:
			versions = self.kv.setdefault((namespace, path), [])
			versions.append({"data": data, "created": now_text(), "deleted": "", "destroyed": False})
			return len(versions)

	def wrap(self, data, ttl=300):
		"""Wrap what an answer would hold, and return the token to unwrap it with."""
		token = "hvs.w" + secrets.token_urlsafe(24)
		with self.lock:
			self.wrapped[token] = (time.monotonic() + ttl, data)
		return token

	def revoke_all(self):
		"""Every token but root's is no good any more."""
		with self.lock:
			self.tokens = {self.root.text: self.root}

	def count(self, ending):
		return sum(path.endswith(ending) for _, path, _ in list(self.requests))

	def up(self):
		standin = self

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def handle_any(self):
				standin.serve(self)

			do_GET = do_POST = do_PUT = do_DELETE = do_LIST = do_PATCH = handle_any

			def log_message(self, *_):
				pass

		class Server(http.server.ThreadingHTTPServer):
			allow_reuse_address = True
			daemon_threads = True

			def handle_error(self, *_):
				pass

		self.server = Server(("127.0.0.1", self.port), Handler)
		self.port = self.server.server_address[1]
		if self.tls is not None:
			context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
			context.load_cert_chain(*self.tls)
			self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
		threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

	def down(self):
		if self.server is not None:
			self.server.shutdown()
			self.server.server_close()
			self.server = None

	# --- HTTP ---

	def serve(self, handler):
		length = int(handler.headers.get("Content-Length") or 0)
		raw = handler.rfile.read(length)
		with self.lock:
			try:
				status, answer = self.answer(handler, raw)
			except Refused as r:
				status, answer = r.status, r.body
		body = b"" if answer is None else json.dumps(answer).encode() + b"\n"
		handler.send_response(status)
		handler.send_header("Content-Type", "application/json")
		handler.send_header("Cache-Control", "no-store")
		handler.send_header("Content-Length", str(len(body)))
		handler.end_headers()
		handler.wfile.write(body)

	def answer(self, handler, raw):
		url = urllib.parse.urlsplit(handler.path)
		path = urllib.parse.unquote(url.path)
		query = urllib.parse.parse_qs(url.query)
		method = handler.command
		namespace = (handler.headers.get("X-Vault-Namespace") or "").strip("/")
		if not path.startswith("/v1/"):
			raise Refused(404)
		path = path[len("/v1/"):]
		self.requests.append((method, path, namespace))
		if path == "sys/health":
			return self.health()
		if self.status is not None:
			raise Refused(self.status, "as the test asks")
		if self.sealed:
			raise Refused(503, "Vault is sealed")
		if path.endswith("."):
			raise Refused(400, "path cannot end with a dot")
		try:
			body = json.loads(raw) if raw else {}
		except ValueError:
			raise Refused(400, "failed to parse JSON input") from None
		token = handler.headers.get("X-Vault-Token") or ""
		scheme, _, rest = (handler.headers.get("Authorization") or "").partition(" ")
		if not token and scheme == "Bearer":
			token = rest
		answer = self.route(method, path, namespace, token, body, query)
		wrap_ttl = handler.headers.get("X-Vault-Wrap-TTL")
		if wrap_ttl and answer[1] is not None:
			return 200, self.wrapping(answer[1]["data"], int(wrap_ttl.rstrip("s")))
		return answer

	def wrapping(self, data, ttl):
		token = self.wrap(data, ttl)
		return self.envelope(wrap_info={"token": token, "accessor": secrets.token_hex(8), "ttl": ttl,
			"creation_time": now_text(), "creation_path": "auth/approle/role/relay/secret-id"})

	@staticmethod
	def envelope(**parts):
		whole = {"request_id": secrets.token_hex(16), "lease_id": "", "renewable": False,
			"lease_duration": 0, "data": None, "wrap_info": None, "warnings": None, "auth": None}
		whole.update(parts)
		return whole

	def health(self):
		status = 503 if self.sealed else 200
		return status, {"initialized": True, "sealed": self.sealed, "standby": False,
			"server_time_utc": int(time.time()), "version": "1.15.0", "cluster_name": "stand-in"}

	def route(self, method, path, namespace, token, body, query):
		if path.startswith("auth/") and path.endswith("/login"):
			return self.login(path.split("/")[1], namespace, body)
		if path == "sys/wrapping/unwrap":
			return self.unwrap(token, body)
		who = self.tokens.get(token)
		if who is None or (who.end is not None and who.end < time.monotonic()):
			raise Refused(403, "permission denied")
		if not who.root and who.namespace != namespace:
			raise Refused(403, "permission denied")
		if path.startswith("auth/token/"):
			return self.own_token(path, who)
		if path == "auth/approle/role/relay/secret-id" and who.root:
			self.secret_ids.add(new := secrets.token_hex(16))
			return 200, self.envelope(data={"secret_id": new, "secret_id_ttl": 0,
				"secret_id_accessor": secrets.token_hex(8), "secret_id_num_uses": 0})
		if path == "auth/approle/role/relay/role-id" and who.root:
			return 200, self.envelope(data={"role_id": self.role_id})
		if path.startswith(self.mount + "/data/"):
			return self.data(method, namespace, path[len(self.mount) + 6:], body, query)
		if path.startswith(self.mount + "/destroy/") and who.root:
			self.kv[(namespace, path[len(self.mount) + 9:])][body["versions"][0] - 1]["destroyed"] = True
			return 204, None
		raise Refused(404)

	# --- signing in ---

	def login(self, where, namespace, body):
		if namespace != self.namespace:
			raise Refused(400, "invalid role or secret ID")
		if where == "approle":
			# As the real one: a bad id is a bad request, not a refusal.
			if body.get("role_id") != self.role_id:
				raise Refused(400, "invalid role ID")
			if body.get("secret_id") not in self.secret_ids:
				raise Refused(400, "invalid secret ID")
		elif where == "jwt":
			role = self.jwts.get(body.get("jwt"))
			if role is None or role != body.get("role"):
				raise Refused(400, "error validating token")
		else:
			raise Refused(404)
		token = Token(self.ttl, self.max_ttl, namespace)
		self.tokens[token.text] = token
		return 200, self.envelope(auth=self.auth(token))

	@staticmethod
	def auth(token):
		return {"client_token": token.text, "accessor": secrets.token_hex(12),
			"policies": ["default", "relay"], "token_policies": ["default", "relay"],
			"metadata": {"role_name": "relay"}, "lease_duration": token.left(), "renewable": True,
			"entity_id": secrets.token_hex(16), "token_type": "service", "orphan": True,
			"mfa_requirement": None, "num_uses": 0}

	def own_token(self, path, who):
		if path == "auth/token/lookup-self":
			return 200, self.envelope(data={"id": who.text, "ttl": who.left(),
				"renewable": not who.root, "policies": ["root" if who.root else "relay"]})
		if path == "auth/token/renew-self":
			if who.root:
				raise Refused(400, "lease is not renewable")
			who.end = min(time.monotonic() + who.ttl, who.last)
			return 200, self.envelope(auth=self.auth(who))
		if path == "auth/token/revoke-self":
			del self.tokens[who.text]
			return 204, None
		raise Refused(404)

	def unwrap(self, token, body):
		inner = body.get("token")
		# Shown in both ways, the token authorizes the call and is used up by that.
		if token and inner:
			self.wrapped.pop(token, None)
			raise Refused(400, "wrapping token is not valid or does not exist")
		end, data = self.wrapped.pop(inner or token, (0, None))
		if end < time.monotonic():
			raise Refused(400, "wrapping token is not valid or does not exist")
		return 200, self.envelope(data=data)

	# --- KV version 2 ---

	def data(self, method, namespace, path, body, query):
		if method in ("POST", "PUT"):
			number = self.put(path, body.get("data"), namespace)
			return 200, self.envelope(data=self.metadata(namespace, path, number))
		versions = self.kv.get((namespace, path))
		if not versions:
			raise Refused(404)
		number = int(query.get("version", ["0"])[0]) or len(versions)
		if not 1 <= number <= len(versions):
			raise Refused(404)
		version = versions[number - 1]
		if method == "DELETE":
			version["deleted"] = now_text()
			return 204, None
		gone = version["deleted"] or version["destroyed"]
		answer = self.envelope(data={"data": None if gone else version["data"],
			"metadata": self.metadata(namespace, path, number)})
		if gone:
			raise Refused(404, body=answer)
		return 200, answer

	def metadata(self, namespace, path, number):
		version = self.kv[(namespace, path)][number - 1]
		return {"version": number, "created_time": version["created"], "custom_metadata": None,
			"deletion_time": version["deleted"], "destroyed": version["destroyed"]}


def main():
	vault = VaultStandin()
	for name in ("parcel-api", "weigh-api"):
		vault.put("travis/default/" + name, {"token": "token of " + name})
	with open(os.path.join(sys.argv[1], "root-token"), "w", encoding="utf-8") as f:
		f.write(vault.root.text)
	print(vault.port, flush=True)
	sys.stdin.read()
	os._exit(0)


if __name__ == "__main__":
	main()
