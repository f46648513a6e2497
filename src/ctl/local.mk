# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/ctl/.may_include

bin_PROGRAMS += stagewirectl
stagewirectl_SOURCES = \
	src/ctl/ask.c \
	src/ctl/ask.h \
	src/ctl/main.c \
	src/ctl/table.c \
	src/ctl/table.h \
	src/ctl/view.c \
	src/ctl/view.h
stagewirectl_LDADD = libstagewire.a $(DEPS_LIBS)
