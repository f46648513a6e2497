# SPDX-License-Identifier: Apache-2.0
# Python 3, standard library only; harness.py has what they share, front.py what those of the
# HTTP front do.
check_PROGRAMS += \
	tests/system/echo_front \
	tests/tools/decide
tests_tools_decide_SOURCES = tests/tools/decide.c
SYSTEM = \
	tests/system/test_agents.py \
	tests/system/test_api.py \
	tests/system/test_audit_log.py \
	tests/system/test_authors.py \
	tests/system/test_bus.py \
	tests/system/test_decisions.py \
	tests/system/test_differential.py \
	tests/system/test_doctor.py \
	tests/system/test_engine.py \
	tests/system/test_event_schemas.py \
	tests/system/test_first_light.py \
	tests/system/test_gaps.py \
	tests/system/test_hostile.py \
	tests/system/test_http_sink.py \
	tests/system/test_identity.py \
	tests/system/test_journald.py \
	tests/system/test_kill9.py \
	tests/system/test_lifecycle.py \
	tests/system/test_limits.py \
	tests/system/test_memory.py \
	tests/system/test_metrics.py \
	tests/system/test_notifications.py \
	tests/system/test_openapi.py \
	tests/system/test_operator_events.py \
	tests/system/test_ownership.py \
	tests/system/test_page.py \
	tests/system/test_policy.py \
	tests/system/test_push.py \
	tests/system/test_readme.py \
	tests/system/test_refusals.py \
	tests/system/test_reload.py \
	tests/system/test_replay.py \
	tests/system/test_rotation.py \
	tests/system/test_secrets.py \
	tests/system/test_scale.py \
	tests/system/test_signals.py \
	tests/system/test_sink_faults.py \
	tests/system/test_syslog.py \
	tests/system/test_triggers.py \
	tests/system/test_v3_users.py \
	tests/system/test_variables.py
TESTS += $(SYSTEM)
dist_noinst_SCRIPTS += $(SYSTEM)
EXTRA_DIST += \
	tests/system/collector.py \
	tests/system/front.py \
	tests/system/harness.py \
	tests/system/memory.py \
	tests/system/node_echo.js \
	tests/system/node_http2.js \
	tests/system/openapi.py \
	tests/system/schemas.py
