# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/backstage/.may_include

libstagewire_a_SOURCES += \
	src/backstage/bus.c \
	src/backstage/bus.h \
	src/backstage/bus_publish.c \
	src/backstage/bus_publish.h \
	src/backstage/bus_sink.c \
	src/backstage/bus_sink.h \
	src/backstage/catalog_file.c \
	src/backstage/catalog_file.h \
	src/backstage/catalog_patch.c \
	src/backstage/catalog_patch.h \
	src/backstage/catalog_reader.c \
	src/backstage/catalog_reader.h \
	src/backstage/catalog_rest.c \
	src/backstage/catalog_rest.h \
	src/backstage/catalog_sync.c \
	src/backstage/catalog_sync.h \
	src/backstage/client.c \
	src/backstage/client.h \
	src/backstage/entity_json.c \
	src/backstage/entity_json.h \
	src/backstage/hint.c \
	src/backstage/hint.h \
	src/backstage/identity.c \
	src/backstage/identity.h \
	src/backstage/notice.c \
	src/backstage/notice.h \
	src/backstage/notify.c \
	src/backstage/notify.h \
	src/backstage/push.c \
	src/backstage/push.h \
	src/backstage/signal_sink.c \
	src/backstage/signal_sink.h \
	src/backstage/sink_call.c \
	src/backstage/sink_call.h
