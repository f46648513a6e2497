# SPDX-License-Identifier: Apache-2.0
"""What the peer tests share: a real Backstage, and packages of npm. It finds the harness, too."""

import fcntl
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

TOP = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests", part) for part in ("system", "tools")]
import harness  # noqa: E402
from harness import Skip, wait_until  # noqa: E402

BUILT = os.path.abspath(os.environ.get("top_builddir", TOP))
RUN = os.path.join(TOP, "tests", "peers", "backstage", "run-peer.sh")
FULL_TOKEN = "relay-static-token-0123456789abcdef"
RELAY_TOKEN = "relay-catalog-ro-0123456789abcdef"
EVENTS_TOKEN = "relay-events-only-0123456789abcdef"


def modules_of(folder):
	"""Where the packages that a folder here names are installed, beside a copy of its files."""
	return os.path.join(BUILT, "tests", "peers", folder + "-modules")


def npm_install(folder, node=18, *options):
	"""Install them, once; skip with an older Node.js."""
	for program in ("node", "npm"):
		if shutil.which(program) is None:
			raise Skip(f"{program} is not installed")
	version = subprocess.check_output(["node", "-p", "process.versions.node"], text=True).strip()
	if int(version.split(".")[0]) < node:
		raise Skip(f"needs Node.js {node}, this is {version}")
	source = os.path.join(TOP, "tests", "peers", folder)
	modules = modules_of(folder)
	os.makedirs(modules, exist_ok=True)
	# Two tests may want the same, and run at the same time.
	with open(os.path.join(modules, ".lock"), "w", encoding="utf-8") as lock:
		fcntl.flock(lock, fcntl.LOCK_EX)
		for name in os.listdir(source):
			if os.path.isfile(os.path.join(source, name)):
				shutil.copy(os.path.join(source, name), modules)
		npm_ci(modules, options)


def npm_ci(modules, options):
	lock = os.path.join(modules, "package-lock.json")
	stamp = os.path.join(modules, "node_modules", ".installed-lock")
	if os.path.exists(stamp) and filecmp.cmp(lock, stamp, shallow=False):
		return
	done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", *options],
		cwd=modules, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900,
		check=False)
	assert done.returncode == 0, done.stderr
	shutil.copy(lock, stamp)


def is_skipped():
	"""Is there something that a real Backstage needs and that is not there? Then it is said."""
	for program in ("npm", "psql", "curl"):
		if shutil.which(program) is None:
			print(f"1..0 # SKIP {program} is not installed")
			return True
	return False


class Peer:
	"""The real Backstage, with its own database and catalog file; it leaves nothing behind."""

	def __init__(self):
		self.state = tempfile.mkdtemp(prefix="stagewire-peer-")
		os.chmod(self.state, 0o755)
		port = harness.free_port()
		self.url = f"http://127.0.0.1:{port}"
		self.env = dict(os.environ, PEER_STATE=self.state, PEER_PORT=str(port),
			PEER_PG_PORT=str(harness.free_port()), PEER_RELAY_PORT=str(harness.free_port()),
			PEER_FILES_PORT=str(harness.free_port()),
			PEER_MODULES=os.environ.get("PEER_MODULES") or os.path.join(BUILT, "tests", "peers",
				"modules"))

	def __enter__(self):
		return self

	def __exit__(self, *_):
		subprocess.run(["bash", RUN, "stop"], env=self.env, stdin=subprocess.DEVNULL, timeout=120,
			capture_output=True, check=False)
		shutil.rmtree(self.state, ignore_errors=True)

	def run(self, *args):
		done = subprocess.run(["bash", RUN, *args], env=self.env, capture_output=True, text=True,
			timeout=900, stdin=subprocess.DEVNULL, check=False)
		assert done.returncode == 0, f"run-peer.sh {args}: {done.stdout} {done.stderr}"

	def start(self, *refs):
		"""Start it, and wait until it has these entities beside those of its own."""
		self.run("start")
		for ref in ("component:default/parcel-api", "component:default/parcel-ui",
				"user:default/guest", *refs):
			self.run("wait-entity", ref)

	def start_with_platform(self):
		"""The same, with parcel-api as the guest's team's own."""
		self.run("install")
		self.write_entities(self.template().replace("  owner: payments\n",
			"  owner: platform # of parcel-api\n", 1))
		self.start()
		wait_until(lambda: self.owners("component:default/parcel-api") ==
			["group:default/platform"], "the owner in Backstage", timeout=60)

	@staticmethod
	def template():
		"""The entities that it has by itself."""
		with open(os.path.join(os.path.dirname(RUN), "entities.yaml"), encoding="utf-8") as f:
			return f.read()

	def write_entities(self, text):
		with open(self.entities(), "w", encoding="utf-8") as f:
			f.write(text)

	def call(self, method, path, body=None, token=FULL_TOKEN):
		request = urllib.request.Request(self.url + path, method=method,
			data=None if body is None else json.dumps(body).encode(),
			headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
		with urllib.request.urlopen(request, timeout=30) as answer:
			text = answer.read()
			return answer.status, json.loads(text) if text else None

	def guest(self):
		with urllib.request.urlopen(self.url + "/api/auth/guest/refresh", timeout=30) as answer:
			return json.load(answer)["backstageIdentity"]["token"]

	def notifications(self):
		"""What the guest user reads, newest first."""
		_, page = self.call("GET", "/api/notifications?limit=50&orderField=created,desc",
			token=self.guest())
		return page["notifications"]

	def entities(self):
		return os.path.join(self.state, "entities.yaml")

	def edit(self, before, after):
		with open(self.entities(), encoding="utf-8") as f:
			text = f.read()
		assert before in text, f"{before!r} is not in the peer's catalog"
		self.write_entities(text.replace(before, after))

	def owners(self, ref):
		kind, name = ref.split(":")
		try:
			_, entity = self.call("GET", f"/api/catalog/entities/by-name/{kind}/{name}")
		except urllib.error.HTTPError:
			return []
		return [r["targetRef"] for r in entity["relations"] if r["type"] == "ownedBy"]
