/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAVIS_KEYS_H
#define TRAVIS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "travis/webhook.h"

struct buf;
struct httpc;
struct httpc_answer;
struct loop;
struct rsa_key;

/*
 * The live keys of one Travis instance. Those from files stay. From the
 * instance's /config the current one is fetched; the one before stays beside it
 * for an overlap, because what it signed may still be on its way. Both are
 * cached on disk, so that a restart while Travis is away still verifies. A
 * failed fetch, or an instance that says it has no key, takes no key away.
 */
struct travis_keys;

struct travis_keys_conf {
	const char *name;         /* the source's, for the log */
	const char *const *files; /* PEM files; or NULL */
	size_t files_n;           /* TRAVIS_KEYS_MAX at most */
	const char *config_url;   /* or NULL. Fetched without Travis-API-Version */
	const char *cache_path;   /* of the file that remembers fetched keys; or NULL */
	int64_t refresh_ms;       /* between fetches when all is well */
	int64_t refetch_min_ms;   /* at least so long between fetches asked for by failures */
	int64_t overlap_ms;       /* how long a key stays after the next one came; 0: a day */
	/* On the loop: another key was fetched, by fingerprint. May be NULL. */
	void (*on_rotate)(void *ctx, const char *fingerprint);
	void *ctx;
};

/*
 * ERR_PARSE, ERR_IO or, for too many files, ERR_LIMIT with *why (free(3) it) if a
 * file cannot be used. Strings are copied.
 */
MUST_CHECK enum err travis_keys_new(struct loop *l, struct httpc *http,
	const struct travis_keys_conf *conf, struct travis_keys **out, char **why);
void travis_keys_free(struct travis_keys *k);

/*
 * The keys to try now: fetched ones, newest first, then those from files; n may
 * be 0. Borrowed until the loop's next pass.
 */
struct rsa_key *const *travis_keys_live(const struct travis_keys *k, size_t *n);

/*
 * A signature did not verify: perhaps the key was changed. Starts a fetch if one
 * may start now; the request at hand is refused all the same.
 */
void travis_keys_doubt(struct travis_keys *k);

/*
 * Append the key in an instance's answer to a fetch of its /config, as PEM.
 * ERR_NOTFOUND if it says that it has none; ERR_IO, ERR_PARSE if it is no such answer.
 */
MUST_CHECK enum err travis_config_key(const struct httpc_answer *a, struct buf *pem);

/* When the last fetch succeeded, WALL_NONE if none has; for status. */
struct wall travis_keys_fetched_at(const struct travis_keys *k);

#endif
