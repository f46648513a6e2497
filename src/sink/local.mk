# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/sink/.may_include

libstagewire_a_SOURCES += \
	src/sink/file.c \
	src/sink/file.h \
	src/sink/http.c \
	src/sink/http.h \
	src/sink/http_answer.c \
	src/sink/http_answer.h \
	src/sink/http_credentials.c \
	src/sink/http_credentials.h \
	src/sink/http_handshake.c \
	src/sink/http_message.c \
	src/sink/http_message.h \
	src/sink/http_private.h \
	src/sink/journald.c \
	src/sink/journald.h \
	src/sink/syslog.c \
	src/sink/syslog.h \
	src/sink/syslog_format.c \
	src/sink/syslog_format.h \
	src/sink/tries.c \
	src/sink/tries.h
