/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/note.h"

#include <inttypes.h>
#include <string.h>

#include "base/codec.h"
#include "io/crypto.h"

#define ED25519_TYPE    0x01
#define DASH            "\xe2\x80\x94 " /* an em dash and a blank begin each signature */
#define SIGNATURES_MAX  32
#define SIGNATURE_BYTES 4096 /* of another kind than ours */

bool note_name_is_valid(struct span name)
{
	if (name.n == 0 || name.n > NOTE_NAME_MAX || !utf8_is_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c <= 0x20 || c == 0x7f || c == '+')
			return false;
	}
	return true;
}

void note_key_init(struct note_key *k, const char *name, const uint8_t public_key[32])
{
	const struct span part[] = {
		span_of(name),
		{ "\n\x01", 2 },
		{ (const char *)public_key, ED25519_PUBLIC_BYTES },
	};
	uint8_t digest[SHA256_BYTES];

	*k = (struct note_key){ 0 };
	memcpy(k->name, name, strlen(name));
	memcpy(k->public_key, public_key, sizeof(k->public_key));
	sha256_joined(part, ARRAY_SIZE(part), digest);
	memcpy(k->id, digest, sizeof(k->id));
}

enum err note_key_write(const struct note_key *k, struct buf *out)
{
	uint8_t typed[1 + ED25519_PUBLIC_BYTES] = { ED25519_TYPE };
	char hex[2 * sizeof(k->id) + 1];
	enum err e;

	hex_encode(k->id, sizeof(k->id), hex);
	memcpy(typed + 1, k->public_key, sizeof(k->public_key));
	e = buf_addf(out, "%s+%s+", k->name, hex);
	if (e == ERR_OK)
		e = base64_encode(out, typed, sizeof(typed));
	return e;
}

/* Cut s at the first c; false if there is none. */
static bool span_cut(struct span s, char c, struct span *before, struct span *after)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	if (at == NULL)
		return false;
	*before = (struct span){ s.p, (size_t)(at - s.p) };
	*after = (struct span){ at + 1, s.n - before->n - 1 };
	return true;
}

enum err note_key_parse(struct span vkey, struct note_key *k)
{
	uint8_t typed[1 + ED25519_PUBLIC_BYTES];
	char name[NOTE_NAME_MAX + 1] = "", id[2 * sizeof(k->id) + 1];
	struct span label, hex, rest;
	size_t n;

	if (!span_cut(vkey, '+', &label, &rest) || !span_cut(rest, '+', &hex, &rest))
		return ERR_PARSE;
	if (!note_name_is_valid(label))
		return ERR_PARSE;
	if (base64_decode(rest, typed, sizeof(typed), &n) != ERR_OK || n != sizeof(typed) ||
		typed[0] != ED25519_TYPE)
		return ERR_PARSE;
	memcpy(name, label.p, label.n);
	note_key_init(k, name, typed + 1);
	hex_encode(k->id, sizeof(k->id), id);
	return span_is(hex, id) ? ERR_OK : ERR_PARSE;
}

enum err note_sign(const struct note_key *k, const struct signing_key *secret, struct span text,
	struct buf *out)
{
	uint8_t signature[sizeof(k->id) + ED25519_SIGNATURE_BYTES];
	enum err e;

	memcpy(signature, k->id, sizeof(k->id));
	signing_key_sign(secret, text, signature + sizeof(k->id));
	e = buf_add_span(out, text);
	if (e == ERR_OK)
		e = buf_addf(out, "\n" DASH "%s ", k->name);
	if (e == ERR_OK)
		e = base64_encode(out, signature, sizeof(signature));
	return e == ERR_OK ? buf_add_str(out, "\n") : e;
}

bool note_line(struct span *text, struct span *line)
{
	return span_cut(*text, '\n', line, text);
}

/* Where the text ends: after its last newline that an empty line follows. */
static bool note_split(struct span note, struct span *text, struct span *signatures)
{
	for (size_t i = note.n; i >= 2; i--) {
		if (note.p[i - 1] != '\n' || note.p[i - 2] != '\n')
			continue;
		*text = (struct span){ note.p, i - 1 };
		*signatures = (struct span){ note.p + i, note.n - i };
		return signatures->n > 0 && note.p[note.n - 1] == '\n';
	}
	return false;
}

/* Is it a signature line? ours says that it names the key; then ERR_AUTH if it is wrong. */
static enum err signature_check(
	struct span line, struct span text, const struct note_key *k, bool *ours)
{
	uint8_t bytes[SIGNATURE_BYTES];
	struct span name, base64;
	size_t n;

	if (!span_starts(line, DASH))
		return ERR_PARSE;
	line = (struct span){ line.p + strlen(DASH), line.n - strlen(DASH) };
	if (!span_cut(line, ' ', &name, &base64) || !note_name_is_valid(name))
		return ERR_PARSE;
	if (base64_decode(base64, bytes, sizeof(bytes), &n) != ERR_OK || n < sizeof(k->id) + 1)
		return ERR_PARSE;
	*ours = span_is(name, k->name) && memcmp(bytes, k->id, sizeof(k->id)) == 0;
	if (!*ours)
		return ERR_OK;
	if (n != sizeof(k->id) + ED25519_SIGNATURE_BYTES ||
		!ed25519_verify(k->public_key, text, bytes + sizeof(k->id)))
		return ERR_AUTH;
	return ERR_OK;
}

static bool note_is_text(struct span note)
{
	if (note.n > NOTE_MAX || !utf8_is_valid(note))
		return false;
	for (size_t i = 0; i < note.n; i++) {
		if ((unsigned char)note.p[i] < 0x20 && note.p[i] != '\n')
			return false;
	}
	return true;
}

enum err note_open(struct span note, const struct note_key *k, struct span *text)
{
	struct span body, signatures, line;
	bool ours = false, signed_by_us = false;

	if (!note_is_text(note) || !note_split(note, &body, &signatures))
		return ERR_PARSE;
	for (unsigned n = 0; note_line(&signatures, &line); n++) {
		enum err e = n < SIGNATURES_MAX ? signature_check(line, body, k, &ours) : ERR_PARSE;

		if (e != ERR_OK)
			return e;
		signed_by_us = signed_by_us || ours;
	}
	if (!signed_by_us)
		return ERR_AUTH;
	*text = body;
	return ERR_OK;
}

/* --- checkpoints --- */

enum err checkpoint_write(const struct checkpoint *c, struct buf *out)
{
	enum err e = buf_addf(out, "%.*s\n%" PRIu64 "\n", SPAN_ARGS(c->origin), c->size);

	if (e == ERR_OK)
		e = base64_encode(out, c->root.b, sizeof(c->root.b));
	return e == ERR_OK ? buf_add_str(out, "\n") : e;
}

/* Decimal without a needless zero, and far from an overflow. */
static bool size_parse(struct span s, uint64_t *size)
{
	uint64_t n = 0;

	if (s.n == 0 || s.n > 18 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	}
	*size = n;
	return true;
}

enum err checkpoint_parse(struct span text, struct checkpoint *c)
{
	struct checkpoint found;
	struct span size, root;
	size_t n;

	if (!note_line(&text, &found.origin) || !note_line(&text, &size) ||
		!note_line(&text, &root) || text.n > 0)
		return ERR_PARSE;
	if (!note_name_is_valid(found.origin) || !size_parse(size, &found.size))
		return ERR_PARSE;
	if (base64_decode(root, found.root.b, sizeof(found.root.b), &n) != ERR_OK ||
		n != sizeof(found.root.b))
		return ERR_PARSE;
	*c = found;
	return ERR_OK;
}

enum err checkpoint_open(struct span note, const struct note_key *k, struct checkpoint *c)
{
	struct checkpoint found;
	struct span text;
	enum err e = note_open(note, k, &text);

	if (e == ERR_OK)
		e = checkpoint_parse(text, &found);
	if (e != ERR_OK)
		return e;
	if (!span_is(found.origin, k->name))
		return ERR_AUTH;
	*c = found;
	return ERR_OK;
}
