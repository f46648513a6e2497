/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/memo.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"

struct note {
	struct note *newer, *older;
	char *key;
	size_t key_len;
	int64_t version;
	char *value;
	size_t value_len;
};

struct memo {
	struct map notes;
	struct note ends; /* newer: the oldest note; older: the newest */
	size_t max;
	struct buf key; /* scratch */
};

struct memo *memo_new(size_t max)
{
	struct memo *m = xcalloc(1, sizeof(*m));

	m->max = max;
	m->ends.newer = m->ends.older = &m->ends;
	map_init(&m->notes);
	buf_init(&m->key, 64 * 1024);
	return m;
}

static void note_unlink(struct note *n)
{
	n->older->newer = n->newer;
	n->newer->older = n->older;
}

static void note_link_newest(struct memo *m, struct note *n)
{
	n->newer = &m->ends;
	n->older = m->ends.older;
	n->older->newer = n;
	m->ends.older = n;
}

static void note_free(struct note *n)
{
	free(n->key);
	free(n->value);
	free(n);
}

void memo_free(struct memo *m)
{
	if (m == NULL)
		return;
	while (m->ends.newer != &m->ends) {
		struct note *n = m->ends.newer;

		note_unlink(n);
		note_free(n);
	}
	map_release(&m->notes);
	buf_release(&m->key);
	free(m);
}

/* A namespace holds no slash, so the two parts cannot run together. */
static struct span memo_key(struct memo *m, const char *ns, struct span key)
{
	buf_clear(&m->key);
	IGNORE(buf_addf(&m->key, "%s/", ns));
	IGNORE(buf_add_span(&m->key, key));
	return buf_span(&m->key);
}

int64_t memo_get(struct memo *m, const char *ns, struct span key, struct span *value)
{
	struct note *n = map_get(&m->notes, memo_key(m, ns, key));

	*value = (struct span){ NULL, 0 };
	if (n == NULL)
		return 0;
	note_unlink(n);
	note_link_newest(m, n);
	*value = (struct span){ n->value, n->value_len };
	return n->version;
}

static void memo_drop(struct memo *m, struct note *n)
{
	IGNORE(map_remove(&m->notes, (struct span){ n->key, n->key_len }) == NULL);
	note_unlink(n);
	note_free(n);
}

void memo_put(struct memo *m, const char *ns, struct span key, int64_t version, struct span value)
{
	struct span full = memo_key(m, ns, key);
	struct note *n = map_get(&m->notes, full);

	if (n == NULL) {
		if (m->notes.count >= m->max)
			memo_drop(m, m->ends.newer);
		n = xcalloc(1, sizeof(*n));
		n->key = xstrndup(full.p, full.n);
		n->key_len = full.n;
		IGNORE(map_put(&m->notes, full, n) != NULL);
	} else {
		note_unlink(n);
	}
	note_link_newest(m, n);
	free(n->value);
	n->value = xstrndup(value.n == 0 ? "" : value.p, value.n);
	n->value_len = value.n;
	n->version = version;
}

void memo_forget(struct memo *m, const char *ns, struct span key)
{
	struct note *n = map_get(&m->notes, memo_key(m, ns, key));

	if (n != NULL)
		memo_drop(m, n);
}
