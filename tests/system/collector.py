# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for what takes logs: syslog collectors and journald's socket, and readers of
what they are sent (RFC 5424, RFC 6587, journald's native protocol)."""

import array
import fcntl
import os
import re
import socket
import ssl
import struct
import subprocess
import threading

PRINTABLE = r"[!-~]"
HEADER = re.compile(
	rf"<(?P<pri>0|[1-9]\d{{0,2}})>1 (?P<time>\S+) (?P<host>{PRINTABLE}{{1,255}}) "
	rf"(?P<app>{PRINTABLE}{{1,48}}) (?P<pid>{PRINTABLE}{{1,128}}) (?P<msgid>{PRINTABLE}{{1,32}}) ")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
NAME = rb'[^\x00-\x20"=\]\x7f-\xff]{1,32}'
VALUE = rb'(?:[^"\\\]]|\\["\\\]])*'
PARAM = re.compile(rb' (' + NAME + rb')="(' + VALUE + rb')"', re.DOTALL)
ELEMENT = re.compile(rb'\[(' + NAME + rb')((?: ' + NAME + rb'="' + VALUE + rb'")*)\]', re.DOTALL)
BOM = b"\xef\xbb\xbf"


class Message:
	"""A message of RFC 5424 with one element, read strictly."""

	def __init__(self, raw):
		head = HEADER.match(raw.decode("latin-1"))
		assert head, raw
		self.raw = raw
		self.facility, self.severity = divmod(int(head["pri"]), 8)
		self.time, self.host, self.app, self.msgid = (head[n] for n in ("time", "host", "app",
			"msgid"))
		assert self.time == "-" or TIME.fullmatch(self.time), raw
		element = ELEMENT.match(raw, head.end())
		assert element, raw
		self.element = element[1].decode()
		self.params = [(n.decode(), re.sub(rb'\\(["\\\]])', rb"\1", v).decode())
			for n, v in PARAM.findall(element[2])]
		rest = raw[element.end():]
		assert rest == b"" or rest[:1] == b" ", raw
		self.text = rest[1:]
		if not self.text.isascii():
			assert self.text.startswith(BOM), "UTF-8 without its mark"
			self.text.decode()

	def param(self, name):
		"""All values of a parameter."""
		return [v for n, v in self.params if n == name]


class Collector:
	"""What is common: a thread that takes messages and keeps them."""

	def __init__(self):
		self.messages = []
		self.ended = threading.Event()
		self.error = None

	def start(self, work, *args):
		threading.Thread(target=self.run, args=(work, *args), daemon=True).start()

	def run(self, work, *args):
		try:
			work(*args)
		except (OSError, ValueError) as e:  # of a connection that ended, of one that is not ours
			self.error = e

	def ids(self):
		return [m.param("id")[0] for m in self.messages]


class DatagramCollector(Collector):
	"""A unix datagram socket; take() reads, so that its queue can be left to fill up."""

	def __init__(self, path):
		super().__init__()
		self.path = path
		self.listen()

	def listen(self):
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(self.path)

	def take(self):
		"""Take what has come."""
		self.socket.setblocking(False)
		while True:
			try:
				self.messages.append(Message(self.socket.recv(1 << 20)))
			except BlockingIOError:
				return self.messages

	def down(self):
		self.socket.close()
		os.unlink(self.path)


class StreamCollector(Collector):
	"""Reads messages behind their lengths from connections to a TCP port or a unix path."""

	def __init__(self, address, context=None):
		super().__init__()
		self.address = address
		self.context = context
		self.connections = []
		self.accepted = 0
		self.reading = threading.Event()
		self.reading.set()
		self.up()

	def up(self):
		is_unix = isinstance(self.address, str)
		self.socket = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
		if not is_unix:
			self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		self.socket.bind(self.address)
		self.socket.listen()
		self.start(self.accept, self.socket)

	def accept(self, listening):
		while True:
			connection, _ = listening.accept()
			self.accepted += 1
			self.connections.append(connection)
			self.start(self.read, connection)

	def read(self, connection):
		if self.context is not None:
			connection = self.context.wrap_socket(connection, server_side=True)
			self.connections.append(connection)
		with connection.makefile("rb") as f:
			while True:
				self.reading.wait()
				length = b""
				while not length.endswith(b" "):
					byte = f.read(1)
					if not byte:
						return
					length += byte
				if not re.fullmatch(rb"[1-9]\d* ", length):
					raise ValueError(f"no message's length: {length}")
				message = f.read(int(length))
				if len(message) < int(length):
					return
				self.messages.append(Message(message))

	def hang_up(self):
		"""Close the connections there are."""
		for connection in self.connections:
			try:
				connection.shutdown(socket.SHUT_RDWR)
			except OSError:
				pass
			connection.close()
		self.connections = []

	def down(self):
		self.reading.set()
		try:
			self.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
		except OSError:
			pass
		self.socket.close()
		self.hang_up()
		if isinstance(self.address, str):
			os.unlink(self.address)


# --- certificates ---------------------------------------------------------------


class Authority:
	"""Signs certificates for tests."""

	def __init__(self, directory, name="authority"):
		self.base = os.path.join(directory, name)
		self.certificate = self.base + ".pem"
		self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-keyout", self.base + ".key", "-out", self.certificate, "-subj", f"/CN={name}",
			"-days", "10")

	@staticmethod
	def openssl(*args):
		subprocess.run(["openssl", *args], check=True, capture_output=True)

	def issue(self, name, alternative, days=5):
		"""Returns paths of certificate and key. With days < 0 it has expired."""
		base = f"{self.base}-{name}"
		self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-keyout", base + ".key", "-out", base + ".csr", "-subj", f"/CN={name}")
		with open(base + ".ext", "w", encoding="ascii") as f:
			f.write(f"subjectAltName={alternative}\n")
		self.openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey",
			self.base + ".key", "-CAcreateserial", "-out", base + ".pem", "-days", str(days),
			"-extfile", base + ".ext")
		return base + ".pem", base + ".key"

	def server(self, name, alternative, days=5):
		"""What a collector shows to its clients."""
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(*self.issue(name, alternative, days))
		return context


# --- journald -------------------------------------------------------------------


def read_entry(raw):
	"""An entry in the native protocol as a list of (name, value)."""
	fields = []
	at = 0
	while at < len(raw):
		end = raw.index(b"\n", at)
		name, equals, value = raw[at:end].partition(b"=")
		at = end + 1
		if not equals:
			n, = struct.unpack_from("<Q", raw, at)
			value = raw[at + 8:at + 8 + n]
			assert len(value) == n and raw[at + 8 + n:at + 9 + n] == b"\n", raw
			at += n + 9
		assert re.fullmatch(rb"[A-Z][A-Z0-9_]{0,63}", name), name
		fields.append((name.decode(), value.decode()))
	return fields


SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class JournalSocket:
	"""A stand-in for journald's socket: it takes datagrams, and files passed in their place."""

	def __init__(self, path):
		self.path = path
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(path)
		self.socket.setblocking(False)
		self.entries = []
		self.files = 0

	def take(self):
		"""Take what has come."""
		while True:
			try:
				raw, control, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
			except BlockingIOError:
				return self.entries
			for level, kind, data in control:
				assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
				fd, = array.array("i", data)
				assert raw == b""
				assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) == SEALS
				with open(fd, "rb") as f:
					f.seek(0)
					raw = f.read()
				self.files += 1
			self.entries.append(read_entry(raw))

	def down(self):
		self.socket.close()
