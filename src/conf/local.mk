# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/conf/.may_include

libstagewire_a_SOURCES += \
	src/conf/conf.c \
	src/conf/conf.h \
	src/conf/conf_agents.c \
	src/conf/conf_check.c \
	src/conf/conf_diff.c \
	src/conf/conf_digest.c \
	src/conf/conf_field.c \
	src/conf/conf_form.c \
	src/conf/conf_form.h \
	src/conf/conf_number.c \
	src/conf/conf_number.h \
	src/conf/conf_print.c \
	src/conf/conf_read.c \
	src/conf/conf_read.h \
	src/conf/conf_secrets.c \
	src/conf/conf_table.c \
	src/conf/conf_table.h \
	src/conf/conf_value.c \
	src/conf/conf_variables.c
