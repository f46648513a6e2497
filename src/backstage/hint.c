/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/hint.h"

#include "base/buf.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "model/entity.h"

/* Ten events of five megabytes each at most, most of it in few long texts. */
static const struct json_limits answer_limits = { .depth = 64, .values = 1000000 };

/* The longest that Backstage lets a kind, a namespace and a name be, with room for more. */
#define REF_MAX 1024

struct reading {
	const struct hint_taker *taker;
	struct hint_tally tally;
	struct buf text, ref;
};

/* These are published again in every processing round until somebody mends the cause. */
static bool topic_repeats(struct json_value event)
{
	struct json_value v;
	struct span topic;

	return json_get(event, "topic", &v) && json_plain(v, &topic) == ERR_OK &&
	       (span_is(topic, "experimental.catalog.errors") ||
		       span_is(topic, "experimental.catalog.conflict"));
}

static bool path_is_catalog(struct span path)
{
	static const char *const names[] = { "catalog-info.yaml", "catalog-info.yml" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct span name = span_of(names[i]);

		if (path.n >= name.n && memcmp(path.p + path.n - name.n, name.p, name.n) == 0)
			return true;
	}
	return false;
}

static bool list_touches_catalog(struct json_value commit, const char *member)
{
	struct json_value list, v;
	struct json_iter it;
	struct span path;

	if (!json_get(commit, member, &list) || list.type != JSON_ARRAY)
		return false;
	it = json_iter(list);
	while (json_next_element(&it, &v)) {
		if (json_plain(v, &path) == ERR_OK && path_is_catalog(path))
			return true;
	}
	return false;
}

/* GitHub and GitLab list a push's files alike. */
static bool push_touches_catalog(struct json_value payload)
{
	struct json_value list, commit;
	struct json_iter it;

	if (!json_get(payload, "commits", &list) || list.type != JSON_ARRAY)
		return false;
	it = json_iter(list);
	while (json_next_element(&it, &commit)) {
		if (list_touches_catalog(commit, "added") ||
			list_touches_catalog(commit, "modified") ||
			list_touches_catalog(commit, "removed"))
			return true;
	}
	return false;
}

/* The ref in that member; false if there is no text. */
static bool take_ref(struct reading *r, struct json_value payload, const char *member, bool repeats)
{
	struct json_value v;

	if (!json_get(payload, member, &v) || v.type != JSON_STRING)
		return false;
	buf_clear(&r->text);
	buf_clear(&r->ref);
	if (json_string(v, &r->text) == ERR_OK &&
		entity_ref_parse(buf_span(&r->text), NULL, &r->ref) == ERR_OK &&
		entity_ref_is_canonical(buf_span(&r->ref)))
		r->taker->on_ref(r->taker->ctx, buf_span(&r->ref), repeats);
	else
		r->tally.whole = true;
	return true;
}

static void take_event(struct reading *r, struct json_value event)
{
	bool repeats = topic_repeats(event);
	struct json_value payload;

	r->tally.events++;
	if (!json_get(event, "payload", &payload) || payload.type != JSON_OBJECT)
		return;
	if (take_ref(r, payload, "entityRef", repeats) || take_ref(r, payload, "entity", repeats))
		return;
	if (push_touches_catalog(payload))
		r->tally.whole = true;
}

enum err hint_read(struct span answer, const struct hint_taker *taker, struct hint_tally *tally)
{
	struct reading r = { .taker = taker };
	struct json_value events, event;
	struct json_iter it;
	enum err e = json_gate(answer, &answer_limits, NULL);

	if (e != ERR_OK)
		return e;
	if (!json_get(json_root(answer), "events", &events) || events.type != JSON_ARRAY)
		return ERR_PARSE;
	buf_init(&r.text, REF_MAX);
	buf_init(&r.ref, REF_MAX);
	it = json_iter(events);
	while (json_next_element(&it, &event))
		take_event(&r, event);
	buf_release(&r.text);
	buf_release(&r.ref);
	*tally = r.tally;
	return ERR_OK;
}
