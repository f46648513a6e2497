# SPDX-License-Identifier: Apache-2.0
"""doc/openapi.json as something that answers can be held against."""

import json
import os
import re

from harness import TOP_SRC, Skip
from schemas import format_checker

try:
	import jsonschema
except ImportError:
	jsonschema = None

PATH = os.path.join(TOP_SRC, "doc", "openapi.json")
METHODS = ("get", "post")
URN = "urn:stagewire:problem:"


class Document:
	def __init__(self):
		if jsonschema is None:
			raise Skip("needs python3-jsonschema")
		with open(PATH, encoding="utf-8") as f:
			self.root = json.load(f)
		self.formats = format_checker()
		self.seen = set()  # (operationId, status) of what was answered

	def follow(self, node):
		"""What a reference leads to."""
		while "$ref" in node:
			at = self.root
			for word in node["$ref"].removeprefix("#/").split("/"):
				at = at[word]
			node = at
		return node

	def operations(self):
		"""Of each its path, its method and what is said of it."""
		for path, item in self.root["paths"].items():
			for method in METHODS:
				if method in item:
					yield path, method.upper(), item[method]

	def templates(self):
		"""Each path and an expression for the targets that it stands for."""
		for path in self.root["paths"]:
			parts = re.split(r"\{[a-z]+\}", path)
			yield path, re.compile("[^/]+".join(re.escape(p) for p in parts))

	def problem_types(self):
		return [t.removeprefix(URN) for t in self.root["components"]["schemas"]["ProblemType"]["enum"]]

	def complaints(self, schema, value):
		"""The schema's references are into the document, so it comes along."""
		whole = {"allOf": [schema], "components": self.root["components"]}
		validator = jsonschema.Draft202012Validator(whole, format_checker=self.formats)
		return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"
			for e in validator.iter_errors(value)]

	def check_headers(self, response, answer):
		for name, header in response.get("headers", {}).items():
			header, value = self.follow(header), answer.headers.get(name)
			if value is None:
				assert not header.get("required"), (name, answer)
				continue
			if header["schema"]["type"] == "integer":
				value = int(value)
			assert not self.complaints(header["schema"], value), (name, value)

	def check_body(self, response, answer):
		media = (answer.headers.get("Content-Type") or "").partition(";")[0]
		content = response.get("content", {})
		if not content:
			assert answer.body == b"" and media == "", answer
			return
		assert media in content, (media, answer)
		if media.endswith("json"):
			found = self.complaints(content[media]["schema"], answer.json())
			assert not found, (found, answer)

	def check(self, operation, answer):
		"""The answer to an operation is one that the document has; returns the answer."""
		responses = operation["responses"]
		response = responses.get(str(answer.status)) or responses.get("default")
		assert response is not None, answer
		response = self.follow(response)
		self.check_headers(response, answer)
		self.check_body(response, answer)
		self.seen.add((operation["operationId"], str(answer.status)))
		return answer

	def unseen(self, tags, excused):
		"""What the document has of these tags, and was neither answered nor is excused."""
		wanted = {(op["operationId"], status) for _, _, op in self.operations()
			if set(op["tags"]) & set(tags) for status in op["responses"]
			if status.isdigit()}
		return sorted(w for w in wanted - self.seen if w[1] not in excused and w not in excused)

	def named(self, operation_id):
		"""The path, the method and the rest of an operation."""
		return next(o for o in self.operations() if o[2]["operationId"] == operation_id)
