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
#include "io/secmem.h"
#include "io/signing.h"

#define KEY_MODE 0600
#define KEY_MAX  256

enum err audit_key_parse(struct span text, struct signing_key **out)
{
	uint8_t seed[ED25519_SEED_BYTES];
	size_t n;
	enum err e;

	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	e = base64_decode(text, seed, sizeof(seed), &n);
	if (e == ERR_OK && n == sizeof(seed))
		*out = signing_key_new(seed);
	else
		e = ERR_PARSE;
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

static enum err key_make(const char *path, struct signing_key **out, char **why)
{
	uint8_t seed[ED25519_SEED_BYTES];
	struct signing_key *k = signing_key_generate(seed);
	struct buf text;
	enum err e;

	buf_init(&text, KEY_MAX);
	e = base64_encode(&text, seed, sizeof(seed));
	if (e == ERR_OK)
		e = buf_add_str(&text, "\n");
	if (e == ERR_OK)
		e = file_replace(path, buf_span(&text), KEY_MODE);
	secret_wipe(seed, sizeof(seed));
	secret_wipe(text.data, text.len);
	buf_release(&text);
	if (e == ERR_OK) {
		*out = k;
		return ERR_OK;
	}
	signing_key_free(k);
	return refuse(why, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

static enum err key_read(const char *path, struct signing_key **out, char **why)
{
	struct buf text;
	struct stat st;
	enum err e;

	if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return refuse(why, ERR_AUTH, "%s: others may read or write it; chmod 600", path);
	buf_init(&text, KEY_MAX);
	e = file_read(path, &text);
	if (e == ERR_OK)
		e = audit_key_parse(buf_span(&text), out);
	secret_wipe(text.data, text.len);
	buf_release(&text);
	switch (e) {
	case ERR_OK:
	case ERR_NOTFOUND: return e;
	case ERR_PARSE:
	case ERR_LIMIT: return refuse(why, ERR_PARSE, "%s: is not 32 bytes in base64", path);
	case ERR_IO:
	case ERR_AUTH:
	case ERR_BUSY: break;
	}
	return refuse(why, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
}

enum err audit_key_load(const char *path, bool may_make, struct signing_key **out, char **why)
{
	enum err e = key_read(path, out, why);

	if (e != ERR_NOTFOUND)
		return e;
	if (may_make)
		return key_make(path, out, why);
	return refuse(why, ERR_NOTFOUND,
		"%s: is missing, but there is a log that it signed; bring it back, or begin "
		"another log with audit.origin and audit.directory",
		path);
}
