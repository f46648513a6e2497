# SPDX-License-Identifier: Apache-2.0
# Built by "make check" so that it cannot rot; run by "make bench" only.
check_PROGRAMS += bench/hookload bench/lookup
bench_hookload_SOURCES = \
	bench/client.c \
	bench/client.h \
	bench/hookload.c \
	bench/hooks.c \
	bench/hooks.h \
	bench/ledger.c \
	bench/ledger.h \
	bench/net.c \
	bench/net.h \
	bench/sink.c \
	bench/sink.h
bench_hookload_LDADD = libstagewire.a $(DEPS_LIBS)
bench_lookup_SOURCES = bench/lookup.c
bench_lookup_LDADD = libstagewire.a $(DEPS_LIBS)

dist_noinst_SCRIPTS += bench/backstage.py bench/run
EXTRA_DIST += \
	bench/README.md \
	bench/payload.json \
	bench/peer/.npmrc \
	bench/peer/package-lock.json \
	bench/peer/package.json \
	bench/peer/server.js

.PHONY: bench
bench: stagewired bench/hookload bench/lookup
	$(srcdir)/bench/run --build '$(abs_top_builddir)' $(BENCH_FLAGS)
