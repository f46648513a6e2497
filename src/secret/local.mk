# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/secret/.may_include

libstagewire_a_SOURCES += \
	src/secret/ref.c \
	src/secret/ref.h
