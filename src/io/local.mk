# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/io/.may_include

libstagewire_a_SOURCES += \
	src/io/crypto.h \
	src/io/http_parser.c \
	src/io/http_parser.h \
	src/io/httpc.h \
	src/io/httpd.h \
	src/io/json.h \
	src/io/loop.c \
	src/io/loop.h \
	src/io/sd.h \
	src/io/secmem.h \
	src/io/tls.h \
	src/io/worker.c \
	src/io/worker.h \
	src/io/yaml.h
