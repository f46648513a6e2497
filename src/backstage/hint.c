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

/* What a push touched, as far as it says. */
enum touch {
	TOUCH_NONE,    /* nothing that describes entities; or it is no push */
	TOUCH_UNKNOWN, /* perhaps: other YAML, or not all files are listed */
	TOUCH_NAMED,   /* a catalog-info file */
};

static enum touch path_touch(struct span path)
{
	if (span_ends(path, "catalog-info.yaml") || span_ends(path, "catalog-info.yml"))
		return TOUCH_NAMED;
	return span_ends(path, ".yaml") || span_ends(path, ".yml") ? TOUCH_UNKNOWN : TOUCH_NONE;
}

static enum touch more(enum touch a, enum touch b)
{
	return a > b ? a : b;
}

/* A path that stands with escapes has a name that is nobody's catalog file. */
static enum touch list_touch(struct json_value commit, const char *member)
{
	enum touch touch = TOUCH_NONE;
	struct json_value list, v;
	struct json_iter it;
	struct span path;

	if (!json_get(commit, member, &list) || list.type != JSON_ARRAY)
		return TOUCH_UNKNOWN;
	it = json_iter(list);
	while (json_next_element(&it, &v)) {
		if (json_plain(v, &path) == ERR_OK)
			touch = more(touch, path_touch(path));
	}
	return touch;
}

/* GitLab lists no more than twenty commits, and says how many there are. */
static bool commits_are_cut(struct json_value payload, int64_t listed)
{
	struct json_value v;
	int64_t total;

	return json_get(payload, "total_commits_count", &v) && json_int(v, &total) == ERR_OK &&
	       total > listed;
}

static enum touch commits_touch(struct json_value payload, struct json_value commits)
{
	enum touch touch = TOUCH_NONE;
	struct json_value commit;
	struct json_iter it = json_iter(commits);
	int64_t listed = 0;

	for (; json_next_element(&it, &commit); listed++) {
		touch = more(touch, list_touch(commit, "added"));
		touch = more(touch, list_touch(commit, "modified"));
		touch = more(touch, list_touch(commit, "removed"));
	}
	return commits_are_cut(payload, listed) ? more(touch, TOUCH_UNKNOWN) : touch;
}

/* The object that tells of the repository: GitHub's and Bitbucket's word, or GitLab's. */
static bool push_place(struct json_value payload, struct json_value *place, const char **name)
{
	if (json_get(payload, "project", place) && place->type == JSON_OBJECT) {
		*name = "path_with_namespace";
		return true;
	}
	*name = "full_name";
	return json_get(payload, "repository", place) && place->type == JSON_OBJECT;
}

/* Where it is not said, it is taken for it. */
static bool branch_is_default(struct json_value payload, struct json_value place)
{
	const struct span heads = SPAN("refs/heads/");
	struct json_value v;
	struct span ref, branch;

	if (!json_get(payload, "ref", &v) || json_plain(v, &ref) != ERR_OK ||
		!json_get(place, "default_branch", &v) || json_plain(v, &branch) != ERR_OK)
		return true;
	return ref.n == heads.n + branch.n && span_starts(ref, heads.p) &&
	       memcmp(ref.p + heads.n, branch.p, branch.n) == 0;
}

static enum touch push_touch(struct json_value payload)
{
	struct json_value list, push;

	if (json_get(payload, "commits", &list) && list.type == JSON_ARRAY)
		return commits_touch(payload, list);
	if (json_get(payload, "push", &push) && json_get(push, "changes", &list) &&
		list.type == JSON_ARRAY)
		return TOUCH_UNKNOWN;
	return TOUCH_NONE;
}

/* A push whose repository cannot be read is followed as far as it is certain to matter. */
static void take_push(struct reading *r, struct json_value payload)
{
	enum touch touch = push_touch(payload);
	struct json_value place, v;
	const char *name;
	bool named;

	if (touch == TOUCH_NONE)
		return;
	named = touch == TOUCH_NAMED;
	buf_clear(&r->text);
	if (!push_place(payload, &place, &name) || !json_get(place, name, &v) ||
		json_string(v, &r->text) != ERR_OK || !entity_slug_is_valid(buf_span(&r->text))) {
		r->tally.whole = r->tally.whole || named;
		return;
	}
	r->taker->on_push(
		r->taker->ctx, buf_span(&r->text), named && branch_is_default(payload, place));
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

static void take_payload(struct reading *r, struct json_value payload, bool repeats)
{
	struct json_value resync;

	if (json_get(payload, "resync", &resync) && json_is_true(resync)) {
		r->tally.whole = true;
		return;
	}
	if (take_ref(r, payload, "entityRef", repeats) || take_ref(r, payload, "entity", repeats))
		return;
	if (r->taker->on_push != NULL)
		take_push(r, payload);
}

static void take_event(struct reading *r, struct json_value event)
{
	struct json_value payload;

	r->tally.events++;
	if (json_get(event, "payload", &payload) && payload.type == JSON_OBJECT)
		take_payload(r, payload, topic_repeats(event));
}

static void reading_init(struct reading *r, const struct hint_taker *taker)
{
	*r = (struct reading){ .taker = taker };
	buf_init(&r->text, REF_MAX);
	buf_init(&r->ref, REF_MAX);
}

static void reading_end(struct reading *r, struct hint_tally *tally)
{
	buf_release(&r->text);
	buf_release(&r->ref);
	*tally = r->tally;
}

void hint_read_payload(
	struct json_value payload, const struct hint_taker *taker, struct hint_tally *tally)
{
	struct reading r;

	reading_init(&r, taker);
	r.tally.events = 1;
	take_payload(&r, payload, false);
	reading_end(&r, tally);
}

enum err hint_read(struct span answer, const struct hint_taker *taker, struct hint_tally *tally)
{
	struct reading r;
	struct json_value events, event;
	struct json_iter it;
	enum err e = json_gate(answer, &answer_limits, NULL);

	if (e != ERR_OK)
		return e;
	if (!json_get(json_root(answer), "events", &events) || events.type != JSON_ARRAY)
		return ERR_PARSE;
	reading_init(&r, taker);
	it = json_iter(events);
	while (json_next_element(&it, &event))
		take_event(&r, event);
	reading_end(&r, tally);
	return ERR_OK;
}
