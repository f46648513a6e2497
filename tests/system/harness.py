# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: TAP, a daemon under test, a sender like Travis CI, a sink.

A test is a function test_...(box); its name is the sentence it proves. The box
is a directory of its own, in which daemons and sinks are started; all of them
are stopped when the test ends, and a daemon that does not stop with 0, or of
which a sanitizer complained, fails the test.
"""

import base64
import calendar
import contextlib
import ctypes
import http.client
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import zlib

TOP_SRC = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "..", ".."))
TOP_BUILD = os.environ.get("top_builddir", os.getcwd())
STAGEWIRED = os.path.join(TOP_BUILD, "stagewired")
STAGEWIRECTL = os.path.join(TOP_BUILD, "stagewirectl")
FIXTURES = os.path.join(TOP_SRC, "..", "shared", "fixtures")

HOST = "app.travis-ci.com"
SOURCE = "travis-com"

# A build under sanitizers on a busy machine is slow; nothing here waits that long for nothing.
PATIENCE_S = 30


class Skip(Exception):
	"""Raised by a test that cannot run here; the text says why."""


def wait_until(condition, what, timeout=PATIENCE_S):
	"""Call condition() until it answers something true, and return that."""
	end = time.monotonic() + timeout
	while True:
		answer = condition()
		if answer:
			return answer
		if time.monotonic() > end:
			raise AssertionError(f"waited {timeout} s in vain: {what}")
		time.sleep(0.01)


def seconds(text):
	"""An RFC 3339 time in UTC, with or without milliseconds, as seconds since 1970."""
	whole, _, rest = text.rstrip("Z").partition(".")
	return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0"))


def need_program(name):
	"""The path of a program, or a skip."""
	path = shutil.which(name)
	if path is None:
		raise Skip(f"{name} is not installed")
	return path


@contextlib.contextmanager
def small_disk(path, size):
	"""A file system of that size, mounted at path."""
	os.mkdir(path)
	done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path],
		capture_output=True, check=False)
	if done.returncode != 0:
		raise Skip("a file system of its own cannot be mounted here")
	try:
		yield
	finally:
		subprocess.run(["umount", "-l", path], check=True)


def fill(path):
	"""Write until there is no room."""
	with contextlib.suppress(OSError), open(path, "wb", buffering=0) as f:
		while True:
			f.write(bytes(4096))


_given_ports = set()


def free_port():
	"""A loopback port below those that the kernel hands out by itself, another one each time."""
	if len(_given_ports) > 8000:  # the first ones have been free for long
		_given_ports.clear()
	while True:
		port = random.randrange(20000, 32000)
		if port in _given_ports:
			continue
		with socket.socket() as s:
			try:
				s.bind(("127.0.0.1", port))
			except OSError:
				continue
		_given_ports.add(port)
		return port


# --- what Travis CI sends -----------------------------------------------------


def make_key(path):
	"""Make an RSA key at path and its public half at path + ".pub"."""
	subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
	subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", path + ".pub"],
		check=True, capture_output=True)
	return path


class Signer:
	"""Signs as Travis CI does: RSA PKCS#1 v1.5 over SHA-1, base64. By OpenSSL's library,
	since a process for each signature is too slow to make load with."""

	def __init__(self, key_path):
		lib = ctypes.CDLL("libcrypto.so.3")
		for name in ("BIO_new_mem_buf", "PEM_read_bio_PrivateKey", "EVP_MD_CTX_new", "EVP_sha1"):
			getattr(lib, name).restype = ctypes.c_void_p
		with open(key_path, "rb") as f:
			pem = f.read()
		bio = ctypes.c_void_p(lib.BIO_new_mem_buf(pem, len(pem)))
		self.key = ctypes.c_void_p(lib.PEM_read_bio_PrivateKey(bio, None, None, None))
		lib.BIO_free(bio)
		if not self.key:
			raise ValueError(f"{key_path} is no private key")
		self.sha1 = ctypes.c_void_p(lib.EVP_sha1())
		self.lib = lib

	def sign(self, payload):
		ctx = ctypes.c_void_p(self.lib.EVP_MD_CTX_new())
		signature = ctypes.create_string_buffer(1024)
		n = ctypes.c_size_t(len(signature))
		ok = (self.lib.EVP_DigestSignInit(ctx, None, self.sha1, None, self.key) == 1 and
			self.lib.EVP_DigestSign(ctx, signature, ctypes.byref(n), payload,
				ctypes.c_size_t(len(payload))) == 1)
		self.lib.EVP_MD_CTX_free(ctx)
		if not ok:
			raise ValueError("OpenSSL does not sign")
		return base64.b64encode(signature.raw[:n.value]).decode()


def form_encode(payload):
	"""The body as Faraday writes it: A-Z a-z 0-9 - . _ ~ as they are, + for a space."""
	return b"payload=" + urllib.parse.quote_plus(payload, safe="").encode()


_build_ids = iter(range(280_000_000 + random.randrange(1_000_000), 1 << 62))


def compose_payload(**overrides):
	"""A payload as of 2026, in the order of its keys. slug= sets the repository."""
	slug = overrides.pop("slug", "acme/parcel-api")
	owner, name = slug.split("/")
	repository = zlib.crc32(slug.encode())
	build_id = overrides.get("id") or next(_build_ids)
	state = overrides.get("state", "passed")
	result = {"passed": 0, "failed": 1, "errored": 1}.get(state)
	message = {"started": "Pending", "errored": "Errored", "canceled": "Canceled"}.get(
		state, state.capitalize())
	finished = None if state == "started" else "2026-11-20T10:04:31Z"
	commit = "8f2d6c1b0a9e7f5d3c1b0a9e7f5d3c1b0a9e7f5d"
	job = {
		"id": build_id * 2,
		"repository_id": repository,
		"parent_id": build_id,
		"number": "1.1",
		"state": state,
		"config": {"os": "linux", "language": "c", "dist": "noble"},
		"status": result,
		"result": result,
		"commit": commit,
		"branch": overrides.get("branch", "main"),
		"message": "Weigh parcels twice",
		"compare_url": f"https://github.com/{slug}/compare/1d2c3b4a5f6e...8f2d6c1b0a9e",
		"started_at": "2026-11-20T10:00:00Z",
		"finished_at": finished,
		"committed_at": "2026-11-20T09:59:02Z",
		"author_name": "Ada Änderung",
		"author_email": "ada@example.com",
		"committer_name": "GitHub",
		"committer_email": "noreply@github.com",
		"allow_failure": None,
	}
	payload = {
		"id": build_id,
		"number": str(build_id % 10000),
		"config": {
			"language": "c",
			"env": ["global={:FOO=>\"bar\"}"],
			"notifications": {"webhooks": [{"urls": ["https://ci.example.com/s3cret-path"]}]},
		},
		"type": "push",
		"state": state,
		"status": result,
		"result": result,
		"status_message": message,
		"result_message": message,
		"started_at": "2026-11-20T10:00:00Z",
		"finished_at": finished,
		"duration": None if state == "started" else 271,
		"build_url": f"https://{HOST}/{slug}/builds/{build_id}",
		"commit_id": 1277737906,
		"commit": commit,
		"base_commit": None,
		"head_commit": None,
		"branch": "main",
		"message": "Weigh parcels twice\n\n& once more: 100 % + a <tag> ✓",
		"compare_url": job["compare_url"],
		"committed_at": "2026-11-20T09:59:02Z",
		"author_name": job["author_name"],
		"author_email": job["author_email"],
		"committer_name": job["committer_name"],
		"committer_email": job["committer_email"],
		"pull_request": False,
		"pull_request_number": None,
		"pull_request_title": None,
		"tag": None,
		"repository": {"id": repository, "name": name, "owner_name": owner, "url": None},
		"matrix": [job],
	}
	payload.update(overrides)
	return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


# --- HTTP ---------------------------------------------------------------------


class Answer:
	def __init__(self, response):
		self.status = response.status
		self.headers = response.headers
		self.body = response.read()

	def json(self):
		return json.loads(self.body)

	def __repr__(self):
		return f"<{self.status} {self.body[:500]!r}>"


class UnixConnection(http.client.HTTPConnection):
	def __init__(self, path):
		super().__init__("localhost", timeout=PATIENCE_S)
		self.path = path

	def connect(self):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.settimeout(self.timeout)
		self.sock.connect(self.path)


def connect(address):
	"""A connection to a port of loopback or to the path of a unix socket."""
	if isinstance(address, int):
		return http.client.HTTPConnection("127.0.0.1", address, timeout=PATIENCE_S)
	return UnixConnection(address)


def request(address, method, path, body=None, headers=None):
	with contextlib.closing(connect(address)) as c:
		c.request(method, path, body=body, headers=headers or {})
		return Answer(c.getresponse())


class HttpSink:
	"""A server that keeps what it is sent. It may be slow, unwilling or down."""

	def __init__(self):
		self.port = free_port()
		self.requests = []
		self.times = []  # of each request, by the monotonic clock
		self.answer = (201, {}, b"")
		self.answers = {}  # path -> another answer there
		self.delay = 0
		self.server = None
		self.up()

	@property
	def url(self):
		return f"http://127.0.0.1:{self.port}"

	def up(self):
		sink = self

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def do_POST(self):
				body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
				time.sleep(sink.delay)
				sink.times.append(time.monotonic())
				sink.requests.append((self.path, dict(self.headers), body))
				answer = sink.answers.get(self.path, sink.answer)
				if callable(answer):  # the status depends on the request's fields
					answer = (answer(self.headers), {}, b"")
				status, fields, answer = answer
				self.send_response(status)
				for name, value in fields.items():
					self.send_header(name, value)
				self.send_header("Content-Length", str(len(answer)))
				self.end_headers()
				self.wfile.write(answer)

			do_PUT = do_GET = do_POST

			def log_message(self, *_):
				pass

		class Server(http.server.ThreadingHTTPServer):
			allow_reuse_address = True
			daemon_threads = True

			def handle_error(self, *_):
				pass

		self.server = Server(("127.0.0.1", self.port), Handler)
		threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

	def down(self):
		if self.server is not None:
			self.server.shutdown()
			self.server.server_close()
			self.server = None

	def events(self):
		"""The CloudEvents published on Backstage's bus, in order of arrival."""
		return [json.loads(body)["event"]["payload"] for path, _, body in list(self.requests)
			if path.startswith("/api/events/")]


# --- audit entries ------------------------------------------------------------


def flat_entry(entry):
	"""An entry of the audit trail in the words of src/audit/record.h, what is not said left out."""
	def resources(kind):
		return [r["uid"] for r in entry.get("resources", []) if r["type"] == kind]

	unmapped = entry["unmapped"]
	source, user = entry["src_endpoint"], entry["actor"].get("user")
	flat = {
		"seq": entry.get("seq"),
		"time": entry["time"],
		"action": entry["api"]["operation"],
		"outcome": unmapped["policy"]["decision"],
		"reason": entry.get("status_detail"),
		"actor": "uid:" + user["uid"] if user else entry["actor"]["app_name"],
		"address": source.get("ip") or source.get("name"),
		"event": entry["metadata"].get("correlation_uid"),
		"source": None if source.get("svc_name") == "stagewired" else source.get("svc_name"),
		"repository": (resources("repository") or [None])[0],
		"build": unmapped.get("build"),
		"state": unmapped.get("state"),
		"transition": unmapped.get("transition"),
		"sink": entry.get("dst_endpoint", {}).get("svc_name"),
		"status": entry["api"].get("response", {}).get("code"),
		"tries": unmapped.get("tries"),
		"rule": unmapped["policy"].get("name"),
		"inputs": unmapped["policy"].get("inputs"),
		"requested_by": unmapped.get("requested_by"),
		"token": unmapped.get("token"),
		"entities": resources("backstage.entity") or None,
		"owners": resources("backstage.owner") or None,
		"to": unmapped["policy"].get("to"),
		"key": unmapped.get("key"),
		"payload_sha256": entry.get("raw_data_hash", {}).get("value"),
		"detail": entry.get("message"),
	}
	return {name: value for name, value in flat.items() if value is not None}


# --- the daemon ---------------------------------------------------------------

ENTITIES = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: [], members: [bob]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: parcel-api
  annotations: {travis-ci.com/repo-slug: acme/parcel-api}
spec: {type: service, lifecycle: production, owner: payments}
"""


def components(slugs):
	"""A catalog with a component for each repository."""
	return "---\n".join(f"""\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {slug.split("/")[1]}
  annotations: {{travis-ci.com/repo-slug: {slug}}}
spec: {{type: service, lifecycle: production, owner: payments}}
""" for slug in slugs)


class Daemon:
	"""One stagewired with its configuration in a directory of its own.

	config is what the file says, as Python; change it and write_config() before
	start() or reload(). It is written as JSON, which is YAML too.
	"""

	def __init__(self, directory, key):
		self.dir = directory
		self.signer = Signer(key)
		self.config_path = os.path.join(directory, "stagewire.yaml")
		self.catalog_path = os.path.join(directory, "catalog.yaml")
		self.log_path = os.path.join(directory, "stagewired.log")
		self.socket = os.path.join(directory, "admin.sock")
		self.record = os.path.join(directory, "events.jsonl")
		self.store = os.path.join(directory, "stagewire.db")
		self.process = None
		self.environ = {}
		self.expect_exit = 0
		self.config = {
			"log": {"level": "debug"},
			"listen": {"hooks": [], "admin": []},
			"store": {"path": self.store},
			"catalog": {"file": self.catalog_path},
			"sources": [{"name": SOURCE, "type": "travis", "host": HOST,
				"public_keys": [key + ".pub"]}],
			"sinks": [{"name": "record", "type": "file", "path": self.record}],
			"routes": [{"name": "everything", "to": ["record"]}],
		}
		self.choose_ports()
		self.write(self.catalog_path, ENTITIES)

	def choose_ports(self):
		self.hooks = free_port()
		self.admin = free_port()
		self.config["listen"].update(hooks=[f"127.0.0.1:{self.hooks}"],
			admin=[f"unix:{self.socket}", f"127.0.0.1:{self.admin}"])

	@staticmethod
	def write(path, text):
		with open(path, "w", encoding="utf-8") as f:
			f.write(text)

	def write_config(self):
		self.write(self.config_path, json.dumps(self.config, indent=1))

	def use_bus(self, sink):
		"""Deliver to a stand-in for Backstage's event bus too."""
		token = os.path.join(self.dir, "token")
		self.write(token, "token-0123456789abcdef\n")
		os.chmod(token, 0o600)
		self.config["backstage"] = {"url": sink.url, "token": {"file": token}}
		self.config["sinks"].append({"name": "bus", "type": "backstage-events",
			"topic": "stagewire.build"})
		self.config["routes"][0]["to"].append("bus")

	def spawn(self, command=None):
		"""Start the process and return at once. command stands before the daemon's own."""
		env = dict(os.environ)
		# Sanitizers write to the log too; a leak must not pass for a clean exit.
		env["ASAN_OPTIONS"] = "exitcode=99"
		env.update(self.environ)
		with open(self.log_path, "ab") as log:
			self.process = subprocess.Popen(
				[*(command or []), STAGEWIRED, "--config", self.config_path],
				stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)

	def start(self, command=None):
		"""Start and wait until it is ready; other ports if these were taken meanwhile."""
		for _ in range(5):
			self.write_config()
			begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
			self.spawn(command)
			wait_until(lambda: self.process.poll() is not None or self.is_ready(), "readiness")
			if self.process.poll() is None:
				return self
			if "already in use" not in self.log(begin):
				break
			self.choose_ports()
		code, self.process = self.process.returncode, None
		raise AssertionError(f"stagewired did not start: exit code {code}")

	def get(self, path, over=None):
		return request(over or self.socket, "GET", path)

	def is_ready(self):
		try:
			return self.get("/readyz").status == 200
		except (OSError, http.client.HTTPException):
			return False

	def signal(self, number):
		self.process.send_signal(number)

	def wait_exit(self):
		process, self.process = self.process, None
		return process.wait(PATIENCE_S)

	def stop(self):
		"""Stop as systemd would, and return the exit code."""
		self.signal(signal.SIGTERM)
		return self.wait_exit()

	def kill(self):
		self.signal(signal.SIGKILL)
		self.wait_exit()

	def restart(self):
		code = self.stop()
		assert code == 0, f"stopped with {code}"
		return self.start()

	def reload(self):
		"""Send SIGHUP, wait until the log says how it went, and return that line."""
		begin = os.path.getsize(self.log_path)
		self.signal(signal.SIGHUP)
		return wait_until(lambda: re.search(r" (reload|reload\.refused) .*\n", self.log(begin)),
			"the reload's end").group(0)

	def log(self, begin=0):
		with open(self.log_path, "rb") as f:
			f.seek(begin)
			return f.read().decode("utf-8", "replace")

	# What a client of it does.

	def post(self, payload, signature=None, source=SOURCE, body=None, headers=None):
		"""Post a payload, signed unless signature says otherwise ("" leaves it out)."""
		fields = {
			"User-Agent": "Travis CI Notifications",
			"Signature": self.signer.sign(payload) if signature is None else signature,
			"Travis-Repo-Slug": "acme/parcel-api",
			"Content-Type": "application/x-www-form-urlencoded",
			"Accept-Encoding": "gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
			"Accept": "*/*",
		}
		if signature == "":
			del fields["Signature"]
		fields.update(headers or {})
		return request(self.hooks, "POST", f"/hooks/travis/{source}",
			form_encode(payload) if body is None else body, fields)

	def accept(self, **overrides):
		"""Post a composed payload that must be taken, and return the event's id."""
		answer = self.post(compose_payload(**overrides))
		assert answer.status == 202, answer
		return answer.json()["event"]

	def ctl_text(self, *args, expect=0):
		done = subprocess.run([STAGEWIRECTL, "--socket", self.socket, *args],
			capture_output=True, text=True, timeout=PATIENCE_S)
		assert done.returncode == expect, f"stagewirectl {args}: {done}"
		return done.stdout

	def ctl(self, *args):
		"""The answer as JSON: of a list the items, of the others the object."""
		text = self.ctl_text("--json", *args)
		if args[0] == "audit":
			return [flat_entry(json.loads(line)) for line in text.splitlines()]
		answer = json.loads(text)
		return answer.get("items", answer)

	def recorded(self):
		"""The events that the file sink has written, in order."""
		if not os.path.exists(self.record):
			return []
		with open(self.record, encoding="utf-8") as f:
			return [json.loads(line) for line in f.read().splitlines(True) if line.endswith("\n")]

	def wait_recorded(self, *ids):
		return wait_until(lambda: set(ids) <= {e["id"] for e in self.recorded()} and
			self.recorded(), f"events in {self.record}: {ids}")

	def check_clean(self):
		"""Stop it if it runs; it must have ended well, and no sanitizer complained."""
		if self.process is not None:
			if self.process.poll() is None:
				self.process.send_signal(signal.SIGTERM)
			try:
				code = self.wait_exit()
			except subprocess.TimeoutExpired:
				raise AssertionError("stagewired does not stop") from None
			assert code == self.expect_exit, f"stagewired ended with {code}"
		if os.path.exists(self.log_path):
			log = self.log()
			for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
				assert sign not in log, f"{sign} in {self.log_path}"


class Box:
	"""A test's directory and what was started in it."""

	key = None  # made once for all tests of a file

	def __init__(self):
		self.dir = tempfile.mkdtemp(prefix="stagewire-")
		self.daemons = []
		self.sinks = []

	def daemon(self):
		directory = os.path.join(self.dir, f"d{len(self.daemons)}")
		os.mkdir(directory)
		daemon = Daemon(directory, Box.key)
		self.daemons.append(daemon)
		return daemon

	def sink(self):
		sink = HttpSink()
		self.sinks.append(sink)
		return sink

	def finish(self):
		"""Stop everything. The first complaint is raised, when all has ended."""
		complaint = None
		for daemon in self.daemons:
			try:
				daemon.check_clean()
			except AssertionError as e:
				complaint = complaint or e
			finally:
				if daemon.process is not None and daemon.process.poll() is None:
					daemon.process.kill()
					daemon.process.wait()
		for sink in self.sinks:
			sink.down()
		if complaint is not None:
			raise complaint

	def logs(self):
		for daemon in self.daemons:
			if os.path.exists(daemon.log_path):
				yield from daemon.log().splitlines()[-60:]

	def remove(self):
		shutil.rmtree(self.dir, ignore_errors=True)


# --- TAP ----------------------------------------------------------------------


def run_test(test):
	"""Run one test; returns what to print after "ok" or "not ok", and whether it is ok."""
	box = Box()
	ok = True
	name = test.__name__[len("test_"):].replace("_", " ")
	try:
		try:
			test(box)
		finally:
			box.finish()
	except Skip as reason:
		name += f" # SKIP {reason}"
	except Exception:  # pylint: disable=broad-except # a test may fail in any way
		ok = False
		for line in traceback.format_exc().splitlines():
			print("#", line)
		for line in box.logs():
			print("# |", line)
	box.remove()
	return name, ok


def main(names):
	"""Run every test_... of a module, given its globals(); words on the command line choose."""
	tests = [f for n, f in names.items() if n.startswith("test_")
		and all(word in n for word in sys.argv[1:])]
	keys = tempfile.mkdtemp(prefix="stagewire-key-")
	failed = 0
	print(f"1..{len(tests)}", flush=True)
	try:
		Box.key = make_key(os.path.join(keys, "travis.pem"))
		for number, test in enumerate(tests, 1):
			name, ok = run_test(test)
			failed += not ok
			print(f"{'ok' if ok else 'not ok'} {number} - {name}", flush=True)
	finally:
		shutil.rmtree(keys, ignore_errors=True)
	sys.exit(failed > 0)
