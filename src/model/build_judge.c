/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "model/build.h"

static const char *const verdict_names[] = {
	[VERDICT_NEWS] = "news",
	[VERDICT_RESTART] = "restart",
	[VERDICT_FOLLOW_UP] = "follow-up",
	[VERDICT_DUPLICATE] = "duplicate",
	[VERDICT_LATE] = "late",
};

const char *build_verdict_str(enum build_verdict v)
{
	return verdict_names[v];
}

/* How far a state is along its attempt. All final states are equally far. */
static int state_rank(enum build_state s)
{
	switch (s) {
	case BUILD_QUEUED: return 0;
	case BUILD_STARTED: return 1;
	case BUILD_PASSED:
	case BUILD_FAILED:
	case BUILD_ERRORED:
	case BUILD_CANCELED: return 2;
	}
	return 0;
}

enum attempt_order {
	ATTEMPT_EARLIER,
	ATTEMPT_SAME,
	ATTEMPT_LATER,
};

static enum attempt_order order_of(int64_t a_ms, int64_t b_ms)
{
	if (a_ms == b_ms)
		return ATTEMPT_SAME;
	return a_ms < b_ms ? ATTEMPT_EARLIER : ATTEMPT_LATER;
}

/*
 * Attempts differ by when they started. A build that was queued, or canceled
 * before it started, has no such time: then what ended after the known attempt
 * began is a later one.
 */
static enum attempt_order attempt_compare(const struct build *b, const struct build_record *known)
{
	bool known_started = known->started_at.ms != WALL_NONE.ms;

	if (b->started_at.ms != WALL_NONE.ms && known_started)
		return order_of(b->started_at.ms, known->started_at.ms);
	if (b->started_at.ms == WALL_NONE.ms && !known_started)
		return ATTEMPT_SAME;
	if (known_started) {
		int64_t end_ms =
			build_is_final(known->state) ? known->finished_at.ms : known->started_at.ms;

		return b->finished_at.ms > end_ms ? ATTEMPT_LATER : ATTEMPT_EARLIER;
	}
	if (!build_is_final(known->state))
		return ATTEMPT_SAME; /* queued, and now it started */
	return b->started_at.ms >= known->finished_at.ms ? ATTEMPT_LATER : ATTEMPT_EARLIER;
}

/* Two different final states of one attempt: the later counts, or else the graver. */
static bool final_supersedes(const struct build *b, const struct build_record *known)
{
	if (b->finished_at.ms != known->finished_at.ms)
		return b->finished_at.ms > known->finished_at.ms;
	return b->state > known->state;
}

static enum build_verdict judge_same_attempt(
	const struct build_record *known, const struct build *b)
{
	int rank = state_rank(b->state), known_rank = state_rank(known->state);

	if (rank != known_rank)
		return rank > known_rank ? VERDICT_NEWS : VERDICT_LATE;
	if (b->state != known->state)
		return final_supersedes(b, known) ? VERDICT_NEWS : VERDICT_LATE;
	return build_is_final(b->state) ? VERDICT_FOLLOW_UP : VERDICT_DUPLICATE;
}

static enum build_verdict judge(const struct build_record *known, const struct build *b)
{
	if (!known->known)
		return VERDICT_NEWS;
	switch (attempt_compare(b, known)) {
	case ATTEMPT_EARLIER: return VERDICT_LATE;
	case ATTEMPT_LATER: return VERDICT_RESTART;
	case ATTEMPT_SAME: return judge_same_attempt(known, b);
	}
	return VERDICT_LATE;
}

enum build_verdict build_judge(
	const struct build_record *known, const struct build *b, struct build_record *next)
{
	enum build_verdict v = judge(known, b);

	*next = *known;
	switch (v) {
	case VERDICT_NEWS:
	case VERDICT_RESTART:
	case VERDICT_FOLLOW_UP:
		*next = (struct build_record){
			.known = true,
			.state = b->state,
			.started_at = b->started_at,
			.finished_at = b->finished_at,
			.attempt = known->attempt,
		};
		if (v == VERDICT_RESTART || !known->known)
			next->attempt++;
		if (v == VERDICT_FOLLOW_UP && known->finished_at.ms > b->finished_at.ms)
			next->finished_at = known->finished_at;
		break;
	case VERDICT_DUPLICATE:
	case VERDICT_LATE: break;
	}
	return v;
}

static bool build_is_conclusive(enum build_state s)
{
	return s == BUILD_PASSED || s == BUILD_FAILED || s == BUILD_ERRORED;
}

enum transition line_advance(
	const struct line_record *known, const struct build *b, struct line_record *next)
{
	bool good = b->state == BUILD_PASSED;

	*next = *known;
	if (!build_is_conclusive(b->state) || (known->known && b->id < known->build_id))
		return TRANSITION_NONE;
	*next = (struct line_record){ .known = true, .build_id = b->id, .good = good };
	if (!known->known || (known->good && good))
		return TRANSITION_NONE;
	if (good)
		return TRANSITION_FIXED;
	return known->good ? TRANSITION_BROKEN : TRANSITION_STILL_FAILING;
}

enum err build_record_write(const struct build_record *r, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "state", build_state_str(r->state));
	json_member_int(&w, "started", r->started_at.ms);
	json_member_int(&w, "finished", r->finished_at.ms);
	json_member_int(&w, "attempt", r->attempt);
	json_object_end(&w);
	return json_done(&w);
}

static bool get_int(struct json_value object, const char *name, int64_t *n)
{
	struct json_value v;

	return json_get(object, name, &v) && json_int(v, n) == ERR_OK;
}

enum err build_record_read(struct span value, struct build_record *r)
{
	struct build_record got = { .known = true };
	struct json_value root, v;
	struct span word;

	if (json_gate(value, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(value);
	if (!json_get(root, "state", &v) || json_plain(v, &word) != ERR_OK ||
		build_state_parse(word, &got.state) != ERR_OK ||
		!get_int(root, "started", &got.started_at.ms) ||
		!get_int(root, "finished", &got.finished_at.ms) ||
		!get_int(root, "attempt", &got.attempt))
		return ERR_PARSE;
	*r = got;
	return ERR_OK;
}

enum err line_record_write(const struct line_record *r, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_int(&w, "build", r->build_id);
	json_member_bool(&w, "good", r->good);
	json_object_end(&w);
	return json_done(&w);
}

enum err line_record_read(struct span value, struct line_record *r)
{
	struct line_record got = { .known = true };
	struct json_value root, v;

	if (json_gate(value, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(value);
	if (!get_int(root, "build", &got.build_id) || !json_get(root, "good", &v) ||
		v.type != JSON_BOOL)
		return ERR_PARSE;
	got.good = json_is_true(v);
	*r = got;
	return ERR_OK;
}
