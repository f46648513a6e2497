/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_READ_H
#define STORE_SQLITE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "io/worker.h"
#include "store/arena.h"
#include "store/sqlite_clock.h"
#include "store/sqlite_db.h"
#include "store/store.h"

/* The read side: what runs on the reader's thread. */

enum read_op {
	READ_CLAIM,
	READ_GET,
	READ_SCAN,
	READ_PARKED,
	READ_QUERY,
	READ_SELECT,
	READ_AUDIT,
	READ_BUILDS,
	READ_OWNERSHIP,
	READ_CHECKPOINT, /* bring the log into the file while the writer goes on */
};

struct read_scan {
	const char *ns;
	struct span key; /* to get, or to begin after */
	size_t limit;
};

struct read_parked {
	int64_t after_seq;
	unsigned limit;
};

struct read_audit {
	int64_t after_seq;
	unsigned limit;
	int64_t first, last; /* the answer beside its rows */
};

struct read_builds {
	struct store_builds_query query;
	struct store_builds answer; /* but for the rows */
};

struct read_ownership {
	struct store_ownership_query query;
	struct wall begins; /* the answer beside its rows */
};

/* A call on its way to the thread and back; mem holds all that it points at. */
struct read_item {
	struct read_item *next;
	enum read_op op;
	struct arena mem;
	union {
		struct store_claim claim;
		struct read_scan scan;
		struct read_parked parked;
		struct store_query query;
		struct store_select select;
		struct read_audit audit;
		struct read_builds builds;
		struct read_ownership ownership;
	};

	enum err err; /* ERR_BUSY: try again */
	bool stale;   /* READ_CLAIM: another token holds */
	bool more;
	int64_t resume; /* READ_SELECT: where to go on; 0: nowhere */
	void *rows;     /* of the struct that the callback takes; heap */
	size_t n, cap;

	union {
		store_claim_cb on_claim;
		store_get_cb on_get;
		store_scan_cb on_scan;
		store_parked_cb on_parked;
		store_query_cb on_query;
		store_select_cb on_select;
		store_audit_cb on_audit;
		store_builds_cb on_builds;
		store_ownership_cb on_ownership;
	};
	void *ctx;
};

/* All calls of one pass of the loop. */
struct read_batch {
	struct worker_job job;
	struct read_item *first;
};

struct reader {
	struct db db;
	struct store_clock *clock;
	int64_t token; /* of all leases: the number of this start */
	struct wall now;
};

MUST_CHECK enum err reader_prepare(struct reader *r, char **why);

/* Do jobs, a list of struct read_batch, on one snapshot of the data. */
void reader_work(struct reader *r, struct worker_job *jobs);

/* Room for one more row of so many bytes, zeroed; it moves at the next call. */
void *item_row(struct read_item *it, size_t size);

/* Is the answer as large as an answer may become? */
bool item_is_large(const struct read_item *it);

/*
 * A statement for one call, to be finalized. One that fails to prepare is NULL,
 * and the failure is in r->db.
 */
sqlite3_stmt *read_prepare(struct reader *r, const char *sql);

/* READ_QUERY, in sqlite_list.c. */
void read_query(struct reader *r, struct read_item *it);

/* READ_SELECT, in sqlite_select.c. */
void read_select(struct reader *r, struct read_item *it);

/* READ_BUILDS, in sqlite_builds.c. */
void read_builds(struct reader *r, struct read_item *it);

/* READ_OWNERSHIP, in sqlite_ownership.c. */
void read_ownership(struct reader *r, struct read_item *it);

/* The number of an event; 0 if none of this id was kept. It may have been removed since. */
int64_t read_event_seq(struct reader *r, const uint8_t *id);

/* Is this a state of deliveries? NULL, which is all of them, is. */
bool list_knows_state(const char *name);

#endif
