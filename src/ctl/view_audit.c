/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "audit/entry.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "ctl/table.h"
#include "ctl/view.h"

static const char *const heading[] = { "SEQ", "TIME", "ACTION", "OUTCOME", "REASON", "ACTOR",
	"EVENT", "SINK", "REPOSITORY", "OWNERS", "DETAIL" };

static void add_cell(struct table *t, struct span s, struct buf *text)
{
	buf_clear(text);
	IGNORE(buf_add_span(text, s) != ERR_OK);
	table_add(t, text->data);
}

static void add_owners(struct table *t, const struct audit_entry *e, struct buf *text)
{
	buf_clear(text);
	for (size_t i = 0; i < e->owners; i++)
		IGNORE(buf_addf(text, "%s%.*s", i == 0 ? "" : " ", SPAN_ARGS(e->owner[i])) !=
			ERR_OK);
	table_add(t, text->data);
}

static void add_row(struct table *t, const struct audit_entry *e, struct buf *text)
{
	static const enum audit_field before[] = { AUDIT_ACTION, AUDIT_OUTCOME, AUDIT_REASON,
		AUDIT_ACTOR, AUDIT_EVENT, AUDIT_SINK, AUDIT_REPOSITORY };
	char number[24], time[WALL_TEXT_MAX];

	snprintf(number, sizeof(number), "%" PRId64, e->seq);
	table_add(t, number);
	table_add(t, wall_format(e->at, time));
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		add_cell(t, e->field[before[i]], text);
	add_owners(t, e, text);
	add_cell(t, e->field[AUDIT_DETAIL], text);
}

enum err view_audit(struct span json, FILE *to)
{
	const struct json_limits generous = { .depth = 64, .values = 4000000 };
	CLEANUP(audit_entry_release) struct audit_entry e;
	CLEANUP(buf_release) struct buf text;
	struct json_value items, v;
	struct json_iter it;
	struct table *t;
	enum err err = ERR_OK;

	audit_entry_init(&e);
	buf_init(&text, 64 * 1024);
	if (json_gate(json, &generous, NULL) != ERR_OK ||
		!json_get(json_root(json), "items", &items) || items.type != JSON_ARRAY)
		return ERR_PARSE;
	t = table_new(heading, ARRAY_SIZE(heading));
	it = json_iter(items);
	while (err == ERR_OK && json_next_element(&it, &v)) {
		err = audit_entry_read(v.text, &e);
		if (err == ERR_OK)
			add_row(t, &e, &text);
	}
	if (err == ERR_OK)
		table_print(t, "no audit entries", to);
	table_free(t);
	return err;
}
