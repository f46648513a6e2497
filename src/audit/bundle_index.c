/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/bundle_index.h"

#include <inttypes.h>
#include <string.h>

#include "base/printable.h"

static enum err put_bound(const char *word, struct wall t, struct buf *out)
{
	char text[WALL_TEXT_MAX];

	return buf_addf(out, "%s %s\n", word, t.ms == WALL_NONE.ms ? "-" : wall_format(t, text));
}

enum err selection_write(const struct bundle_wish *wish, struct buf *out)
{
	enum err e = put_bound("since", wish->since, out);

	if (e == ERR_OK)
		e = put_bound("until", wish->until, out);
	if (e == ERR_OK)
		e = buf_addf(out, "owner %s\n", wish->owner == NULL ? "-" : wish->owner);
	return e;
}

/* The value of the next line, which begins with word and a blank; "-" is none. */
static enum err next_value(struct span *text, const char *word, struct span *value)
{
	size_t n = strlen(word);
	struct span line;

	if (!note_line(text, &line) || !span_starts(line, word) || line.n < n + 2 ||
		line.p[n] != ' ')
		return ERR_PARSE;
	*value = (struct span){ line.p + n + 1, line.n - n - 1 };
	if (span_is(*value, "-"))
		value->n = 0;
	return ERR_OK;
}

static enum err next_bound(struct span *text, const char *word, struct wall *t)
{
	struct span value;
	enum err e = next_value(text, word, &value);

	*t = WALL_NONE;
	return e != ERR_OK || value.n == 0 ? e : wall_parse(value, t);
}

enum err selection_parse(struct span text, struct bundle_wish *wish, char owner[SELECTION_MAX])
{
	struct span value = { 0 };
	enum err e = next_bound(&text, "since", &wish->since);

	if (e == ERR_OK)
		e = next_bound(&text, "until", &wish->until);
	if (e == ERR_OK)
		e = next_value(&text, "owner", &value);
	if (e != ERR_OK || text.n > 0 || value.n >= SELECTION_MAX)
		return ERR_PARSE;
	memcpy(owner, value.n == 0 ? "" : value.p, value.n);
	owner[value.n] = '\0';
	wish->owner = value.n == 0 ? NULL : owner;
	return ERR_OK;
}

static bool is_within(const struct bundle_wish *wish, struct wall t)
{
	if (wish->since.ms != WALL_NONE.ms && t.ms < wish->since.ms)
		return false;
	return wish->until.ms == WALL_NONE.ms || t.ms < wish->until.ms;
}

bool selection_has(const struct bundle_wish *wish, const struct audit_entry *e, struct map *events)
{
	static char named[] = "named";
	struct span event = e->field[AUDIT_EVENT];

	if (!is_within(wish, e->at))
		return false;
	if (wish->owner == NULL)
		return true;
	if (audit_entry_has_owner(e, span_of(wish->owner))) {
		if (event.n > 0)
			IGNORE(map_put(events, event, named) != NULL);
		return true;
	}
	return event.n > 0 && map_get(events, event) != NULL;
}

enum err index_head(const struct checkpoint *c, struct span selection, struct buf *out)
{
	return buf_addf(out,
		"Audit log %.*s, as of its entry %" PRIu64 "\n\n%.*s\n"
		"Each line is an entry; entries/INDEX.json has all of it, and its receipt is\n"
		"entries/INDEX.tlog-proof. \"stagewirectl audit verify\" checks this file and\n"
		"everything else in the archive.\n\n"
		"INDEX\tTIME\tACTION\tOUTCOME\tREASON\tACTOR\tREPOSITORY\tOWNERS\tSINK\tEVENT\t"
		"DETAIL\n",
		SPAN_ARGS(c->origin), c->size, SPAN_ARGS(selection));
}

/* A foreign text must not break a line or move a terminal's cursor. */
static enum err put_cell(struct span text, const char *after, struct buf *out)
{
	size_t before = out->len;
	enum err e = buf_add_span(out, text.n == 0 ? SPAN("-") : text);

	printable_make(out->data + before, out->len - before, '?');
	return e == ERR_OK ? buf_add_str(out, after) : e;
}

static enum err put_owners(const struct audit_entry *e, struct buf *out)
{
	enum err err = e->owners == 0 ? put_cell(SPAN("-"), "", out) : ERR_OK;

	for (size_t i = 0; i < e->owners && err == ERR_OK; i++)
		err = put_cell(e->owner[i], i + 1 < e->owners ? " " : "", out);
	return err == ERR_OK ? buf_add_str(out, "\t") : err;
}

enum err index_row(uint64_t index, const struct audit_entry *e, struct buf *out)
{
	static const enum audit_field before[] = { AUDIT_ACTION, AUDIT_OUTCOME, AUDIT_REASON,
		AUDIT_ACTOR, AUDIT_REPOSITORY };
	static const enum audit_field behind[] = { AUDIT_SINK, AUDIT_EVENT };
	char time[WALL_TEXT_MAX];
	enum err err = buf_addf(out, "%" PRIu64 "\t%s\t", index, wall_format(e->at, time));

	for (size_t i = 0; i < ARRAY_SIZE(before) && err == ERR_OK; i++)
		err = put_cell(e->field[before[i]], "\t", out);
	if (err == ERR_OK)
		err = put_owners(e, out);
	for (size_t i = 0; i < ARRAY_SIZE(behind) && err == ERR_OK; i++)
		err = put_cell(e->field[behind[i]], "\t", out);
	return err == ERR_OK ? put_cell(e->field[AUDIT_DETAIL], "\n", out) : err;
}
