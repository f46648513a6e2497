#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile requests over real sockets: what RFC 9112 refuses is refused, closed, and nothing that
follows it is ever run as a request.

Every case goes to both listeners, whole and byte by byte. In its bytes
  @PATH@  is a target that the listener knows,
  @NEXT@  is a whole request, which on the admin listener would be answered 200: if the case must
          be refused and @NEXT@ is answered, it was smuggled.
Runs against the echoing front, then against the daemon.
"""
import contextlib
import json
import os
import socket
import sys
import threading
import time

import front
import harness

REQUEST_S = 2
IDLE_S = 1

H = b"Host: a\r\n"
# The webhooks' handler lets a request send its body if the head looks like one of Travis CI's.
TRAVIS = b"Content-Type: application/x-www-form-urlencoded\r\nSignature: YQ==\r\n"
GET = b"GET @PATH@ HTTP/1.1\r\n" + H
POST = b"POST @PATH@ HTTP/1.1\r\n" + H + TRAVIS
CL = POST + b"Content-Length: "
TE = POST + b"Transfer-Encoding: "
CHUNKED = TE + b"chunked\r\n\r\n"
END = b"0\r\n\r\n"
LAST = b"GET @PATH@ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

# Must be refused by the front, with one answer, and closed: (name, bytes, statuses allowed).
BAD = {400}
REFUSED = [
	# Two opinions about where the body ends.
	("two Content-Length that differ", CL + b"0\r\nContent-Length: 35\r\n\r\n@NEXT@", BAD),
	("two Content-Length that agree", CL + b"5\r\nContent-Length: 5\r\n\r\nhello@NEXT@", BAD),
	("two Content-Length in another case", CL + b"0\r\ncontent-length: 35\r\n\r\n@NEXT@", BAD),
	("Content-Length as a list", CL + b"5, 5\r\n\r\nhello@NEXT@", BAD),
	("Content-Length as a list that differs", CL + b"0, 35\r\n\r\n@NEXT@", BAD),
	("Content-Length with a plus", CL + b"+0\r\n\r\n@NEXT@", BAD),
	("Content-Length with a minus", CL + b"-1\r\n\r\n@NEXT@", BAD),
	("Content-Length -0", CL + b"-0\r\n\r\n@NEXT@", BAD),
	("Content-Length in hex", CL + b"0x0\r\n\r\n@NEXT@", BAD),
	("Content-Length with a blank inside", CL + b"0 5\r\n\r\n@NEXT@", BAD),
	("Content-Length with a tab inside", CL + b"0\t5\r\n\r\n@NEXT@", BAD),
	("Content-Length with a fraction", CL + b"0.0\r\n\r\n@NEXT@", BAD),
	("Content-Length with an exponent", CL + b"0e1\r\n\r\n@NEXT@", BAD),
	("Content-Length empty", CL + b"\r\n\r\n@NEXT@", BAD),
	("Content-Length of letters", CL + b"five\r\n\r\n@NEXT@", BAD),
	("Content-Length quoted", CL + b'"0"\r\n\r\n@NEXT@', BAD),
	("Content-Length with a semicolon", CL + b"0;a=b\r\n\r\n@NEXT@", BAD),
	("Content-Length with an underscore", CL + b"1_0\r\n\r\n@NEXT@", BAD),
	("Content-Length in Arabic digits", CL + "٠".encode() + b"\r\n\r\n@NEXT@", BAD),
	("Content-Length with a vertical tab", CL + b"\x0b0\r\n\r\n@NEXT@", BAD),
	("Content-Length with a form feed", CL + b"0\x0c\r\n\r\n@NEXT@", BAD),
	("Content-Length with a NUL", CL + b"0\x00 5\r\n\r\n@NEXT@", BAD),
	("Content-Length over 64 bits", CL + b"18446744073709551616\r\n\r\n@NEXT@", {400, 413}),
	("Content-Length 2^64-1", CL + b"18446744073709551615\r\n\r\n@NEXT@", {400, 413}),
	("Content-Length 2^63", CL + b"9223372036854775808\r\n\r\n@NEXT@", {400, 413}),
	("Content-Length of a petabyte", CL + b"999999999999999\r\n\r\n@NEXT@", {413}),
	("Content-Length before the colon a blank",
	POST + b"Content-Length : 35\r\n\r\n@NEXT@", BAD),
	("Content-Length before the colon a tab", POST + b"Content-Length\t: 35\r\n\r\n@NEXT@", BAD),
	("Content-Length folded", CL + b"\r\n 35\r\n\r\n@NEXT@", BAD),
	("Content-Length behind a NUL name", POST + b"\x00Content-Length: 35\r\n\r\n@NEXT@", BAD),
	("CL, then TE", CL + b"5\r\nTransfer-Encoding: chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE, then CL", TE + b"chunked\r\nContent-Length: 5\r\n\r\n" + END + b"@NEXT@", BAD),
	("CL 0 and TE", CL + b"0\r\nTransfer-Encoding: chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("CL and TE identity", CL + b"5\r\nTransfer-Encoding: identity\r\n\r\nhello@NEXT@", BAD),
	("two TE", TE + b"chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE chunked, then identity",
	TE + b"chunked\r\nTransfer-Encoding: identity\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE chunked, chunked", TE + b"chunked, chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE gzip", TE + b"gzip\r\n\r\n@NEXT@", {400, 501}),
	("TE gzip, chunked", TE + b"gzip, chunked\r\n\r\n" + END + b"@NEXT@", {400, 501}),
	("TE chunked, gzip", TE + b"chunked, gzip\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE identity", TE + b"identity\r\n\r\n@NEXT@", {400, 501}),
	("TE xchunked", TE + b"xchunked\r\n\r\n" + END + b"@NEXT@", {400, 501}),
	("TE chunkedx", TE + b"chunkedx\r\n\r\n" + END + b"@NEXT@", {400, 501}),
	("TE quoted", TE + b'"chunked"\r\n\r\n' + END + b"@NEXT@", BAD),
	("TE with a parameter", TE + b"chunked;a=b\r\n\r\n" + END + b"@NEXT@", {400, 501}),
	("TE with a comma behind", TE + b"chunked,\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE with a comma ahead", TE + b",chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE empty", TE + b"\r\n\r\n@NEXT@", BAD),
	("TE with a vertical tab", TE + b"\x0bchunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE with a NUL", TE + b"chunked\x00\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE folded", TE + b"\r\n chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE before the colon a blank",
	POST + b"Transfer-Encoding : chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("TE behind a bare LF", POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n@NEXT@", BAD),
	("TE behind a bare CR", POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n@NEXT@", BAD),
	("TE in HTTP/1.0",
	b"POST @PATH@ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + END + b"@NEXT@", BAD),
	("POST without a length", POST + b"\r\n@NEXT@", {411}),
	("POST of HTTP/1.0 without a length", b"POST @PATH@ HTTP/1.0\r\n\r\n@NEXT@", {400, 411}),
	# Chunks.
	("chunk size 0x5", CHUNKED + b"0x5\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size +5", CHUNKED + b"+5\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size -0", CHUNKED + b"-0\r\n\r\n@NEXT@", BAD),
	("chunk size -1", CHUNKED + b"-1\r\n\r\n@NEXT@", BAD),
	("chunk size with a blank ahead", CHUNKED + b" 5\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size with a blank behind", CHUNKED + b"5 \r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size with junk", CHUNKED + b"5 junk\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size with a tab", CHUNKED + b"5\t\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size with an underscore", CHUNKED + b"0_5\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size empty", CHUNKED + b"\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk size g", CHUNKED + b"g\r\n" + END + b"@NEXT@", BAD),
	("chunk size over 64 bits", CHUNKED + b"10000000000000005\r\nhello\r\n@NEXT@", BAD),
	("chunk size 2^64-1", CHUNKED + b"ffffffffffffffff\r\nhello\r\n@NEXT@", BAD),
	("chunk size 2^32-1", CHUNKED + b"ffffffff\r\nhello\r\n@NEXT@", {413}),
	("chunk size of 20 zeros", CHUNKED + b"0" * 20 + b"\r\n\r\n@NEXT@", BAD),
	("chunk extension", CHUNKED + b"5;a=b\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk extension without a name", CHUNKED + b"5;\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk extension with LF", CHUNKED + b"5;\nxx\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk line ended by LF", CHUNKED + b"5\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk line ended by CR", CHUNKED + b"5\rhello\r\n" + END + b"@NEXT@", BAD),
	("chunk line ended by CR CR LF", CHUNKED + b"5\r\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("chunk data without CRLF", CHUNKED + b"5\r\nhello" + END + b"@NEXT@", BAD),
	("chunk data ended by LF", CHUNKED + b"5\r\nhello\n" + END + b"@NEXT@", BAD),
	("chunk data longer than its size", CHUNKED + b"4\r\nhello\r\n" + END + b"@NEXT@", BAD),
	("empty lines between chunks", CHUNKED + b"5\r\nhello\r\n\r\n" + END + b"@NEXT@", BAD),
	("last chunk ended by LF", CHUNKED + b"0\n\n@NEXT@", BAD),
	("last chunk, then LF", CHUNKED + b"0\r\n\n@NEXT@", BAD),
	("trailers", CHUNKED + b"0\r\nX: y\r\n\r\n@NEXT@", BAD),
	("trailer Content-Length", CHUNKED + b"0\r\nContent-Length: 35\r\n\r\n@NEXT@", BAD),
	("trailer without a colon", CHUNKED + b"0\r\njunk\r\n\r\n@NEXT@", BAD),
	# Lines and fields.
	("request line ended by LF", b"GET @PATH@ HTTP/1.1\n" + H + b"\r\n@NEXT@", BAD),
	("all lines ended by LF", b"GET @PATH@ HTTP/1.1\nHost: a\n\n@NEXT@", BAD),
	("field ended by LF", GET + b"X: y\n\r\n@NEXT@", BAD),
	("head ended by LF", GET + b"\n@NEXT@", BAD),
	("field with a bare CR", GET + b"X: a\rb\r\n\r\n@NEXT@", BAD),
	("field ended by CR CR LF", GET + b"X: a\r\r\n\r\n@NEXT@", BAD),
	("folded field", GET + b"X: a\r\n b\r\n\r\n@NEXT@", BAD),
	("field folded by a tab", GET + b"X: a\r\n\tb\r\n\r\n@NEXT@", BAD),
	("blank line that is not empty", GET + b" \r\n\r\n@NEXT@", BAD),
	("first field indented", b"GET @PATH@ HTTP/1.1\r\n Host: a\r\n\r\n@NEXT@", BAD),
	("field name with a blank behind", GET + b"X : y\r\n\r\n@NEXT@", BAD),
	("field name empty", GET + b": y\r\n\r\n@NEXT@", BAD),
	("field without a colon", GET + b"X\r\n\r\n@NEXT@", BAD),
	("field name with a blank inside", GET + b"X Y: z\r\n\r\n@NEXT@", BAD),
	("field name with brackets", GET + b"X[Y]: z\r\n\r\n@NEXT@", BAD),
	("field name of UTF-8", GET + "Ü: z\r\n\r\n@NEXT@".encode(), BAD),
	("field name with NUL", GET + b"X\x00Y: z\r\n\r\n@NEXT@", BAD),
	("field value with NUL", GET + b"X: y\x00z\r\n\r\n@NEXT@", BAD),
	("field value with ESC", GET + b"X: \x1b[2J\r\n\r\n@NEXT@", BAD),
	("field value with DEL", GET + b"X: \x7f\r\n\r\n@NEXT@", BAD),
	("field value with a backspace", GET + b"X: a\x08\r\n\r\n@NEXT@", BAD),
	("no Host", b"GET @PATH@ HTTP/1.1\r\n\r\n@NEXT@", BAD),
	("two Hosts that differ", GET + b"Host: b\r\n\r\n@NEXT@", BAD),
	("two Hosts that agree", GET + H + b"\r\n@NEXT@", BAD),
	("two Hosts in HTTP/1.0", b"GET @PATH@ HTTP/1.0\r\n" + H + H + b"\r\n@NEXT@", BAD),
	("Host with a path", b"GET @PATH@ HTTP/1.1\r\nHost: a/b\r\n\r\n@NEXT@", BAD),
	("Host with a user", b"GET @PATH@ HTTP/1.1\r\nHost: u@a\r\n\r\n@NEXT@", BAD),
	("Host with a blank", b"GET @PATH@ HTTP/1.1\r\nHost: a b\r\n\r\n@NEXT@", BAD),
	("Host with a port of letters", b"GET @PATH@ HTTP/1.1\r\nHost: a:b\r\n\r\n@NEXT@", BAD),
	("Host as a list", b"GET @PATH@ HTTP/1.1\r\nHost: a, b\r\n\r\n@NEXT@", BAD),
	("Host with an open bracket", b"GET @PATH@ HTTP/1.1\r\nHost: [::1\r\n\r\n@NEXT@", BAD),
	# The request line.
	("HTTP/0.9", b"GET @PATH@\r\n\r\n@NEXT@", BAD),
	("HTTP/0.9 with fields", b"GET @PATH@\r\n" + H + b"\r\n@NEXT@", BAD),
	("HTTP/0.9 by name", b"GET @PATH@ HTTP/0.9\r\n\r\n@NEXT@", {400, 505}),
	("HTTP/1.2", b"GET @PATH@ HTTP/1.2\r\n" + H + b"\r\n@NEXT@", {400, 505}),
	("HTTP/2.0", b"GET @PATH@ HTTP/2.0\r\n" + H + b"\r\n@NEXT@", {505}),
	("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n@NEXT@", {400, 505}),
	("HTTP/1.+1", b"GET @PATH@ HTTP/1.+1\r\n" + H + b"\r\n@NEXT@", BAD),
	("HTTP/01.1", b"GET @PATH@ HTTP/01.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("HTTP/1.10", b"GET @PATH@ HTTP/1.10\r\n" + H + b"\r\n@NEXT@", BAD),
	("HTTP/1", b"GET @PATH@ HTTP/1\r\n" + H + b"\r\n@NEXT@", BAD),
	("HTTP/1,1", b"GET @PATH@ HTTP/1,1\r\n" + H + b"\r\n@NEXT@", BAD),
	("http/1.1", b"GET @PATH@ http/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("HTTPS/1.1", b"GET @PATH@ HTTPS/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("ICY/1.1", b"GET @PATH@ ICY/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("four parts", b"GET @PATH@ y HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("two blanks", b"GET  @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("two blanks before the version", b"GET @PATH@  HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("blank behind the version", b"GET @PATH@ HTTP/1.1 \r\n" + H + b"\r\n@NEXT@", BAD),
	("blank before the method", b" GET @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("tabs for blanks", b"GET\t@PATH@\tHTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("two empty lines first", b"\r\n\r\n" + GET + b"\r\n@NEXT@", BAD),
	("LF first", b"\n" + GET + b"\r\n@NEXT@", BAD),
	("CR first", b"\r" + GET + b"\r\n@NEXT@", BAD),
	("method in lower case", b"get @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {400, 405, 501}),
	("method unknown", b"BREW @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {501}),
	("method PUT", b"PUT @PATH@ HTTP/1.1\r\n" + H + b"Content-Length: 35\r\n\r\n@NEXT@",
	{405, 501}),
	("method TRACE", b"TRACE @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {405, 501}),
	("method CONNECT", b"CONNECT a:80 HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {400, 405, 501}),
	("method with a bracket", b"G(T @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("method empty", b" @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("method of 60 kB", b"A" * 60000 + b" @PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {400, 501}),
	("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {400, 405, 501}),
	("target *", b"GET * HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target without a slash", b"GET x HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target empty", b"GET  HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target with a fragment", b"GET @PATH@#x HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target with a NUL", b"GET @PATH@\x00 HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target with a bare CR", b"GET @PATH@\rX HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target of raw UTF-8", "GET @PATH@ü HTTP/1.1\r\n".encode() + H + b"\r\n@NEXT@", BAD),
	("target with a backslash", b"GET @PATH@\\ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target with a quote", b'GET @PATH@" HTTP/1.1\r\n' + H + b"\r\n@NEXT@", BAD),
	("target with half an escape", b"GET @PATH@%4 HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD),
	("target of 60 kB", b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\n" + H + b"\r\n@NEXT@", {414}),
	# Too much, and what is not spoken here.
	("field of 100 kB", GET + b"X: " + b"a" * 100000 + b"\r\n\r\n@NEXT@", {431}),
	("field name of 100 kB", GET + b"a" * 100000 + b": y\r\n\r\n@NEXT@", {400, 431}),
	("fields of 100 kB in all", GET + (b"X: " + b"a" * 900 + b"\r\n") * 110 + b"\r\n@NEXT@", {431}),
	("5000 fields", GET + b"X:\r\n" * 5000 + b"\r\n@NEXT@", {431}),
	("Expect something else", CL + b"5\r\nExpect: 200-maybe\r\n\r\nhello@NEXT@", {417}),
	("Content-Encoding gzip", CL + b"5\r\nContent-Encoding: gzip\r\n\r\nhello@NEXT@", {415}),
	("TLS to a plain port", bytes.fromhex("1603010200010001fc0303") + b"@NEXT@", BAD),
	("SSH", b"SSH-2.0-OpenSSH_9.2\r\n@NEXT@", BAD),
	("SOCKS", b"\x05\x01\x00@NEXT@", BAD),
	("PROXY protocol", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + GET + b"\r\n@NEXT@", BAD),
	("UTF-8 byte order mark", b"\xef\xbb\xbf" + GET + b"\r\n@NEXT@", BAD),
	("UTF-16", "GET / HTTP/1.1\r\n\r\n".encode("utf-16-le") + b"@NEXT@", BAD),
]
# A deviation on purpose (RFC 9112, section 3.2.2, has servers take this form): nothing that the
# relay serves is asked for through a proxy, and two hosts in one request are one too many.
REFUSED.append(("absolute-form", b"GET http://a@PATH@ HTTP/1.1\r\n" + H + b"\r\n@NEXT@", BAD))

# Must reach the handler: (name, bytes, how many requests it is). All but the last stay open.
TAKEN = [
	("GET", LAST, 1),
	("GET of HTTP/1.0", b"GET @PATH@ HTTP/1.0\r\n\r\n@NEXT@", 1),
	("GET of HTTP/1.0 that wants to stay", b"GET @PATH@ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	b"@NEXT@", 1),
	("two GETs", GET + b"\r\n" + LAST, 2),
	("ten GETs", (GET + b"\r\n") * 9 + LAST, 10),
	("one empty line first", b"\r\n" + LAST, 1),
	("an empty line between", GET + b"\r\n\r\n" + LAST, 2),
	("query", b"GET @PATH@?a=b&c=%20 HTTP/1.1\r\n" + H + b"\r\n" + LAST, 2),
	("field without a value", GET + b"X:\r\n\r\n" + LAST, 2),
	("field with blanks and tabs around", GET + b"X:\t y \t\r\n\r\n" + LAST, 2),
	("field value of UTF-8", GET + "X: ü\r\n\r\n".encode() + LAST, 2),
	("field name of every tchar", GET + b"!#$%&'*+-.^_`|~09azAZ: y\r\n\r\n" + LAST, 2),
	("Host with a port", b"GET @PATH@ HTTP/1.1\r\nHost: a.example:8080\r\n\r\n" + LAST, 2),
	("Host of IPv6", b"GET @PATH@ HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n" + LAST, 2),
	("Host empty", b"GET @PATH@ HTTP/1.1\r\nHost:\r\n\r\n" + LAST, 2),
	("Connection: close amid others", GET + b"Connection: x, Close ,y\r\n\r\n@NEXT@", 1),
	("what follows Connection: close is not run", LAST + b"@NEXT@", 1),
	("Upgrade is not taken up", GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + LAST, 2),
	("Content-Length 0 on a GET", GET + b"Content-Length: 0\r\n\r\n" + LAST, 2),
]

# Bodies, which only a POST to the hooks is sure to be let send. Its handler may refuse at the head
# and close, so that one answer is enough; it must not be one of the front's.
BODIES = [
	("Content-Length", CL + b"5\r\n\r\nhello", 1),
	("Content-Length 0", CL + b"0\r\n\r\n", 1),
	("Content-Length with zeros ahead", CL + b"0005\r\n\r\nhello", 1),
	("a body that looks like a request", CL + b"%d\r\n\r\n" % len(LAST.replace(b"@PATH@", b"/"))
	+ LAST.replace(b"@PATH@", b"/"), 1),
	("chunks", CHUNKED + b"5\r\nhello\r\nA\r\n0123456789\r\n" + END, 1),
	("no chunk", CHUNKED + END, 1),
	("chunk size with a zero ahead", CHUNKED + b"05\r\nhello\r\n00\r\n\r\n", 1),
	("chunks in capitals", TE + b"CHUNKED\r\n\r\n" + END, 1),
	("Expect: 100-continue", CL + b"5\r\nExpect: 100-Continue\r\n\r\nhello", 1),
	("Content-Encoding: identity", CL + b"5\r\nContent-Encoding: identity\r\n\r\nhello", 1),
]


def fill(raw, path, following=b"/healthz"):
	following = b"GET " + following + b" HTTP/1.1\r\nHost: smuggled\r\n\r\n"
	return raw.replace(b"@PATH@", path).replace(b"@NEXT@", following)


def problem_of(answer):
	"""The name of the problem, without its prefix; empty if it is none."""
	if answer.fields.get("content-type") != "application/problem+json":
		return ""
	return json.loads(answer.body)["type"].rpartition(":")[2]


def judge_refused(got, statuses):
	"""Refused by the front; by the admin handler, if the head is good but for a POST."""
	if len(got) == 1 and got[0].status == 405 and problem_of(got[0]) == "method":
		statuses = {405}
	elif len(got) == 1 and problem_of(got[0]) not in front.FRONT_PROBLEMS:
		return f"not refused by the front: {got[0]}"
	if len(got) != 1:
		return f"{len(got)} answers: {got}"
	if got[0].status not in statuses:
		return f"status {got[0].status}, not {statuses}: {got[0].body}"
	if got[0].fields.get("connection") != "close":
		return "the answer does not announce the end"
	return ""


def judge_taken(got, count):
	if len(got) != count:
		return f"{len(got)} answers, not {count}: {got}"
	for answer in got:
		if answer.status != 200:
			return f"status {answer.status}: {answer.body}"
	return ""


def judge_body(got, _):
	if len(got) != 1:
		return f"{len(got)} answers: {got}"
	if problem_of(got[0]) in front.FRONT_PROBLEMS or 300 <= got[0].status < 400:
		return f"refused by the front: {got[0]}"
	return ""


def try_case(tap, name, listener, raw, judge, wanted):
	"""Whole and, unless it is very long, byte by byte."""
	for how, piece in (("whole", None), ("byte by byte", 1)):
		if piece and len(raw) > 2000:
			continue
		try:
			why = judge(front.exchange(listener, raw, piece, judge is judge_body), wanted)
		except (ValueError, OSError) as e:
			why = f"{type(e).__name__}: {e}"
		if why:
			tap.check(False, f"{name}, {how}", why)
			return
	tap.check(True, name)


def run_cases(tap, address):
	hook = b"/hooks/travis/" + address.source.encode()
	for name, raw, statuses in REFUSED:
		try_case(tap, f"admin refuses: {name}", address.admin, fill(raw, b"/healthz"),
				judge_refused, statuses)
		try_case(tap, f"hooks refuses: {name}", address.hooks, fill(raw, hook, hook),
				judge_refused, statuses)
	for name, raw, count in TAKEN:
		try_case(tap, f"admin takes: {name}", address.admin, fill(raw, b"/healthz"),
				judge_taken, count)
	for name, raw, count in BODIES:
		try_case(tap, f"hooks reads: {name}", address.hooks, fill(raw, hook), judge_body, count)


def seconds_until_end(address, begin, pulse, limit_s):
	"""Send begin, then a byte of pulse every 0.1 s; how long until the peer ends it?"""
	begun = time.monotonic()
	with front.dial(address) as s:
		s.sendall(begin)
		s.settimeout(0.1)
		while time.monotonic() - begun < limit_s:
			try:
				if not s.recv(65536):
					break
			except socket.timeout:
				front.say(s, pulse)
			except ConnectionResetError:
				break
		return time.monotonic() - begun


def probe_drip(address, begin, pulse, due_s):
	took = seconds_until_end(address.hooks, begin, pulse, due_s + 5)
	return "" if took < due_s + 4 else f"open after {took:.1f} s; the deadline is {due_s} s"


def probe_flood(address):
	"""Pipeline without reading: it must stall or end, and others must be served meanwhile."""
	raw = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 100
	sent = 0
	with front.dial(address.admin) as s:
		s.settimeout(1)
		with contextlib.suppress(OSError):
			while sent < 256 << 20:
				sent += s.send(raw)
		begun = time.monotonic()
		got = front.exchange(address.admin, fill(LAST, b"/healthz"))
		took = time.monotonic() - begun
	if sent >= 256 << 20:
		return f"took {sent} bytes of requests from a client that does not read"
	if len(got) != 1 or took > 5:
		return f"another client was answered {got} after {took:.1f} s"
	return ""


def probe_crowd(address, begin):
	"""Requests that stop amid: many of them must not keep others out."""
	with contextlib.ExitStack() as stack:
		for _ in range(30):
			s = stack.enter_context(front.dial(address.hooks))
			s.sendall(begin)
		got = front.exchange(address.admin, fill(LAST, b"/healthz"))
	return "" if len(got) == 1 and got[0].status == 200 else f"{got}"


def run_probes(tap, address):
	hook = POST.replace(b"@PATH@", b"/hooks/travis/" + address.source.encode())
	probes = {
		"a head that drips ends at the deadline":
			lambda: probe_drip(address, hook + b"X: ", b"x", address.request_s),
		"fields that drip end at the deadline":
			lambda: probe_drip(address, hook, b"X:\r\n", address.request_s),
		"a body that drips ends at the deadline":
			lambda: probe_drip(address, hook + b"Content-Length: 50000\r\n\r\n", b"x",
							address.request_s),
		"chunks that drip end at the deadline":
			lambda: probe_drip(address, hook + b"Transfer-Encoding: chunked\r\n\r\n",
							b"1\r\nx\r\n", address.request_s),
		"a silent client is closed": lambda: probe_drip(address, b"", b"", address.idle_s),
		"an idle client is closed after its answer":
			lambda: probe_drip(address, hook + b"Content-Length: 0\r\n\r\n", b"", address.idle_s),
		"pipelining without reading is bounded": lambda: probe_flood(address),
		"a crowd of unfinished requests keeps nobody out":
			lambda: probe_crowd(address, hook + b"Content-Length: 60000\r\n\r\nx"),
	}
	verdicts = {}

	def run_one(name):
		try:
			verdicts[name] = probes[name]()
		except (ValueError, OSError) as e:
			verdicts[name] = f"{type(e).__name__}: {e}"

	threads = [threading.Thread(target=run_one, args=(name,)) for name in probes]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	for name in probes:
		tap.check(not verdicts[name], name, verdicts[name])


@contextlib.contextmanager
def serving_daemon():
	box = harness.Box()
	try:
		harness.Box.key = harness.make_key(os.path.join(box.dir, "travis.pem"))
		daemon = box.daemon()
		daemon.config["http"] = {"request_timeout": f"{REQUEST_S}s", "idle_timeout": f"{IDLE_S}s"}
		daemon.start()
		yield front.Address(("127.0.0.1", daemon.hooks), ("127.0.0.1", daemon.admin),
			harness.SOURCE, REQUEST_S, IDLE_S)
	finally:
		box.finish()
		box.remove()


def run(address, tap):
	run_cases(tap, address)
	run_probes(tap, address)


def main():
	tap = front.Tap()
	tap.about("the front alone")
	with front.echoing(REQUEST_S, IDLE_S) as address:
		run(address, tap)
	tap.about("the daemon")
	with serving_daemon() as address:
		run(address, tap)
	return tap.end()


if __name__ == "__main__":
	sys.exit(main())
