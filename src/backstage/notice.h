/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_NOTICE_H
#define BACKSTAGE_NOTICE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"
#include "model/cloudevent.h"

/* Backstage's columns hold so many characters; more is a 400. */
#define NOTICE_COLUMN_MAX 255

/*
 * One notification, told of its newest event and of earlier ones that it ends
 * together with. All is borrowed.
 */
struct notice {
	const struct cloudevent_facts *newest;
	const struct span *earlier; /* events as stored, oldest first */
	size_t earlier_n;
	const char *sink; /* by its name the events say whom to tell */
	const char *topic;
	const char *const *recipients; /* of operator events, ended by NULL; or NULL */
};

/*
 * Write the body of POST /api/notifications: recipients are the refs of the
 * entities of all events, which Backstage resolves to people at that moment, and
 * of their authors, as each event is addressed. Backstage tells each of them
 * once. ERR_NOTFOUND if there is no recipient.
 */
MUST_CHECK enum err notice_write(const struct notice *n, struct buf *out);

/* The newest event in one line, cut to what Backstage takes. */
MUST_CHECK enum err notice_title(const struct cloudevent_facts *f, struct buf *out);

/*
 * The same for every result of one line of history, and for all that operators
 * are told of one sink, so that the next one updates it.
 */
MUST_CHECK enum err notice_scope(const struct cloudevent_facts *f, struct buf *out);

/* "low", "normal" or "high". */
const char *notice_severity(const struct cloudevent_facts *f);

#endif
