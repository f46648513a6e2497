# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Backstage's event bus and as much of its catalog as the relay asks for.

It answers as Backstage does: a long poll is a 202 that ends when there is news, the
GET that has events takes them off whatever becomes of the answer, an unknown
subscription is a 404 with a JSON body.
"""

import http.server
import json
import threading
import urllib.parse
import zlib

ANNOTATION = "travis-ci.com/repo-slug"
POLL_S = 5


def component(name, slug, owner, etag, uid=None, orphan=False):
	annotations = {ANNOTATION: slug}
	if orphan:
		annotations["backstage.io/orphan"] = "true"
	return {"kind": "Component", "spec": {"type": "service"},
		"relations": [{"type": "ownedBy", "targetRef": owner}] if owner else [],
		"metadata": {"name": name, "namespace": "default", "uid": uid or "uid-" + name,
			"etag": etag, "annotations": annotations}}


def user(name, email=None, **annotations):
	return {"kind": "User", "relations": [], "spec": {"profile": {"email": email} if email else {}},
		"metadata": {"name": name, "namespace": "default", "uid": "uid-" + name,
			"etag": f"{zlib.crc32(repr((email, annotations)).encode()):08x}", "annotations": annotations}}


def group(name):
	return {"kind": "Group", "relations": [], "spec": {"type": "team"},
		"metadata": {"name": name, "namespace": "default", "uid": "uid-" + name, "etag": "g"}}


class Server(http.server.ThreadingHTTPServer):
	def handle_error(self, *_):
		pass  # a relay that was killed, mostly


def pick(entity, fields):
	"""As much of an entity as fields ask for: of what is not, annotations and profiles go."""
	if entity is None or not fields:
		return entity
	picked = json.loads(json.dumps(entity))
	annotations = picked["metadata"].get("annotations", {})
	for name in list(annotations):
		if "metadata.annotations." + name not in fields:
			del annotations[name]
	if "spec.profile.email" not in fields:
		picked["spec"].pop("profile", None)
	return picked


class Backstage:
	def __init__(self):
		self.changed = threading.Condition()
		self.catalog = {}        # by ref
		self.subscriptions = {}  # topics by id
		self.queue = []          # events for the one subscriber there is
		self.lose = 0            # so many answers with events are cut
		self.lost = 0
		self.swallow = 0         # so many events are lost without a trace
		self.refuse = None       # the status of every answer of the bus
		self.starting = 0        # so many requests find no routes yet
		self.unlisted = None     # the status of every page of the catalog
		self.unanswered = False  # look-ups wait
		self.on_poll = lambda: None
		self.gone = False        # forget the subscription at the next poll
		self.reads = 0           # of the whole catalog
		self.lookups = []        # the refs of each
		self.puts = []
		self.polls = 0
		self.notifications = []  # the bodies that were sent
		self.server = Server(("127.0.0.1", 0), self.handler())
		self.server.daemon_threads = True
		threading.Thread(target=self.server.serve_forever, daemon=True).start()

	@property
	def url(self):
		return f"http://127.0.0.1:{self.server.server_address[1]}"

	def set(self, name, slug, owner, etag, **more):
		with self.changed:
			self.catalog[f"component:default/{name}"] = component(name, slug, owner, etag, **more)

	def add(self, entity):
		ref = f"{entity['kind']}:default/{entity['metadata']['name']}".lower()
		with self.changed:
			self.catalog[ref] = entity

	def publish(self, topic, payload):
		with self.changed:
			if self.swallow > 0:
				self.swallow -= 1
			elif any(topic in topics for topics in self.subscriptions.values()):
				self.queue.append({"topic": topic, "payload": payload})
			self.changed.notify_all()

	def answer_lookups(self):
		with self.changed:
			self.unanswered = False
			self.changed.notify_all()

	def down(self):
		self.answer_lookups()
		with self.changed:
			self.subscriptions.clear()
			self.changed.notify_all()
		self.server.shutdown()
		self.server.server_close()

	def handler(self):
		backstage = self

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def log_message(self, *_):
				pass

			def answer(self, status, document=None):
				body = b"" if document is None else json.dumps(document).encode()
				self.send_response(status)
				if document is not None:
					self.send_header("Content-Type", "application/json; charset=utf-8")
				self.send_header("Content-Length", str(len(body)))
				self.end_headers()
				self.wfile.write(body)

			def read_body(self):
				return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

			def is_misbehaving(self):
				"""Answered as Backstage does while it starts, or as one that refuses us."""
				with backstage.changed:
					if backstage.starting > 0:
						backstage.starting -= 1
						status, document = 404, None
					elif backstage.refuse is not None and self.path.startswith("/api/events/"):
						status = backstage.refuse
						document = {"error": {"name": "NotAllowedError", "message": "not you"}}
					else:
						return False
				self.answer(status, document)
				return True

			def fields(self):
				query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
				return query.get("fields", [""])[0].split(",")

			def do_PUT(self):
				topics = self.read_body()["topics"]
				if self.is_misbehaving():
					return
				with backstage.changed:
					backstage.subscriptions[self.path.rpartition("/")[2]] = topics
					backstage.puts.append((self.path, topics))
				self.answer(201)

			def do_POST(self):
				body = self.read_body()
				if self.path == "/api/notifications":
					backstage.notifications.append(body)
					return self.answer(200, [{"user": "user:default/somebody"}])
				refs = body["entityRefs"]
				with backstage.changed:
					backstage.lookups.append(refs)
					backstage.changed.wait_for(lambda: not backstage.unanswered)
					found = [pick(backstage.catalog.get(r), body.get("fields")) for r in refs]
				return self.answer(200, {"items": found})

			def do_GET(self):
				if self.is_misbehaving():
					return None
				if self.path.startswith("/api/events/"):
					return self.poll(self.path.split("/")[-2])
				if backstage.unlisted is not None:
					return self.answer(backstage.unlisted, {"error": {"name": "Error"}})
				with backstage.changed:
					backstage.reads += 1
					items = [pick(e, self.fields()) for e in backstage.catalog.values()]
				return self.answer(200, {"items": items, "totalItems": len(items), "pageInfo": {}})

			def poll(self, name):
				backstage.on_poll()
				with backstage.changed:
					backstage.polls += 1
					if backstage.gone:
						backstage.gone = False
						backstage.subscriptions.clear()
					if name not in backstage.subscriptions:
						return self.answer(404, {"error": {"name": "NotFoundError",
							"message": f"Subscription with ID '{name}' not found"}})
					batch, backstage.queue = backstage.queue[:10], backstage.queue[10:]
					if batch and backstage.lose > 0:
						backstage.lose -= 1
						backstage.lost += len(batch)
						self.close_connection = True
						return None
				if batch:
					return self.answer(200, {"events": batch})
				self.send_response(202)
				self.send_header("backstage-events-notify-timeout", str(POLL_S * 1000))
				self.send_header("Transfer-Encoding", "chunked")
				self.end_headers()
				self.wfile.flush()
				with backstage.changed:
					backstage.changed.wait_for(
						lambda: backstage.queue or name not in backstage.subscriptions, POLL_S)
				self.wfile.write(b"0\r\n\r\n")
				return None

		return Handler
