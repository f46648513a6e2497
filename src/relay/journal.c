/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/loop.h"
#include "store/store.h"

#define REFUSALS_BURST 50
#define REFUSALS_PER_S 10
#define RECORD_MAX     (16 * 1024)

struct journal {
	struct loop *loop;
	struct store *store;
	int64_t credit_ms; /* of refusals: each costs 1000 / REFUSALS_PER_S */
	struct mono credited;
	uint64_t unwritten;
};

struct journal *journal_new(struct loop *l, struct store *store)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	*j = (struct journal){ .loop = l, .store = store, .credited = loop_now(l) };
	j->credit_ms = REFUSALS_BURST * 1000 / REFUSALS_PER_S;
	return j;
}

void journal_free(struct journal *j)
{
	free(j);
}

static void on_written(void *ctx, const struct append_answer *a)
{
	(void)ctx;
	if (a->result != APPEND_STORED)
		log_warning("audit.lost", "result=%d", (int)a->result);
}

void journal_write(struct journal *j, struct audit_record *r)
{
	CLEANUP(buf_release) struct buf json;
	struct store_append a = { .audit_n = 1 };
	struct span entry;

	buf_init(&json, RECORD_MAX);
	r->at = clock_wall();
	if (audit_record_write(r, &json) != ERR_OK) {
		log_warning("audit.lost", "action=%s reason=too-long", r->action);
		return;
	}
	entry = buf_span(&json);
	a.audit = &entry;
	if (store_append(j->store, &a, on_written, NULL) != ERR_OK)
		log_warning("audit.lost", "action=%s reason=busy", r->action);
}

static bool refusal_is_affordable(struct journal *j)
{
	const int64_t cost_ms = 1000 / REFUSALS_PER_S, most_ms = REFUSALS_BURST * cost_ms;
	struct mono now = loop_now(j->loop);

	j->credit_ms += now.ms - j->credited.ms;
	j->credited = now;
	if (j->credit_ms > most_ms)
		j->credit_ms = most_ms;
	if (j->credit_ms < cost_ms)
		return false;
	j->credit_ms -= cost_ms;
	return true;
}

void journal_write_limited(struct journal *j, struct audit_record *r)
{
	char detail[64];
	int n;

	if (!refusal_is_affordable(j)) {
		j->unwritten++;
		return;
	}
	if (j->unwritten > 0) {
		n = snprintf(detail, sizeof(detail), "%" PRIu64 " refusals before this not written",
			j->unwritten);
		r->detail = (struct span){ detail, (size_t)n };
		j->unwritten = 0;
	}
	journal_write(j, r);
}
