/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_ORDER_H
#define CTL_ORDER_H

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "ctl/wish.h"

/* What is sent for a wish: the query of a list, with its '?', and the bodies of orders. */
MUST_CHECK enum err order_query(const struct wish *w, struct buf *out);
MUST_CHECK enum err order_reason(const struct wish *w, struct buf *out);
MUST_CHECK enum err order_replay(const struct wish *w, struct buf *out);

/* Reads the file that the wish names; on failure *why (free(3) it) is one line. */
MUST_CHECK enum err order_routes_test(const struct wish *w, struct buf *out, char **why);

/* The same; ERR_PARSE if the file cannot be read. */
MUST_CHECK enum err order_policy_test(const struct wish *w, struct buf *out, char **why);

#endif
