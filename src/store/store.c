/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/hash.h"

/* The key of zeros is part of the data: it must never change. */
uint16_t store_part(struct span okey)
{
	static const struct hash_key zero;

	return (uint16_t)(hash_bytes(&zero, okey) % STORE_PARTS);
}
