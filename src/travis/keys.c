/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/log.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "model/backoff.h"
#include "travis/key_cache.h"

#define FETCH_TIMEOUT_MS   10000
#define ANSWER_MAX         (64 * 1024)
#define FILE_MAX           (64 * 1024)
#define BACKOFF_FIRST_MS   1000
#define OVERLAP_DEFAULT_MS (24 * 60 * 60 * 1000)

/*
 * The fetched keys, newest first, have their PEM and time in cache and
 * themselves in fetched, at the same place. live is made of them and of those
 * from files whenever either changes.
 */
struct travis_keys {
	struct loop *loop;
	struct httpc *http;
	char *name, *config_url, *cache_path;
	int64_t refresh_ms, refetch_min_ms, overlap_ms;
	void (*on_rotate)(void *ctx, const char *fingerprint);
	void *ctx;

	struct rsa_key *pinned[TRAVIS_KEYS_MAX]; /* from files */
	size_t pinned_n;
	struct key_cache cache;
	struct rsa_key *fetched[TRAVIS_KEYS_MAX];
	struct rsa_key *live[2 * TRAVIS_KEYS_MAX]; /* borrowed from the two above */
	size_t live_n;

	struct loop_timer *fetch_timer, *overlap_timer;
	struct httpc_call *call;
	struct mono asked; /* when the last fetch began */
	bool has_asked;
	unsigned failures; /* of fetches, in a row */
	struct wall fetched_at;
};

static bool is_same_key(const struct rsa_key *a, const struct rsa_key *b)
{
	return strcmp(rsa_key_fingerprint(a), rsa_key_fingerprint(b)) == 0;
}

static void live_add(struct travis_keys *k, struct rsa_key *key)
{
	for (size_t i = 0; i < k->live_n; i++) {
		if (is_same_key(k->live[i], key))
			return;
	}
	k->live[k->live_n++] = key;
}

static void live_make(struct travis_keys *k)
{
	k->live_n = 0;
	for (size_t i = 0; i < k->cache.n; i++)
		live_add(k, k->fetched[i]);
	for (size_t i = 0; i < k->pinned_n; i++)
		live_add(k, k->pinned[i]);
}

/* --- keys from files --- */

static enum err refuse_file(const char *path, const char *what, enum err e, char **why)
{
	if (asprintf(why, "%s: %s", path, what) < 0)
		out_of_memory();
	return e;
}

static enum err load_file(struct travis_keys *k, const char *path, char **why)
{
	CLEANUP(buf_release) struct buf pem;
	enum err e;

	buf_init(&pem, FILE_MAX);
	if (k->pinned_n == TRAVIS_KEYS_MAX)
		return refuse_file(path, "more key files than two", ERR_LIMIT, why);
	if (file_read(path, &pem) != ERR_OK)
		return refuse_file(path, strerror(errno), ERR_IO, why);
	e = rsa_key_parse(buf_span(&pem), &k->pinned[k->pinned_n]);
	if (e == ERR_LIMIT)
		return refuse_file(path, "the RSA key's size is out of bounds", ERR_PARSE, why);
	if (e != ERR_OK)
		return refuse_file(path, "this is no PEM public key for RSA", ERR_PARSE, why);
	k->pinned_n++;
	return ERR_OK;
}

/* --- keys that were fetched --- */

static void fetched_drop(struct travis_keys *k, size_t i)
{
	rsa_key_free(k->fetched[i]);
	free(k->cache.key[i].pem);
	k->cache.n--;
	for (; i < k->cache.n; i++) {
		k->fetched[i] = k->fetched[i + 1];
		k->cache.key[i] = k->cache.key[i + 1];
	}
}

static void cache_save(const struct travis_keys *k)
{
	if (k->cache_path != NULL && key_cache_write(k->cache_path, &k->cache) != ERR_OK)
		log_warning(
			"keys.cache-unwritten", "source=%s error=\"%s\"", k->name, strerror(errno));
}

/* The key before the current one has served its time. */
static void on_overlap_end(void *ctx)
{
	struct travis_keys *k = ctx;

	while (k->cache.n > 1) {
		log_notice("keys.retired", "source=%s key=%s", k->name,
			rsa_key_fingerprint(k->fetched[k->cache.n - 1]));
		fetched_drop(k, k->cache.n - 1);
	}
	live_make(k);
	cache_save(k);
}

/* It began when the current key came; a clock that was set meanwhile cannot lengthen it. */
static void overlap_start(struct travis_keys *k)
{
	int64_t gone_ms = clock_wall().ms - k->cache.key[0].since.ms;

	loop_timer_stop(k->overlap_timer);
	if (k->cache.n > 1)
		loop_timer_set(k->overlap_timer, k->overlap_ms - (gone_ms > 0 ? gone_ms : 0));
}

static void cache_load(struct travis_keys *k)
{
	struct key_cache c = { .n = 0 };
	enum err e = key_cache_read(k->cache_path, &c);

	for (size_t i = 0; e == ERR_OK && i < c.n; i++) {
		e = rsa_key_parse(span_of(c.key[i].pem), &k->fetched[k->cache.n]);
		if (e == ERR_OK)
			k->cache.key[k->cache.n++] =
				(struct key_cache_entry){ TAKE(c.key[i].pem), c.key[i].since };
	}
	if (e != ERR_OK && e != ERR_NOTFOUND)
		log_warning("keys.cache-unusable", "source=%s reason=\"%s\"", k->name, err_str(e));
	key_cache_release(&c);
	overlap_start(k);
	live_make(k);
}

/* Put a key in front, if it is not there already; the one before it stays for the overlap. */
static void keys_learn(struct travis_keys *k, struct rsa_key *key, struct span pem)
{
	const char *fingerprint = rsa_key_fingerprint(key);
	bool first = k->cache.n == 0;

	if (!first && is_same_key(key, k->fetched[0])) {
		rsa_key_free(key);
		return;
	}
	while (k->cache.n > 1)
		fetched_drop(k, k->cache.n - 1);
	k->fetched[1] = k->fetched[0];
	k->cache.key[1] = k->cache.key[0];
	k->fetched[0] = key;
	k->cache.key[0] = (struct key_cache_entry){ xstrndup(pem.p, pem.n), clock_wall() };
	k->cache.n++;
	live_make(k);
	cache_save(k);
	overlap_start(k);
	log_notice(
		first ? "keys.learned" : "keys.rotated", "source=%s key=%s", k->name, fingerprint);
	if (k->on_rotate != NULL)
		k->on_rotate(k->ctx, fingerprint);
}

/* --- fetching --- */

/* .config.notifications.webhook.public_key; it is null where the instance signs nothing. */
enum err travis_config_key(const struct httpc_answer *a, struct buf *pem)
{
	static const char *const path[] = { "config", "notifications", "webhook", "public_key" };
	struct json_value v;

	if (a->result != HTTPC_ANSWERED || a->status != 200)
		return ERR_IO;
	if (json_gate(a->body, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	v = json_root(a->body);
	for (size_t i = 0; i < ARRAY_SIZE(path); i++) {
		if (!json_get(v, path[i], &v))
			return ERR_PARSE;
	}
	return v.type == JSON_NULL ? ERR_NOTFOUND : json_string(v, pem);
}

static void fetch_again_later(struct travis_keys *k)
{
	const struct backoff pace = { .first_ms = BACKOFF_FIRST_MS, .max_ms = k->refresh_ms };

	loop_timer_set(k->fetch_timer, backoff_wait(&pace, ++k->failures, random_u64()));
}

static void on_fetch_failed(struct travis_keys *k, const struct httpc_answer *a, enum err e)
{
	if (e == ERR_NOTFOUND) {
		log_warning("keys.none", "source=%s live=%zu", k->name, k->live_n);
		loop_timer_set(k->fetch_timer, k->refresh_ms);
		return;
	}
	log_warning("keys.unfetched", "source=%s result=\"%s\" status=%d reason=\"%s\" live=%zu",
		k->name, httpc_result_str(a->result), a->status, err_str(e), k->live_n);
	fetch_again_later(k);
}

static void on_config(void *ctx, const struct httpc_answer *a)
{
	struct travis_keys *k = ctx;
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *key = NULL;
	enum err e;

	k->call = NULL;
	buf_init(&pem, ANSWER_MAX);
	e = travis_config_key(a, &pem);
	if (e == ERR_OK)
		e = rsa_key_parse(buf_span(&pem), &key);
	if (e != ERR_OK) {
		on_fetch_failed(k, a, e);
		return;
	}
	k->failures = 0;
	k->fetched_at = clock_wall();
	loop_timer_set(k->fetch_timer, k->refresh_ms);
	keys_learn(k, key, buf_span(&pem));
}

static void fetch(void *ctx)
{
	struct travis_keys *k = ctx;
	const struct httpc_request req = {
		.url = k->config_url,
		.timeout_ms = FETCH_TIMEOUT_MS,
		.answer_max = ANSWER_MAX,
	};

	if (k->call != NULL)
		return;
	k->asked = loop_now(k->loop);
	k->has_asked = true;
	if (httpc_send(k->http, &req, on_config, k, &k->call) != ERR_OK)
		fetch_again_later(k);
}

void travis_keys_doubt(struct travis_keys *k)
{
	if (k->config_url == NULL || k->call != NULL)
		return;
	if (k->has_asked && loop_now(k->loop).ms - k->asked.ms < k->refetch_min_ms)
		return;
	fetch(k);
}

struct rsa_key *const *travis_keys_live(const struct travis_keys *k, size_t *n)
{
	*n = k->live_n;
	return k->live;
}

struct wall travis_keys_fetched_at(const struct travis_keys *k)
{
	return k->fetched_at;
}

static char *copy_of(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

enum err travis_keys_new(struct loop *l, struct httpc *http, const struct travis_keys_conf *conf,
	struct travis_keys **out, char **why)
{
	struct travis_keys *k = xcalloc(1, sizeof(*k));

	*k = (struct travis_keys){
		.loop = l,
		.http = http,
		.name = xstrdup(conf->name),
		.config_url = copy_of(conf->config_url),
		.cache_path = copy_of(conf->cache_path),
		.refresh_ms = conf->refresh_ms,
		.refetch_min_ms = conf->refetch_min_ms,
		.overlap_ms = conf->overlap_ms == 0 ? OVERLAP_DEFAULT_MS : conf->overlap_ms,
		.on_rotate = conf->on_rotate,
		.ctx = conf->ctx,
		.fetched_at = WALL_NONE,
	};
	k->fetch_timer = loop_timer_new(l, fetch, k);
	k->overlap_timer = loop_timer_new(l, on_overlap_end, k);
	for (size_t i = 0; i < conf->files_n; i++) {
		enum err e = load_file(k, conf->files[i], why);

		if (e != ERR_OK) {
			travis_keys_free(k);
			return e;
		}
	}
	live_make(k);
	if (k->config_url != NULL) {
		if (k->cache_path != NULL)
			cache_load(k);
		loop_timer_set(k->fetch_timer, 0);
	}
	*out = k;
	return ERR_OK;
}

void travis_keys_free(struct travis_keys *k)
{
	if (k == NULL)
		return;
	if (k->call != NULL)
		httpc_cancel(k->call);
	while (k->cache.n > 0)
		fetched_drop(k, k->cache.n - 1);
	for (size_t i = 0; i < k->pinned_n; i++)
		rsa_key_free(k->pinned[i]);
	loop_timer_free(k->fetch_timer);
	loop_timer_free(k->overlap_timer);
	free(k->name);
	free(k->config_url);
	free(k->cache_path);
	free(k);
}
