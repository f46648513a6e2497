/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

static uint64_t load_le(const char *p, size_t n)
{
	uint64_t m = 0;

	for (size_t i = 0; i < n; i++)
		m |= (uint64_t)(uint8_t)p[i] << (8 * i);
	return m;
}

uint64_t hash_bytes(const struct hash_key *key, struct span bytes)
{
	struct sip s = {
		.v0 = 0x736f6d6570736575 ^ key->k0,
		.v1 = 0x646f72616e646f6d ^ key->k1,
		.v2 = 0x6c7967656e657261 ^ key->k0,
		.v3 = 0x7465646279746573 ^ key->k1,
	};
	size_t whole = bytes.n & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8)
		sip_word(&s, load_le(bytes.p + i, 8));
	sip_word(&s, load_le(bytes.p + whole, bytes.n - whole) | (uint64_t)bytes.n << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

const struct hash_key *hash_process_key(void)
{
	static struct hash_key key;
	static _Bool drawn;

	if (!drawn) {
		if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
			abort();
		drawn = 1;
	}
	return &key;
}
