/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

TestSuite(codec);

Test(codec, hex_round_trips_every_byte)
{
	uint8_t all[256], back[256];
	char text[513];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hex_encode(all, sizeof(all), text);
	cr_assert_eq(strlen(text), 512);
	cr_assert_eq(strncmp(text, "000102", 6), 0);
	cr_assert_eq(hex_decode(span_of(text), back, sizeof(back)), ERR_OK);
	cr_assert_eq(memcmp(all, back, sizeof(all)), 0);
}

Test(codec, hex_takes_both_cases_and_nothing_else)
{
	uint8_t b[2];

	cr_assert_eq(hex_decode(SPAN("aBCd"), b, 2), ERR_OK);
	cr_assert_eq(b[0], 0xab);
	cr_assert_eq(b[1], 0xcd);
	cr_assert_eq(hex_decode(SPAN("abc"), b, 2), ERR_PARSE);
	cr_assert_eq(hex_decode(SPAN("abcde"), b, 2), ERR_PARSE);
	for (int c = 0; c < 256; c++) {
		char text[4] = { '0', (char)c, '0', '0' };
		bool digit =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		cr_assert_eq(hex_decode((struct span){ text, 4 }, b, 2), digit ? ERR_OK : ERR_PARSE,
			"byte %d", c);
	}
}

/* RFC 4648, section 10. */
static const struct {
	const char *plain, *base64;
} rfc_vectors[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };

Test(codec, base64_gives_the_vectors_of_rfc_4648)
{
	for (size_t i = 0; i < ARRAY_SIZE(rfc_vectors); i++) {
		CLEANUP(buf_release) struct buf out;
		char plain[16];
		size_t n = 99;

		buf_init(&out, 100);
		cr_assert_eq(
			base64_encode(&out, rfc_vectors[i].plain, strlen(rfc_vectors[i].plain)),
			ERR_OK);
		cr_assert_str_eq(out.data, rfc_vectors[i].base64);
		cr_assert_eq(
			base64_decode(span_of(rfc_vectors[i].base64), plain, sizeof(plain), &n),
			ERR_OK);
		cr_assert(span_is((struct span){ plain, n }, rfc_vectors[i].plain));
	}
}

Test(codec, base64_refuses_what_another_decoder_may_read_otherwise)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zm8", "Zm9vYg", "====", "=",
		"Z===", "Zg==Zg==", "Zg==\n", "\nZg==", "Zm 9v", "Zm9\n", "Zm9-", "Zm9_",
		"Zh==", "Zm9=", "Zn==", "Z/==", "Zm+=", "Zm9vYh==", "=Zm9", "Z=m9", "Zm=v",
		"Zm9\xc3", "Zg=A", "\0\0\0\0" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char plain[16];
		size_t n = 99;
		struct span text = { bad[i], bad[i][0] == '\0' ? 4 : strlen(bad[i]) };

		cr_assert_eq(
			base64_decode(text, plain, sizeof(plain), &n), ERR_PARSE, "%s", bad[i]);
		cr_assert_eq(n, 99, "%s", bad[i]);
	}
}

Test(codec, base64url_reads_back_what_it_writes_and_nothing_else)
{
	const char *const bad[] = { "A", "AA==", "AB", "AAB", "A+AA", "A/AA", "AA A",
		"AAAA=", "AAAAA" };
	struct buf out, back;
	uint8_t bytes[67];

	buf_init(&out, 256);
	buf_init(&back, 256);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 251);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		buf_clear(&out);
		buf_clear(&back);
		cr_assert_eq(base64url_encode(&out, bytes, n), ERR_OK);
		cr_assert_eq(base64url_decode(buf_span(&out), &back), ERR_OK, "%zu", n);
		cr_assert_eq(back.len, n);
		cr_assert(n == 0 || memcmp(back.data, bytes, n) == 0, "%zu", n);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(base64url_decode(span_of(bad[i]), &back), ERR_PARSE, "%s", bad[i]);
	cr_expect_eq(back.len, sizeof(bytes));
	buf_release(&out);
	buf_release(&back);
}

Test(codec, base64_has_exactly_one_tail_for_each_length)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int good_two = 0, good_three = 0;

	for (size_t i = 0; i < 64; i++) {
		char two[] = "A?==", three[] = "AA?=", plain[4];
		size_t n;

		two[1] = alphabet[i];
		three[2] = alphabet[i];
		good_two += base64_decode(span_of(two), plain, 3, &n) == ERR_OK;
		good_three += base64_decode(span_of(three), plain, 3, &n) == ERR_OK;
	}
	cr_assert_eq(good_two, 4);
	cr_assert_eq(good_three, 16);
}

Test(codec, base64_keeps_within_the_bytes_given)
{
	char plain[4] = "zzz";
	size_t n = 99;

	cr_assert_eq(base64_decode(SPAN("Zm9v"), plain, 2, &n), ERR_LIMIT);
	cr_assert_eq(base64_decode(SPAN("Zm8="), plain, 2, &n), ERR_OK);
	cr_assert_eq(n, 2);
	cr_assert_eq(plain[2], 'z');
	cr_assert_eq(base64_decode(SPAN("Zm8="), plain, 1, &n), ERR_LIMIT);
	cr_assert_eq(base64_decode((struct span){ NULL, 0 }, plain, 0, &n), ERR_OK);
	cr_assert_eq(n, 0);
}

Test(codec, base64_round_trips_every_byte_at_every_place)
{
	for (int c = 0; c < 256; c++) {
		for (size_t len = 1; len < 8; len++) {
			CLEANUP(buf_release) struct buf out;
			char bytes[8] = { 0 }, back[8];
			size_t n;

			bytes[(size_t)c % len] = (char)c;
			buf_init(&out, 100);
			cr_assert_eq(base64_encode(&out, bytes, len), ERR_OK);
			cr_assert_eq(base64_decode(buf_span(&out), back, len, &n), ERR_OK);
			cr_assert_eq(n, len);
			cr_assert_eq(memcmp(bytes, back, len), 0);
		}
	}
}

Test(codec, form_decodes_once_and_only_once)
{
	static const struct {
		const char *text, *plain;
	} cases[] = { { "", "" }, { "abc", "abc" }, { "a+b", "a b" }, { "%2B", "+" },
		{ "a%20b+c", "a b c" }, { "%25", "%" }, { "%2525", "%25" }, { "100%25", "100%" },
		{ "%2520", "%20" }, { "%7b%22id%22%3A1%7D", "{\"id\":1}" },
		{ "%c3%A4", "\xc3\xa4" }, { "%26%3D", "&=" }, { "a=b", "a=b" }, { "*%2A", "**" },
		{ "%0D%0a", "\r\n" }, { "\xc3\xa4", "\xc3\xa4" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_release) struct buf out;

		buf_init(&out, 100);
		cr_assert_eq(form_decode(span_of(cases[i].text), &out), ERR_OK);
		cr_assert_str_eq(out.data, cases[i].plain);
	}
}

Test(codec, form_decodes_a_nul_like_any_byte)
{
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, 100);
	cr_assert_eq(form_decode(SPAN("a%00b"), &out), ERR_OK);
	cr_assert(span_eq(buf_span(&out), (struct span){ "a\0b", 3 }));
}

Test(codec, form_refuses_a_percent_without_two_digits_and_appends_nothing)
{
	static const char *const bad[] = { "%", "%2", "a%", "a%2", "%2G", "%G2", "%%20", "%+2",
		"% 2", "%-1", "%0x", "%u0020", "100% sure" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_release) struct buf out;

		buf_init(&out, 100);
		cr_assert_eq(buf_add_str(&out, "kept"), ERR_OK);
		cr_assert_eq(form_decode(span_of(bad[i]), &out), ERR_PARSE, "%s", bad[i]);
		cr_assert_str_eq(out.data, "kept");
	}
}

Test(codec, form_decode_keeps_to_the_ceiling)
{
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, 3);
	cr_assert_eq(form_decode(SPAN("abcd"), &out), ERR_LIMIT);
	cr_assert_eq(form_decode(SPAN("abc"), &out), ERR_OK);
	cr_assert_eq(form_decode((struct span){ NULL, 0 }, &out), ERR_OK);
}

Test(codec, form_finds_a_field_among_others)
{
	static const struct {
		const char *body;
		enum err want;
		const char *value;
	} cases[] = {
		{ "payload=x", ERR_OK, "x" },
		{ "payload=", ERR_OK, "" },
		{ "payload", ERR_OK, "" },
		{ "a=1&payload=x%26y&b=2", ERR_OK, "x%26y" },
		{ "payload=a=b", ERR_OK, "a=b" },
		{ "&&payload=x&", ERR_OK, "x" },
		{ "", ERR_NOTFOUND, NULL },
		{ "payloads=x", ERR_NOTFOUND, NULL },
		{ "payloa", ERR_NOTFOUND, NULL },
		{ "xpayload=x", ERR_NOTFOUND, NULL },
		{ "Payload=x", ERR_NOTFOUND, NULL },
		{ "a=payload=x", ERR_NOTFOUND, NULL },
		{ "payload=x&payload=x", ERR_PARSE, NULL },
		{ "payload=x&payload=y", ERR_PARSE, NULL },
		{ "payload=x&payload", ERR_PARSE, NULL },
		{ "payload&payload=x", ERR_PARSE, NULL },
		{ "payload=&a&payload=x", ERR_PARSE, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct span value = SPAN("untouched");

		cr_assert_eq(form_find(span_of(cases[i].body), "payload", &value), cases[i].want,
			"%s", cases[i].body);
		cr_assert(span_is(value, cases[i].want == ERR_OK ? cases[i].value : "untouched"),
			"%s", cases[i].body);
	}
}

Test(codec, url_encodes_all_but_the_unreserved)
{
	CLEANUP(buf_release) struct buf out;

	buf_init(&out, 1000);
	cr_assert_eq(url_encode(SPAN("aZ09-._~ /?&=%+:@\xc3\xa4"), &out), ERR_OK);
	cr_assert_str_eq(out.data, "aZ09-._~%20%2F%3F%26%3D%25%2B%3A%40%C3%A4");
	buf_clear(&out);
	cr_assert_eq(url_encode((struct span){ NULL, 0 }, &out), ERR_OK);
	cr_assert_str_eq(out.data, "");
}

Test(codec, uri_repair_encodes_what_cannot_stand_in_a_uri)
{
	static const struct {
		const char *text, *uri;
	} row[] = {
		{ "", "" },
		{ "https://h/a/b?c=d&e#f", "https://h/a/b?c=d&e#f" },
		{ "https://[::1]:8/a[1]?[2]", "https://[::1]:8/a%5B1%5D?%5B2%5D" },
		{ "https://[::1]", "https://[::1]" },
		{ "https://h/%41%4g%4", "https://h/%41%254g%254" },
		{ "https://h/%", "https://h/%25" },
		{ "https://h/a b\"<>\\^`{|}\x7f", "https://h/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%7F" },
		{ "https://h/\xc3\xa4", "https://h/%C3%A4" },
		{ "https://h/#a#b", "https://h/#a%23b" },
		{ "/[a]", "/%5Ba%5D" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(buf_release) struct buf out;

		buf_init(&out, 1000);
		cr_assert_eq(uri_repair(span_of(row[i].text), &out), ERR_OK);
		cr_expect_str_eq(out.data, row[i].uri);
	}
}

Test(codec, form_decoding_undoes_url_encoding_for_every_byte)
{
	CLEANUP(buf_release) struct buf coded, back;
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	buf_init(&coded, 1000);
	buf_init(&back, 1000);
	cr_assert_eq(url_encode((struct span){ all, sizeof(all) }, &coded), ERR_OK);
	cr_assert_eq(form_decode(buf_span(&coded), &back), ERR_OK);
	cr_assert(span_eq(buf_span(&back), (struct span){ all, sizeof(all) }));
}

Test(codec, uuid_is_marked_as_version_8_of_its_variant)
{
	uint8_t id[UUID_BYTES];
	char text[UUID_TEXT_MAX];

	memset(id, 0xff, sizeof(id));
	uuid_mark(id);
	cr_assert_str_eq(uuid_format(id, text), "ffffffff-ffff-8fff-bfff-ffffffffffff");
	memset(id, 0, sizeof(id));
	uuid_mark(id);
	cr_assert_str_eq(uuid_format(id, text), "00000000-0000-8000-8000-000000000000");
}

Test(codec, uuid_reads_back_what_it_wrote_and_little_else)
{
	static const char good[] = "12345678-9abc-8def-8123-456789abcdef";
	static const char *const bad[] = { "", "12345678-9abc-8def-8123-456789abcde",
		"12345678-9abc-8def-8123-456789abcdef0", "123456789abc8def8123456789abcdef",
		"{2345678-9abc-8def-8123-456789abcde}", "12345678_9abc-8def-8123-456789abcdef",
		"1234567-89abc-8def-8123-456789abcdef", "12345678-9abc-8def-8123-456789abcdeg",
		"--------------------------------------" };
	uint8_t id[UUID_BYTES];
	char text[UUID_TEXT_MAX];

	cr_assert_eq(uuid_parse(SPAN(good), id), ERR_OK);
	cr_assert_str_eq(uuid_format(id, text), good);
	cr_assert_eq(uuid_parse(SPAN("12345678-9ABC-8DEF-8123-456789ABCDEF"), id), ERR_OK);
	cr_assert_str_eq(uuid_format(id, text), good);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_eq(uuid_parse(span_of(bad[i]), id), ERR_PARSE, "%s", bad[i]);
}

Test(codec, utf8_takes_each_range_of_rfc_3629_at_its_ends)
{
	static const char *const good[] = { "", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xe0\xbf\xbf", "\xe1\x80\x80", "\xec\xbf\xbf", "\xed\x80\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf1\x80\x80\x80",
		"\xf3\xbf\xbf\xbf", "\xf4\x80\x80\x80", "\xf4\x8f\xbf\xbf",
		"mixed \xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80 text" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
		"\xc2\x7f", "\xc2\xc0", "\xe0\x9f\xbf", "\xe0\x80\x80", "\xe1\x80", "\xe1\x80\x7f",
		"\xe1\x80\xc0", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf0\x80\x80\x80", "\xf0\x90\x80", "\xf0\x90\x80\x7f", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xfe", "\xff", "a\xc3", "\xc3\xa4\x80",
		"\xf8\x88\x80\x80\x80" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		cr_assert(utf8_is_valid(span_of(good[i])), "good %zu", i);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_assert_not(utf8_is_valid(span_of(bad[i])), "bad %zu", i);
	cr_assert(utf8_is_valid((struct span){ NULL, 0 }));
	cr_assert(utf8_is_valid((struct span){ "\0", 1 }));
}

/* What a decoder that works on code points would say of two bytes and three. */
static bool model_is_valid(const uint8_t *p, size_t n)
{
	uint32_t point, least;
	size_t more;

	if (n == 0)
		return true;
	if (p[0] < 0x80)
		return model_is_valid(p + 1, n - 1);
	more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : 1;
	if (p[0] < 0xc0 || p[0] >= 0xf8 || n < more + 1)
		return false;
	point = p[0] & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		point = point << 6 | (p[i] & 0x3f);
	}
	least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
	if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return false;
	return model_is_valid(p + more + 1, n - more - 1);
}

Test(codec, utf8_agrees_with_a_code_point_model_on_all_short_texts)
{
	static const uint8_t last[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
		0xff };
	uint8_t b[4];

	for (uint32_t i = 0; i < 1 << 16; i++) {
		b[0] = (uint8_t)(i >> 8);
		b[1] = (uint8_t)i;
		cr_assert_eq(utf8_is_valid((struct span){ (char *)b, 2 }), model_is_valid(b, 2));
		for (size_t j = 0; j < 2 * ARRAY_SIZE(last); j++) {
			size_t n = j < ARRAY_SIZE(last) ? 3 : 4;

			b[2] = n == 3 ? last[j] : 0x80;
			b[3] = last[j % ARRAY_SIZE(last)];
			if (utf8_is_valid((struct span){ (char *)b, n }) != model_is_valid(b, n))
				cr_assert_fail("%02x %02x %02x %02x", b[0], b[1], b[2], b[3]);
		}
	}
}

Test(codec, utf8_len_counts_one_character)
{
	cr_assert_eq(utf8_len(SPAN("ab")), 1);
	cr_assert_eq(utf8_len(SPAN("\xc3\xa4"
				   "b")),
		2);
	cr_assert_eq(utf8_len(SPAN("\xe6\x97\xa5")), 3);
	cr_assert_eq(utf8_len(SPAN("\xf0\x9f\x98\x80x")), 4);
	cr_assert_eq(utf8_len(SPAN("\xf0\x9f\x98")), 0);
	cr_assert_eq(utf8_len(SPAN("\x80")), 0);
	cr_assert_eq(utf8_len((struct span){ NULL, 0 }), 0);
}

Test(codec, utf8_cut_never_cuts_a_character)
{
	static const char text[] = "a\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80z";
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11 };

	for (size_t max = 0; max < ARRAY_SIZE(want); max++)
		cr_assert_eq(utf8_cut(SPAN(text), max).n, want[max], "at most %zu", max);
	cr_assert_eq(utf8_cut((struct span){ NULL, 0 }, 5).n, 0);
}
