/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_SAFE_H
#define SECRET_SAFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "secret/path.h"
#include "secret/ref.h"

struct keyring;
struct loop;
struct provider;
struct secret;

/*
 * What is known of the secrets that providers have: a keyring for each, kept
 * fresh. Nothing here waits: the last value is used while a provider is down,
 * for as long as its grace.
 */
struct safe;

struct safe_needs {
	struct loop *loop;
	/* A value is there, another one, or none any more. Called on a turn of its own. */
	void (*on_change)(void *ctx);
	/* A provider gives no word, and why; NULL: it does again. */
	void (*on_trouble)(void *ctx, const char *provider, const char *why);
	void *ctx;
};

struct safe *safe_new(const struct safe_needs *needs);

/* Providers and all that waits go with it; no callback is called. */
void safe_free(struct safe *s);

/* Taken. */
void safe_add_provider(struct safe *s, struct provider *p);

/* --- secrets of the configuration --- */

/*
 * See to it that these are there, those that are remote, and are as of now. Calls
 * on_ready once, on a later turn: with ERR_OK, also where a provider is down but a
 * value of before is good enough; or with what went wrong and why (borrowed).
 * They are kept fresh from then on. One such call at a time; another one takes
 * the place of the one before it, whose on_ready is not called.
 */
void safe_await(struct safe *s, const struct secret_ref *const *refs, size_t n,
	void (*on_ready)(void *ctx, enum err e, const char *why), void *ctx);

/* Keep fresh these, which were awaited, and no others from now on. */
void safe_keep(struct safe *s, const struct secret_ref *const *refs, size_t n);

/*
 * Copy what is known now: of what is on this host, as secret_fetch(); else of the
 * keyring. *previous is NULL if there is none; previous may be NULL. s may be
 * NULL if no ref is remote.
 */
MUST_CHECK enum err safe_read(const struct safe *s, const struct secret_ref *r,
	struct secret **current, struct secret **previous, char **why);

/*
 * Whoever was shown it does not take it (401, 403): ask the provider for a newer
 * one, once for each value.
 */
void safe_doubt(struct safe *s, const struct secret_ref *r);

/* --- secrets of an entity --- */

struct safe_wait;

/*
 * Fetch a secret whose path may have variables, after whoever asks was found to be
 * allowed to: nothing here judges that. on_secret is called exactly once, on a
 * later turn, with the secret (borrowed) or NULL and why. What was fetched within
 * the provider's refresh time is not fetched again. ERR_PARSE if a variable's value
 * cannot stand in a path, ERR_NOTFOUND if there is no such provider.
 */
MUST_CHECK enum err safe_fetch(struct safe *s, const struct secret_ref *r,
	const struct secret_vars *vars,
	void (*on_secret)(void *ctx, const struct secret *secret, enum err e, const char *why),
	void *ctx, struct safe_wait **wait);

/* A copy of what was fetched last and is good enough yet; or NULL. Asks nobody. */
struct secret *safe_known(
	struct safe *s, const struct secret_ref *r, const struct secret_vars *vars);

/* on_secret is not called. */
void safe_cancel(struct safe_wait *w);

/* As safe_doubt(). */
void safe_fetch_doubt(struct safe *s, const struct secret_ref *r, const struct secret_vars *vars);

/*
 * The same on and on: kept fresh until safe_unwatch(). What is known already is
 * asked for anew at the start. on_word is called, on turns of its own, whenever the
 * provider has said something, with ERR_OK or with why it gave none, and when the
 * time of a value is over; it must not unwatch. ERR_LIMIT if there are too many.
 */
struct safe_watch;

MUST_CHECK enum err safe_watch(struct safe *s, const struct secret_ref *r,
	const struct secret_vars *vars, void (*on_word)(void *ctx, enum err e, const char *why),
	void *ctx, struct safe_watch **watch);
void safe_unwatch(struct safe_watch *w);

/* What is known now, borrowed until the next turn; NULL where there is nothing. */
struct safe_value {
	const struct secret *current, *previous;
	const char *version; /* the provider's name of the current one; or "" */
};

struct safe_value safe_watched(const struct safe_watch *w);

/* --- how it is --- */

struct safe_stats {
	const char *provider;
	const char *trouble; /* empty: none */
	uint64_t fetches, failures, changes;
	size_t secrets;      /* known of it */
	size_t overlaps;     /* of them with a previous value */
	struct wall word_at; /* when it last answered; or WALL_NONE */
};

size_t safe_providers(const struct safe *s);
struct safe_stats safe_stats(const struct safe *s, size_t i);

#endif
