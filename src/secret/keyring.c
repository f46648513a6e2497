/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/keyring.h"

#include "base/defs.h"
#include "io/secmem.h"

void keyring_init(struct keyring *k)
{
	*k = (struct keyring){ 0 };
}

void keyring_release(struct keyring *k)
{
	secret_free(k->current);
	secret_free(k->previous);
	*k = (struct keyring){ 0 };
}

static void previous_set(struct keyring *k, struct secret *s, struct mono until)
{
	secret_free(k->previous);
	k->previous = s;
	k->previous_until = until;
}

bool keyring_put(struct keyring *k, struct secret *s, struct mono now, int64_t overlap_ms)
{
	struct secret *before = k->current;

	if (before != NULL && secret_is_same(before, s)) {
		secret_free(s);
		return false;
	}
	k->current = s;
	if (before != NULL && overlap_ms > 0) {
		previous_set(k, before, (struct mono){ now.ms + overlap_ms });
	} else {
		secret_free(before);
		previous_set(k, NULL, now);
	}
	return true;
}

void keyring_put_previous(struct keyring *k, struct secret *s, struct mono until)
{
	if (k->current != NULL && secret_is_same(k->current, s))
		secret_free(s);
	else
		previous_set(k, s, until);
}

bool keyring_expire(struct keyring *k, struct mono now)
{
	if (k->previous == NULL || now.ms < k->previous_until.ms)
		return false;
	previous_set(k, NULL, now);
	return true;
}

int64_t keyring_refresh_after(int64_t lease_ms, uint64_t dice)
{
	const int64_t base_ms = lease_ms / 3 * 2;
	const int64_t spread_ms = base_ms / 5; /* from a tenth less to a tenth more */
	int64_t ms = base_ms - spread_ms / 2;

	if (spread_ms > 0)
		ms += (int64_t)(dice % (uint64_t)spread_ms);
	return ms > 0 ? ms : 1;
}
