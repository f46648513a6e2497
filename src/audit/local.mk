# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/audit/.may_include

libstagewire_a_SOURCES += \
	src/audit/record.c \
	src/audit/record.h
