/* SPDX-License-Identifier: Apache-2.0 */
#include "model/trigger.h"

#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

#define TEXT_MAX (64 * 1024)

static const char *const states[] = {
	[TRIGGER_ACCEPTED] = "accepted",
	[TRIGGER_ASKED] = "asked",
	[TRIGGER_REQUESTED] = "requested",
	[TRIGGER_BUILT] = "built",
	[TRIGGER_REFUSED] = "refused",
	[TRIGGER_FAILED] = "failed",
	[TRIGGER_UNCERTAIN] = "uncertain",
};

/* One table serves writing and reading. */
static const struct {
	const char *name;
	size_t offset;
} text_fields[] = {
	{ "id", offsetof(struct trigger, id) },
	{ "entity", offsetof(struct trigger, entity) },
	{ "repository", offsetof(struct trigger, repository) },
	{ "source", offsetof(struct trigger, source) },
	{ "host", offsetof(struct trigger, host) },
	{ "principal", offsetof(struct trigger, principal) },
	{ "on_behalf_of", offsetof(struct trigger, behalf) },
	{ "token", offsetof(struct trigger, token) },
	{ "rule", offsetof(struct trigger, rule) },
	{ "branch", offsetof(struct trigger, branch) },
	{ "message", offsetof(struct trigger, message) },
	{ "merge_mode", offsetof(struct trigger, merge_mode) },
	{ "note", offsetof(struct trigger, note) },
};

void trigger_init(struct trigger *t)
{
	*t = (struct trigger){ .created = WALL_NONE, .updated = WALL_NONE };
	buf_init(&t->text, TEXT_MAX);
}

void trigger_release(struct trigger *t)
{
	buf_release(&t->text);
}

const char *trigger_state_str(enum trigger_state s)
{
	return states[s];
}

bool trigger_is_over(const struct trigger *t)
{
	return t->state > TRIGGER_REQUESTED;
}

bool trigger_counts(const struct trigger *t)
{
	return t->state != TRIGGER_REFUSED && t->state != TRIGGER_FAILED;
}

enum err trigger_write(const struct trigger *t, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "action", access_action_str(t->action));
	json_member_str(&w, "state", trigger_state_str(t->state));
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++)
		json_member_opt(&w, text_fields[i].name,
			*(const struct span *)(const void *)((const char *)t +
							     text_fields[i].offset));
	if (t->variables.n > 0) {
		json_key(&w, "variables");
		json_put_raw(&w, t->variables);
	}
	json_member_int(&w, "request", t->request);
	json_key(&w, "builds");
	json_array_begin(&w);
	for (size_t i = 0; i < t->builds; i++)
		json_put_int(&w, t->build[i]);
	json_array_end(&w);
	json_member_wall(&w, "created", t->created);
	json_member_wall(&w, "updated", t->updated);
	json_object_end(&w);
	return json_done(&w);
}

/* Append to text, which has room for all of it, and point there. */
static enum err text_read(struct trigger *t, struct json_value v, struct span *to)
{
	size_t before = t->text.len;
	enum err e = json_string(v, &t->text);

	if (e == ERR_OK)
		*to = (struct span){ t->text.data + before, t->text.len - before };
	return e;
}

static enum err texts_read(struct trigger *t, struct json_value root)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < ARRAY_SIZE(text_fields); i++) {
		struct span *to = (struct span *)(void *)((char *)t + text_fields[i].offset);
		struct json_value v;

		if (json_get(root, text_fields[i].name, &v))
			e = text_read(t, v, to);
	}
	return e;
}

static enum err variables_read(struct trigger *t, struct json_value root)
{
	size_t before = t->text.len;
	struct json_value v;
	enum err e;

	if (!json_get(root, "variables", &v))
		return ERR_OK;
	if (v.type != JSON_OBJECT)
		return ERR_PARSE;
	e = buf_add_span(&t->text, v.text);
	if (e == ERR_OK)
		t->variables = (struct span){ t->text.data + before, v.text.n };
	return e;
}

static enum err builds_read(struct trigger *t, struct json_value root)
{
	struct json_value list, v;
	struct json_iter it;

	if (!json_get(root, "builds", &list) || list.type != JSON_ARRAY)
		return ERR_PARSE;
	it = json_iter(list);
	while (t->builds < TRIGGER_BUILDS && json_next_element(&it, &v)) {
		if (json_int(v, &t->build[t->builds++]) != ERR_OK)
			return ERR_PARSE;
	}
	return ERR_OK;
}

static enum err words_read(struct trigger *t, struct json_value root)
{
	struct json_value v;
	struct span word;
	size_t i = 0;

	if (!json_get(root, "action", &v) || json_plain(v, &word) != ERR_OK ||
		access_action_parse(word, &t->action) != ERR_OK)
		return ERR_PARSE;
	if (!json_get(root, "state", &v) || json_plain(v, &word) != ERR_OK)
		return ERR_PARSE;
	while (i < ARRAY_SIZE(states) && !span_is(word, states[i]))
		i++;
	if (i == ARRAY_SIZE(states))
		return ERR_PARSE;
	t->state = (enum trigger_state)i;
	return ERR_OK;
}

static enum err time_read(struct json_value root, const char *name, struct wall *t)
{
	struct json_value v;
	struct span text;

	if (!json_get(root, name, &v) || json_plain(v, &text) != ERR_OK)
		return ERR_PARSE;
	return wall_parse(text, t);
}

enum err trigger_read(struct span json, struct trigger *t)
{
	struct json_value root, v;
	enum err e = json_gate(json, NULL, NULL);

	if (e != ERR_OK)
		return e;
	/* All at once: spans into it must not move. */
	if (buf_room(&t->text, json.n) == NULL)
		return ERR_LIMIT;
	root = json_root(json);
	e = words_read(t, root);
	if (e == ERR_OK)
		e = texts_read(t, root);
	if (e == ERR_OK)
		e = variables_read(t, root);
	if (e == ERR_OK)
		e = builds_read(t, root);
	if (e == ERR_OK)
		e = time_read(root, "created", &t->created);
	if (e == ERR_OK)
		e = time_read(root, "updated", &t->updated);
	if (e == ERR_OK && json_get(root, "request", &v))
		e = json_int(v, &t->request);
	return e;
}
