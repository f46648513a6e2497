# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/sink/.may_include

libstagewire_a_SOURCES += \
	src/sink/file.c \
	src/sink/file.h
