# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/sink/.may_include

libstagewire_a_SOURCES += \
	src/sink/file.c \
	src/sink/file.h \
	src/sink/journald.c \
	src/sink/journald.h \
	src/sink/syslog.c \
	src/sink/syslog.h \
	src/sink/syslog_format.c \
	src/sink/syslog_format.h \
	src/sink/tries.c \
	src/sink/tries.h
