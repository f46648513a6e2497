/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/entry.h"

#include <string.h>

#include "audit/record.h"
#include "base/json_gate.h"
#include "base/json_read.h"

/* Room for all words of an entry, made once: spans into it must not move. */
#define WORDS_MAX ((size_t)AUDIT_ENTRY_MAX)

/* Where a field is, a member in a member in a member. */
static const char *const paths[AUDIT_FIELDS][3] = {
	[AUDIT_ACTION] = { "api", "operation" },
	[AUDIT_OUTCOME] = { "unmapped", "policy", "decision" },
	[AUDIT_REASON] = { "status_detail" },
	[AUDIT_ACTOR] = { "actor", "app_name" },
	[AUDIT_ADDRESS] = { "src_endpoint", "ip" },
	[AUDIT_EVENT] = { "metadata", "correlation_uid" },
	[AUDIT_SOURCE] = { "src_endpoint", "svc_name" },
	[AUDIT_SINK] = { "dst_endpoint", "svc_name" },
	[AUDIT_BUILD] = { "unmapped", "build" },
	[AUDIT_STATUS] = { "status_code" },
	[AUDIT_DETAIL] = { "message" },
};

void audit_entry_init(struct audit_entry *e)
{
	*e = (struct audit_entry){ .at = WALL_NONE };
	buf_init(&e->words, WORDS_MAX);
	IGNORE(buf_room(&e->words, WORDS_MAX) == NULL);
}

void audit_entry_release(struct audit_entry *e)
{
	buf_release(&e->words);
}

/* The text of a string; empty if it is none. */
static struct span text_of(struct audit_entry *e, struct json_value v)
{
	size_t before = e->words.len;
	struct span s;

	if (json_plain(v, &s) == ERR_OK)
		return s;
	if (v.type != JSON_STRING || json_string(v, &e->words) != ERR_OK)
		return (struct span){ 0 };
	return (struct span){ e->words.data + before, e->words.len - before };
}

/* As the record had it, "uid:0". */
static struct span user_of(struct audit_entry *e, struct json_value uid)
{
	size_t before = e->words.len;

	if (buf_add_str(&e->words, "uid:") != ERR_OK || json_string(uid, &e->words) != ERR_OK)
		return (struct span){ 0 };
	return (struct span){ e->words.data + before, e->words.len - before };
}

static void read_resources(struct audit_entry *e, struct json_value list)
{
	struct json_value one, uid, type;
	struct json_iter it;

	if (list.type != JSON_ARRAY)
		return;
	it = json_iter(list);
	while (json_next_element(&it, &one)) {
		struct span is;

		if (!json_get(one, "uid", &uid) || !json_get(one, "type", &type))
			continue;
		is = text_of(e, type);
		if (span_is(is, AUDIT_TYPE_REPOSITORY))
			e->field[AUDIT_REPOSITORY] = text_of(e, uid);
		else if (span_is(is, AUDIT_TYPE_OWNER) && e->owners < AUDIT_ENTRY_OWNERS)
			e->owner[e->owners++] = text_of(e, uid);
	}
}

/* Take what is wanted of one member of the entry, each of which is come to once. */
static enum err read_member(struct audit_entry *e, struct span name, struct json_value v)
{
	struct json_value user, uid;

	for (size_t i = 0; i < AUDIT_FIELDS; i++) {
		struct json_value in = v;
		bool there = paths[i][0] != NULL && json_name_is(name, paths[i][0]);

		for (size_t step = 1; there && step < 3 && paths[i][step] != NULL; step++)
			there = json_get(in, paths[i][step], &in);
		if (there)
			e->field[i] = text_of(e, in);
	}
	if (json_name_is(name, "time"))
		return json_int(v, &e->at.ms);
	if (json_name_is(name, "seq"))
		return json_int(v, &e->seq);
	if (json_name_is(name, "resources"))
		read_resources(e, v);
	else if (json_name_is(name, "actor") && json_get(v, "user", &user) &&
		 json_get(user, "uid", &uid))
		e->field[AUDIT_ACTOR] = user_of(e, uid);
	return ERR_OK;
}

enum err audit_entry_read(struct span json, struct audit_entry *e)
{
	struct json_value root, v;
	struct json_iter it;
	struct span name;
	enum err err = ERR_OK;

	memset(e->field, 0, sizeof(e->field));
	e->owners = 0;
	e->seq = 0;
	e->at = WALL_NONE;
	buf_clear(&e->words);
	if (json_gate(json, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(json);
	if (root.type != JSON_OBJECT)
		return ERR_PARSE;
	it = json_iter(root);
	while (err == ERR_OK && json_next_member(&it, &name, &v))
		err = read_member(e, name, v);
	if (err != ERR_OK || e->at.ms == WALL_NONE.ms || e->field[AUDIT_ACTION].n == 0)
		return ERR_PARSE;
	return ERR_OK;
}

bool audit_entry_has_owner(const struct audit_entry *e, struct span owner)
{
	for (size_t i = 0; i < e->owners; i++) {
		if (span_eq(e->owner[i], owner))
			return true;
	}
	return false;
}
