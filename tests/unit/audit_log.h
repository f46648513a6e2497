/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_AUDIT_LOG_H
#define TESTS_UNIT_AUDIT_LOG_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "audit/folder.h"
#include "audit/verify.h"
#include "io/signing.h"
#include "scratch.h"

#define LOG_ORIGIN "relay.example/audit"

/* The same key every time, for logs of tests. */
static inline struct signing_key *log_key(char fill)
{
	uint8_t seed[ED25519_SEED_BYTES];

	memset(seed, fill, sizeof(seed));
	return signing_key_new(seed);
}

/* What the verifier said. */
struct findings {
	char first[512];
	unsigned n;
};

static inline void findings_add(void *ctx, const char *line)
{
	struct findings *f = ctx;

	if (f->n++ == 0)
		snprintf(f->first, sizeof(f->first), "%s", line);
}

/* Check a folder with the key; its size goes to *size. */
static inline bool log_verify(
	const char *dir, const struct note_key *k, struct findings *f, uint64_t *size)
{
	struct verifier v = { .key = k, .on_failure = findings_add, .ctx = f };
	struct checkpoint c = { 0 };
	bool ok;

	*f = (struct findings){ 0 };
	ok = folder_verify(&v, dir, &c);
	cr_assert_eq(ok, f->n == 0);
	if (size != NULL)
		*size = c.size;
	return ok;
}

#endif
