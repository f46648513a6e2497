/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_WRITE_H
#define STORE_SQLITE_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/worker.h"
#include "store/arena.h"
#include "store/sqlite_clock.h"
#include "store/sqlite_db.h"
#include "store/store.h"

/* The write side: what runs on the writer's thread. */

enum write_op {
	WRITE_APPEND,
	WRITE_REROUTE,
	WRITE_REPLAY,
	WRITE_FINISH,
	WRITE_PUT,
	WRITE_OWNERSHIP,
	WRITE_RETAIN,
	WRITE_MAINTAIN,
	WRITE_CHECKPOINT, /* bring the rest of the log into the file and start it anew */
	WRITE_PROBE,      /* is there room again? */
};

/* A call on its way to the thread and back; mem holds all that it points at. */
struct write_item {
	struct write_item *next;
	enum write_op op;
	struct arena mem;
	size_t inflight; /* bytes counted as such until it is answered */
	union {
		struct store_append append;
		struct store_reroute reroute;
		struct store_replay replay;
		struct store_retention retain;
		struct {
			int64_t token;
			struct store_finish *list;
			size_t n;
		} finish;
		struct {
			struct store_put *list;
			size_t n;
		} put;
		struct {
			struct store_ownership *list;
			size_t n;
		} ownership;
	};

	struct append_answer answer;  /* WRITE_APPEND */
	enum claim_result result;     /* the others */
	size_t made;                  /* WRITE_REPLAY, WRITE_OWNERSHIP */
	struct store_removed removed; /* WRITE_RETAIN, and so is more */
	bool more;

	union {
		store_append_cb on_append;
		store_replay_cb on_replay;
		store_retain_cb on_retain;
		store_ownership_added_cb on_added;
		store_finish_cb on_done;
	};
	void *ctx;
};

/* What a transaction changed in the counts. */
struct tally {
	int64_t events, quarantined, waiting, pending, dead, audit;
};

/* All calls of one pass of the loop, and what the loop is told with their answers. */
struct write_batch {
	struct worker_job job;
	struct write_item *first;
	struct tally tally;
	int64_t oldest_ms; /* when the oldest outstanding delivery was made; 0: none */
	int64_t commit_us; /* of the commit that ended here; -1: none did */
	bool full;         /* there is no room */
	int log_pages;     /* of the log, not yet brought into the file */
};

/* What retention looks at, one kind after the other. */
enum retain_kind {
	RETAIN_DELIVERIES,
	RETAIN_DEAD,
	RETAIN_EVENTS,
	RETAIN_QUARANTINE,
	RETAIN_AUDIT,
	RETAIN_BUILDS,
	RETAIN_OWNERSHIP,
	RETAIN_KINDS,
};

struct writer {
	struct db db;
	struct store_clock *clock;
	int64_t token; /* of all leases: the number of this start */
	bool full;
	int log_pages;
	struct wall now;    /* of the group being written */
	struct tally tally; /* of the group being written */
	struct {
		enum retain_kind kind;
		int64_t after; /* the last number looked at */
	} sweep;
};

/* Statements for the connection in w->db. */
MUST_CHECK enum err writer_prepare(struct writer *w, char **why);

/* Write jobs, a list of struct write_batch, as one group in one transaction. */
void writer_work(struct writer *w, struct worker_job *jobs);

/* When the oldest outstanding delivery was made, in ms; 0: there is none. */
int64_t writer_oldest(struct writer *w);

#endif
