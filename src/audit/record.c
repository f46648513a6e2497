/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "model/policy.h"

/* Numbers that OCSF gives to what we say. */
#define OCSF_VERSION      "1.8.0"
#define OCSF_CATEGORY     6    /* application activity */
#define OCSF_CLASS        6003 /* API activity */
#define OCSF_SHA256       3
#define OCSF_USER         1
#define OCSF_SUCCESS      1
#define OCSF_FAILURE      2
#define OCSF_INFORMATIVE  1
#define OCSF_LOW          2
#define OCSF_TYPE(action) (OCSF_CLASS * 100 + (action))

enum ocsf_activity {
	OCSF_CREATE = 1,
	OCSF_READ,
	OCSF_UPDATE,
	OCSF_DELETE,
	OCSF_OTHER = 99,
};

/* What kind of act an action is; what is not here is another one, by its name. */
static enum ocsf_activity activity_of(const char *action)
{
	static const struct {
		const char *action;
		enum ocsf_activity activity;
	} known[] = {
		{ "api.refuse", OCSF_READ },
		{ "audit.open", OCSF_CREATE },
		{ "build.abandon", OCSF_UPDATE },
		{ "build.backfill", OCSF_CREATE },
		{ "build.read", OCSF_READ },
		{ "bus.recover", OCSF_UPDATE },
		{ "bus.refuse", OCSF_UPDATE },
		{ "catalog.refresh", OCSF_UPDATE },
		{ "config.reload", OCSF_UPDATE },
		{ "delivery.attempt", OCSF_CREATE },
		{ "event.release", OCSF_UPDATE },
		{ "key.rotate", OCSF_UPDATE },
		{ "operator.disable", OCSF_UPDATE },
		{ "operator.enable", OCSF_UPDATE },
		{ "operator.hold", OCSF_UPDATE },
		{ "operator.release", OCSF_UPDATE },
		{ "operator.replay", OCSF_UPDATE },
		{ "push.accept", OCSF_UPDATE },
		{ "push.refuse", OCSF_UPDATE },
		{ "secret.rotate", OCSF_UPDATE },
		{ "sink.disable", OCSF_UPDATE },
		{ "sink.recover", OCSF_UPDATE },
		{ "sink.trip", OCSF_UPDATE },
		{ "webhook.accept", OCSF_CREATE },
		{ "webhook.pass", OCSF_READ },
		{ "webhook.refuse", OCSF_CREATE },
		{ "webhook.update", OCSF_UPDATE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].action, action) == 0)
			return known[i].activity;
	}
	return OCSF_OTHER;
}

static void put_class(struct json_writer *w, const struct audit_record *r)
{
	enum ocsf_activity activity = activity_of(r->action);
	bool success = strcmp(r->outcome, "success") == 0;
	char code[16];

	json_member_int(w, "category_uid", OCSF_CATEGORY);
	json_member_int(w, "class_uid", OCSF_CLASS);
	json_member_int(w, "activity_id", activity);
	if (activity == OCSF_OTHER)
		json_member_str(w, "activity_name", r->action);
	json_member_int(w, "type_uid", OCSF_TYPE(activity));
	json_member_int(w, "severity_id", success ? OCSF_INFORMATIVE : OCSF_LOW);
	json_member_int(w, "time", r->at.ms);
	json_member_int(w, "status_id", success ? OCSF_SUCCESS : OCSF_FAILURE);
	json_member_str(w, "status", success ? "Success" : "Failure");
	if (r->status != 0) {
		snprintf(code, sizeof(code), "%d", r->status);
		json_member_str(w, "status_code", code);
	}
	json_member_opt(w, "status_detail", span_of(r->reason));
	json_member_opt(w, "message", r->detail);
}

static void put_metadata(struct json_writer *w, const struct audit_record *r)
{
	json_key(w, "metadata");
	json_object_begin(w);
	json_member_str(w, "version", OCSF_VERSION);
	json_member_opt(w, "correlation_uid", r->event);
	json_key(w, "product");
	json_object_begin(w);
	json_member_str(w, "name", PACKAGE_NAME);
	json_member_str(w, "vendor_name", PACKAGE_NAME);
	json_member_str(w, "version", PACKAGE_VERSION);
	json_object_end(w);
	json_object_end(w);
}

/* Who asked; where nobody was known to, that is said. */
static void put_actor(struct json_writer *w, const struct audit_record *r)
{
	struct span actor = r->actor;

	if (actor.n == 0)
		actor = r->address.n == 0 ? SPAN("stagewired") : SPAN("unknown");
	json_key(w, "actor");
	json_object_begin(w);
	if (span_starts(actor, "uid:")) {
		json_key(w, "user");
		json_object_begin(w);
		json_member_span(w, "uid", (struct span){ actor.p + 4, actor.n - 4 });
		json_member_int(w, "type_id", OCSF_USER);
		json_object_end(w);
	} else {
		json_member_span(w, "app_name", actor);
	}
	json_object_end(w);
}

static void put_api(struct json_writer *w, const struct audit_record *r)
{
	json_key(w, "api");
	json_object_begin(w);
	json_member_str(w, "operation", r->action);
	if (r->event.n > 0) {
		json_key(w, "request");
		json_object_begin(w);
		json_member_span(w, "uid", r->event);
		json_object_end(w);
	}
	if (r->status != 0) {
		json_key(w, "response");
		json_object_begin(w);
		json_member_int(w, "code", r->status);
		json_object_end(w);
	}
	json_object_end(w);
}

static bool is_ip(struct span address)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (address.n == 0 || address.n >= sizeof(text))
		return false;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* The class wants to know where it came from, also of what we did by ourselves. */
static void put_endpoints(struct json_writer *w, const struct audit_record *r)
{
	json_key(w, "src_endpoint");
	json_object_begin(w);
	if (r->address.n == 0 && r->source.n == 0)
		json_member_str(w, "svc_name", "stagewired");
	if (r->address.n > 0)
		json_member_span(w, is_ip(r->address) ? "ip" : "name", r->address);
	json_member_opt(w, "svc_name", r->source);
	json_object_end(w);
	if (r->sink.n == 0)
		return;
	json_key(w, "dst_endpoint");
	json_object_begin(w);
	json_member_span(w, "svc_name", r->sink);
	json_object_end(w);
}

static void put_resource(struct json_writer *w, struct span uid, const char *type)
{
	json_object_begin(w);
	json_member_span(w, "uid", uid);
	json_member_str(w, "type", type);
	json_object_end(w);
}

static void put_resources(struct json_writer *w, const struct audit_record *r)
{
	if (r->repository.n == 0 && r->entities == 0 && r->owners == 0)
		return;
	json_key(w, "resources");
	json_array_begin(w);
	if (r->repository.n > 0)
		put_resource(w, r->repository, AUDIT_TYPE_REPOSITORY);
	for (size_t i = 0; i < r->entities; i++)
		put_resource(w, r->entity[i], AUDIT_TYPE_ENTITY);
	for (size_t i = 0; i < r->owners; i++)
		put_resource(w, r->owner[i], AUDIT_TYPE_OWNER);
	json_array_end(w);
}

static void put_hash(struct json_writer *w, const uint8_t *sha256)
{
	char hex[65];

	if (sha256 == NULL)
		return;
	hex_encode(sha256, 32, hex);
	json_key(w, "raw_data_hash");
	json_object_begin(w);
	json_member_int(w, "algorithm_id", OCSF_SHA256);
	json_member_str(w, "algorithm", "SHA-256");
	json_member_str(w, "value", hex);
	json_object_end(w);
}

/* What somebody wrote stands in members of its own: nothing in it can pass for another. */
static void put_inputs(struct json_writer *w, const struct access *a)
{
	if (a == NULL)
		return;
	json_key(w, "inputs");
	json_object_begin(w);
	json_member_opt(w, "branch", a->branch);
	json_member_opt(w, "on_behalf_of", a->behalf);
	json_member_bool(w, "env_override", a->overrides);
	json_member_int(w, "token_age_s", a->token_age_ms < 0 ? -1 : a->token_age_ms / 1000);
	json_member_int(w, "catalog_age_s", a->catalog_age_ms < 0 ? -1 : a->catalog_age_ms / 1000);
	json_object_end(w);
}

/* What was decided, and where it goes by that. */
static void put_policy(struct json_writer *w, const struct audit_record *r)
{
	json_key(w, "policy");
	json_object_begin(w);
	json_member_str(w, "decision", r->outcome);
	json_member_opt(w, "name", r->rule);
	put_inputs(w, r->inputs);
	if (r->to_n > 0) {
		json_key(w, "to");
		json_array_begin(w);
		for (size_t i = 0; i < r->to_n; i++)
			json_put_str(w, r->to[i]);
		json_array_end(w);
	}
	json_object_end(w);
}

static void put_unmapped(struct json_writer *w, const struct audit_record *r)
{
	json_key(w, "unmapped");
	json_object_begin(w);
	put_policy(w, r);
	json_member_opt(w, "build", r->build);
	json_member_opt(w, "state", r->build_state);
	json_member_opt(w, "transition", r->transition);
	json_member_opt(w, "requested_by", r->requester);
	if (r->tries != 0)
		json_member_int(w, "tries", r->tries);
	json_member_opt(w, "key", r->key);
	json_member_opt(w, "token", r->token);
	json_object_end(w);
}

enum err audit_record_write(const struct audit_record *r, struct buf *out)
{
	size_t before = out->len;
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	put_class(&w, r);
	put_metadata(&w, r);
	put_actor(&w, r);
	put_api(&w, r);
	put_endpoints(&w, r);
	put_resources(&w, r);
	put_hash(&w, r->payload_sha256);
	put_unmapped(&w, r);
	json_object_end(&w);
	if (json_done(&w) == ERR_OK && out->len - before > AUDIT_ENTRY_MAX)
		return ERR_LIMIT;
	return json_done(&w);
}
