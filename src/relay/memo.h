/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_MEMO_H
#define RELAY_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * What we believe the store holds for a piece of state, so that a webhook can be
 * judged without asking first. It may be wrong or know nothing: every append
 * names the version it was decided on, and the store refuses it if that is not
 * what it holds. Then the truth comes back, is noted here, and the webhook is
 * judged again.
 *
 * Notes run ahead of the disk: an append under way counts as done, because the
 * store keeps the order of appends; but not where it was decided on without a note,
 * for the version that it guessed may be there with another value. The least recently used note is forgotten
 * when there are too many.
 */
struct memo;

struct memo *memo_new(size_t max);
void memo_free(struct memo *m);

/* Version 0 and an empty value if nothing is noted. Borrowed until the next call. */
int64_t memo_get(struct memo *m, const char *ns, struct span key, struct span *value);
void memo_put(struct memo *m, const char *ns, struct span key, int64_t version, struct span value);
void memo_forget(struct memo *m, const char *ns, struct span key);

#endif
