# SPDX-License-Identifier: Apache-2.0
# Every test prints TAP.
TEST_EXTENSIONS = .sh .py
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/unit/run
SH_LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_COMPILER = python3
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	LSAN_OPTIONS="suppressions=$(abs_top_srcdir)/tests/lsan.supp:print_suppressions=0"; \
	export LSAN_OPTIONS; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	CC='$(CC)'; export CC; DEPS_CFLAGS='$(DEPS_CFLAGS)'; export DEPS_CFLAGS;

# What "make check-peers" runs, the longest first.
PEERS = \
	tests/peers/test_module.py \
	tests/peers/test_backstage.py \
	tests/peers/test_bus_peer.py \
	tests/peers/test_doctor_peer.py \
	tests/peers/test_oidc.py \
	tests/peers/test_openapi_lint.py \
	tests/peers/test_ownership.py \
	tests/peers/test_travis_card.py \
	tests/peers/test_secrets.py \
	tests/peers/test_trigger_peer.py \
	tests/peers/test_webhooks.py

# What "make check-browser" runs.
BROWSER = \
	tests/browser/test_status_page.py

# Programs without their own LDADD, that is all but the installed ones.
LDADD = libstagewire.a $(CRITERION_LIBS) $(DEPS_LIBS)

include tests/browser/local.mk
include tests/peers/local.mk
include tests/unit/local.mk
include tests/static/local.mk
include tests/system/local.mk
include tests/faults/local.mk

dist_check_SCRIPTS += tests/unit/run
EXTRA_DIST += \
	tests/lsan.supp \
	tests/tap.sh

# Parts of "make check", and what needs more than a build: see HACKING.md.
.PHONY: check-unit check-dynamic check-peers check-backstage check-browser check-gaps check-rotation
.PHONY: screenshots style
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(UNIT) fuzz/replay.sh"
check-dynamic:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(UNIT) fuzz/replay.sh $(SYSTEM)"
check-backstage:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="tests/peers/test_module.py"
check-gaps:
	STAGEWIRE_BUILDS=10000; export STAGEWIRE_BUILDS; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=tests/system/test_gaps.py
check-rotation:
	STAGEWIRE_ROTATIONS=25 STAGEWIRE_RATE=500; export STAGEWIRE_ROTATIONS STAGEWIRE_RATE; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=tests/system/test_rotation.py
check-peers:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(PEERS)"
check-browser:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(BROWSER)"

# What README.md shows of the status page; ../shared/fixtures must be there.
screenshots: all
	$(AM_TESTS_ENVIRONMENT) python3 $(top_srcdir)/tests/browser/screenshot.py $(top_srcdir)/doc
