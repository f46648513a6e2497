# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a receiver of webhooks, well or badly behaved, for tests to run in a thread.

It speaks HTTP/1.1 by hand, so that it can do wrong what a library would not let it. How it
answers is its attribute answer: a function (hook, connection, request) that sends what it likes
and says whether the connection goes on. Those below are what the tests ask for.
"""

import contextlib
import fcntl
import gzip
import socket
import ssl
import struct
import termios
import threading
import time

BOMB = gzip.compress(bytes(64 << 20))


class Request:
	def __init__(self, head, body):
		line, *fields = head.decode("latin-1").split("\r\n")
		self.method, self.target, self.version = line.split(" ")
		self.fields = [tuple(field.split(": ", 1)) for field in fields]
		self.body = body

	def all(self, name):
		return [v for n, v in self.fields if n.lower() == name.lower()]

	def get(self, name):
		"""The value of a field that is there once; None if it is not there."""
		values = self.all(name)
		assert len(values) < 2, f"{name} is there {len(values)} times"
		return values[0] if values else None


def send(connection, status, fields=(), body=b"", length=None):
	head = [f"HTTP/1.1 {status} Stand-in"]
	head += [f"{name}: {value}" for name, value in fields]
	head.append(f"Content-Length: {len(body) if length is None else length}")
	connection.sendall("\r\n".join([*head, "", ""]).encode() + body)


def reset(connection):
	"""Close with RST."""
	connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	connection.close()


def answers(status, *fields, body=b""):
	def answer(_hook, connection, request):
		if request.method == "OPTIONS":
			send(connection, 200)
		else:
			send(connection, status, fields, body)
		return True
	return answer


def agrees(origin, rate=None):
	"""Takes deliveries, and agrees to them when it is asked."""
	def answer(_hook, connection, request):
		fields = []
		if request.method == "OPTIONS":
			fields = [("WebHook-Allowed-Origin", origin)]
			fields += [("WebHook-Allowed-Rate", rate)] if rate else []
		send(connection, 200, fields)
		return True
	return answer


def silent(hook, _connection, _request):
	"""Never answers: a slow sink, or one whose machine is gone."""
	hook.released.wait(60)
	return False


def drips(hook, connection, _request):
	"""Answers a byte at a time, without end."""
	connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
	while not hook.released.wait(0.02):
		connection.sendall(b"x")
	return False


def half_closed(hook, connection, _request):
	"""Says that nothing follows, where an answer should."""
	connection.shutdown(socket.SHUT_WR)
	hook.released.wait(60)
	return False


def resets(_hook, connection, _request):
	reset(connection)
	return False


def resets_after(connection, sent):
	"""Reset once what was sent has reached the peer's machine."""
	connection.sendall(sent)
	end = time.monotonic() + 5
	while time.monotonic() < end:
		left = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
		if struct.unpack("i", left)[0] == 0:
			break
	reset(connection)
	return False


def resets_within_answer(_hook, connection, _request):
	return resets_after(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly th")


def resets_within_head(_hook, connection, _request):
	return resets_after(connection, b"HTTP/1.1 200 OK\r\nContent-Le")


def is_cut_short(_hook, connection, _request):
	send(connection, 200, body=b"only this", length=100)
	return False


def says_too_little(_hook, connection, _request):
	"""More body than its Content-Length."""
	send(connection, 200, body=b"abcdefgh", length=3)
	return False


def contradicts_itself(_hook, connection, _request):
	send(connection, 200, [("Content-Length", "7")], b"abc")
	return False


def is_no_number(_hook, connection, _request):
	send(connection, 200, length="-1")
	return False


def sends_bomb(_hook, connection, _request):
	send(connection, 200, [("Content-Encoding", "gzip")], BOMB)
	return True


def sends_bomb_in_chunks(hook, connection, _request):
	"""32 MiB of chunks, as a failure: what its size is must not matter."""
	connection.sendall(b"HTTP/1.1 500 Stand-in\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _ in range(512):
		connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
		hook.sent += 65536
	connection.sendall(b"0\r\n\r\n")
	return True


def sends_head_without_end(hook, connection, _request):
	connection.sendall(b"HTTP/1.1 200 OK\r\n")
	for n in range(1 << 20):
		connection.sendall(b"X-%d: %s\r\n" % (n, b"y" * 1000))
		hook.sent += 1000
	return False


def sends_line_without_end(hook, connection, _request):
	connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
	while hook.sent < 1 << 30:
		connection.sendall(bytes(b"y" * 65536))
		hook.sent += 65536
	return False


def sends_interim_without_end(hook, connection, _request):
	while hook.sent < 1 << 30:
		connection.sendall(b"HTTP/1.1 102 Processing\r\nX-Wait: %s\r\n\r\n" % (b"y" * 1000))
		hook.sent += 1000
	return False


def is_no_http(_hook, connection, _request):
	connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
	return False


class Hook:
	"""One receiver. tls is an ssl.SSLContext; resets says where a connection is reset before
	there is a whole request: "connect", "head" or "body"."""

	def __init__(self, answer=answers(204), tls=None, early_reset=None, port=0):
		self.answer = answer
		self.tls = tls
		self.early_reset = early_reset
		self.requests = []
		self.connections = 0
		self.sent = 0
		self.released = threading.Event()
		self.listener = socket.create_server(("127.0.0.1", port))
		self.port = self.listener.getsockname()[1]
		threading.Thread(target=self.accept, daemon=True).start()

	@property
	def url(self):
		return f"{'https' if self.tls else 'http'}://localhost:{self.port}/hook"

	def posts(self):
		return [r for r in list(self.requests) if r.method == "POST"]

	def down(self):
		"""Stop, and let whoever waits go on."""
		self.released.set()
		with contextlib.suppress(OSError):
			self.listener.shutdown(socket.SHUT_RDWR)  # accept() would keep it open
		self.listener.close()

	def accept(self):
		while True:
			try:
				connection, _ = self.listener.accept()
			except OSError:
				return
			self.connections += 1
			threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

	def serve(self, connection):
		try:
			connection.settimeout(60)
			if self.early_reset == "connect":
				reset(connection)
				return
			if self.tls:
				connection = self.tls.wrap_socket(connection, server_side=True)
			while self.serve_one(connection):
				pass
			connection.close()
		except OSError:  # ssl.SSLError is one
			connection.close()

	def serve_one(self, connection):
		head = b""
		while not head.endswith(b"\r\n\r\n"):
			byte = connection.recv(1)
			if not byte:
				return False
			head += byte
			if head == b"\x16":  # the record type of a TLS handshake
				send(connection, 400)
				return False
			if self.early_reset == "head" and len(head) > 40:
				reset(connection)
				return False
		request = Request(head[:-4], b"")
		length = int(request.get("Content-Length") or 0)
		while len(request.body) < length:
			part = connection.recv(1 if self.early_reset == "body" else length - len(request.body))
			if not part:
				return False
			request.body += part
			if self.early_reset == "body":
				reset(connection)
				return False
		self.requests.append(request)
		return self.answer(self, connection, request)
