/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"

#include "base/codec.h"
#include "base/json_write.h"

static void put_list(struct json_writer *w, const char *key, const struct span *list, size_t n)
{
	if (n == 0)
		return;
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_span(w, list[i]);
	json_array_end(w);
}

static void put_names(struct json_writer *w, const char *key, const char *const *list, size_t n)
{
	if (n == 0)
		return;
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_str(w, list[i]);
	json_array_end(w);
}

static void put_hash(struct json_writer *w, const uint8_t *sha256)
{
	char hex[65];

	if (sha256 == NULL)
		return;
	hex_encode(sha256, 32, hex);
	json_member_str(w, "payload_sha256", hex);
}

enum err audit_record_write(const struct audit_record *r, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_wall(&w, "time", r->at);
	json_member_str(&w, "action", r->action);
	json_member_str(&w, "outcome", r->outcome);
	json_member_opt(&w, "reason", span_of(r->reason));
	json_member_opt(&w, "actor", r->actor);
	json_member_opt(&w, "address", r->address);
	json_member_opt(&w, "event", r->event);
	json_member_opt(&w, "source", r->source);
	json_member_opt(&w, "repository", r->repository);
	json_member_opt(&w, "build", r->build);
	json_member_opt(&w, "state", r->build_state);
	json_member_opt(&w, "transition", r->transition);
	json_member_opt(&w, "sink", r->sink);
	if (r->status != 0)
		json_member_int(&w, "status", r->status);
	if (r->tries != 0)
		json_member_int(&w, "tries", r->tries);
	put_list(&w, "entities", r->entity, r->entities);
	put_list(&w, "owners", r->owner, r->owners);
	put_names(&w, "to", r->to, r->to_n);
	json_member_opt(&w, "key", r->key);
	put_hash(&w, r->payload_sha256);
	json_member_opt(&w, "detail", r->detail);
	json_object_end(&w);
	return json_done(&w);
}
