/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/json_write.h"
#include "relay/variables_impl.h"

/* How they are, for operators. */

static const char *state_str(const struct target *t)
{
	if (t->rival)
		return "rival";
	if (t->trouble[0] != '\0')
		return t->lacking ? "no-value" : "failing";
	switch (t->state) {
	case TARGET_LOADING:
	case TARGET_DUE: return "due";
	case TARGET_PUSHING: return "pushing";
	case TARGET_RESTING: break;
	}
	if (t->is_previous && t->known.digest[0] == '\0')
		return "absent";
	return target_is_settled(t) ? "pushed" : "due";
}

static void target_write(const struct target *t, struct json_writer *w)
{
	json_object_begin(w);
	json_member_str(w, "name", t->name);
	json_member_str(w, "entity", t->entity);
	json_member_str(w, "source", t->source);
	json_member_str(w, "repository", t->slug);
	json_member_str(w, "variable", t->variable);
	json_member_opt(w, "branch", span_of(t->branch));
	json_member_str(w, "state", state_str(t));
	json_member_opt(w, "version", span_of(t->known.version));
	json_member_wall(w, "pushed_at", t->known.at);
	json_member_opt(w, "trouble", span_of(t->trouble));
	json_object_end(w);
}

static int by_key(const void *a, const void *b)
{
	const struct target *x = *(void *const *)a, *y = *(void *const *)b;

	return strcmp(x->key, y->key);
}

void variables_write(const struct variables *v, struct json_writer *w)
{
	CLEANUP(freep) void **all = map_values(&v->target);

	qsort(all, v->target.count, sizeof(*all), by_key);
	for (size_t i = 0; i < v->target.count; i++) {
		const struct target *t = all[i];

		if (t->entry != NULL)
			target_write(t, w);
	}
}

/* The next part of a key, up to a blank; the last one may be empty. */
static struct span part_take(struct span *key)
{
	const char *blank = key->n == 0 ? NULL : memchr(key->p, ' ', key->n);
	struct span part = { key->p, blank == NULL ? key->n : (size_t)(blank - key->p) };
	size_t taken = part.n + (blank != NULL);

	*key = (struct span){ key->p + taken, key->n - taken };
	return part;
}

void variables_write_left(
	const struct variables *v, struct span key, struct span value, struct json_writer *w)
{
	struct pushed p;

	/* Before the catalog was gone through, nobody knows what is wanted. */
	if (!v->scanned || map_get(&v->target, key) != NULL || pushed_read(value, &p) != ERR_OK)
		return;
	json_object_begin(w);
	json_member_span(w, "source", part_take(&key));
	json_member_span(w, "repository", part_take(&key));
	json_member_span(w, "variable", part_take(&key));
	json_member_opt(w, "branch", part_take(&key));
	json_member_str(w, "state", "left");
	json_member_opt(w, "version", span_of(p.version));
	json_member_wall(w, "pushed_at", p.at);
	json_object_end(w);
}
