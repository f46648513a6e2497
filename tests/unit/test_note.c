/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "audit/note.h"
#include "io/crypto.h"

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(note, .init = setup);

/* The example of c2sp.org/signed-note. */
#define C2SP_KEY  "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define C2SP_TEXT "This is an example message.\n"
#define C2SP_SIG                                                                                   \
	"\xe2\x80\x94 example.com/foo "                                                            \
	"Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72In"   \
	"eyaQM=\n"
#define C2SP_NOTE C2SP_TEXT "\n" C2SP_SIG

/* The example of golang.org/x/mod/sumdb/note. */
#define GO_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_NOTE                                                                                    \
	"If you think cryptography is the answer to your problem,\n"                               \
	"then you don't know what your problem is.\n"                                              \
	"\n"                                                                                       \
	"\xe2\x80\x94 PeterNeumann "                                                               \
	"x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyB"   \
	"wJnAM=\n"

static struct note_key key_of(const char *vkey)
{
	struct note_key k;

	cr_assert_eq(note_key_parse(span_of(vkey), &k), ERR_OK);
	return k;
}

Test(note, published_notes_open)
{
	const struct note_key c2sp = key_of(C2SP_KEY), go = key_of(GO_KEY);
	struct span text;

	cr_assert_eq(note_open(SPAN(C2SP_NOTE), &c2sp, &text), ERR_OK);
	cr_expect(span_is(text, C2SP_TEXT));
	cr_assert_eq(note_open(SPAN(GO_NOTE), &go, &text), ERR_OK);
	cr_expect_eq(note_open(SPAN(GO_NOTE), &c2sp, &text), ERR_AUTH);
}

Test(note, a_key_is_written_as_it_was_read)
{
	const struct note_key k = key_of(GO_KEY);
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, 1000);
	cr_assert_eq(note_key_write(&k, &out), ERR_OK);
	cr_expect_str_eq(out.data, GO_KEY);
}

Test(note, no_bit_of_a_note_can_be_another)
{
	const struct note_key k = key_of(C2SP_KEY);
	char note[] = C2SP_NOTE;
	struct span text;

	for (size_t i = 0; i < strlen(C2SP_NOTE); i++) {
		for (int bit = 0; bit < 8; bit++) {
			note[i] = (char)(C2SP_NOTE[i] ^ (1 << bit));
			cr_assert_neq(
				note_open((struct span){ note, strlen(C2SP_NOTE) }, &k, &text),
				ERR_OK, "byte %zu bit %d", i, bit);
		}
		note[i] = C2SP_NOTE[i];
	}
}

Test(note, no_bit_of_a_key_can_be_another)
{
	char vkey[] = C2SP_KEY;
	struct note_key k;

	for (size_t i = 0; i < strlen(C2SP_KEY); i++) {
		for (int bit = 0; bit < 8; bit++) {
			vkey[i] = (char)(C2SP_KEY[i] ^ (1 << bit));
			cr_assert_eq(note_key_parse((struct span){ vkey, strlen(C2SP_KEY) }, &k),
				ERR_PARSE, "byte %zu bit %d", i, bit);
		}
		vkey[i] = C2SP_KEY[i];
	}
}

Test(note, other_signatures_may_stand_beside_ours)
{
	const struct note_key k = key_of(C2SP_KEY);
	struct span text;

	cr_expect_eq(
		note_open(SPAN(C2SP_NOTE "\xe2\x80\x94 witness.example AAAAAAAAAAA=\n"), &k, &text),
		ERR_OK);
	cr_expect_eq(note_open(SPAN(C2SP_TEXT "\n\xe2\x80\x94 witness.example AAAAAAAAAAA=\n"), &k,
			     &text),
		ERR_AUTH);
}

Test(note, what_is_not_exactly_a_note_is_refused)
{
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		"text\n",
		"text\n\n",
		C2SP_TEXT C2SP_SIG,
		C2SP_TEXT "\n" C2SP_SIG "\n",
		C2SP_TEXT "\n" C2SP_SIG "more\n",
		C2SP_TEXT "\n- example.com/foo AAAAAAA=\n",
		C2SP_TEXT "\n\xe2\x80\x94 example.com/foo\n",
		C2SP_TEXT "\n\xe2\x80\x94 example.com/foo AAAA\n",
		C2SP_TEXT "\n\xe2\x80\x94 a+b AAAAAAA=\n" C2SP_SIG,
		"tab\there\n\n" C2SP_SIG,
	};
	const struct note_key k = key_of(C2SP_KEY);
	struct span text;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(note_open(span_of(bad[i]), &k, &text), ERR_PARSE, "%zu", i);
}

static void sign(const char *name, const char *text, struct note_key *k, struct buf *note)
{
	uint8_t seed[ED25519_SEED_BYTES];
	struct signing_key *secret;

	random_bytes(seed, sizeof(seed));
	secret = signing_key_new(seed);

	note_key_init(k, name, signing_key_public(secret));
	cr_assert_eq(note_sign(k, secret, span_of(text), note), ERR_OK);
	signing_key_free(secret);
}

#define HEAD "relay.example/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"

Test(note, a_checkpoint_is_three_lines)
{
	CLEANUP(buf_release) struct buf note, text;
	struct checkpoint c;
	struct note_key k;

	buf_init(&note, NOTE_MAX);
	buf_init(&text, NOTE_MAX);
	sign("relay.example/audit", HEAD, &k, &note);
	cr_assert_eq(checkpoint_open(buf_span(&note), &k, &c), ERR_OK);
	cr_expect(span_is(c.origin, "relay.example/audit"));
	cr_expect_eq(c.size, 8);
	cr_assert_eq(checkpoint_write(&c, &text), ERR_OK);
	cr_expect_str_eq(text.data, HEAD);
}

Test(note, a_checkpoint_of_another_origin_is_refused_though_it_is_signed)
{
	CLEANUP(buf_release) struct buf note;
	struct checkpoint c;
	struct note_key k;

	buf_init(&note, NOTE_MAX);
	sign("relay.example/other", HEAD, &k, &note);
	cr_expect_eq(checkpoint_open(buf_span(&note), &k, &c), ERR_AUTH);
}

Test(note, what_is_not_exactly_a_checkpoint_is_refused)
{
	static const char *const bad[] = {
		"",
		"o\n8\n",
		"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=",
		"o\n08\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
		"o\n+8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
		"o\n-8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
		"o\n\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
		"o\n8888888888888888888\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
		"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg\n",
		"o\n8\nXcna\n",
		"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\nmore\n",
		"\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
		"o o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
	};
	struct checkpoint c;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(checkpoint_parse(span_of(bad[i]), &c), ERR_PARSE, "%zu", i);
}
