/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/key_cache.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/json_write.h"

#define CACHE_MAX (64 * 1024)

void key_cache_release(struct key_cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->key[i].pem);
	c->n = 0;
}

static enum err read_entry(struct json_value v, struct key_cache_entry *entry)
{
	CLEANUP(buf_release) struct buf pem;
	struct json_value text, time;
	struct wall since;
	struct span s;

	buf_init(&pem, CACHE_MAX);
	if (!json_get(v, "pem", &text) || json_string(text, &pem) != ERR_OK)
		return ERR_PARSE;
	if (!json_get(v, "since", &time) || json_plain(time, &s) != ERR_OK)
		return ERR_PARSE;
	if (wall_parse(s, &since) != ERR_OK)
		return ERR_PARSE;
	*entry = (struct key_cache_entry){ buf_detach(&pem), since };
	return ERR_OK;
}

static enum err read_entries(struct span text, struct key_cache *c)
{
	struct json_value keys, v;
	struct json_iter it;

	if (json_gate(text, NULL, NULL) != ERR_OK || !json_get(json_root(text), "keys", &keys) ||
		keys.type != JSON_ARRAY)
		return ERR_PARSE;
	it = json_iter(keys);
	while (c->n < TRAVIS_KEYS_MAX && json_next_element(&it, &v)) {
		if (read_entry(v, &c->key[c->n]) != ERR_OK)
			return ERR_PARSE;
		c->n++;
	}
	return ERR_OK;
}

enum err key_cache_read(const char *path, struct key_cache *c)
{
	CLEANUP(buf_release) struct buf text;
	enum err e;

	buf_init(&text, CACHE_MAX);
	e = file_read(path, &text);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? e : ERR_IO;
	e = read_entries(buf_span(&text), c);
	if (e != ERR_OK)
		key_cache_release(c);
	return e;
}

enum err key_cache_write(const char *path, const struct key_cache *c)
{
	CLEANUP(buf_release) struct buf text;
	struct json_writer w;
	enum err e;

	buf_init(&text, CACHE_MAX);
	json_writer_init(&w, &text);
	json_object_begin(&w);
	json_key(&w, "keys");
	json_array_begin(&w);
	for (size_t i = 0; i < c->n; i++) {
		json_object_begin(&w);
		json_member_str(&w, "pem", c->key[i].pem);
		json_member_wall(&w, "since", c->key[i].since);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	e = json_done(&w);
	return e == ERR_OK ? file_replace(path, buf_span(&text), 0640) : e;
}
