# SPDX-License-Identifier: Apache-2.0
"""Looks for texts in the memory of a process."""

import re

import harness


def need_access(pid):
	"""Skip where we may not look."""
	try:
		with open(f"/proc/{pid}/mem", "rb"):
			pass
	except PermissionError:
		raise harness.Skip("another's memory can only be read by root") from None


def read_mapping(mem, begin, end):
	"""All of it; what is mapped behind a file's end cannot be read, and is left out."""
	try:
		mem.seek(begin)
		return mem.read(end - begin)
	except OSError:
		if end - begin <= 4096:
			return b""
		middle = begin + (end - begin) // 8192 * 4096
		return read_mapping(mem, begin, middle) + read_mapping(mem, middle, end)


def mappings(pid):
	"""Of each that can be read: its name, whether it is kept out of cores, and what is in it."""
	with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
		parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", f.read(), flags=re.M)[1:]
	with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
		for part in parts:
			head = part.split("\n", 1)[0].split()
			begin, end = (int(n, 16) for n in head[0].split("-"))
			name = head[5] if len(head) > 5 else "anonymous"
			if "r" not in head[1] or name in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
				continue
			if end - begin > 1 << 36:
				raise harness.Skip("a sanitizer's shadow is too large to be read")
			kept_out = "dd" in re.search(r"^VmFlags: (.*)$", part, re.M)[1].split()
			yield name, kept_out, read_mapping(mem, begin, end)


def places(pid, needles):
	"""Where each text is: name -> {"out": copies that are kept out of cores, mapping: others}"""
	found = {name: {} for name in needles}
	for where, kept_out, content in mappings(pid):
		for name, text in needles.items():
			n = content.count(text)
			place = "out" if kept_out else where
			if n > 0:
				found[name][place] = found[name].get(place, 0) + n
	return found


def copies(pid, needles):
	"""How often each text is in the process's memory: name -> number."""
	found = places(pid, {name: text.encode() for name, text in needles.items()})
	return {name: sum(n.values()) for name, n in found.items()}
