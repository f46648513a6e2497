# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/daemon/.may_include

libstagewire_a_SOURCES += \
	src/daemon/api_access.c \
	src/daemon/api_access.h \
	src/daemon/api_credentials.c \
	src/daemon/api_credentials.h \
	src/daemon/api_outcome.c \
	src/daemon/api_outcome.h \
	src/daemon/api_ruling.c \
	src/daemon/api_ruling.h \
	src/daemon/api_triggers.c \
	src/daemon/api_triggers.h \
	src/daemon/api_wish.c \
	src/daemon/api_wish.h \
	src/daemon/page_filter.c \
	src/daemon/page_filter.h \
	src/daemon/page_index.c \
	src/daemon/page_index.h \
	src/daemon/policy_cases.c \
	src/daemon/policy_cases.h

sbin_PROGRAMS += stagewired
stagewired_SOURCES = \
	src/daemon/admin.c \
	src/daemon/admin.h \
	src/daemon/admin_catalog.c \
	src/daemon/admin_dead.c \
	src/daemon/admin_drift.c \
	src/daemon/admin_explain.c \
	src/daemon/admin_health.c \
	src/daemon/admin_impl.h \
	src/daemon/admin_lists.c \
	src/daemon/admin_order.c \
	src/daemon/admin_policy.c \
	src/daemon/admin_policy_test.c \
	src/daemon/admin_replay.c \
	src/daemon/admin_reply.c \
	src/daemon/admin_routes.c \
	src/daemon/admin_sinks.c \
	src/daemon/admin_variables.c \
	src/daemon/api.c \
	src/daemon/api.h \
	src/daemon/api_builds.c \
	src/daemon/api_builds.h \
	src/daemon/api_builds_act.c \
	src/daemon/api_builds_impl.h \
	src/daemon/api_description.c \
	src/daemon/api_description.h \
	src/daemon/assembly.c \
	src/daemon/assembly.h \
	src/daemon/assets.h \
	src/daemon/audit_log.c \
	src/daemon/audit_log.h \
	src/daemon/author_key.c \
	src/daemon/author_key.h \
	src/daemon/daemon.c \
	src/daemon/daemon.h \
	src/daemon/daemon_catalog.c \
	src/daemon/daemon_impl.h \
	src/daemon/daemon_reload.c \
	src/daemon/doctor.c \
	src/daemon/doctor.h \
	src/daemon/doctor_access.c \
	src/daemon/doctor_backstage.c \
	src/daemon/doctor_impl.h \
	src/daemon/doctor_state.c \
	src/daemon/doctor_travis.c \
	src/daemon/driver.c \
	src/daemon/driver.h \
	src/daemon/driver_http.c \
	src/daemon/hint_book.c \
	src/daemon/hint_book.h \
	src/daemon/issuers.c \
	src/daemon/issuers.h \
	src/daemon/live.c \
	src/daemon/live.h \
	src/daemon/main.c \
	src/daemon/metrics.c \
	src/daemon/metrics.h \
	src/daemon/own_keys.c \
	src/daemon/own_keys.h \
	src/daemon/page.c \
	src/daemon/page.h \
	src/daemon/page_badge.c \
	src/daemon/page_health.c \
	src/daemon/page_html.c \
	src/daemon/page_impl.h \
	src/daemon/page_live.c \
	src/daemon/page_parked.c \
	src/daemon/page_rows.c \
	src/daemon/page_states.c \
	src/daemon/page_view.c \
	src/daemon/push_door.c \
	src/daemon/push_door.h \
	src/daemon/push_ids.c \
	src/daemon/push_ids.h \
	src/daemon/push_memo.c \
	src/daemon/push_memo.h \
	src/daemon/push_sources.c \
	src/daemon/push_sources.h \
	src/daemon/pushes.c \
	src/daemon/pushes.h \
	src/daemon/rules.c \
	src/daemon/rules.h \
	src/daemon/secrets.c \
	src/daemon/secrets.h \
	src/daemon/status.c \
	src/daemon/status.h \
	src/daemon/visitors.c \
	src/daemon/visitors.h
stagewired_LDADD = libstagewire.a $(DEPS_LIBS)

# What browsers get, as it is.
PAGE = \
	icon.svg \
	live.js \
	style.css
PAGE_FILES = \
	src/daemon/page/icon.svg \
	src/daemon/page/live.js \
	src/daemon/page/style.css
EXTRA_DIST += $(PAGE_FILES) src/daemon/embed.sh
nodist_stagewired_SOURCES = \
	src/daemon/api_assets.c \
	src/daemon/page_assets.c
CLEANFILES += $(nodist_stagewired_SOURCES)
EMBED = $(SHELL) $(top_srcdir)/src/daemon/embed.sh
src/daemon/api_assets.c: doc/openapi.json src/daemon/embed.sh
	$(AM_V_GEN)$(MKDIR_P) src/daemon && \
	$(EMBED) api_assets $(top_srcdir)/doc openapi.json >$@.tmp && mv $@.tmp $@
src/daemon/page_assets.c: $(PAGE_FILES) src/daemon/embed.sh
	$(AM_V_GEN)$(MKDIR_P) src/daemon && \
	$(EMBED) page_assets $(top_srcdir)/src/daemon/page $(PAGE) >$@.tmp && mv $@.tmp $@
