#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doc/openapi.json is without fault to a linter of such documents, npm's @redocly/cli: its recommended
rules, of which what is a warning counts as an error here. There are no exceptions."""

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

HERE = os.path.join(TOP, "tests", "peers", "openapi")
MODULES = os.path.join(os.environ.get("top_builddir", TOP), "tests", "peers", "openapi-modules")
DOCUMENT = os.path.join(TOP, "doc", "openapi.json")

# It would send who uses it how, and ask for newer versions.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def install():
	"""Install the linter once, or skip."""
	for program in ("node", "npm"):
		if shutil.which(program) is None:
			raise Skip(f"{program} is not installed")
	version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
	if int(version.strip().lstrip("v").split(".")[0]) < 20:
		raise Skip(f"@redocly/cli needs Node.js 20, this is {version.strip()}")
	os.makedirs(MODULES, exist_ok=True)
	for name in ("package.json", "package-lock.json"):
		shutil.copy(os.path.join(HERE, name), MODULES)
	done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=MODULES,
		capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
	assert done.returncode == 0, done.stderr


def lint(document):
	"""What the linter has to say: the exit status and the rules that are broken."""
	done = subprocess.run([os.path.join(MODULES, "node_modules", ".bin", "redocly"), "lint",
		"--extends=recommended-strict", "--format=json", os.path.abspath(document)], cwd=MODULES,
		env={**os.environ, **QUIET}, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
		check=False)
	try:
		answer = json.loads(done.stdout)
	except ValueError:
		raise AssertionError(done) from None
	return done.returncode, [(p["ruleId"], p["message"], p["location"]) for p in answer["problems"]]


def test_the_document_is_without_fault(box):
	install()
	code, problems = lint(DOCUMENT)
	assert code == 0 and problems == [], problems


def test_faults_are_found(box):
	install()
	with open(DOCUMENT, encoding="utf-8") as f:
		good = f.read()

	def broken(change):
		root = json.loads(good)
		change(root)
		path = os.path.join(box.dir, "openapi.json")
		with open(path, "w", encoding="utf-8") as f:
			json.dump(root, f)
		code, problems = lint(path)
		assert code != 0
		return {rule for rule, *_ in problems}

	def rename(root):
		root["components"]["schemas"]["Trigger"]["properties"]["state"]["enum"].remove("built")

	assert "no-unresolved-refs" in broken(lambda r: r["components"]["schemas"].pop("Build"))
	assert "no-unused-components" in broken(lambda r: r["components"]["schemas"].update(New={}))
	assert "no-invalid-media-type-examples" in broken(rename)
	assert "operation-operationId-unique" in broken(lambda r: r["paths"]["/user"]["get"].update(
		operationId="readPage"))


if __name__ == "__main__":
	harness.main(globals())
