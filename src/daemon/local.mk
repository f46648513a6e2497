# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/daemon/.may_include

sbin_PROGRAMS += stagewired
stagewired_SOURCES = src/daemon/main.c

libstagewire_a_SOURCES += \
	src/daemon/conf.c \
	src/daemon/conf.h \
	src/daemon/conf_check.c \
	src/daemon/conf_diff.c \
	src/daemon/conf_form.c \
	src/daemon/conf_form.h \
	src/daemon/conf_number.c \
	src/daemon/conf_number.h \
	src/daemon/conf_print.c \
	src/daemon/conf_read.c \
	src/daemon/conf_read.h \
	src/daemon/conf_table.c \
	src/daemon/conf_table.h \
	src/daemon/conf_value.c
