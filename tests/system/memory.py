# SPDX-License-Identifier: Apache-2.0
"""Looks for texts in the memory of a process."""

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


def memory_of(pid):
	"""What a process has in memory: all mappings that it can read."""
	with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
			open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
		for line in maps:
			part = line.split()
			begin, end = (int(n, 16) for n in part[0].split("-"))
			if "r" not in part[1] or part[-1] in ("[vvar]", "[vsyscall]"):
				continue
			if end - begin > 1 << 36:
				raise harness.Skip("a sanitizer's shadow is too large to be read")
			yield read_mapping(mem, begin, end)


def copies(pid, needles):
	"""How often each text is in the process's memory: name -> number."""
	found = dict.fromkeys(needles, 0)
	for bytes_ in memory_of(pid):
		for name, text in needles.items():
			found[name] += bytes_.count(text.encode())
	return found
