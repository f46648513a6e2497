/* SPDX-License-Identifier: Apache-2.0 */
#include "hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"

#define OWNER       "acme"
#define SLOT        8192 /* bytes of the file for each request */
#define SLOT_TEXT   (SLOT - sizeof(uint32_t))
#define MAKERS      2
#define RSA_BITS    2048
#define RSA_BYTES   (RSA_BITS / 8)
#define PATH_BYTES  4096
#define FIRST_START 1773821816000 /* 2026-03-18T08:16:56Z */
#define BUILD_MS    290000

/* One thread's share: requests first, first + MAKERS, … */
struct maker {
	const char *template;
	EVP_PKEY *key;
	char *map;
	size_t first, count, repositories;
	enum err err;
};

/* What one build puts into the template. */
struct values {
	char id[24], number[24], name[32], slug[64], repository_id[24], commit[41];
	char started_at[WALL_TEXT_MAX], finished_at[WALL_TEXT_MAX];
};

static void values_set(struct values *v, size_t i, size_t repositories)
{
	struct wall start = { .ms = FIRST_START + (int64_t)i * 1000 };
	size_t repository = i % repositories;

	snprintf(v->id, sizeof(v->id), "%zu", HOOKS_FIRST_ID + i);
	snprintf(v->number, sizeof(v->number), "%zu", 1 + i / repositories);
	snprintf(v->name, sizeof(v->name), "service-%03zu", repository);
	snprintf(v->slug, sizeof(v->slug), OWNER "/%s", v->name);
	snprintf(v->repository_id, sizeof(v->repository_id), "%zu", 29853331 + repository);
	snprintf(v->commit, sizeof(v->commit), "193da1b7234%029zx", i);
	wall_format(start, v->started_at);
	wall_format((struct wall){ start.ms + BUILD_MS }, v->finished_at);
}

/* NULL for a name that no template may use. */
static const char *values_get(const struct values *v, struct span name)
{
	const struct {
		const char *name, *text;
	} all[] = {
		{ "id", v->id },
		{ "number", v->number },
		{ "owner", OWNER },
		{ "name", v->name },
		{ "slug", v->slug },
		{ "repository_id", v->repository_id },
		{ "commit", v->commit },
		{ "started_at", v->started_at },
		{ "finished_at", v->finished_at },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (span_is(name, all[i].name))
			return all[i].text;
	}
	return NULL;
}

static enum err fill_in(const char *template, const struct values *v, struct buf *json)
{
	const char *p = template, *mark, *end, *text;
	enum err e = ERR_OK;

	while (e == ERR_OK && (mark = strstr(p, "${")) != NULL) {
		end = strchr(mark, '}');
		if (end == NULL)
			return ERR_PARSE;
		text = values_get(v, (struct span){ mark + 2, (size_t)(end - mark - 2) });
		if (text == NULL)
			return ERR_PARSE;
		e = buf_add(json, p, (size_t)(mark - p));
		if (e == ERR_OK)
			e = buf_add_str(json, text);
		p = end + 1;
	}
	return e == ERR_OK ? buf_add_str(json, p) : e;
}

static enum err sign(EVP_PKEY *key, struct span json, struct buf *base64)
{
	unsigned char sig[RSA_BYTES];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha1(), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, sig, &n, (const unsigned char *)json.p, json.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? base64_encode(base64, sig, n) : ERR_IO;
}

/* Encode as Travis does: a space is '+'. */
static enum err form_encode(struct span text, struct buf *out)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && text.n > 0) {
		const char *space = memchr(text.p, ' ', text.n);
		size_t n = space == NULL ? text.n : (size_t)(space - text.p);

		e = url_encode((struct span){ text.p, n }, out);
		if (e == ERR_OK && space != NULL)
			e = buf_add(out, "+", 1);
		n += space != NULL;
		text = (struct span){ text.p + n, text.n - n };
	}
	return e;
}

static enum err write_request(const struct values *v, struct span sig, struct span form, char *slot)
{
	int n = snprintf(slot + sizeof(uint32_t), SLOT_TEXT,
		"POST /hooks/travis/travis-com HTTP/1.1\r\n"
		"User-Agent: Travis CI Notifications\r\n"
		"Signature: %.*s\r\n"
		"Travis-Repo-Slug: %s\r\n"
		"Content-Type: application/x-www-form-urlencoded\r\n"
		"Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n"
		"Accept: */*\r\n"
		"Host: localhost\r\n"
		"Content-Length: %zu\r\n"
		"\r\n"
		"payload=%.*s",
		SPAN_ARGS(sig), v->slug, form.n + strlen("payload="), SPAN_ARGS(form));
	uint32_t len = (uint32_t)n;

	if (n < 0 || (size_t)n >= SLOT_TEXT)
		return ERR_LIMIT;
	memcpy(slot, &len, sizeof(len));
	return ERR_OK;
}

static enum err make_one(const struct maker *m, size_t i)
{
	CLEANUP(buf_release) struct buf json, sig, form;
	struct values v;
	enum err e;

	buf_init(&json, SLOT);
	buf_init(&sig, SLOT);
	buf_init(&form, 3 * SLOT);
	values_set(&v, i, m->repositories);
	e = fill_in(m->template, &v, &json);
	if (e == ERR_OK)
		e = sign(m->key, buf_span(&json), &sig);
	if (e == ERR_OK)
		e = form_encode(buf_span(&json), &form);
	if (e == ERR_OK)
		e = write_request(&v, buf_span(&sig), buf_span(&form), m->map + (i + 1) * SLOT);
	return e;
}

static void *maker_run(void *arg)
{
	struct maker *m = arg;

	for (size_t i = m->first; i < m->count && m->err == ERR_OK; i += MAKERS)
		m->err = make_one(m, i);
	return NULL;
}

static enum err make_all(const struct maker *share)
{
	struct maker maker[MAKERS];
	pthread_t thread[MAKERS];
	enum err e = ERR_OK;

	for (size_t i = 0; i < MAKERS; i++) {
		maker[i] = *share;
		maker[i].first = i;
		if (pthread_create(&thread[i], NULL, maker_run, &maker[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < MAKERS; i++) {
		pthread_join(thread[i], NULL);
		if (maker[i].err != ERR_OK)
			e = maker[i].err;
	}
	return e;
}

/* Drop the white space between tokens: Travis sends compact JSON. */
static void json_compact(char *text)
{
	char *to = text;
	bool quoted = false;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' && (p == text || p[-1] != '\\'))
			quoted = !quoted;
		if (quoted || strchr(" \t\n", *p) == NULL)
			*to++ = *p;
	}
	*to = '\0';
}

static FILE *open_in(const char *dir, const char *name, const char *mode)
{
	char path[PATH_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, mode);
	if (f == NULL)
		fprintf(stderr, "hookload: %s: %s\n", path, strerror(errno));
	return f;
}

static enum err read_template(const char *path, char *text, size_t max)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "hookload: %s: %s\n", path, strerror(errno));
		return ERR_IO;
	}
	n = fread(text, 1, max - 1, f);
	fclose(f);
	text[n] = '\0';
	json_compact(text);
	return ERR_OK;
}

static enum err write_slugs(const char *dir, size_t repositories)
{
	FILE *f = open_in(dir, "slugs", "w");
	struct values v;

	if (f == NULL)
		return ERR_IO;
	for (size_t i = 0; i < repositories; i++) {
		values_set(&v, i, repositories);
		fprintf(f, "%s\n", v.slug);
	}
	return fclose(f) == 0 ? ERR_OK : ERR_IO;
}

static enum err write_key(const char *dir, EVP_PKEY *key)
{
	FILE *f = open_in(dir, "key.pem", "w");
	bool ok;

	if (f == NULL)
		return ERR_IO;
	ok = PEM_write_PUBKEY(f, key) == 1;
	return fclose(f) == 0 && ok ? ERR_OK : ERR_IO;
}

/* Slot 0 says how many follow. */
static char *map_new(const char *dir, size_t count)
{
	FILE *f = open_in(dir, "requests", "w+");
	size_t size = (count + 1) * SLOT;
	char *map = MAP_FAILED;

	if (f == NULL)
		return NULL;
	if (ftruncate(fileno(f), (off_t)size) == 0)
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	fclose(f);
	if (map == MAP_FAILED)
		return NULL;
	memcpy(map, &count, sizeof(count));
	return map;
}

enum err hooks_make(const char *dir, const char *template_path, size_t count, size_t repositories)
{
	char template[SLOT];
	struct maker share = { .template = template, .count = count, .repositories = repositories };
	enum err e = read_template(template_path, template, sizeof(template));

	if (e != ERR_OK)
		return e;
	share.map = map_new(dir, count);
	share.key = EVP_RSA_gen(RSA_BITS);
	e = share.map == NULL || share.key == NULL ? ERR_IO : make_all(&share);
	if (e == ERR_OK)
		e = write_slugs(dir, repositories);
	if (e == ERR_OK)
		e = write_key(dir, share.key);
	if (e != ERR_OK)
		fprintf(stderr, "hookload: cannot make the requests: %s\n", err_str(e));
	EVP_PKEY_free(share.key);
	if (share.map != NULL)
		munmap(share.map, (count + 1) * SLOT);
	return e;
}

enum err hooks_open(const char *dir, struct hooks *h)
{
	FILE *f = open_in(dir, "requests", "r");
	struct stat st;
	void *map = MAP_FAILED;

	if (f == NULL)
		return ERR_IO;
	if (fstat(fileno(f), &st) == 0 && st.st_size >= SLOT)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
			fileno(f), 0);
	fclose(f);
	if (map == MAP_FAILED) {
		fprintf(stderr, "hookload: %s/requests is no file of requests\n", dir);
		return ERR_PARSE;
	}
	*h = (struct hooks){ .map = map, .size = (size_t)st.st_size };
	memcpy(&h->count, h->map, sizeof(h->count));
	return ERR_OK;
}

void hooks_close(struct hooks *h)
{
	munmap(h->map, h->size);
}

struct span hooks_request(const struct hooks *h, size_t i)
{
	const char *slot = h->map + (i + 1) * SLOT;
	uint32_t len;

	memcpy(&len, slot, sizeof(len));
	return (struct span){ slot + sizeof(len), len };
}
