# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/ctl/.may_include

bin_PROGRAMS += stagewirectl
stagewirectl_SOURCES = \
	src/ctl/ask.c \
	src/ctl/ask.h \
	src/ctl/audit.c \
	src/ctl/audit.h \
	src/ctl/doctor.c \
	src/ctl/doctor.h \
	src/ctl/doctor_files.c \
	src/ctl/doctor_impl.h \
	src/ctl/doctor_system.c \
	src/ctl/main.c \
	src/ctl/order.c \
	src/ctl/order.h \
	src/ctl/table.c \
	src/ctl/table.h \
	src/ctl/view.c \
	src/ctl/view.h \
	src/ctl/view_audit.c \
	src/ctl/view_catalog.c \
	src/ctl/view_explain.c \
	src/ctl/view_impl.h \
	src/ctl/view_order.c \
	src/ctl/view_part.c \
	src/ctl/view_policy.c \
	src/ctl/wish.h
stagewirectl_LDADD = libstagewire.a $(DEPS_LIBS)
