# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/io/.may_include

libstagewire_a_SOURCES += \
	src/io/crypto.c \
	src/io/crypto.h \
	src/io/dgram.c \
	src/io/dgram.h \
	src/io/dial.c \
	src/io/dial.h \
	src/io/http_parser.c \
	src/io/http_parser.h \
	src/io/httpc.c \
	src/io/httpc.h \
	src/io/httpc_call.c \
	src/io/httpc_guard.c \
	src/io/httpc_private.h \
	src/io/httpc_request.c \
	src/io/httpd.c \
	src/io/httpd.h \
	src/io/httpd_conn.c \
	src/io/httpd_head.c \
	src/io/httpd_listen.c \
	src/io/httpd_private.h \
	src/io/httpd_req.c \
	src/io/issuer.c \
	src/io/issuer.h \
	src/io/httpd_stream.c \
	src/io/json.c \
	src/io/json.h \
	src/io/jwk.c \
	src/io/jwk.h \
	src/io/jws.c \
	src/io/jws.h \
	src/io/jwt.c \
	src/io/jwt.h \
	src/io/loop.c \
	src/io/loop.h \
	src/io/pseudonym.c \
	src/io/pseudonym.h \
	src/io/resolve.c \
	src/io/resolve.h \
	src/io/sd.c \
	src/io/sd.h \
	src/io/secmem.c \
	src/io/secmem.h \
	src/io/signing.c \
	src/io/signing.h \
	src/io/stream.c \
	src/io/stream.h \
	src/io/tls.c \
	src/io/tls.h \
	src/io/worker.c \
	src/io/worker.h \
	src/io/yaml.c \
	src/io/yaml.h
