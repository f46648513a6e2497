# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/daemon/.may_include

sbin_PROGRAMS += stagewired
stagewired_SOURCES = src/daemon/main.c

libstagewire_a_SOURCES += \
	src/daemon/conf.h
