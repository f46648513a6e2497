# SPDX-License-Identifier: Apache-2.0
"""What the shim (shim.h) wrote down, and which states of a disk may come of it.

A Disk replays records. At any moment state(dice, mode) makes up what a power
cut could have left then: of what was not synced, each write is there, or is
not, or is there in some of its sectors of 512 bytes, in any order. A name that
was made, changed or removed is as it was before or after, until its folder was
synced; names change in order, as in any journal (ext4, xfs, btrfs), but contents
do not wait for names nor names for contents. What a failed sync should have kept may
be there or not for ever.
"""

import os
import struct

HEADER = struct.Struct("<IBBHIIQQ")
MAGIC = 0x676f6c66
(OPEN, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, LINK, MKDIR, MARK,
	FAULT) = range(1, 12)
CREATED, CUT, DIRECTORY = 1, 2, 4
KINDS = ("open", "write", "truncate", "sync", "name")
SECTOR = 512

# How much of what was not synced is there.
MODES = ("nothing", "everything", "beginning", "some", "sectors", "mixed")


def draw(dice, mode):
	"""Of a mixed state each file and folder has a mode of its own."""
	return dice.choice(MODES[:-1]) if mode == "mixed" else mode


class Record:
	__slots__ = ("op", "err", "tid", "ino", "off", "name", "data")

	def __init__(self, op, err, tid, ino, off, name, data):
		self.op = op
		self.err = err
		self.tid = tid
		self.ino = ino
		self.off = off
		self.name = name
		self.data = data


def read_log(path):
	"""All records of a write log."""
	with open(path, "rb") as f:
		log = f.read()
	records, at = [], 0
	while at < len(log):
		magic, op, err, name_n, data_n, tid, ino, off = HEADER.unpack_from(log, at)
		assert magic == MAGIC, f"{path} is no write log at {at}"
		at += HEADER.size
		name = log[at:at + name_n].decode()
		data = log[at + name_n:at + name_n + data_n]
		at += name_n + data_n
		records.append(Record(op, err, tid, ino, off, name, data))
	return records


def put_mark(path, text):
	"""Add a mark from outside the process that is recorded: one write, as the shim does."""
	data = text.encode()
	fd = os.open(path, os.O_WRONLY | os.O_APPEND)
	try:
		os.write(fd, HEADER.pack(MAGIC, MARK, 0, 0, len(data), 0, 0, 0) + data)
	finally:
		os.close(fd)


def overwrite(content, off, data):
	if len(content) < off:
		content.extend(bytes(off - len(content)))
	content[off:off + len(data)] = data


def cut(content, size):
	if size < len(content):
		del content[size:]
	else:
		content.extend(bytes(size - len(content)))


class Change:
	"""A change of a file's content or of a folder's names, until it is durable."""

	__slots__ = ("op", "off", "data", "name", "file", "safe", "lost")

	def __init__(self, op, off=0, data=b"", name="", file=None):
		self.op = op
		self.off = off
		self.data = data
		self.name = name
		self.file = file
		self.safe = False  # synced, but behind one that is lost
		self.lost = False  # a sync failed: it may be there or not

	def apply(self, content):
		if self.op == WRITE:
			overwrite(content, self.off, self.data)
		else:
			cut(content, self.off)

	def apply_some(self, content, dice):
		"""In some of its sectors only."""
		if self.op == TRUNCATE:
			if dice.random() < 0.5:
				cut(content, self.off)
			return
		at = self.off
		end = at + len(self.data)
		while at < end:
			stop = min(end, (at // SECTOR + 1) * SECTOR)
			if dice.random() < 0.5:
				overwrite(content, at, self.data[at - self.off:stop - self.off])
			at = stop


class Pending:
	"""What has durable changes first, and then some that are not yet."""

	def __init__(self):
		self.changes = []

	def sync(self, n, ok):
		"""The first n changes were synced, or that failed."""
		for change in self.changes[:n]:
			if ok and not change.lost:
				change.safe = True
			elif not ok and not change.safe:
				change.lost = True
		done = 0
		while done < len(self.changes) and self.changes[done].safe:
			self.settle(self.changes[done])
			done += 1
		del self.changes[:done]
		return done

	def settle(self, change):
		raise NotImplementedError

	def choose(self, dice, mode):
		"""Which of the changes are there: a list as long as they are."""
		n = len(self.changes)
		if mode == "nothing":
			there = [False] * n
		elif mode == "everything":
			there = [True] * n
		elif mode == "beginning":
			k = dice.randint(0, n)
			there = [i < k for i in range(n)]
		else:
			there = [dice.random() < 0.5 for _ in range(n)]
		return [there[i] or c.safe for i, c in enumerate(self.changes)]


class File(Pending):
	def __init__(self):
		super().__init__()
		self.durable = bytearray()

	def settle(self, change):
		change.apply(self.durable)

	def content(self, dice, mode):
		mode = draw(dice, mode)
		content = bytearray(self.durable)
		for change, there in zip(self.changes, self.choose(dice, mode)):
			if mode == "sectors" and not change.safe:
				change.apply_some(content, dice)
			elif there:
				change.apply(content)
		return content


class Folder(Pending):
	"""The names in one folder, each a File or a Folder."""

	def __init__(self):
		super().__init__()
		self.durable = {}

	@staticmethod
	def apply(names, change):
		if change.op in (OPEN, LINK, MKDIR):
			names[change.name] = change.file
		elif change.op == UNLINK:
			names.pop(change.name, None)
		else:
			names.pop(change.name, None)
			names[change.data] = change.file

	def settle(self, change):
		self.apply(self.durable, change)

	def names(self, dice, mode):
		mode = draw(dice, mode)
		if mode in ("some", "sectors"):
			mode = "beginning"
		names = dict(self.durable)
		for change, there in zip(self.changes, self.choose(dice, mode)):
			if there:
				self.apply(names, change)
		return names


class Disk:
	def __init__(self, ignore=("-shm",)):
		self.ignore = ignore  # names that end so are no durable state
		self.folders = {"": Folder()}  # by name, as the program sees them
		self.inodes = {}  # number -> file or folder, of what was opened
		self.now = {}  # name -> file, as the program sees it
		self.syncs = {}  # (tid, ino) -> (what is synced, how many of its changes)

	def folder(self, name):
		return self.folders[os.path.dirname(name)]

	def file(self, record):
		"""The file of a record; one that nobody created was there, empty, before."""
		if record.ino not in self.inodes:
			file = self.inodes[record.ino] = self.now[record.name] = File()
			self.folder(record.name).durable[record.name] = file
		return self.inodes[record.ino]

	def replay(self, record):
		if record.op == OPEN:
			self.open(record)
		elif record.op in (WRITE, TRUNCATE):
			self.file(record).changes.append(Change(record.op, record.off, record.data))
		elif record.op in (SYNC_BEGIN, SYNC_END):
			self.sync(record)
		elif record.op in (RENAME, UNLINK, LINK, MKDIR):
			self.rename(record)

	def open(self, record):
		if record.off & DIRECTORY:
			self.inodes[record.ino] = self.folders["" if record.name == "." else record.name]
			return
		if record.off & CREATED:
			file = self.inodes[record.ino] = self.now[record.name] = File()
			self.folder(record.name).changes.append(Change(OPEN, name=record.name, file=file))
		elif record.off & CUT:
			self.file(record).changes.append(Change(TRUNCATE, 0))
		else:
			self.file(record)

	def sync(self, record):
		key = (record.tid, record.ino)
		if record.op == SYNC_BEGIN:
			what = self.inodes[record.ino]
			self.syncs[key] = (what, len(what.changes))
			return
		what, n = self.syncs.pop(key)
		settled = what.sync(n, record.err == 0)
		# Another thread's sync of the same thing counts from the same beginning.
		for other, (it, m) in self.syncs.items():
			if it is what:
				self.syncs[other] = (it, max(0, m - settled))

	def rename(self, record):
		other = record.data.decode()
		file = self.now.get(record.name)
		if record.op == MKDIR:
			file = self.folders[record.name] = Folder()
		elif record.op == RENAME:
			self.now[other] = self.now.pop(record.name)
		elif record.op == UNLINK:
			self.now.pop(record.name, None)
			self.folders.pop(record.name, None)
		elif record.op == LINK:
			self.now[other] = file
		name = other if record.op == LINK else record.name
		self.folder(other or name).changes.append(
			Change(record.op, name=name, data=other, file=file))

	def state(self, dice, mode):
		"""What is there after a power cut: name -> content, None for a folder."""
		state = {}
		self.walk(self.folders[""], dice, mode, state)
		return state

	def walk(self, folder, dice, mode, state):
		for name, node in folder.names(dice, mode).items():
			if isinstance(node, Folder):
				state[name] = None
				self.walk(node, dice, mode, state)
			elif not name.endswith(self.ignore):
				state[name] = node.content(dice, mode)
