/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * When each request was due, acknowledged and delivered, in nanoseconds of one
 * CLOCK_MONOTONIC. Latencies count from when a request was due, not from when
 * it could be written, so that a server that stalls cannot hide the wait of
 * those behind (coordinated omission).
 */
struct ledger_entry {
	int64_t due, acked; /* 0: not yet */
};

struct ledger {
	struct ledger_entry *entry;
	int64_t *delivered;     /* for each entry, to each sink; 0: not yet */
	size_t first_id, count; /* ids first_id to first_id + count - 1 */
	size_t sinks;           /* that each of them is to reach */
	size_t sent, acked, refused, broken;
	size_t unique, duplicates, unknown;
	int64_t first_due, last_acked, last_delivered;
};

int64_t now_ns(void);

void ledger_init(struct ledger *l, size_t first_id, size_t count, size_t sinks);
void ledger_release(struct ledger *l);

/* Request i is due at that time. */
void ledger_send(struct ledger *l, size_t i, int64_t due);

/* The answer to request i is complete. */
void ledger_answer(struct ledger *l, size_t i, int status);

/* The connection broke before the answer to a request was complete. */
void ledger_break(struct ledger *l);

/* A sink, by its number from 0, was told of build id. */
void ledger_deliver(struct ledger *l, uint64_t id, size_t sink);

/* Is everything sent answered, and everything acknowledged delivered? */
bool ledger_is_settled(const struct ledger *l);

/* Print one line of JSON: counts, rates, exact percentiles in microseconds. */
void ledger_print(const struct ledger *l, FILE *to);

#endif
