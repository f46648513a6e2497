# SPDX-License-Identifier: Apache-2.0
# Faults of disks: power cuts, replayed from what a program wrote, and calls that fail. shim.h says
# how. The shim is preloaded into programs that may have sanitizers, so it has none itself.
FAULTS_SHIM = tests/faults/shim.so
check_PROGRAMS += $(FAULTS_SHIM)
tests_faults_shim_so_SOURCES = \
	tests/faults/shim.c \
	tests/faults/shim.h \
	tests/faults/shim_plan.c \
	tests/faults/shim_plan.h
tests_faults_shim_so_CPPFLAGS = -include $(top_builddir)/config.h -I$(top_srcdir)/src -U_FORTIFY_SOURCE
tests_faults_shim_so_CFLAGS = $(WARN_CFLAGS) -fPIC
tests_faults_shim_so_LDFLAGS = -shared -pthread
tests_faults_shim_so_LDADD =

# The writers make the load, the readers tell what is left of it.
check_PROGRAMS += \
	tests/faults/log_reader \
	tests/faults/replace_writer \
	tests/faults/store_reader \
	tests/faults/store_writer
tests_faults_log_reader_SOURCES = tests/faults/log_reader.c
tests_faults_log_reader_LDADD = libstagewire.a $(DEPS_LIBS)
tests_faults_replace_writer_SOURCES = tests/faults/replace_writer.c
tests_faults_replace_writer_LDADD = libstagewire.a $(DEPS_LIBS)
tests_faults_store_reader_SOURCES = tests/faults/store_reader.c
tests_faults_store_reader_LDADD = libstagewire.a $(DEPS_LIBS)
tests_faults_store_writer_SOURCES = tests/faults/store_writer.c
tests_faults_store_writer_LDADD = libstagewire.a $(DEPS_LIBS)

FAULTS = \
	tests/faults/test_io_faults.py \
	tests/faults/test_powercut.py
TESTS += $(FAULTS)
dist_noinst_SCRIPTS += $(FAULTS)
EXTRA_DIST += \
	tests/faults/load.py \
	tests/faults/powercut.py \
	tests/faults/writelog.py

# All of what "make check" does a little of; STATES=N for another number of power cuts.
.PHONY: check-iofaults check-powercut
check-iofaults:
	IOFAULTS=$${IOFAULTS:-all}; export IOFAULTS; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=tests/faults/test_io_faults.py
check-powercut:
	STATES=$${STATES:-20000}; export STATES; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=tests/faults/test_powercut.py
