#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for AWS, as far as a reader of secrets sees it; not the service.

Secrets Manager with verified Signature Version 4 and stages of versions, STS for web
identities, the metadata services of ECS and of EC2 (version 2 only). What it does it does
as their documents say, which AWS's own clients judge (tests/peers/test_secrets.py).

As a program it listens on a free loopback port, prints "PORT KEY-ID KEY" and ends when its
standard input is closed.
"""

import datetime
import hashlib
import hmac
import http.server
import json
import os
import secrets
import sys
import threading
import time
import urllib.parse
import uuid

SERVICE = "secretsmanager"


def hmac256(key, text):
	return hmac.new(key, text.encode(), hashlib.sha256).digest()


def utc(seconds):
	return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Refused(Exception):
	"""An error as JSON 1.1 has it."""

	def __init__(self, kind, message, status=400):
		super().__init__(kind)
		self.kind, self.message, self.status = kind, message, status


class AwsStandin:
	"""One server for all of it. lease is how long credentials last that it gives out."""

	def __init__(self, region="eu-central-1", port=0):
		self.lock = threading.RLock()
		self.region, self.port = region, port
		self.keys = {}  # key id -> (key, session token or None, end or None)
		self.key_id, self.key = self.new_key(None)
		self.lease = 3600
		self.identities = {}  # web identity token -> role ARN
		self.ecs_token = secrets.token_urlsafe(24)
		self.imds_version_2 = True
		self.imds_tokens = set()
		self.secrets = {}  # name -> list of {"id", "value", "created", "stages"}
		self.requests = []  # what was asked for, in words
		self.status = None
		self.server = None
		self.up()

	# --- what a test does ---

	@property
	def url(self):
		return f"http://127.0.0.1:{self.port}"

	def new_key(self, lease):
		"""Make a key; of a session if it has a lease."""
		key_id = ("ASIA" if lease else "AKIA") + secrets.token_hex(8).upper()
		key = secrets.token_urlsafe(30)
		self.keys[key_id] = (key, secrets.token_urlsafe(300) if lease else None,
			time.time() + lease if lease else None)
		return key_id, key

	def put(self, name, value):
		"""A new version with stage AWSCURRENT; the one before it has AWSPREVIOUS."""
		with self.lock:
			versions = self.secrets.setdefault(name, [])
			for version in versions:
				moved = "AWSCURRENT" in version["stages"]
				version["stages"] = {"AWSPREVIOUS"} if moved else set()
			versions.append({"id": str(uuid.uuid4()), "value": value, "created": time.time(),
				"stages": {"AWSCURRENT"}})

	def revoke_all(self):
		"""Every key of a session is over."""
		with self.lock:
			self.keys = {k: v for k, v in self.keys.items() if v[1] is None}

	def count(self, what):
		return sum(r == what for r in list(self.requests))

	def up(self):
		standin = self

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def handle_any(self):
				standin.serve(self)

			do_GET = do_POST = do_PUT = handle_any

			def log_message(self, *_):
				pass

		class Server(http.server.ThreadingHTTPServer):
			allow_reuse_address = True
			daemon_threads = True

			def handle_error(self, *_):
				pass

		self.server = Server(("127.0.0.1", self.port), Handler)
		self.port = self.server.server_address[1]
		threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

	def down(self):
		if self.server is not None:
			self.server.shutdown()
			self.server.server_close()
			self.server = None

	# --- HTTP ---

	def serve(self, handler):
		body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
		with self.lock:
			try:
				status, kind, answer = self.answer(handler, body)
			except Refused as r:
				status, kind = r.status, "application/x-amz-json-1.1"
				answer = json.dumps({"__type": r.kind, "message": r.message})
		answer = answer.encode()
		handler.send_response(status)
		handler.send_header("Content-Type", kind)
		handler.send_header("x-amzn-RequestId", str(uuid.uuid4()))
		handler.send_header("Content-Length", str(len(answer)))
		handler.end_headers()
		handler.wfile.write(answer)

	def answer(self, handler, body):
		path = handler.path
		if path.startswith("/latest/"):
			return self.imds(handler)
		if path.startswith("/ecs/"):
			return self.ecs(handler)
		if b"Action=AssumeRoleWithWebIdentity" in body:
			return self.sts(body)
		target = handler.headers.get("X-Amz-Target") or ""
		self.requests.append(target)
		if self.status is not None:
			return self.status, "text/plain", "as the test asks"
		self.verify(handler, body)
		if target == f"{SERVICE}.GetSecretValue":
			return 200, "application/x-amz-json-1.1", json.dumps(self.get(json.loads(body)))
		raise Refused("InvalidAction", "there is no such thing here")

	# --- Signature Version 4 ---

	def verify(self, handler, body):
		"""Compute the signature anew, from what came over the wire."""
		scheme, _, rest = (handler.headers.get("Authorization") or "").partition(" ")
		if scheme != "AWS4-HMAC-SHA256":
			raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
		parts = dict(p.strip().split("=", 1) for p in rest.split(","))
		key_id, date, region, service, end = parts["Credential"].split("/")
		if (region, service, end) != (self.region, SERVICE, "aws4_request"):
			raise Refused("InvalidSignatureException",
				f"Credential should be scoped to a valid region and service, not {region}/{service}")
		key, session, over = self.keys.get(key_id, (None, None, None))
		if key is None or handler.headers.get("X-Amz-Security-Token") != session:
			raise Refused("UnrecognizedClientException", "The security token included is invalid.")
		if over is not None and over < time.time():
			raise Refused("ExpiredTokenException", "The security token included is expired")
		signed = parts["SignedHeaders"].split(";")
		if session is not None and "x-amz-security-token" not in signed:
			raise Refused("InvalidSignatureException", "the session's token is not signed")
		stamp = handler.headers.get("X-Amz-Date") or ""
		then = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(
			tzinfo=datetime.timezone.utc).timestamp()
		if abs(time.time() - then) > 300 or not stamp.startswith(date):
			raise Refused("InvalidSignatureException", "Signature expired")
		url = urllib.parse.urlsplit(handler.path)
		canonical = "\n".join([handler.command, url.path, url.query,
			*(f"{name}:{' '.join((handler.headers.get(name) or '').split())}" for name in signed),
			"", ";".join(signed), hashlib.sha256(body).hexdigest()])
		scope = f"{date}/{region}/{service}/aws4_request"
		text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
			hashlib.sha256(canonical.encode()).hexdigest()])
		signing = ("AWS4" + key).encode()
		for part in (date, region, service, "aws4_request"):
			signing = hmac256(signing, part)
		if not hmac.compare_digest(hmac256(signing, text).hex(), parts["Signature"]):
			raise Refused("InvalidSignatureException",
				"The request signature we calculated does not match the signature you provided.")

	# --- Secrets Manager ---

	def get(self, ask):
		name = ask["SecretId"]
		versions = self.secrets.get(name)
		if not versions:
			raise Refused("ResourceNotFoundException",
				"Secrets Manager can't find the specified secret.")
		stage = ask.get("VersionStage") or ("" if "VersionId" in ask else "AWSCURRENT")
		for version in versions:
			if (stage and stage in version["stages"]) or version["id"] == ask.get("VersionId"):
				return {"ARN": f"arn:aws:secretsmanager:{self.region}:000000000000:secret:{name}-AbCdEf",
					"Name": name, "VersionId": version["id"], "SecretString": version["value"],
					"VersionStages": sorted(version["stages"]),
					"CreatedDate": round(version["created"], 3)}
		raise Refused("ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: " + stage)

	# --- credentials ---

	def session(self):
		key_id, key = self.new_key(self.lease)
		_, token, end = self.keys[key_id]
		return {"AccessKeyId": key_id, "SecretAccessKey": key, "Token": token, "Expiration": utc(end)}

	def sts(self, body):
		ask = dict(urllib.parse.parse_qsl(body.decode()))
		self.requests.append("sts")
		kind = "text/xml"
		if self.identities.get(ask.get("WebIdentityToken")) != ask.get("RoleArn"):
			return 400, kind, ('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
				"<Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>No</Message></Error>"
				"<RequestId>0</RequestId></ErrorResponse>")
		c = self.session()
		return 200, kind, ('<AssumeRoleWithWebIdentityResponse '
			'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>'
			f"<AssumedRoleUser><Arn>{ask['RoleArn']}/{ask['RoleSessionName']}</Arn>"
			"<AssumedRoleId>AROA:stagewire</AssumedRoleId></AssumedRoleUser><Credentials>"
			f"<AccessKeyId>{c['AccessKeyId']}</AccessKeyId>"
			f"<SecretAccessKey>{c['SecretAccessKey']}</SecretAccessKey>"
			f"<SessionToken>{c['Token']}</SessionToken><Expiration>{c['Expiration']}</Expiration>"
			"</Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>0</RequestId>"
			"</ResponseMetadata></AssumeRoleWithWebIdentityResponse>")

	def ecs(self, handler):
		self.requests.append("ecs")
		if handler.headers.get("Authorization") != self.ecs_token:
			return 403, "application/json", '{"code":"AccessDenied","message":"No"}'
		return 200, "application/json", json.dumps({**self.session(), "RoleArn": "arn:aws:iam::0:role/r"})

	def imds(self, handler):
		text = "text/plain"
		if handler.path == "/latest/api/token":
			self.requests.append("imds token")
			ttl = handler.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
			if not self.imds_version_2 or handler.command != "PUT" or ttl is None:
				return 405, text, ""
			token = secrets.token_urlsafe(32)
			self.imds_tokens.add(token)
			return 200, text, token
		token = handler.headers.get("X-aws-ec2-metadata-token")
		self.requests.append("imds 2" if token else "imds 1")
		# A machine that has version 1 too answers without a token.
		if token not in self.imds_tokens and not (token is None and not self.imds_version_2):
			return 401, text, ""
		roles = "/latest/meta-data/iam/security-credentials/"
		if handler.path == roles:
			return 200, text, "relay-role"
		if handler.path == roles + "relay-role":
			return 200, "application/json", json.dumps({"Code": "Success", "Type": "AWS-HMAC",
				"LastUpdated": utc(time.time()), **self.session()})
		return 404, text, ""


if __name__ == "__main__":
	aws = AwsStandin()
	print(aws.port, aws.key_id, aws.key, flush=True)
	sys.stdin.read()
	os._exit(0)
