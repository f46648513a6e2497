/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_PUBLISH_JOB_H
#define AUDIT_PUBLISH_JOB_H

#include "audit/writer.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/worker.h"

struct store_entry;

/* What the publisher has its thread do; one job at a time. */
enum publish_op {
	PUBLISH_OPEN,
	PUBLISH_COMPARE,
	PUBLISH_ADD,
	PUBLISH_SIGN,
};

struct publish_job {
	struct worker_job job;
	enum publish_op op;
	struct log_memory memory; /* PUBLISH_OPEN; borrowed */
	struct log_page page;     /* PUBLISH_COMPARE, PUBLISH_ADD */
	struct span *entry;       /* of the page; heap */
	struct buf bytes;         /* of its entries */

	enum err err;
	char *why;       /* to free(3), with ERR_AUTH */
	struct buf note; /* PUBLISH_SIGN */
	uint64_t size;   /* of the log, afterwards */
};

struct publish_job *publish_job_new(enum publish_op op);
void publish_job_free(struct publish_job *j);

/* Copy n entries into the page, the first of which has this index. */
void publish_job_fill(
	struct publish_job *j, uint64_t index, const struct store_entry *entries, size_t n);

/* On the thread: do it. */
void publish_job_do(struct publish_job *j, struct log_writer *w);

#endif
