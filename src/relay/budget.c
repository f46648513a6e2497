/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/defs.h"
#include "base/map.h"
#include "io/secmem.h"

#define KEY_BYTES 32
/* So many are kept before it is looked which of them are of no interest any more. */
#define ACCOUNTS_MIN 64

/* What is known of one token. */
struct account {
	struct mono turn[BUDGET_POSTS]; /* the last ones given: a ring */
	size_t next;                    /* the oldest of them */
	struct mono banned_until;
};

struct budget {
	uint8_t key[KEY_BYTES];
	struct map accounts; /* digest -> struct account */
	size_t sweep_at;
};

struct budget *budget_new(void)
{
	struct budget *b = xcalloc(1, sizeof(*b));

	random_bytes(b->key, sizeof(b->key));
	map_init(&b->accounts);
	b->sweep_at = ACCOUNTS_MIN;
	return b;
}

void budget_free(struct budget *b)
{
	size_t at = 0;
	struct span key;
	void *a;

	if (b == NULL)
		return;
	while (map_next(&b->accounts, &at, &key, &a))
		free(a);
	map_release(&b->accounts);
	free(b);
}

struct budget_name budget_name(const struct budget *b, struct span host, const struct secret *token)
{
	const struct span part[] = { { (const char *)b->key, KEY_BYTES }, host,
		{ secret_text(token), secret_len(token) } };
	struct budget_name n;

	sha256_parts(part, ARRAY_SIZE(part), n.digest);
	return n;
}

static struct span name_span(const struct budget_name *n)
{
	return (struct span){ (const char *)n->digest, sizeof(n->digest) };
}

static struct mono newest(const struct account *a)
{
	return a->turn[(a->next + BUDGET_POSTS - 1) % BUDGET_POSTS];
}

static bool is_in_use(const void *account, const void *now)
{
	const struct account *a = account;
	const struct mono *t = now;

	return newest(a).ms + BUDGET_POSTS_MS > t->ms || a->banned_until.ms > t->ms;
}

/* Forget those of which nothing is to be remembered: tokens change, and owners go. */
static void sweep(struct budget *b, struct mono now)
{
	map_filter(&b->accounts, is_in_use, &now, free);
	b->sweep_at = 2 * b->accounts.count + ACCOUNTS_MIN;
}

static struct account *account_of(struct budget *b, const struct budget_name *n, struct mono now)
{
	struct account *a = map_get(&b->accounts, name_span(n));

	if (a != NULL)
		return a;
	if (b->accounts.count >= b->sweep_at)
		sweep(b, now);
	a = xcalloc(1, sizeof(*a));
	a->banned_until = now;
	for (size_t i = 0; i < BUDGET_POSTS; i++)
		a->turn[i].ms = now.ms - BUDGET_POSTS_MS;
	IGNORE(map_put(&b->accounts, name_span(n), a) != NULL);
	return a;
}

/* When the n-th oldest of its turns, counted from 0, is over. */
static struct mono turn_next(const struct account *a, size_t n, struct mono now)
{
	struct mono at = { a->turn[(a->next + n) % BUDGET_POSTS].ms + BUDGET_POSTS_MS };

	if (at.ms < a->banned_until.ms)
		at = a->banned_until;
	return at.ms < now.ms ? now : at;
}

int64_t budget_wait(const struct budget *b, const struct budget_name *n, struct mono now)
{
	const struct account *a = map_get(&b->accounts, name_span(n));

	return a == NULL ? 0 : turn_next(a, 0, now).ms - now.ms;
}

void budget_take(
	struct budget *b, const struct budget_name *n, struct mono now, struct budget_turn *turn)
{
	struct account *a = account_of(b, n, now);

	*turn = (struct budget_turn){ .of = *n, .at = turn_next(a, 0, now), .held = true };
	a->turn[a->next] = turn->at;
	a->next = (a->next + 1) % BUDGET_POSTS;
}

void budget_return(struct budget *b, struct budget_turn *turn)
{
	struct account *a = turn->held ? map_get(&b->accounts, name_span(&turn->of)) : NULL;

	turn->held = false;
	if (a == NULL || newest(a).ms != turn->at.ms)
		return;
	/* Its place becomes the oldest, of one that is over. */
	a->next = (a->next + BUDGET_POSTS - 1) % BUDGET_POSTS;
	a->turn[a->next].ms = turn->at.ms - BUDGET_POSTS_MS;
}

void budget_ban(struct budget *b, const struct budget_name *n, struct mono now, int64_t wait_ms)
{
	struct account *a = account_of(b, n, now);

	if (a->banned_until.ms < now.ms + wait_ms)
		a->banned_until.ms = now.ms + wait_ms;
}

int64_t budget_ban_wait(const struct budget *b, const struct budget_name *n, struct mono now)
{
	const struct account *a = map_get(&b->accounts, name_span(n));

	return a == NULL || a->banned_until.ms < now.ms ? 0 : a->banned_until.ms - now.ms;
}

static bool is_of(const struct budget_turn *turn, const struct budget_name *n)
{
	return turn->held && memcmp(&turn->of, n, sizeof(*n)) == 0;
}

int64_t budget_admit(struct budget *b, const struct budget_name *n, bool posts, struct mono now,
	struct budget_turn *turn)
{
	int64_t ban_ms = budget_ban_wait(b, n, now);

	if (!posts)
		return ban_ms;
	/* Those that were given before the ban would all be over after it. */
	if (!is_of(turn, n) || (ban_ms > 0 && turn->at.ms < now.ms + ban_ms)) {
		budget_return(b, turn);
		budget_take(b, n, now, turn);
	}
	if (turn->at.ms > now.ms)
		return turn->at.ms - now.ms;
	turn->held = false;
	return 0;
}

int64_t budget_spare_wait(const struct budget *b, const struct budget_name *n, struct mono now)
{
	const struct account *a = map_get(&b->accounts, name_span(n));

	return a == NULL ? 0 : turn_next(a, BUDGET_SPARE, now).ms - now.ms;
}

int64_t budget_admit_spare(
	struct budget *b, const struct budget_name *n, bool posts, struct mono now)
{
	int64_t wait_ms = posts ? budget_spare_wait(b, n, now) : budget_ban_wait(b, n, now);
	struct budget_turn turn;

	if (posts && wait_ms == 0)
		budget_take(b, n, now, &turn);
	return wait_ms;
}
