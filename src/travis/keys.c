/* SPDX-License-Identifier: Apache-2.0 */
#include "travis/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "base/log.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/loop.h"

#define FETCH_TIMEOUT_MS 10000
#define ANSWER_MAX       (64 * 1024)
#define FILE_MAX         (64 * 1024)
#define BACKOFF_FIRST_MS 1000
#define BEGIN            "-----BEGIN "

struct travis_keys {
	struct loop *loop;
	struct httpc *http;
	char *name, *config_url, *cache_path;
	int64_t refresh_ms, refetch_min_ms, backoff_ms;
	void (*on_rotate)(void *ctx, const char *fingerprint);
	void *ctx;
	struct rsa_key *live[TRAVIS_KEYS_MAX]; /* newest first */
	char *pem[TRAVIS_KEYS_MAX];            /* of fetched keys, for the cache */
	size_t n;
	struct loop_timer *timer;
	struct httpc_call *call;
	struct mono asked; /* when the last fetch began */
	bool has_asked;
	struct wall fetched_at;
};

/* Put a key in front; the one that was there stays behind it, older ones go. */
static void keys_push(struct travis_keys *k, struct rsa_key *key, struct span pem)
{
	if (k->n == TRAVIS_KEYS_MAX) {
		k->n--;
		rsa_key_free(k->live[k->n]);
		free(k->pem[k->n]);
	}
	for (size_t i = k->n; i > 0; i--) {
		k->live[i] = k->live[i - 1];
		k->pem[i] = k->pem[i - 1];
	}
	k->live[0] = key;
	k->pem[0] = xstrndup(pem.p, pem.n);
	k->n++;
}

static bool file_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	bool good = false;
	char *at;

	if (f == NULL)
		return false;
	at = buf_room(out, FILE_MAX);
	if (at != NULL) {
		out->len += fread(at, 1, FILE_MAX, f);
		out->data[out->len] = '\0';
		good = ferror(f) == 0;
	}
	fclose(f);
	return good;
}

static const char *parse_failure(enum err e)
{
	return e == ERR_LIMIT ? "the RSA key has fewer than 2048 or more than 8192 bits"
			      : "this is no PEM public key for RSA";
}

static enum err load_file(struct travis_keys *k, const char *path, char **why)
{
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *key = NULL;
	const char *what = "cannot be read";
	enum err e = ERR_IO;

	buf_init(&pem, FILE_MAX + 1);
	if (file_read(path, &pem)) {
		e = rsa_key_parse(buf_span(&pem), &key);
		what = parse_failure(e);
	}
	if (e != ERR_OK) {
		if (asprintf(why, "%s: %s", path, what) < 0)
			abort();
		return e;
	}
	keys_push(k, key, buf_span(&pem));
	return ERR_OK;
}

/* --- the cache: the PEMs one after the other, newest first --- */

static void cache_load(struct travis_keys *k)
{
	CLEANUP(buf_release) struct buf text;
	struct rsa_key *key;
	char *pem[TRAVIS_KEYS_MAX], *at;
	size_t n = 0;

	buf_init(&text, FILE_MAX + 1);
	if (!file_read(k->cache_path, &text))
		return;
	for (at = strstr(text.data, BEGIN); at != NULL && n < TRAVIS_KEYS_MAX; n++) {
		pem[n] = at;
		at = strstr(at + 1, BEGIN);
	}
	while (n-- > 0) {
		struct span one = { pem[n], strlen(pem[n]) };
		char *next = strstr(pem[n] + 1, BEGIN);

		if (next != NULL)
			one.n = (size_t)(next - pem[n]);
		if (rsa_key_parse(one, &key) == ERR_OK)
			keys_push(k, key, one);
		else
			log_warning("keys.cache-unreadable", "source=%s", k->name);
	}
}

static bool cache_write(const struct travis_keys *k, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	bool good = fd >= 0;

	for (size_t i = 0; good && i < k->n; i++) {
		size_t n = strlen(k->pem[i]);

		good = write(fd, k->pem[i], n) == (ssize_t)n &&
		       (k->pem[i][n - 1] == '\n' || write(fd, "\n", 1) == 1);
	}
	good = good && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

static void cache_save(const struct travis_keys *k)
{
	CLEANUP(freep) char *tmp = NULL;

	if (asprintf(&tmp, "%s.tmp", k->cache_path) < 0)
		abort();
	if (!cache_write(k, tmp) || rename(tmp, k->cache_path) != 0)
		log_warning("keys.cache-unwritten", "source=%s", k->name);
}

/* --- fetching --- */

/* .config.notifications.webhook.public_key; a null says that the instance signs nothing. */
static enum err answer_pem(const struct httpc_answer *a, struct buf *pem)
{
	static const char *const path[] = { "config", "notifications", "webhook", "public_key" };
	struct json_value v;

	if (a->result != HTTPC_ANSWERED || a->status != 200 ||
		json_gate(a->body, NULL, NULL) != ERR_OK)
		return ERR_IO;
	v = json_root(a->body);
	for (size_t i = 0; i < ARRAY_SIZE(path); i++) {
		if (!json_get(v, path[i], &v))
			return ERR_NOTFOUND;
	}
	return json_string(v, pem) == ERR_OK ? ERR_OK : ERR_NOTFOUND;
}

static void keys_learn(struct travis_keys *k, struct rsa_key *key, struct span pem)
{
	const char *fingerprint = rsa_key_fingerprint(key);
	bool first = k->n == 0;

	if (!first && strcmp(fingerprint, rsa_key_fingerprint(k->live[0])) == 0) {
		rsa_key_free(key);
		return;
	}
	keys_push(k, key, pem);
	cache_save(k);
	log_notice(
		first ? "keys.learned" : "keys.rotated", "source=%s key=%s", k->name, fingerprint);
	if (k->on_rotate != NULL)
		k->on_rotate(k->ctx, fingerprint);
}

static void fetch_again_later(struct travis_keys *k)
{
	if (k->backoff_ms == 0)
		k->backoff_ms = BACKOFF_FIRST_MS;
	else if (k->backoff_ms < k->refresh_ms / 2)
		k->backoff_ms *= 2;
	loop_timer_set(k->timer, k->backoff_ms);
}

static void on_config(void *ctx, const struct httpc_answer *a)
{
	struct travis_keys *k = ctx;
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *key = NULL;
	enum err e;

	k->call = NULL;
	buf_init(&pem, ANSWER_MAX);
	e = answer_pem(a, &pem);
	if (e == ERR_OK)
		e = rsa_key_parse(buf_span(&pem), &key);
	if (e != ERR_OK) {
		log_warning("keys.unfetched",
			"source=%s result=\"%s\" status=%d reason=%s live=%zu", k->name,
			httpc_result_str(a->result), a->status,
			e == ERR_NOTFOUND ? "no-key" : "unusable", k->n);
		fetch_again_later(k);
		return;
	}
	k->backoff_ms = 0;
	k->fetched_at = clock_wall();
	keys_learn(k, key, buf_span(&pem));
	loop_timer_set(k->timer, k->refresh_ms);
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
	*n = k->n;
	return k->live;
}

struct wall travis_keys_fetched_at(const struct travis_keys *k)
{
	return k->fetched_at;
}

enum err travis_keys_new(struct loop *l, struct httpc *http, const struct travis_keys_conf *conf,
	struct travis_keys **out, char **why)
{
	struct travis_keys *k = xcalloc(1, sizeof(*k));

	*k = (struct travis_keys){
		.loop = l,
		.http = http,
		.name = xstrdup(conf->name),
		.config_url = conf->config_url == NULL ? NULL : xstrdup(conf->config_url),
		.cache_path = conf->cache_path == NULL ? NULL : xstrdup(conf->cache_path),
		.refresh_ms = conf->refresh_ms,
		.refetch_min_ms = conf->refetch_min_ms,
		.on_rotate = conf->on_rotate,
		.ctx = conf->ctx,
		.fetched_at = WALL_NONE,
	};
	k->timer = loop_timer_new(l, fetch, k);
	/* The last file ends up in front, so they are read backwards. */
	for (size_t i = conf->files_n; i-- > 0;) {
		enum err e = load_file(k, conf->files[i], why);

		if (e != ERR_OK) {
			travis_keys_free(k);
			return e;
		}
	}
	if (k->config_url != NULL) {
		cache_load(k);
		loop_timer_set(k->timer, 0);
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
	for (size_t i = 0; i < k->n; i++) {
		rsa_key_free(k->live[i]);
		free(k->pem[i]);
	}
	loop_timer_free(k->timer);
	free(k->name);
	free(k->config_url);
	free(k->cache_path);
	free(k);
}
