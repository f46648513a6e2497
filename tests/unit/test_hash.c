/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/hash.h"

TestSuite(hash);

/*
 * The first results of SipHash-2-4 for the key 00 01 .. 0f and the messages
 * "", 00, 00 01, ...: the published test values, as 64-bit numbers.
 */
static const uint64_t published[] = { 0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
	0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce,
	0xab0200f58b01d137, 0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3,
	0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee,
	0xa129ca6149be45e5 };

Test(hash, gives_the_published_values_of_siphash_2_4)
{
	static const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	char message[ARRAY_SIZE(published)];

	for (size_t n = 0; n < ARRAY_SIZE(published); n++) {
		message[n] = (char)n;
		cr_assert_eq(hash_bytes(&key, (struct span){ message, n }), published[n],
			"%zu bytes", n);
	}
}

Test(hash, the_key_of_zeros_names_the_same_partition_for_ever)
{
	/* In stores all over the world: these must never change. */
	static const struct hash_key zeros;
	static const struct {
		const char *okey;
		uint64_t hash;
	} kept[] = {
		{ "", 0x1e924b9d737700d7 },
		{ "app.travis-ci.com/29853331", 0xde81021b7c202f33 },
		{ "travis-ci.org/6461770", 0xc4a6372710ac70fe },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		cr_assert_eq(hash_bytes(&zeros, span_of(kept[i].okey)), kept[i].hash, "%s: %llx",
			kept[i].okey,
			(unsigned long long)hash_bytes(&zeros, span_of(kept[i].okey)));
}

Test(hash, does_not_depend_on_where_the_bytes_stand)
{
	static const char text[] = "the quick brown fox jumps over";
	char room[64];
	uint64_t want = hash_bytes(hash_process_key(), SPAN(text));

	for (size_t at = 0; at < 16; at++) {
		memcpy(room + at, text, sizeof(text) - 1);
		cr_assert_eq(hash_bytes(hash_process_key(),
				     (struct span){ room + at, sizeof(text) - 1 }),
			want);
	}
}

Test(hash, takes_no_bytes_at_all)
{
	static const struct hash_key zeros;

	cr_assert_eq(hash_bytes(&zeros, (struct span){ NULL, 0 }), hash_bytes(&zeros, SPAN("")));
}

static void *read_key(void *seen)
{
	*(struct hash_key *)seen = *hash_process_key();
	return NULL;
}

Test(hash, every_thread_sees_the_same_process_key)
{
	struct hash_key seen[8];
	pthread_t thread[8];

	for (size_t i = 0; i < ARRAY_SIZE(thread); i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, read_key, &seen[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 1; i < ARRAY_SIZE(thread); i++)
		cr_assert(seen[i].k0 == seen[0].k0 && seen[i].k1 == seen[0].k1);
	cr_assert(seen[0].k0 != 0 || seen[0].k1 != 0);
}
