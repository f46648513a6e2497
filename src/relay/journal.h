/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_JOURNAL_H
#define RELAY_JOURNAL_H

#include "audit/record.h"
#include "base/clock.h"

struct loop;
struct store;

/*
 * Audit entries of decisions that change nothing else: refusals, reloads, start
 * and stop. What has a fact commits with it instead.
 *
 * Anybody can make us refuse, so refusals are written at a bounded rate: a
 * burst, then so many a second; the next one written tells how many were not.
 */
struct journal;

struct journal *journal_new(struct loop *l, struct store *store);
void journal_free(struct journal *j);

/* Fills in the time. */
void journal_write(struct journal *j, struct audit_record *r);
void journal_write_limited(struct journal *j, struct audit_record *r);

#endif
