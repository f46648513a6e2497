/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>

/* More than json_gate() ever lets through, so that json-c never has to judge. */
#define JDOC_DEPTH 256

static void tokener_freep(struct json_tokener **t)
{
	if (*t != NULL)
		json_tokener_free(*t);
}

enum err jdoc_parse(struct span text, const struct json_limits *limits, struct json_object **root)
{
	CLEANUP(tokener_freep) struct json_tokener *t = NULL;
	struct json_object *o;
	enum err e;

	e = json_gate(text, limits, NULL);
	if (e != ERR_OK)
		return e;
	if (text.n > INT_MAX)
		return ERR_LIMIT;
	t = json_tokener_new_ex(JDOC_DEPTH);
	if (t == NULL)
		return ERR_IO;
	o = json_tokener_parse_ex(t, text.p, (int)text.n);
	/* A number alone only ends where the text does: say so. */
	if (json_tokener_get_error(t) == json_tokener_continue)
		o = json_tokener_parse_ex(t, "", 1);
	if (json_tokener_get_error(t) != json_tokener_success) {
		json_object_put(o);
		return ERR_PARSE;
	}
	*root = o;
	return ERR_OK;
}

void jdoc_free(struct json_object *root)
{
	json_object_put(root);
}

struct json_object *jdoc_member(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	return json_object_object_get_ex(o, name, &member) ? member : NULL;
}

struct json_object *jdoc_get(struct json_object *o, const char *path)
{
	char name[128];

	while (o != NULL && path != NULL) {
		const char *dot = strchr(path, '.');
		size_t n = dot == NULL ? strlen(path) : (size_t)(dot - path);

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		o = jdoc_member(o, name);
		path = dot == NULL ? NULL : dot + 1;
	}
	return o;
}

const char *jdoc_text(struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

int64_t jdoc_int(struct json_object *o, int64_t otherwise)
{
	return json_object_is_type(o, json_type_int) ? json_object_get_int64(o) : otherwise;
}

bool jdoc_is_true(struct json_object *o)
{
	return json_object_is_type(o, json_type_boolean) && json_object_get_boolean(o);
}

bool jdoc_is_array(struct json_object *o)
{
	return json_object_is_type(o, json_type_array);
}

size_t jdoc_count(struct json_object *o)
{
	return jdoc_is_array(o) ? json_object_array_length(o) : 0;
}

struct json_object *jdoc_at(struct json_object *o, size_t i)
{
	return i < jdoc_count(o) ? json_object_array_get_idx(o, i) : NULL;
}
