/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/chronicle_entry.h"

#include <stdlib.h>

#include "audit/record.h"
#include "base/buf.h"
#include "base/defs.h"
#include "model/entity.h"

const char *entry_reason(const struct ownership *was, const struct ownership *is)
{
	if (is->gone)
		return "removed";
	if (was == NULL || was->gone)
		return "added";
	if (!span_eq(was->uid, is->uid))
		return "recreated";
	if (is->orphan && !was->orphan)
		return "orphaned";
	if (!span_eq(was->owners, is->owners))
		return "owners";
	return span_eq(was->slug, is->slug) ? "adopted" : "repository";
}

static size_t owners_list(const struct ownership *o, struct span owner[ENTITY_LINKS_MAX])
{
	size_t n = 0, at = 0;

	while (n < ENTITY_LINKS_MAX && ownership_next_owner(o, &at, &owner[n]))
		n++;
	return n;
}

/* The owners are those of now, but of a removed entity those it had. */
static void audit_compose(const struct ownership *was, const struct ownership *is,
	const struct entry_time *t, struct buf *out)
{
	const struct ownership *shown = is->gone && was != NULL ? was : is;
	CLEANUP(buf_release) struct buf detail;
	struct span owner[ENTITY_LINKS_MAX];
	struct audit_record r = {
		.at = t->since,
		.action = "ownership.change",
		.outcome = "success",
		.reason = entry_reason(was, is),
		.actor = SPAN("stagewired"),
		.repository = shown->slug,
		.entity = &is->ref,
		.entities = 1,
		.owner = owner,
		.owners = owners_list(shown, owner),
	};

	buf_init(&detail, AUDIT_ENTRY_MAX / 2);
	if (was != NULL && !is->gone && was->owners.n > 0)
		IGNORE(buf_addf(&detail, "owners were %.*s", SPAN_ARGS(was->owners)) != ERR_OK);
	r.detail = buf_span(&detail);
	if (audit_record_write(&r, out) != ERR_OK)
		buf_clear(out);
}

static struct span copy_in(char **at, struct span s)
{
	struct span copy = { *at, s.n };

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

struct entry *entry_new(const struct ownership *was, const struct ownership *is,
	const struct entry_time *t, bool audited)
{
	CLEANUP(buf_release) struct buf audit;
	struct entry *e;
	char *at;

	buf_init(&audit, AUDIT_ENTRY_MAX);
	if (audited)
		audit_compose(was, is, t, &audit);
	e = xcalloc(1, sizeof(*e) + is->ref.n + is->uid.n + is->slug.n + is->owners.n + audit.len);
	at = e->text;
	e->row = (struct store_ownership){
		.ref = copy_in(&at, is->ref),
		.uid = copy_in(&at, is->uid),
		.slug = copy_in(&at, is->slug),
		.owners = copy_in(&at, is->owners),
		.orphan = is->orphan,
		.gone = is->gone,
		.not_before = t->not_before,
		.read = t->read,
		.since = t->since,
		.audit = copy_in(&at, buf_span(&audit)),
	};
	return e;
}

struct ownership entry_state(const struct store_ownership *row)
{
	return (struct ownership){
		.ref = row->ref,
		.uid = row->uid,
		.slug = row->slug,
		.owners = row->owners,
		.orphan = row->orphan,
		.gone = row->gone,
	};
}
