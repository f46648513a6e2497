#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doc/openapi.json is without fault to a linter of such documents, npm's @redocly/cli: its recommended
rules, of which what is a warning counts as an error here. There are no exceptions."""

import json
import os
import subprocess

import peer as peers  # first: it finds the harness
import harness
from peer import TOP

HERE = os.path.join(TOP, "tests", "peers", "openapi")
MODULES = peers.modules_of("openapi")
DOCUMENT = os.path.join(TOP, "doc", "openapi.json")

# It would send who uses it how, and ask for newer versions.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


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
	peers.npm_install("openapi", 20)
	code, problems = lint(DOCUMENT)
	assert code == 0 and problems == [], problems


def test_faults_are_found(box):
	peers.npm_install("openapi", 20)
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
