/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/key_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/file.h"
#include "io/crypto.h"
#include "io/secmem.h"
#include "io/signing.h"

#define KEY_MODE 0600
#define KEY_MAX  256

enum err audit_seed_parse(struct span text, uint8_t seed[ED25519_SEED_BYTES])
{
	size_t n;
	enum err e;

	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	e = base64_decode(text, seed, ED25519_SEED_BYTES, &n);
	return e == ERR_OK && n == ED25519_SEED_BYTES ? ERR_OK : ERR_PARSE;
}

enum err audit_key_parse(struct span text, struct signing_key **out)
{
	uint8_t seed[ED25519_SEED_BYTES];
	enum err e = audit_seed_parse(text, seed);

	if (e == ERR_OK)
		*out = signing_key_new(seed);
	secret_wipe(seed, sizeof(seed));
	return e;
}

PRINTF(3, 4) static enum err refuse(char **why, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return e;
}

/* A key's two lines; the second one only if it was made at a time. */
static enum err seed_write(
	const char *path, const uint8_t seed[ED25519_SEED_BYTES], struct wall made, char **why)
{
	char at[WALL_TEXT_MAX];
	struct buf text;
	enum err e;

	buf_init(&text, KEY_MAX);
	e = base64_encode(&text, seed, ED25519_SEED_BYTES);
	if (e == ERR_OK)
		e = buf_add_str(&text, "\n");
	if (e == ERR_OK && made.ms != WALL_NONE.ms)
		e = buf_addf(&text, "%s\n", wall_format(made, at));
	if (e == ERR_OK)
		e = file_replace(path, buf_span(&text), KEY_MODE);
	secret_wipe(text.data, text.len);
	buf_release(&text);
	if (e == ERR_OK)
		return ERR_OK;
	return refuse(why, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

static enum err seed_make(
	const char *path, uint8_t seed[ED25519_SEED_BYTES], struct wall made, char **why)
{
	random_bytes(seed, ED25519_SEED_BYTES);
	return seed_write(path, seed, made, why);
}

/* Cut the second line off, and read it. WALL_NONE if there is none. */
static enum err made_cut(struct span *text, struct wall *made)
{
	const char *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);
	struct span line;

	*made = WALL_NONE;
	if (end == NULL || end + 1 == text->p + text->n)
		return ERR_OK;
	line = (struct span){ end + 1, text->n - (size_t)(end + 1 - text->p) };
	text->n -= line.n;
	if (line.p[line.n - 1] == '\n')
		line.n--;
	return wall_parse(line, made);
}

/* made is NULL where a key has one line only. */
static enum err seed_read(
	const char *path, uint8_t seed[ED25519_SEED_BYTES], struct wall *made, char **why)
{
	struct buf text;
	struct span key;
	struct stat st;
	enum err e;

	if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return refuse(why, ERR_AUTH, "%s: others may read or write it; chmod 600", path);
	buf_init(&text, KEY_MAX);
	e = file_read(path, &text);
	key = buf_span(&text);
	if (e == ERR_OK && made != NULL)
		e = made_cut(&key, made);
	if (e == ERR_OK)
		e = audit_seed_parse(key, seed);
	secret_wipe(text.data, text.len);
	buf_release(&text);
	switch (e) {
	case ERR_OK:
	case ERR_NOTFOUND: return e;
	case ERR_PARSE:
	case ERR_LIMIT:
		return refuse(why, ERR_PARSE, "%s: is not 32 bytes in base64%s", path,
			made == NULL ? "" : ", with nothing behind but the time it was made at");
	case ERR_IO:
	case ERR_AUTH:
	case ERR_BUSY: break;
	}
	return refuse(why, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
}

enum err audit_seed_load(const char *path, uint8_t seed[ED25519_SEED_BYTES], char **why)
{
	enum err e = seed_read(path, seed, NULL, why);

	return e == ERR_NOTFOUND ? seed_make(path, seed, WALL_NONE, why) : e;
}

enum err audit_key_load(const char *path, bool may_make, struct signing_key **out, char **why)
{
	uint8_t seed[ED25519_SEED_BYTES];
	enum err e = seed_read(path, seed, NULL, why);

	if (e == ERR_NOTFOUND && !may_make)
		return refuse(why, ERR_NOTFOUND,
			"%s: is missing, but there is a log that it signed; bring it back, or "
			"begin "
			"another log with audit.origin and audit.directory",
			path);
	if (e == ERR_NOTFOUND)
		e = seed_make(path, seed, WALL_NONE, why);
	if (e == ERR_OK)
		*out = signing_key_new(seed);
	secret_wipe(seed, sizeof(seed));
	return e;
}

static struct wall file_time(const char *path, struct wall now)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return now;
	return (struct wall){ (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 };
}

enum err audit_key_load_dated(
	const char *path, struct wall now, struct signing_key **out, struct wall *made, char **why)
{
	uint8_t seed[ED25519_SEED_BYTES];
	struct wall at = now;
	enum err e = seed_read(path, seed, &at, why);

	if (e == ERR_NOTFOUND) {
		at = now;
		e = seed_make(path, seed, at, why);
	} else if (e == ERR_OK && at.ms == WALL_NONE.ms) {
		at = file_time(path, now);
		e = seed_write(path, seed, at, why);
	}
	if (e == ERR_OK) {
		*out = signing_key_new(seed);
		*made = at.ms > now.ms ? now : at;
	}
	secret_wipe(seed, sizeof(seed));
	return e;
}
