# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium by remote control: browser.js does it, with playwright-core and axe-core."""

import json
import os
import shutil
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "system"))
import harness  # noqa: E402
from harness import Skip  # noqa: E402

HERE = os.path.join(TOP, "tests", "browser")
MODULES = os.path.abspath(os.path.join(os.environ.get("top_builddir", TOP), "tests", "browser",
	"modules"))


def install():
	"""Install what browser.js needs, once; or skip."""
	for program in ("chromium", "node", "npm"):
		if shutil.which(program) is None:
			raise Skip(f"{program} is not installed")
	os.makedirs(MODULES, exist_ok=True)
	lock = os.path.join(HERE, "package-lock.json")
	stamp = os.path.join(MODULES, ".installed-lock")
	if os.path.exists(stamp) and read_file(stamp) == read_file(lock):
		return
	for name in ("package.json", "package-lock.json"):
		shutil.copy(os.path.join(HERE, name), MODULES)
	done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=MODULES,
		capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
	assert done.returncode == 0, done.stderr
	shutil.copy(lock, stamp)


def read_file(path):
	with open(path, encoding="utf-8") as f:
		return f.read()


class Browser:
	def __init__(self):
		install()
		self.process = subprocess.Popen(["node", os.path.join(HERE, "browser.js"), MODULES,
			shutil.which("chromium")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		self.version = self.read()

	def read(self):
		line = self.process.stdout.readline()
		assert line, "the browser has ended"
		answer = json.loads(line)
		assert "error" not in answer, answer["error"]
		return answer["value"]

	def do(self, action, **arguments):
		self.process.stdin.write(json.dumps({"do": action, **arguments}) + "\n")
		self.process.stdin.flush()
		return self.read()

	def open(self, url, **options):
		"""options are those of a context of Playwright's: colorScheme, viewport, ..."""
		self.do("open", url=url, options=options)

	def eval(self, code):
		return self.do("eval", code=code)

	def wait(self, code, what):
		"""Until code, an expression, is true in the page."""
		try:
			self.do("wait", code=code)
		except AssertionError as e:
			page = self.eval("document.body.innerText")
			raise AssertionError(f"in vain for {what}: {e}\n{page}") from None

	def text(self, at):
		return [" ".join(t.split()) for t in self.do("text", at=at)]

	def press(self, *keys):
		for key in keys:
			self.do("press", key=key)

	def stop(self):
		self.process.stdin.close()
		self.process.wait(30)
		self.process.stdout.close()
