# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/model/.may_include

libstagewire_a_SOURCES += \
	src/model/backoff.h \
	src/model/build.h \
	src/model/catalog.h \
	src/model/cloudevent.h \
	src/model/route.h \
	src/model/sink.h
