/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <endian.h>
#include <pthread.h>
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

static inline uint64_t load_word(const char *p)
{
	uint64_t m;

	memcpy(&m, p, sizeof(m));
	return le64toh(m);
}

/* The last word: up to seven bytes, and the length at its top. */
static inline uint64_t load_tail(struct span tail, size_t len)
{
	uint64_t m = (uint64_t)len << 56;

	for (size_t i = 0; i < tail.n; i++)
		m |= (uint64_t)(uint8_t)tail.p[i] << (8 * i);
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
	size_t len = bytes.n;

	for (; bytes.n >= 8; bytes.n -= 8, bytes.p += 8)
		sip_word(&s, load_word(bytes.p));
	sip_word(&s, load_tail(bytes, len));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static struct hash_key process_key;

static void process_key_draw(void)
{
	if (getrandom(&process_key, sizeof(process_key), 0) != (ssize_t)sizeof(process_key))
		abort();
}

const struct hash_key *hash_process_key(void)
{
	static pthread_once_t drawn = PTHREAD_ONCE_INIT;

	if (pthread_once(&drawn, process_key_draw) != 0)
		abort();
	return &process_key;
}
