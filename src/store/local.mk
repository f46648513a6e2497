# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/store/.may_include

libstagewire_a_SOURCES += \
	src/store/store.h
