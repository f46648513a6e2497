# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/travis/.may_include

libstagewire_a_SOURCES += \
	src/travis/api.c \
	src/travis/api.h \
	src/travis/env_var.c \
	src/travis/env_var.h \
	src/travis/key_cache.c \
	src/travis/key_cache.h \
	src/travis/keys.c \
	src/travis/keys.h \
	src/travis/payload.c \
	src/travis/payload.h \
	src/travis/reconcile.c \
	src/travis/reconcile.h \
	src/travis/v3_read.c \
	src/travis/v3_read.h \
	src/travis/v3_write.c \
	src/travis/v3_write.h \
	src/travis/webhook.c \
	src/travis/webhook.h
