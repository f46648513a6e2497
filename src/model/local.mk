# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/model/.may_include

libstagewire_a_SOURCES += \
	src/model/address.c \
	src/model/address.h \
	src/model/agent.c \
	src/model/agent.h \
	src/model/api_right.c \
	src/model/api_right.h \
	src/model/backoff.c \
	src/model/backoff.h \
	src/model/build.c \
	src/model/build.h \
	src/model/build_judge.c \
	src/model/catalog.c \
	src/model/catalog.h \
	src/model/circuit.c \
	src/model/circuit.h \
	src/model/cloudevent.c \
	src/model/cloudevent.h \
	src/model/entity.c \
	src/model/entity.h \
	src/model/label.c \
	src/model/label.h \
	src/model/operator_event.c \
	src/model/operator_event.h \
	src/model/ownership.c \
	src/model/ownership.h \
	src/model/pace.c \
	src/model/pace.h \
	src/model/pattern.c \
	src/model/pattern.h \
	src/model/policy.c \
	src/model/policy.h \
	src/model/pushed.c \
	src/model/pushed.h \
	src/model/record.c \
	src/model/record.h \
	src/model/route.c \
	src/model/route.h \
	src/model/schedule.c \
	src/model/schedule.h \
	src/model/sink.h \
	src/model/summary.c \
	src/model/summary.h \
	src/model/trigger.c \
	src/model/trigger.h
