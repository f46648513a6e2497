/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/publish_job.h"

#include <stdlib.h>

#include "store/store.h"

struct publish_job *publish_job_new(enum publish_op op)
{
	struct publish_job *j = xcalloc(1, sizeof(*j));

	j->op = op;
	buf_init(&j->note, NOTE_MAX);
	return j;
}

void publish_job_free(struct publish_job *j)
{
	if (j == NULL)
		return;
	buf_release(&j->bytes);
	buf_release(&j->note);
	free(j->entry);
	free(j->why);
	free(j);
}

void publish_job_fill(
	struct publish_job *j, uint64_t index, const struct store_entry *entries, size_t n)
{
	size_t total = 0;
	const char *at;

	for (size_t i = 0; i < n; i++)
		total += entries[i].entry.n;
	buf_init(&j->bytes, total);
	for (size_t i = 0; i < n; i++)
		IGNORE(buf_add_span(&j->bytes, entries[i].entry) != ERR_OK);
	j->entry = xcalloc(n, sizeof(*j->entry));
	at = j->bytes.data;
	for (size_t i = 0; i < n; i++) {
		j->entry[i] = (struct span){ at, entries[i].entry.n };
		at += entries[i].entry.n;
	}
	j->page = (struct log_page){ .first = index, .entry = j->entry, .n = n };
}

void publish_job_do(struct publish_job *j, struct log_writer *w)
{
	switch (j->op) {
	case PUBLISH_OPEN: j->err = log_writer_open(w, &j->memory, &j->why); break;
	case PUBLISH_COMPARE: j->err = log_writer_compare(w, &j->page, &j->why); break;
	case PUBLISH_ADD: j->err = log_writer_add(w, &j->page); break;
	case PUBLISH_SIGN: j->err = log_writer_sign(w, &j->note); break;
	}
	j->size = w->edge->size;
}
