/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <stdlib.h>
#include <time.h>

#include "base/defs.h"

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void ledger_init(struct ledger *l, size_t first_id, size_t count, size_t sinks)
{
	*l = (struct ledger){ .first_id = first_id, .count = count, .sinks = sinks };
	l->entry = xcalloc(count, sizeof(*l->entry));
	l->delivered = xcalloc(count * sinks, sizeof(*l->delivered));
}

void ledger_release(struct ledger *l)
{
	free(l->delivered);
	free(l->entry);
}

void ledger_send(struct ledger *l, size_t i, int64_t due)
{
	if (l->sent++ == 0)
		l->first_due = due;
	l->entry[i].due = due;
}

void ledger_answer(struct ledger *l, size_t i, int status)
{
	if (status < 200 || status > 299) {
		l->refused++;
		return;
	}
	l->acked++;
	l->last_acked = l->entry[i].acked = now_ns();
}

void ledger_break(struct ledger *l)
{
	l->broken++;
}

void ledger_deliver(struct ledger *l, uint64_t id, size_t sink)
{
	int64_t *delivered;

	if (id < l->first_id || id - l->first_id >= l->count || sink >= l->sinks ||
		l->entry[id - l->first_id].due == 0) {
		l->unknown++;
		return;
	}
	delivered = &l->delivered[(id - l->first_id) * l->sinks + sink];
	if (*delivered != 0) {
		l->duplicates++;
		return;
	}
	l->unique++;
	l->last_delivered = *delivered = now_ns();
}

static size_t missing(const struct ledger *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count * l->sinks; i++)
		n += l->entry[i / l->sinks].acked != 0 && l->delivered[i] == 0;
	return n;
}

bool ledger_is_settled(const struct ledger *l)
{
	return l->acked + l->refused + l->broken == l->sent &&
	       (l->unique >= l->acked * l->sinks && missing(l) == 0);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_latencies(const char *name, int64_t *ns, size_t n, FILE *to)
{
	static const struct {
		const char *name;
		size_t per_mille;
	} quantile[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 } };

	qsort(ns, n, sizeof(*ns), by_size);
	fprintf(to, ",\"%s_us\":{", name);
	for (size_t i = 0; i < ARRAY_SIZE(quantile); i++)
		fprintf(to, "\"%s\":%.1f,", quantile[i].name,
			n == 0 ? 0 : (double)ns[(n - 1) * quantile[i].per_mille / 1000] / 1e3);
	fprintf(to, "\"max\":%.1f}", n == 0 ? 0 : (double)ns[n - 1] / 1e3);
}

static double per_second(size_t n, int64_t from, int64_t to)
{
	return to <= from ? 0 : (double)n * 1e9 / (double)(to - from);
}

void ledger_print(const struct ledger *l, FILE *to)
{
	int64_t *ack = xcalloc(l->count, sizeof(*ack));
	int64_t *e2e = xcalloc(l->count * l->sinks, sizeof(*e2e));
	size_t acks = 0, deliveries = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (l->entry[i].acked != 0)
			ack[acks++] = l->entry[i].acked - l->entry[i].due;
	}
	for (size_t i = 0; i < l->count * l->sinks; i++) {
		if (l->delivered[i] != 0)
			e2e[deliveries++] = l->delivered[i] - l->entry[i / l->sinks].due;
	}
	fprintf(to,
		"{\"sent\":%zu,\"acked\":%zu,\"refused\":%zu,\"broken\":%zu,\"delivered\":%zu,"
		"\"missing\":%zu,\"duplicates\":%zu,\"unknown\":%zu,"
		"\"acked_per_s\":%.1f,\"delivered_per_s\":%.1f",
		l->sent, l->acked, l->refused, l->broken, l->unique, missing(l), l->duplicates,
		l->unknown, per_second(l->acked, l->first_due, l->last_acked),
		per_second(l->unique, l->first_due, l->last_delivered));
	print_latencies("ack", ack, acks, to);
	print_latencies("e2e", e2e, deliveries, to);
	fprintf(to, "}\n");
	free(ack);
	free(e2e);
}
