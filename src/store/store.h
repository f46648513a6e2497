/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

struct loop;

/*
 * The seam behind which everything durable lies. One cut fits an embedded
 * SQLite file and a PostgreSQL cell: every call returns at once and calls back
 * on the loop; back-pressure is an answer, not a wait; nothing promises order
 * across partitions, transactions across partitions or exactly-once.
 *
 * What a call is given is copied before it returns. What a callback is given is
 * borrowed until it returns.
 */
struct store;

enum store_health {
	STORE_OK,
	STORE_READONLY, /* no room: appends answer STORE_RETRY until there is again */
	STORE_DOWN,
};

/* Events are spread over a fixed number of partitions, for ever. */
#define STORE_PARTS 256

/* The partition of an ordering key. */
uint16_t store_part(struct span okey);

/*
 * A piece of shared state: (ns, key) -> value with a version that only grows.
 * In an append, expect is the version that the caller decided on (0: none yet);
 * the put is made with version expect + 1, and where the stored version is
 * another one, the whole append is refused. An empty value removes the key, and
 * its version begins again. ns is not empty.
 */
struct store_put {
	const char *ns;
	struct span key;
	int64_t expect;
	struct span value;
};

/* What the store holds for one of the puts of a refused append. */
struct store_held {
	int64_t version; /* 0: nothing */
	struct span value;
};

enum event_place {
	EVENT_ROUTED,      /* its deliveries were made */
	EVENT_QUARANTINED, /* no entity claims its repository */
	EVENT_WAITING,     /* no catalog was ever loaded when it came */
};

/*
 * An event as it is kept. okey, not empty, orders it; repository, outcome and
 * summary are for lists.
 */
struct store_event {
	uint8_t id[UUID_BYTES]; /* same input, same id: the key by which a repeat is known */
	enum event_place place;
	struct span okey;
	struct span source, type, repository, outcome;
	struct span body; /* the CloudEvent, JSON */
	struct span fact; /* the normalized build, JSON: what correlation starts from */
};

/*
 * A build as it is shown: the latest that is known of it. state and transition
 * are numbers of the caller's, below 32. (host, id) is its name; the repository is "owner/name" as sent, and
 * compared without regard to ASCII case.
 */
struct store_build {
	struct span host;
	int64_t id;
	struct span repository, number, branch;
	unsigned state, transition;
	int64_t attempt;
	struct wall started, finished;
	struct span fact;     /* the normalized build, JSON, as in store_event */
	struct span entities; /* that claimed its repository when it came, JSON; or empty */
	/* Answers only. */
	int64_t event_seq; /* of the event that told the latest */
	struct wall updated;
};

/* Sinks of one event. */
#define STORE_SINKS_MAX 256

/*
 * All or nothing: the event with its deliveries, state, audit entries, and the
 * build that it is of. event may be NULL (audit entries and state only), and so
 * may the rest. A build with an event is the news of it; without one, only its
 * times and fact are brought up to date, where it is known.
 */
struct store_append {
	const struct store_event *event;
	const uint8_t *seen_id;   /* without event: an id to remember as seen; or NULL */
	const char *const *sinks; /* one delivery for each */
	size_t sinks_n;
	const struct store_put *puts;
	size_t puts_n;
	const struct span *audit; /* JSON objects, without "seq" */
	size_t audit_n;
	const struct store_build *build;
};

enum append_result {
	APPEND_STORED,    /* durable */
	APPEND_DUPLICATE, /* this id is durable already; nothing was written */
	APPEND_CONFLICT,  /* a put's version is not what the store holds; nothing was written */
	APPEND_RETRY,     /* not stored, or not known to be: the same append later is safe */
};

struct append_answer {
	enum append_result result;
	int64_t seq;                   /* of the event, where stored */
	const struct store_held *held; /* one for each put, on APPEND_CONFLICT */
};

/* A delivery to be made. tries counts those that ended. */
struct store_delivery {
	uint8_t event_id[UUID_BYTES];
	int64_t event_seq;
	uint16_t part;
	const char *sink;
	struct span okey;
	unsigned tries;
	int64_t wait_ms; /* until it is due; 0 or less: now */
	struct span body;
};

/*
 * Which heads of lanes to claim: deliveries outstanding, due or not, in order of
 * sink, lane and within the lane. Where the answer has more, the next page
 * begins behind the lane of its last delivery.
 */
struct store_claim {
	uint16_t part;
	int64_t token;          /* of the lease "part/N" */
	const char *sink;       /* NULL: all sinks */
	struct span okey;       /* empty: all lanes */
	const char *after_sink; /* with after_okey: only lanes behind this one; or NULL */
	struct span after_okey;
	unsigned per_lane; /* at most so many of each lane; 1: the heads */
	unsigned items_max;
	size_t bytes_max;
};

enum finish_result {
	FINISH_DONE,
	FINISH_RETRY,
	FINISH_WAIT, /* as FINISH_RETRY, but no try is counted: it was not the delivery's fault */
	FINISH_DEAD,
};

/* How a try ended. */
struct store_finish {
	int64_t event_seq;
	const char *sink;
	enum finish_result result;
	int64_t retry_ms;  /* relative: the store's clock decides when that is */
	int status;        /* the sink's, 0: none */
	struct span note;  /* for the operator, one line */
	struct span audit; /* an entry that commits with it; or empty */
};

enum claim_result {
	CLAIM_OK,
	CLAIM_STALE, /* the lease has another token now */
	CLAIM_RETRY,
};

/* Open, and refuse with *why (free(3) it) what is corrupt, newer than us or in use. */
struct store_config {
	const char *path;
	const char *owner;   /* this instance's name in leases */
	size_t inflight_max; /* bytes of appends not yet durable; over it: ERR_BUSY */
};

typedef void (*store_append_cb)(void *ctx, const struct append_answer *a);
typedef void (*store_lease_cb)(void *ctx, bool held, int64_t token);
typedef void (*store_claim_cb)(
	void *ctx, enum claim_result r, const struct store_delivery *d, size_t n, bool more);
typedef void (*store_finish_cb)(void *ctx, enum claim_result r);
typedef void (*store_get_cb)(void *ctx, enum err e, int64_t version, struct span value);

struct store_row {
	struct span key;
	int64_t version;
	struct span value;
};

/* rows in order of key; more: call again with after = the last key. */
typedef void (*store_scan_cb)(
	void *ctx, enum err e, const struct store_row *rows, size_t n, bool more);

MUST_CHECK enum err sqlite_store_open(
	struct loop *l, const struct store_config *conf, struct store **out, char **why);

/* Commit what is under way, answer it, and close. No call may follow. */
void store_close(struct store *s);

enum store_health store_health(const struct store *s);

/* Called on the loop when the health changes. */
void store_on_health(struct store *s, void (*on_health)(void *ctx, enum store_health h), void *ctx);

/*
 * Every call answers ERR_BUSY at once, without callback, when the store is down.
 *
 * 1. Append. All appends of one pass of the loop commit together; on_done runs
 * after the data is durable. ERR_BUSY also while more bytes than inflight_max
 * are under way; ERR_LIMIT for more than STORE_SINKS_MAX sinks.
 */
MUST_CHECK enum err store_append(
	struct store *s, const struct store_append *a, store_append_cb on_done, void *ctx);

/*
 * Move a quarantined or waiting event: give it body, place and deliveries now,
 * and entities to its build, if that has had no later event. CLAIM_STALE if it is
 * not there or was routed meanwhile.
 */
struct store_reroute {
	int64_t event_seq;
	enum event_place place;
	struct span body;
	struct span entities; /* as in store_build */
	const char *const *sinks;
	size_t sinks_n;
	struct span audit;
};

MUST_CHECK enum err store_reroute(
	struct store *s, const struct store_reroute *r, store_finish_cb on_done, void *ctx);

/*
 * Make the deliveries of a routed event to these sinks outstanding again, from
 * their first try on, or for the first time; audit commits with them. One that
 * is outstanding already stays as it is, and where all are, nothing is written:
 * after CLAIM_RETRY the same replay again is safe. CLAIM_STALE if there is no such event
 * or it is parked. on_done is told how many deliveries it made.
 */
struct store_replay {
	int64_t event_seq;
	const char *const *sinks;
	size_t sinks_n;
	struct span audit;
};

typedef void (*store_replay_cb)(void *ctx, enum claim_result r, size_t made);

MUST_CHECK enum err store_replay(
	struct store *s, const struct store_replay *r, store_replay_cb on_done, void *ctx);

/*
 * 2. Lease name for ttl_ms, measured from before this call; asking again renews.
 * The token grows whenever the holder changes, and at every start.
 */
MUST_CHECK enum err store_lease(
	struct store *s, const char *name, int64_t ttl_ms, store_lease_cb on_done, void *ctx);

/* 3. Claim, without a write. The same delivery may be claimed again until it is finished. */
MUST_CHECK enum err store_claim(
	struct store *s, const struct store_claim *c, store_claim_cb on_done, void *ctx);

/*
 * 4. Finish tries of one partition, all in one transaction, together with their
 * audit entries; refused as a whole if the token is stale. A delivery that is
 * done or dead already stays so, without another entry: after CLAIM_RETRY the
 * same finish again is safe.
 */
MUST_CHECK enum err store_finish(struct store *s, uint16_t part, int64_t token,
	const struct store_finish *f, size_t n, store_finish_cb on_done, void *ctx);

/*
 * 5. State. get: ERR_NOTFOUND, with version 0, if there is nothing. put: an
 * unconditional batch of upserts and (empty value) removals; expect is ignored.
 */
MUST_CHECK enum err store_get(
	struct store *s, const char *ns, struct span key, store_get_cb on_done, void *ctx);
MUST_CHECK enum err store_put(struct store *s, const struct store_put *puts, size_t n,
	store_finish_cb on_done, void *ctx);
MUST_CHECK enum err store_scan(struct store *s, const char *ns, struct span after, size_t limit,
	store_scan_cb on_done, void *ctx);

/* 6. Upkeep in one bounded step: checkpoint the log, optimize. */
MUST_CHECK enum err store_maintain(struct store *s, store_finish_cb on_done, void *ctx);

/*
 * How long what is done with is kept, in ms; 0: for ever. What is outstanding
 * or waits for a catalog is never removed, nor an event with deliveries left,
 * nor the newest event and audit entry, whose numbers must not be given again.
 */
struct store_retention {
	int64_t deliveries_ms; /* since they succeeded */
	int64_t dead_ms;       /* since they were given up */
	int64_t events_ms;     /* since they were received; and builds, since the latest of them */
	int64_t quarantine_ms;
	int64_t audit_ms;      /* entries go from the oldest on, without a gap */
	int64_t audit_through; /* only those up to this one: the others are needed yet */
	int64_t ownership_ms;  /* since another state took its place; an entity's newest stays */
};

/* Rows removed. */
struct store_removed {
	size_t deliveries, dead, events, quarantined, audit, builds, ownership;
};

/* more: the sweep is not at its end; call again. */
typedef void (*store_retain_cb)(
	void *ctx, enum claim_result r, const struct store_removed *removed, bool more);

/*
 * Remove what is older than that, in one bounded step of a sweep over all there
 * is. What makes a repeat known and the state of builds stay for ever, and so does
 * what is shown of the newest build of a repository.
 */
MUST_CHECK enum err store_retain(
	struct store *s, const struct store_retention *r, store_retain_cb on_done, void *ctx);

/* Lists for the operator, newest first unless said otherwise. */
enum store_list {
	LIST_EVENTS,
	LIST_QUARANTINE, /* quarantined and waiting events */
	LIST_DELIVERIES, /* of all states */
	LIST_AUDIT,      /* oldest first */
};

struct store_query {
	enum store_list list;
	int64_t cursor;             /* 0: from the start; else the cursor of the last row */
	const uint8_t *event_id;    /* only of this event; or NULL */
	const char *delivery_state; /* LIST_DELIVERIES: "pending", "done", "dead"; or NULL */
	unsigned limit;
};

/* A row of any list as one JSON object, and where the next page begins. */
struct store_item {
	int64_t cursor;
	struct span json;
};

typedef void (*store_query_cb)(
	void *ctx, enum err e, const struct store_item *items, size_t n, bool more);

MUST_CHECK enum err store_query(
	struct store *s, const struct store_query *q, store_query_cb on_done, void *ctx);

/* Events that wait for a catalog or an entity, oldest first, with fact and id. */
struct store_parked {
	int64_t event_seq;
	uint8_t id[UUID_BYTES];
	enum event_place place;
	struct span source, okey, fact, body;
};

typedef void (*store_parked_cb)(
	void *ctx, enum err e, const struct store_parked *p, size_t n, bool more);

MUST_CHECK enum err store_parked(
	struct store *s, int64_t after_seq, unsigned limit, store_parked_cb on_done, void *ctx);

/* Where to look for events. */
enum store_from {
	FROM_ANY,
	FROM_HISTORY, /* routed ones */
	FROM_DEAD,    /* those with a dead letter */
	FROM_PARKED,  /* quarantined and waiting ones */
};

/* Whole events, oldest first, with what became of them. */
struct store_select {
	enum store_from from;
	const uint8_t *event_id;  /* only this one; or NULL */
	struct wall since, until; /* received from since on and before until; or WALL_NONE */
	const char *sink;         /* FROM_DEAD: with a dead letter for this one; or NULL */
	struct span repository;   /* whatever its case; empty: any */
	int64_t after_seq;        /* only later ones */
	unsigned limit;
};

enum sent_state {
	SENT_PENDING,
	SENT_DONE,
	SENT_DEAD,
};

struct store_sent {
	const char *sink;
	enum sent_state state;
	unsigned tries;
	int status;
	struct wall updated;
	struct span note;
};

struct store_found {
	int64_t event_seq;
	uint8_t id[UUID_BYTES];
	enum event_place place;
	struct wall received;
	struct span source, okey, repository, outcome, fact, body;
	const struct store_sent *sent; /* in the order in which they were made */
	size_t sent_n;
};

/*
 * next: where to go on, as after_seq; 0: that was all. A page may have fewer than
 * limit, or none, and yet be followed by another: the work for one is bounded.
 */
typedef void (*store_select_cb)(
	void *ctx, enum err e, const struct store_found *found, size_t n, int64_t next);

MUST_CHECK enum err store_select(
	struct store *s, const struct store_select *q, store_select_cb on_done, void *ctx);
/* Audit entries behind a seq, oldest first, as they were given. */
struct store_entry {
	int64_t seq;
	struct span entry;
};

/* first and last are the seqs of the oldest and newest entry kept; 0 if there is none. */
typedef void (*store_audit_cb)(void *ctx, enum err e, const struct store_entry *entries, size_t n,
	int64_t first, int64_t last);

/* At most limit, and as many as an answer holds; limit may be 0. */
MUST_CHECK enum err store_audit_read(
	struct store *s, int64_t after_seq, unsigned limit, store_audit_cb on_done, void *ctx);

/* Builds looked at for one answer at most, and counted of one repository. */
#define STORE_BUILDS_LOOK 10000

/*
 * Which builds to show. Of these repositories: for one after the other the
 * newest first, that is of the highest id, with offset and limit for each. With
 * an id: those of that id, of all hosts or of one. Else those that changed last
 * first.
 */
struct store_builds_query {
	const struct span *repository; /* "owner/name", in any case */
	size_t repositories;
	int64_t id;         /* or 0 */
	struct span host;   /* with id; or empty */
	uint32_t states;    /* bit n: with state n; 0: all */
	int64_t before_seq; /* without repositories and id: only what changed earlier; or 0 */
	size_t offset;
	unsigned limit;
	bool count; /* also count all builds of the repositories, whatever their state */
};

struct store_builds {
	const struct store_build *build;
	size_t n;
	int64_t total;    /* as counted */
	size_t answered;  /* of the repositories; ask again for the others, if any */
	int64_t next_seq; /* where to go on, as before_seq; 0: that was all */
};

typedef void (*store_builds_cb)(void *ctx, enum err e, const struct store_builds *b);

/* ERR_LIMIT for a limit of 0. */
MUST_CHECK enum err store_builds(
	struct store *s, const struct store_builds_query *q, store_builds_cb on_done, void *ctx);

/*
 * The record of who owned what. A row is a change, or what was there when the
 * record began; the rows of an entity are in the order in which they were learned.
 */
struct store_ownership {
	int64_t seq; /* in answers */
	struct span ref, uid, slug;
	struct span owners; /* refs parted by blanks */
	bool orphan, gone;
	struct wall
		not_before; /* the state before was still read from then on; WALL_NONE: none was */
	struct wall read;   /* the reading that learned of it began */
	struct wall since;  /* and ended: by the caller's clock */
	bool first;         /* in answers: there was no row of this entity before */
	struct span audit;  /* an entry that commits with it; or empty */
};

typedef void (*store_ownership_added_cb)(void *ctx, enum claim_result r, size_t added);

/*
 * Add rows, all or none. One that says nothing else than the newest row of its
 * entity is passed over with its entry, so that the same call again is safe; so
 * is the end of an entity that is not on record. not_before is moved on to the
 * newest row's read.
 */
MUST_CHECK enum err store_ownership_add(struct store *s, const struct store_ownership *rows,
	size_t n, store_ownership_added_cb on_done, void *ctx);

enum store_ownership_which {
	OWNERSHIP_NEWEST, /* the newest row of each entity, in order of ref, behind this ref */
	OWNERSHIP_ALL,    /* the rows of this entity, newest first, older than cursor */
	OWNERSHIP_AROUND, /* its last row learned by that time, if there is one, and the next one */
};

struct store_ownership_query {
	enum store_ownership_which which;
	struct span ref;
	struct wall at;
	int64_t cursor; /* a seq; 0: from the newest */
	unsigned limit;
};

/* begins is when the oldest row there is was learned; WALL_NONE: there is none. */
typedef void (*store_ownership_cb)(void *ctx, enum err e, const struct store_ownership *rows,
	size_t n, bool more, struct wall begins);

MUST_CHECK enum err store_ownership(struct store *s, const struct store_ownership_query *q,
	store_ownership_cb on_done, void *ctx);

/* Counts, kept up to date without scanning. */
struct store_counts {
	int64_t events, quarantined, waiting, pending, dead, audit;
	int64_t oldest_pending_ms; /* age of the oldest outstanding delivery; 0: none */
	size_t inflight;           /* bytes of appends under way */
	uint64_t commits, commit_us_total, commit_us_max; /* group commits made */
};

struct store_counts store_counts(const struct store *s);

/* The version of the library that keeps it, and of the one that it was built with. */
const char *store_library(const char **built);

#endif
