/* SPDX-License-Identifier: Apache-2.0 */
#include "model/circuit.h"

#define HALVINGS_MAX 32

static int64_t slot_number(const struct circuit_conf *conf, struct mono now)
{
	int64_t slot_ms = conf->window_ms / CIRCUIT_SLOTS;

	return now.ms / (slot_ms > 0 ? slot_ms : 1);
}

static void window_note(
	struct circuit *c, const struct circuit_conf *conf, bool ok, struct mono now)
{
	int64_t number = slot_number(conf, now);
	struct circuit_slot *s = &c->slot[number % CIRCUIT_SLOTS];

	if (s->number != number)
		*s = (struct circuit_slot){ .number = number };
	if (ok)
		s->ok++;
	else
		s->failed++;
}

static void window_clear(struct circuit *c)
{
	for (unsigned i = 0; i < CIRCUIT_SLOTS; i++)
		c->slot[i] = (struct circuit_slot){ .number = -1 };
}

struct circuit_tally circuit_tally(
	const struct circuit *c, const struct circuit_conf *conf, struct mono now)
{
	int64_t number = slot_number(conf, now);
	struct circuit_tally t = { 0 };

	for (unsigned i = 0; i < CIRCUIT_SLOTS; i++) {
		const struct circuit_slot *s = &c->slot[i];

		if (s->number < 0 || s->number <= number - CIRCUIT_SLOTS)
			continue;
		t.tries += s->ok + s->failed;
		t.failed += s->failed;
	}
	return t;
}

static void circuit_enter(struct circuit *c, enum circuit_state state, struct mono now)
{
	c->state = state;
	c->since = now;
}

void circuit_init(struct circuit *c, struct mono now)
{
	*c = (struct circuit){ .state = CIRCUIT_CLOSED, .since = now };
	window_clear(c);
}

int64_t circuit_wait(const struct circuit *c, struct mono now)
{
	switch (c->state) {
	case CIRCUIT_CLOSED: return 0;
	case CIRCUIT_OPEN: return now.ms >= c->until.ms ? 0 : c->until.ms - now.ms;
	case CIRCUIT_PROBING: break;
	}
	return -1;
}

void circuit_begin(struct circuit *c, struct mono now)
{
	if (c->state == CIRCUIT_OPEN)
		circuit_enter(c, CIRCUIT_PROBING, now);
}

static void circuit_open(struct circuit *c, int64_t hold_ms, struct mono now)
{
	c->hold_ms = hold_ms;
	c->until.ms = now.ms + hold_ms;
	circuit_enter(c, CIRCUIT_OPEN, now);
	window_clear(c);
}

static int64_t clamp(int64_t n, int64_t least, int64_t most)
{
	return n < least ? least : n > most ? most : n;
}

/* One that trips again soon is held longer than one that was well for long. */
static int64_t hold_after_good_time(
	const struct circuit *c, const struct circuit_conf *conf, struct mono now)
{
	int64_t windows = (now.ms - c->since.ms) / (conf->window_ms > 0 ? conf->window_ms : 1);

	if (windows > HALVINGS_MAX)
		windows = HALVINGS_MAX;
	return clamp((c->hold_ms * 2) >> windows, conf->hold_ms, conf->hold_max_ms);
}

static enum circuit_change note_closed(
	struct circuit *c, const struct circuit_conf *conf, bool ok, struct mono now)
{
	struct circuit_tally t;

	window_note(c, conf, ok, now);
	t = circuit_tally(c, conf, now);
	if (ok || conf->failures_pct == 0 || t.tries < conf->tries_min ||
		(uint64_t)t.failed * 100 < (uint64_t)t.tries * conf->failures_pct)
		return CIRCUIT_SAME;
	circuit_open(c, hold_after_good_time(c, conf, now), now);
	return CIRCUIT_TRIPPED;
}

enum circuit_change circuit_note(
	struct circuit *c, const struct circuit_conf *conf, bool ok, struct mono now)
{
	switch (c->state) {
	case CIRCUIT_CLOSED: return note_closed(c, conf, ok, now);
	case CIRCUIT_OPEN: return CIRCUIT_SAME;
	case CIRCUIT_PROBING: break;
	}
	if (ok) {
		circuit_enter(c, CIRCUIT_CLOSED, now);
		return CIRCUIT_RECOVERED;
	}
	circuit_open(c, clamp(c->hold_ms * 2, conf->hold_ms, conf->hold_max_ms), now);
	return CIRCUIT_REOPENED;
}

enum circuit_change circuit_trip(
	struct circuit *c, const struct circuit_conf *conf, struct mono now)
{
	bool was_closed = c->state == CIRCUIT_CLOSED;

	circuit_open(c, conf->hold_max_ms, now);
	return was_closed ? CIRCUIT_TRIPPED : CIRCUIT_REOPENED;
}

void circuit_forsake(struct circuit *c, struct mono now)
{
	if (c->state != CIRCUIT_PROBING)
		return;
	c->until = now;
	circuit_enter(c, CIRCUIT_OPEN, now);
}

void circuit_hasten(struct circuit *c, struct mono now)
{
	if (c->state == CIRCUIT_OPEN)
		c->until = now;
}

void circuit_reset(struct circuit *c, struct mono now)
{
	window_clear(c);
	circuit_enter(c, CIRCUIT_CLOSED, now);
}

const char *circuit_state_str(enum circuit_state s)
{
	switch (s) {
	case CIRCUIT_CLOSED: return "closed";
	case CIRCUIT_OPEN: return "open";
	case CIRCUIT_PROBING: break;
	}
	return "probing";
}
