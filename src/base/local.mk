# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/base/.may_include

libstagewire_a_SOURCES += \
	src/base/buf.c \
	src/base/buf.h \
	src/base/chains.c \
	src/base/chains.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/codec.c \
	src/base/codec.h \
	src/base/defs.c \
	src/base/defs.h \
	src/base/egress.c \
	src/base/egress.h \
	src/base/err.c \
	src/base/err.h \
	src/base/file.c \
	src/base/file.h \
	src/base/hash.c \
	src/base/hash.h \
	src/base/html_write.c \
	src/base/html_write.h \
	src/base/json_gate.c \
	src/base/json_gate.h \
	src/base/json_read.c \
	src/base/json_read.h \
	src/base/json_scan.h \
	src/base/json_write.c \
	src/base/json_write.h \
	src/base/log.c \
	src/base/log.h \
	src/base/map.c \
	src/base/map.h \
	src/base/printable.c \
	src/base/printable.h \
	src/base/sorted.c \
	src/base/sorted.h \
	src/base/span.h \
	src/base/suggest.c \
	src/base/suggest.h
