/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_PSEUDONYM_H
#define IO_PSEUDONYM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Names for people's addresses and logins, by which two mentions of one person
 * are known as such and nobody is known from: keyed digests. Whoever has them
 * without the key cannot tell whether an address is among them.
 */
struct pseudonym_key;

#define PSEUDONYM_SEED_BYTES 32
#define PSEUDONYM_MAX        33 /* 32 hexadecimal digits and a NUL */

/* In guarded memory; wipe yours. crypto_init() comes first. */
struct pseudonym_key *pseudonym_key_new(const uint8_t seed[PSEUDONYM_SEED_BYTES]);
void pseudonym_key_free(struct pseudonym_key *k);

/* Of an e-mail address in whatever case; false, and out is empty, if it is none. */
bool pseudonym_of_mail(const struct pseudonym_key *k, struct span address, char out[PSEUDONYM_MAX]);

/* Of a login, in whatever case; the same. */
bool pseudonym_of_login(const struct pseudonym_key *k, struct span login, char out[PSEUDONYM_MAX]);

/* Of a secret as it is, to know it again by. */
void pseudonym_of_secret(
	const struct pseudonym_key *k, struct span secret, char out[PSEUDONYM_MAX]);

/*
 * The login in an address behind which a host keeps its users' own:
 * "583231+octocat@users.noreply.github.com" of host "github.com". Empty if it is none.
 */
struct span pseudonym_hidden_login(struct span address, struct span host);

#endif
