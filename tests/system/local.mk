# SPDX-License-Identifier: Apache-2.0
# Python 3, standard library only; harness.py has what they share.
SYSTEM =
TESTS += $(SYSTEM)
dist_noinst_SCRIPTS += $(SYSTEM)
EXTRA_DIST += tests/system/harness.py
