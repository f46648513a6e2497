# SPDX-License-Identifier: Apache-2.0
"""Validates events by the schemas of CDEvents and CloudEvents, with their formats.

The formats are checked here, because what checks them in jsonschema is optional
and silently absent.
"""

import json
import os
import re
import warnings

from harness import FIXTURES, Skip

try:
	import jsonschema
except ImportError:
	jsonschema = None

# RFC 3986, appendix A, without the finer points of addresses.
PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
AUTHORITY = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@\[\]]|%[0-9A-Fa-f]{2})*"
PATH = rf"(?://{AUTHORITY}(?:/{PCHAR}*)*|/?(?:{PCHAR}+(?:/{PCHAR}*)*)?)"
TAIL = rf"(?:\?(?:{PCHAR}|[/?])*)?(?:#(?:{PCHAR}|[/?])*)?"
URI = re.compile(rf"[A-Za-z][A-Za-z0-9+\-.]*:{PATH}{TAIL}")
URI_REFERENCE = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+\-.]*:)?{PATH}{TAIL}")
DATE_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:"
	r"([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)")


def read(*path):
	with open(os.path.join(FIXTURES, *path), encoding="utf-8") as f:
		return json.load(f)


def need_fixtures():
	if not os.path.isdir(os.path.join(FIXTURES, "cdevents-0.5.1", "schemas")):
		raise Skip("needs ../shared/fixtures")
	if jsonschema is None:
		raise Skip("needs python3-jsonschema")


def format_checker():
	checker = jsonschema.FormatChecker(formats=())
	for name, pattern in (("uri", URI), ("uri-reference", URI_REFERENCE),
			("date-time", DATE_TIME)):
		checker.checks(name)(lambda text, p=pattern: not isinstance(text, str) or
			p.fullmatch(text) is not None)
	return checker


class Schemas:
	"""Both schemas; a CDEvent's is chosen by its type."""

	def __init__(self):
		need_fixtures()
		self.formats = format_checker()
		self.store = {}
		self.cdevents = {}
		top = os.path.join(FIXTURES, "cdevents-0.5.1", "schemas")
		for directory, _, names in os.walk(top):
			for name in names:
				schema = read(os.path.join(directory, name))
				self.store[schema["$id"]] = schema
				for kind in schema["properties"].get("context", {}).get("properties", {}).get(
						"type", {}).get("enum", []) if "properties" in schema else []:
					self.cdevents[kind] = schema
		self.cloudevents = read("cloudevents", "cloudevents.json")

	def complaints(self, schema, document):
		with warnings.catch_warnings():
			warnings.simplefilter("ignore", DeprecationWarning)  # of a newer jsonschema
			resolver = jsonschema.RefResolver(schema.get("$id", ""), schema, store=self.store)
			validator = jsonschema.validators.validator_for(schema)(schema, resolver=resolver,
				format_checker=self.formats)
			return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"
				for e in validator.iter_errors(document)]

	def cdevent_complaints(self, event):
		kind = event["context"]["type"]
		if kind not in self.cdevents:
			return [f"there is no type {kind}"]
		return self.complaints(self.cdevents[kind], event)

	def event_complaints(self, event):
		"""What is wrong with a CloudEvent and with the CDEvent in it."""
		found = self.complaints(self.cloudevents, event)
		found += [f"extension {n} has a bad name" for n in event
			if n not in ("data", "data_base64") and not re.fullmatch("[a-z0-9]{1,20}", n)]
		found += self.cdevent_complaints(event["data"])
		for outer, inner in (("id", "id"), ("source", "source"), ("type", "type"),
				("time", "timestamp")):
			if event[outer] != event["data"]["context"][inner]:
				found.append(f"{outer} is not the CDEvent's {inner}")
		return found
