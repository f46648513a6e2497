# SPDX-License-Identifier: Apache-2.0
# Python 3, standard library only; harness.py has what they share, front.py what those of the
# HTTP front do.
check_PROGRAMS += \
	tests/system/echo_front
SYSTEM = \
	tests/system/test_differential.py \
	tests/system/test_hostile.py
TESTS += $(SYSTEM)
dist_noinst_SCRIPTS += $(SYSTEM)
EXTRA_DIST += \
	tests/system/front.py \
	tests/system/harness.py \
	tests/system/node_echo.js
