/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* 128 bits that make a hash unpredictable to those who choose the input. */
struct hash_key {
	uint64_t k0, k1;
};

/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012). With a random key it is what
 * tables of foreign strings need; with the fixed key of zeros it names
 * partitions, which must not change for ever.
 */
uint64_t hash_bytes(const struct hash_key *key, struct span bytes);

/* This process's random key, drawn at the first call, from whatever thread. */
const struct hash_key *hash_process_key(void);

#endif
