# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/relay/.may_include

libstagewire_a_SOURCES += \
	src/relay/announce.c \
	src/relay/announce.h \
	src/relay/board.c \
	src/relay/board.h \
	src/relay/chronicle.c \
	src/relay/chronicle.h \
	src/relay/chronicle_entry.c \
	src/relay/chronicle_entry.h \
	src/relay/correlate.c \
	src/relay/correlate.h \
	src/relay/dispatch.c \
	src/relay/dispatch.h \
	src/relay/dispatch_impl.h \
	src/relay/errand.c \
	src/relay/errand.h \
	src/relay/ingress.c \
	src/relay/ingress.h \
	src/relay/intake.c \
	src/relay/intake.h \
	src/relay/journal.c \
	src/relay/journal.h \
	src/relay/keeper.c \
	src/relay/keeper.h \
	src/relay/lane.c \
	src/relay/lane.h \
	src/relay/memo.c \
	src/relay/memo.h \
	src/relay/notice.c \
	src/relay/notice.h \
	src/relay/outlet.c \
	src/relay/outlet.h \
	src/relay/parcel.c \
	src/relay/parcel.h \
	src/relay/relay.c \
	src/relay/relay.h \
	src/relay/relay_impl.h \
	src/relay/release.c \
	src/relay/release.h \
	src/relay/replay.c \
	src/relay/replay.h \
	src/relay/reroute.c \
	src/relay/reroute.h \
	src/relay/resend.c \
	src/relay/resend.h \
	src/relay/settle.c \
	src/relay/settle.h \
	src/relay/source.c \
	src/relay/source.h \
	src/relay/triggers.c \
	src/relay/triggers.h \
	src/relay/upkeep.c \
	src/relay/upkeep.h \
	src/relay/walk.c \
	src/relay/walk.h
