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

static bool get_path(struct json_value root, const char *const path[3], struct json_value *v)
{
	*v = root;
	for (size_t i = 0; i < 3 && path[i] != NULL; i++) {
		if (!json_get(*v, path[i], v))
			return false;
	}
	return path[0] != NULL;
}

static void read_resources(struct audit_entry *e, struct json_value root)
{
	struct json_value list, one, uid, type;
	struct json_iter it;

	if (!json_get(root, "resources", &list) || list.type != JSON_ARRAY)
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

enum err audit_entry_read(struct span json, struct audit_entry *e)
{
	static const char *const user[3] = { "actor", "user", "uid" };
	struct json_value root, v;

	e->owners = 0;
	e->seq = 0;
	buf_clear(&e->words);
	if (json_gate(json, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(json);
	if (root.type != JSON_OBJECT || !json_get(root, "time", &v) ||
		json_int(v, &e->at.ms) != ERR_OK)
		return ERR_PARSE;
	if (json_get(root, "seq", &v) && json_int(v, &e->seq) != ERR_OK)
		return ERR_PARSE;
	for (size_t i = 0; i < AUDIT_FIELDS; i++)
		e->field[i] = get_path(root, paths[i], &v) ? text_of(e, v) : (struct span){ 0 };
	if (get_path(root, user, &v))
		e->field[AUDIT_ACTOR] = user_of(e, v);
	read_resources(e, root);
	return e->field[AUDIT_ACTION].n > 0 ? ERR_OK : ERR_PARSE;
}

bool audit_entry_has_owner(const struct audit_entry *e, struct span owner)
{
	for (size_t i = 0; i < e->owners; i++) {
		if (span_eq(e->owner[i], owner))
			return true;
	}
	return false;
}
