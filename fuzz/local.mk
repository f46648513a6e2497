# SPDX-License-Identifier: Apache-2.0
# With --enable-fuzz (clang) these are libFuzzer binaries; otherwise they link
# standalone.c and replay their corpus under "make check". Add a target's name
# to FUZZERS and its two lines below.
FUZZERS = \
	fuzz/fuzz_aws \
	fuzz/fuzz_bundle \
	fuzz/fuzz_conf \
	fuzz/fuzz_credentials \
	fuzz/fuzz_discovery \
	fuzz/fuzz_entity \
	fuzz/fuzz_env_var \
	fuzz/fuzz_form \
	fuzz/fuzz_hint \
	fuzz/fuzz_http_head \
	fuzz/fuzz_json_gate \
	fuzz/fuzz_jwks \
	fuzz/fuzz_jwt \
	fuzz/fuzz_note \
	fuzz/fuzz_payload \
	fuzz/fuzz_policy \
	fuzz/fuzz_push \
	fuzz/fuzz_reconcile \
	fuzz/fuzz_v3 \
	fuzz/fuzz_vault \
	fuzz/fuzz_webhook
check_PROGRAMS += $(FUZZERS)
if FUZZING
FUZZLINK = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZMAIN =
else
FUZZLINK = $(AM_LDFLAGS)
FUZZMAIN = fuzz/standalone.c
endif
TESTS += fuzz/replay.sh
dist_check_SCRIPTS += fuzz/replay.sh
EXTRA_DIST += fuzz/corpus fuzz/standalone.c

fuzz_fuzz_aws_SOURCES = fuzz/fuzz_aws.c $(FUZZMAIN)
fuzz_fuzz_aws_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_bundle_SOURCES = fuzz/fuzz_bundle.c $(FUZZMAIN)
fuzz_fuzz_bundle_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_conf_SOURCES = fuzz/fuzz_conf.c $(FUZZMAIN)
fuzz_fuzz_conf_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_credentials_SOURCES = fuzz/fuzz_credentials.c $(FUZZMAIN)
fuzz_fuzz_credentials_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_discovery_SOURCES = fuzz/fuzz_discovery.c $(FUZZMAIN)
fuzz_fuzz_discovery_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_entity_SOURCES = fuzz/fuzz_entity.c $(FUZZMAIN)
fuzz_fuzz_entity_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_env_var_SOURCES = fuzz/fuzz_env_var.c $(FUZZMAIN)
fuzz_fuzz_env_var_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_hint_SOURCES = fuzz/fuzz_hint.c $(FUZZMAIN)
fuzz_fuzz_hint_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_http_head_SOURCES = fuzz/fuzz_http_head.c $(FUZZMAIN)
fuzz_fuzz_http_head_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_form_SOURCES = fuzz/fuzz_form.c $(FUZZMAIN)
fuzz_fuzz_form_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_json_gate_SOURCES = fuzz/fuzz_json_gate.c $(FUZZMAIN)
fuzz_fuzz_json_gate_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_jwks_SOURCES = fuzz/fuzz_jwks.c $(FUZZMAIN)
fuzz_fuzz_jwks_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_jwt_SOURCES = fuzz/fuzz_jwt.c $(FUZZMAIN)
fuzz_fuzz_jwt_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_note_SOURCES = fuzz/fuzz_note.c $(FUZZMAIN)
fuzz_fuzz_note_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_payload_SOURCES = fuzz/fuzz_payload.c $(FUZZMAIN)
fuzz_fuzz_payload_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_policy_SOURCES = fuzz/fuzz_policy.c $(FUZZMAIN)
fuzz_fuzz_policy_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_push_SOURCES = fuzz/fuzz_push.c $(FUZZMAIN)
fuzz_fuzz_push_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_reconcile_SOURCES = fuzz/fuzz_reconcile.c $(FUZZMAIN)
fuzz_fuzz_reconcile_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_v3_SOURCES = fuzz/fuzz_v3.c $(FUZZMAIN)
fuzz_fuzz_v3_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_vault_SOURCES = fuzz/fuzz_vault.c $(FUZZMAIN)
fuzz_fuzz_vault_LDFLAGS = $(FUZZLINK)

fuzz_fuzz_webhook_SOURCES = fuzz/fuzz_webhook.c $(FUZZMAIN)
fuzz_fuzz_webhook_LDFLAGS = $(FUZZLINK)
