#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What README shows of stagewire.yaml is a configuration that the relay takes.

A block may leave out what the whole one above it has; where it says "as above" within an item, that
item's other lines are taken from there.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import STAGEWIRED, TOP_SRC  # noqa: E402

WHOLE = "backstage:\n  url:"


def blocks():
	"""The blocks of README that are of stagewire.yaml, the whole one first."""
	with open(os.path.join(TOP_SRC, "README.md"), encoding="utf-8") as f:
		found = re.findall(r"^```yaml\n(.*?)^```$", f.read(), re.M | re.S)
	ours = [b for b in found if b.startswith(("# stagewire.yaml\n", "secrets:\n", WHOLE))]
	return sorted(ours, key=lambda b: not b.startswith(WHOLE))


def parts(text):
	"""Top-level key -> its lines."""
	return {m[1]: m[0] for m in re.finditer(r"^(\w+):.*\n(?:[ \t#-].*\n)*", text, re.M)}


def as_above(part, whole):
	"""A part of a block with what it leaves to the whole configuration."""
	def lines(comment):
		indent = comment[1]
		keys = re.findall(rf"^{indent}(\w+):", part, re.M)
		return "".join(line + "\n" for line in whole.splitlines()
			if re.match(rf"{indent}(?!(?:{'|'.join(keys)}):)\w+:", line))
	return re.sub(r"^( +)# as above.*\n", lines, part, flags=re.M)


def check(box, text):
	path = os.path.join(box.dir, "stagewire.yaml")
	with open(path, "w", encoding="utf-8") as f:
		f.write(text)
	done = subprocess.run([STAGEWIRED, "-c", path, "--check-config"], capture_output=True, text=True,
		timeout=60, check=False)
	assert done.returncode == 0, done.stderr + text


def test_the_configuration_in_the_readme_is_taken(box):
	check(box, blocks()[0])


def test_each_part_of_a_configuration_in_the_readme_is_taken_beside_the_rest(box):
	first, *others = blocks()
	assert len(others) == 5, len(others)
	whole = parts(first)
	for block in others:
		mine = {k: as_above(p, whole.get(k, "")) for k, p in parts(block).items()}
		check(box, "".join({**whole, **mine}.values()))


harness.main(globals())
