# SPDX-License-Identifier: Apache-2.0
STATIC = \
	scripts/check-includes.sh \
	tests/static/check-man.sh \
	tests/static/check-style.sh \
	tests/static/check-unit.sh
TESTS += $(STATIC)
dist_check_SCRIPTS += $(STATIC)

style:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(STATIC)"
