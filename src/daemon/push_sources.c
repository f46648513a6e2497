/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/push_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "io/secmem.h"
#include "io/webhook_key.h"
#include "secret/safe.h"

/* A secret of the plugin is any text; this long, nobody guesses it. */
#define SECRET_MIN 16

static const char *const protocols[] = {
	[PUSH_STANDARD] = "standard-webhooks",
	[PUSH_FORGEDAPPS] = "forgedapps",
};

const char *push_protocol_str(enum push_protocol p)
{
	return protocols[p];
}

static void source_release(struct push_source *s)
{
	for (size_t i = 0; s->key != NULL && i < s->keys; i++)
		webhook_key_free(s->key[i]);
	for (size_t i = 0; s->secret != NULL && i < s->keys; i++)
		secret_free(s->secret[i]);
	free(s->key);
	free(s->secret);
	free(s->entity_filter);
	free(s->name);
}

void push_sources_free(struct push_sources *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++)
		source_release(&all->list[i]);
	free(all->list);
	free(all);
}

static enum err bad_key(const struct push_source *s, const char *what, char **why)
{
	if (asprintf(why, "source '%s': secrets: %s", s->name, what) < 0)
		out_of_memory();
	return ERR_PARSE;
}

/* Takes the text. */
static enum err key_add(struct push_source *s, struct secret *text, char **why)
{
	const char *what = NULL;
	enum err e = ERR_OK;

	if (s->protocol == PUSH_STANDARD) {
		e = webhook_key_parse_verifier(text, &s->key[s->keys], &what);
		secret_free(text);
	} else if (secret_len(text) < SECRET_MIN) {
		what = "a secret of the plugin must have 16 bytes at least";
		secret_free(text);
		e = ERR_PARSE;
	} else {
		s->secret[s->keys] = text;
	}
	if (e != ERR_OK)
		return bad_key(s, what, why);
	s->keys++;
	return ERR_OK;
}

/*
 * What it is now and, while a provider replaces it, what it was. One whose provider has
 * been silent for too long is nobody's any more.
 */
static enum err key_fetch(
	const struct secret_ref *ref, const struct safe *safe, struct push_source *s, char **why)
{
	struct secret *current = NULL, *previous = NULL;
	enum err e = safe_read(safe, ref, &current, &previous, why);

	if (e == ERR_NOTFOUND && secret_ref_is_remote(ref) && safe != NULL) {
		free(TAKE(*why));
		return ERR_OK;
	}
	if (e == ERR_OK)
		e = key_add(s, current, why);
	if (e == ERR_OK && previous != NULL)
		return key_add(s, previous, why);
	secret_free(previous);
	return e;
}

static enum err keys_fetch(
	const struct conf_source *c, const struct safe *safe, struct push_source *s, char **why)
{
	size_t n = 0;
	enum err e = ERR_OK;

	while (c->secrets[n].place != SECRET_NONE)
		n++;
	if (s->protocol == PUSH_STANDARD)
		s->key = xcalloc(2 * n, sizeof(struct webhook_key *));
	else
		s->secret = xcalloc(2 * n, sizeof(struct secret *));
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = key_fetch(&c->secrets[i], safe, s, why);
	return e;
}

static enum err source_fetch(
	const struct conf_source *c, const struct safe *safe, struct push_source *s, char **why)
{
	*s = (struct push_source){
		.name = xstrdup(c->name),
		.protocol = strcmp(c->protocol, protocols[PUSH_FORGEDAPPS]) == 0 ? PUSH_FORGEDAPPS
										 : PUSH_STANDARD,
		.body_max = c->body_max,
		.tolerance_ms = c->tolerance_ms,
		.entity_filter = c->entity_filter == NULL ? NULL : xstrdup(c->entity_filter),
		.counts = { .last = WALL_NONE },
	};
	return keys_fetch(c, safe, s, why);
}

enum err push_sources_fetch(
	const struct conf *c, const struct safe *safe, struct push_sources **out, char **why)
{
	struct push_sources *all = xcalloc(1, sizeof(*all));
	enum err e = ERR_OK;

	all->list = xcalloc(c->sources, sizeof(*all->list));
	for (size_t i = 0; i < c->sources && e == ERR_OK; i++) {
		if (strcmp(c->source[i].type, "catalog") == 0)
			e = source_fetch(&c->source[i], safe, &all->list[all->n++], why);
	}
	if (e != ERR_OK) {
		push_sources_free(all);
		return e;
	}
	*out = all;
	return ERR_OK;
}

struct push_source *push_sources_find(struct push_sources *all, struct span name)
{
	for (size_t i = 0; all != NULL && i < all->n; i++) {
		if (span_is(name, all->list[i].name))
			return &all->list[i];
	}
	return NULL;
}

void push_sources_inherit(struct push_sources *now, struct push_sources *before)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct push_source *was =
			push_sources_find(before, span_of(now->list[i].name));

		if (was != NULL)
			now->list[i].counts = was->counts;
	}
}
