# SPDX-License-Identifier: Apache-2.0
dist_noinst_SCRIPTS += \
	scripts/test
EXTRA_DIST += \
	.clang-format \
	scripts/lib.sh
