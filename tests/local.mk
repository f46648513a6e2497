# SPDX-License-Identifier: Apache-2.0
TEST_EXTENSIONS = .sh .py
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/unit/run
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
PY_LOG_COMPILER = python3
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	export top_srcdir top_builddir;

# Programs without their own LDADD, that is all but the installed ones.
LDADD = libstagewire.a $(CRITERION_LIBS) $(DEPS_LIBS)

include tests/peers/local.mk
include tests/unit/local.mk

TESTS += scripts/check-includes.sh
dist_check_SCRIPTS += scripts/check-includes.sh tests/unit/run
EXTRA_DIST += tests/lsan.supp
