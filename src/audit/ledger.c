/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/ledger.h"

#include <string.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

void ledger_init(struct ledger *l)
{
	*l = (struct ledger){ 0 };
	buf_init(&l->checkpoint, NOTE_MAX);
}

void ledger_release(struct ledger *l)
{
	buf_release(&l->checkpoint);
}

enum err ledger_write(const struct ledger *l, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "origin", l->origin);
	json_member_int(&w, "from", l->from);
	json_member_int(&w, "open", l->open);
	json_member_int(&w, "after", l->after);
	json_member_int(&w, "doubtful", l->doubtful);
	json_member_str(&w, "opening", l->opening);
	json_member_span(&w, "checkpoint", buf_span(&l->checkpoint));
	json_object_end(&w);
	return json_done(&w);
}

static enum err read_text(struct json_value root, const char *name, char *text, size_t max)
{
	CLEANUP(buf_release) struct buf b;
	struct json_value v;

	buf_init(&b, max - 1);
	if (!json_get(root, name, &v) || json_string(v, &b) != ERR_OK)
		return ERR_PARSE;
	memcpy(text, b.data, b.len + 1);
	return ERR_OK;
}

static enum err read_int(struct json_value root, const char *name, int64_t *n)
{
	struct json_value v;

	return json_get(root, name, &v) ? json_int(v, n) : ERR_PARSE;
}

enum err ledger_read(struct span json, struct ledger *l)
{
	struct json_value root, v;

	if (json_gate(json, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(json);
	if (read_text(root, "origin", l->origin, sizeof(l->origin)) != ERR_OK ||
		read_text(root, "opening", l->opening, sizeof(l->opening)) != ERR_OK ||
		read_int(root, "from", &l->from) != ERR_OK ||
		read_int(root, "open", &l->open) != ERR_OK ||
		read_int(root, "after", &l->after) != ERR_OK ||
		read_int(root, "doubtful", &l->doubtful) != ERR_OK)
		return ERR_PARSE;
	buf_clear(&l->checkpoint);
	return json_get(root, "checkpoint", &v) ? json_string(v, &l->checkpoint) : ERR_PARSE;
}

int64_t ledger_seq(const struct ledger *l, uint64_t index)
{
	int64_t i = (int64_t)index;

	if (i == 0)
		return l->open;
	return i <= l->open - l->from ? l->from + i - 1 : l->from + i;
}

uint64_t ledger_index(const struct ledger *l, int64_t seq)
{
	if (seq == l->open)
		return 0;
	return (uint64_t)(seq < l->open ? seq - l->from + 1 : seq - l->from);
}

int64_t ledger_unpublished(const struct ledger *l)
{
	struct span note = buf_span(&l->checkpoint), line;
	struct checkpoint c;

	/* It was signed when it was kept, so its first three lines are enough. */
	for (int i = 0; i < 3; i++) {
		if (!note_line(&note, &line))
			return l->from;
	}
	note = (struct span){ l->checkpoint.data, (size_t)(note.p - l->checkpoint.data) };
	if (checkpoint_parse(note, &c) != ERR_OK || l->open == 0)
		return l->from;
	return ledger_seq(l, c.size);
}
