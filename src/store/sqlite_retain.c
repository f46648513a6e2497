/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_seek.h"
#include "store/sqlite_write_impl.h"

/*
 * Removes what is old. A sweep goes through the kinds one after the other, and
 * through each in the order of its numbers, which is that of time; a step of it
 * looks at so many rows, and stops removing after so long. What it may not
 * remove yet is looked at again by the next sweep.
 */
#define STEP_ROWS 500
#define STEP_MS   20
#define LOOK_EACH 16 /* rows between looks at the clock */

/* How one kind is swept: rows of number below end are old enough to be looked at. */
struct sweep {
	int64_t age_ms;
	int64_t end;
	unsigned pick, drop; /* statements */
	bool gapless;        /* stop at the first row that must stay */
};

static int64_t query_int(struct writer *w, unsigned n)
{
	sqlite3_stmt *st = writer_stmt(w, n);
	int64_t value = 0;

	if (db_row(&w->db, st)) {
		value = column_int(st, 0);
		db_done(st);
	}
	return value;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first event that is too young. An event is no younger than its deliveries. */
static int64_t young_event(struct writer *w, int64_t age_ms)
{
	return event_seq_at(&w->db, (struct wall){ w->now.ms - age_ms });
}

static struct sweep sweep_deliveries(struct writer *w, int64_t age_ms, unsigned pick)
{
	return (struct sweep){
		.age_ms = age_ms,
		.end = young_event(w, age_ms) * STORE_SINKS_MAX,
		.pick = pick,
		.drop = W_DROP_DELIVERY,
	};
}

static struct sweep sweep_events(struct writer *w, int64_t age_ms, unsigned pick)
{
	return (struct sweep){
		.age_ms = age_ms,
		.end = least(young_event(w, age_ms), query_int(w, W_LAST_EVENT)),
		.pick = pick,
		.drop = W_DROP_EVENT,
	};
}

/* A build is no younger than the event that first told of it, whose number it has. */
static struct sweep sweep_builds(struct writer *w, int64_t age_ms)
{
	return (struct sweep){
		.age_ms = age_ms,
		.end = young_event(w, age_ms),
		.pick = W_PICK_BUILDS,
		.drop = W_DROP_BUILD,
	};
}

static struct sweep sweep_audit(struct writer *w, int64_t age_ms, int64_t through)
{
	int64_t last = query_int(w, W_LAST_AUDIT);

	return (struct sweep){
		.age_ms = age_ms,
		.end = through < last ? through + 1 : last,
		.pick = W_PICK_AUDIT,
		.drop = W_DROP_AUDIT,
		.gapless = true,
	};
}

static struct sweep sweep_ownership(struct writer *w, int64_t age_ms)
{
	return (struct sweep){
		.age_ms = age_ms,
		.end = ownership_seq_at(&w->db, (struct wall){ w->now.ms - age_ms }),
		.pick = W_PICK_OWNERSHIP,
		.drop = W_DROP_OWNERSHIP,
	};
}

static struct sweep sweep_of(
	struct writer *w, enum retain_kind kind, const struct store_retention *r)
{
	switch (kind) {
	case RETAIN_DELIVERIES: return sweep_deliveries(w, r->deliveries_ms, W_PICK_DELIVERIES);
	case RETAIN_DEAD: return sweep_deliveries(w, r->dead_ms, W_PICK_DEAD);
	case RETAIN_EVENTS: return sweep_events(w, r->events_ms, W_PICK_EVENTS);
	case RETAIN_QUARANTINE: return sweep_events(w, r->quarantine_ms, W_PICK_QUARANTINE);
	case RETAIN_AUDIT: return sweep_audit(w, r->audit_ms, r->audit_through);
	case RETAIN_BUILDS: return sweep_builds(w, r->events_ms);
	case RETAIN_OWNERSHIP: return sweep_ownership(w, r->ownership_ms);
	case RETAIN_KINDS: break;
	}
	return (struct sweep){ 0 };
}

static void removed_count(struct writer *w, struct store_removed *n, enum retain_kind kind)
{
	switch (kind) {
	case RETAIN_DELIVERIES: n->deliveries++; return;
	case RETAIN_DEAD:
		n->dead++;
		w->tally.dead--;
		return;
	case RETAIN_EVENTS:
		n->events++;
		w->tally.events--;
		return;
	case RETAIN_QUARANTINE:
		n->quarantined++;
		w->tally.events--;
		place_count(&w->tally, EVENT_QUARANTINED, -1);
		return;
	case RETAIN_AUDIT:
		n->audit++;
		w->tally.audit--;
		return;
	case RETAIN_BUILDS: n->builds++; return;
	case RETAIN_OWNERSHIP: n->ownership++; return;
	case RETAIN_KINDS: return;
	}
}

static bool row_remove(struct writer *w, unsigned drop, int64_t seq)
{
	sqlite3_stmt *st = writer_stmt(w, drop);

	bind_int(st, 1, seq);
	return db_run(&w->db, st) > 0;
}

/* What a step has left to spend, and what it picked. */
struct step {
	struct mono until;
	unsigned rows;
	int64_t pick[STEP_ROWS];
	size_t picked;
};

/* Look at the next rows, and pick those to remove; true if the kind's end was reached. */
static bool step_pick(struct writer *w, const struct sweep *s, struct step *step)
{
	sqlite3_stmt *st = writer_stmt(w, s->pick);

	bind_int(st, 1, w->sweep.after);
	bind_int(st, 2, s->end);
	bind_int(st, 3, w->now.ms - s->age_ms);
	bind_int(st, 4, step->rows);
	step->picked = 0;
	while (db_row(&w->db, st)) {
		bool old = column_int(st, 1) != 0;

		if (!old && s->gapless) {
			db_done(st);
			return true;
		}
		step->rows--;
		w->sweep.after = column_int(st, 0);
		if (old)
			step->pick[step->picked++] = w->sweep.after;
	}
	return step->rows > 0;
}

/* Remove what was picked; false if the time was over before. */
static bool step_remove(
	struct writer *w, const struct sweep *s, struct step *step, struct store_removed *removed)
{
	for (size_t i = 0; i < step->picked; i++) {
		if (i % LOOK_EACH == LOOK_EACH - 1 && clock_mono().ms >= step->until.ms) {
			w->sweep.after = step->pick[i] - 1;
			return false;
		}
		if (row_remove(w, s->drop, step->pick[i]))
			removed_count(w, removed, w->sweep.kind);
	}
	return true;
}

/* Go on with one kind; true if the step may go on with the next. */
static bool step_kind(struct writer *w, const struct store_retention *r, struct step *step,
	struct store_removed *removed)
{
	struct sweep s = sweep_of(w, w->sweep.kind, r);
	bool end = true;

	if (s.age_ms > 0) {
		end = step_pick(w, &s, step);
		if (!step_remove(w, &s, step, removed))
			return false;
	}
	if (!end)
		return false;
	w->sweep.kind++;
	w->sweep.after = 0;
	return step->rows > 0;
}

void write_retain(struct writer *w, struct write_item *it)
{
	struct step step = { .until = { clock_mono().ms + STEP_MS }, .rows = STEP_ROWS };
	struct store_removed *n = &it->removed;
	sqlite3_stmt *st = writer_stmt(w, W_COUNT_REMOVED);

	while (w->sweep.kind < RETAIN_KINDS && step_kind(w, &it->retain, &step, n))
		;
	it->more = w->sweep.kind < RETAIN_KINDS;
	if (!it->more)
		w->sweep.kind = RETAIN_DELIVERIES;
	if (n->events + n->quarantined == 0)
		return;
	bind_int(st, 1, (int64_t)(n->events + n->quarantined));
	db_run(&w->db, st);
}
