/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_NOTICE_H
#define BACKSTAGE_NOTICE_H

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "model/cloudevent.h"

/* Backstage's columns hold so many characters; more is a 400. */
#define NOTICE_COLUMN_MAX 255

/*
 * Write the body of POST /api/notifications for an event: recipients are the
 * entities' refs, which Backstage resolves to people at that moment.
 */
MUST_CHECK enum err notice_write(
	const struct cloudevent_facts *f, const char *topic, struct buf *out);

/* "acme/parcel-api: main is broken (build 42 failed)". */
MUST_CHECK enum err notice_title(const struct cloudevent_facts *f, struct buf *out);

/* The same for every result of one line of history, so that the next one updates it. */
MUST_CHECK enum err notice_scope(const struct cloudevent_facts *f, struct buf *out);

/* "low", "normal", "high" or "critical". */
const char *notice_severity(const struct cloudevent_facts *f);

#endif
