/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/push_memo.h"

#include <stdlib.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "model/catalog.h"

#define STATE_BYTES 16
#define STATE_MAX   (2 * STATE_BYTES + 1)

void push_memo_init(struct push_memo *m)
{
	map_init(&m->states);
}

static void states_free(struct push_memo *m)
{
	struct span ref;
	size_t at = 0;
	void *state;

	while (map_next(&m->states, &at, &ref, &state))
		free(state);
	map_release(&m->states);
}

void push_memo_release(struct push_memo *m)
{
	states_free(m);
}

static void state_make(const struct push_entity *e, char text[STATE_MAX])
{
	const struct span part[] = { e->uid, e->etag };
	uint8_t digest[SHA256_BYTES];

	sha256_parts(part, ARRAY_SIZE(part), digest);
	hex_encode(digest, STATE_BYTES, text);
}

bool push_memo_is_news(
	const struct push_memo *m, const struct catalog *known, const struct push_entity *e)
{
	char state[STATE_MAX];
	const char *before;
	struct entity have;

	if (e->uid.n == 0 || e->etag.n == 0 || known == NULL)
		return true;
	if (catalog_get(known, e->ref, &have))
		return !span_eq(have.uid, e->uid) || !span_eq(have.etag, e->etag);
	before = map_get(&m->states, e->ref);
	state_make(e, state);
	return before == NULL || strcmp(before, state) != 0;
}

/* Over the bound all is forgotten, which costs no more than reading some again. */
void push_memo_note(struct push_memo *m, const struct push_entity *e)
{
	char state[STATE_MAX];

	if (m->states.count >= PUSH_MEMO_MAX) {
		states_free(m);
		map_init(&m->states);
	}
	state_make(e, state);
	free(map_put(&m->states, e->ref, xstrdup(state)));
}
