# SPDX-License-Identifier: Apache-2.0
# The source of tests/unit/test_x is tests/unit/test_x.c, by automake's default.
EXTRA_DIST += \
	etc/catalog.example.yaml \
	tests/tools/bus_script.py \
	tests/tools/aws_standin.py \
	tests/tools/builds_standin.py \
	tests/tools/bus_standin.py \
	tests/tools/catalog_standin.py \
	tests/tools/config_standin.py \
	tests/tools/hook_standin.py \
	tests/tools/http_standin.py \
	tests/tools/issuer_standin.js \
	tests/tools/make_jwts.js \
	tests/tools/push_standin.py \
	tests/tools/travis_standin.py \
	tests/tools/vault_standin.py \
	tests/unit/audit_log.h \
	tests/unit/events.h \
	tests/unit/jwts.txt \
	tests/unit/scratch.h \
	tests/unit/store-v1.db \
	tests/unit/store_bench.h
STANDIN = tests/unit/standin.c tests/unit/standin.h

if HAVE_CRITERION
UNIT = \
	tests/unit/test_agent \
	tests/unit/test_api_credentials \
	tests/unit/test_audit_log \
	tests/unit/test_backoff \
	tests/unit/test_backstage_sinks \
	tests/unit/test_board \
	tests/unit/test_buf \
	tests/unit/test_build \
	tests/unit/test_budget \
	tests/unit/test_bus \
	tests/unit/test_catalog \
	tests/unit/test_catalog_change \
	tests/unit/test_catalog_file \
	tests/unit/test_catalog_patch \
	tests/unit/test_catalog_sync \
	tests/unit/test_chronicle \
	tests/unit/test_chains \
	tests/unit/test_circuit \
	tests/unit/test_clock \
	tests/unit/test_cloudevent \
	tests/unit/test_codec \
	tests/unit/test_conf \
	tests/unit/test_conf_number \
	tests/unit/test_correlate \
	tests/unit/test_crypto \
	tests/unit/test_defs \
	tests/unit/test_dgram \
	tests/unit/test_discovery \
	tests/unit/test_egress \
	tests/unit/test_doctor \
	tests/unit/test_entity_json \
	tests/unit/test_env_var \
	tests/unit/test_file \
	tests/unit/test_file_sink \
	tests/unit/test_hash \
	tests/unit/test_html_write \
	tests/unit/test_hint \
	tests/unit/test_hint_book \
	tests/unit/test_http_answer \
	tests/unit/test_http_message \
	tests/unit/test_http_parser \
	tests/unit/test_http_sink \
	tests/unit/test_httpc \
	tests/unit/test_httpd \
	tests/unit/test_hub_signature \
	tests/unit/test_identity \
	tests/unit/test_issuer \
	tests/unit/test_jdoc \
	tests/unit/test_journald \
	tests/unit/test_json_gate \
	tests/unit/test_json_read \
	tests/unit/test_json_write \
	tests/unit/test_jwt \
	tests/unit/test_keeper \
	tests/unit/test_keyring \
	tests/unit/test_keys \
	tests/unit/test_live \
	tests/unit/test_log \
	tests/unit/test_map \
	tests/unit/test_memo \
	tests/unit/test_note \
	tests/unit/test_notice \
	tests/unit/test_ownership \
	tests/unit/test_pace \
	tests/unit/test_page_filter \
	tests/unit/test_page_index \
	tests/unit/test_payload \
	tests/unit/test_policy \
	tests/unit/test_pseudonym \
	tests/unit/test_printable \
	tests/unit/test_publish \
	tests/unit/test_push \
	tests/unit/test_push_memo \
	tests/unit/test_pushed \
	tests/unit/test_pushes \
	tests/unit/test_quota \
	tests/unit/test_reconcile \
	tests/unit/test_record \
	tests/unit/test_route \
	tests/unit/test_schedule \
	tests/unit/test_sd \
	tests/unit/test_safe \
	tests/unit/test_secret \
	tests/unit/test_secret_path \
	tests/unit/test_signal_sink \
	tests/unit/test_signing \
	tests/unit/test_store \
	tests/unit/test_store_builds \
	tests/unit/test_store_faults \
	tests/unit/test_store_open \
	tests/unit/test_store_ownership \
	tests/unit/test_store_replay \
	tests/unit/test_store_retain \
	tests/unit/test_sorted \
	tests/unit/test_source \
	tests/unit/test_stream \
	tests/unit/test_suggest \
	tests/unit/test_syslog \
	tests/unit/test_syslog_format \
	tests/unit/test_tlog \
	tests/unit/test_travis_api \
	tests/unit/test_v3 \
	tests/unit/test_watchlist \
	tests/unit/test_webhook \
	tests/unit/test_webhook_key \
	tests/unit/test_yaml
check_PROGRAMS += $(UNIT)
TESTS += $(UNIT)
tests_unit_test_backstage_sinks_SOURCES = tests/unit/test_backstage_sinks.c $(STANDIN)
tests_unit_test_bus_SOURCES = tests/unit/test_bus.c $(STANDIN)
tests_unit_test_catalog_patch_SOURCES = tests/unit/test_catalog_patch.c $(STANDIN)
tests_unit_test_catalog_sync_SOURCES = tests/unit/test_catalog_sync.c $(STANDIN)
tests_unit_test_dgram_SOURCES = tests/unit/test_dgram.c $(STANDIN)
tests_unit_test_hint_book_SOURCES = tests/unit/test_hint_book.c src/daemon/hint_book.c
tests_unit_test_http_sink_SOURCES = tests/unit/test_http_sink.c $(STANDIN)
tests_unit_test_httpc_SOURCES = tests/unit/test_httpc.c $(STANDIN)
tests_unit_test_issuer_SOURCES = tests/unit/test_issuer.c $(STANDIN)
tests_unit_test_keys_SOURCES = tests/unit/test_keys.c $(STANDIN)
tests_unit_test_travis_api_SOURCES = tests/unit/test_travis_api.c $(STANDIN)
tests_unit_test_live_SOURCES = tests/unit/test_live.c src/daemon/hint_book.c \
	src/daemon/live.c src/daemon/pushes.c $(STANDIN)
tests_unit_test_push_memo_SOURCES = tests/unit/test_push_memo.c src/daemon/push_memo.c
tests_unit_test_pushes_SOURCES = tests/unit/test_pushes.c src/daemon/pushes.c $(STANDIN)
tests_unit_test_signal_sink_SOURCES = tests/unit/test_signal_sink.c $(STANDIN)
tests_unit_test_safe_SOURCES = tests/unit/test_safe.c $(STANDIN)
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c $(STANDIN)
endif
