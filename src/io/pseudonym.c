/* SPDX-License-Identifier: Apache-2.0 */
#include "io/pseudonym.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/defs.h"
#include "io/secmem.h"
#include "io/signing.h"

#define ADDRESS_MAX 254 /* RFC 5321, section 4.5.3.1.3, without the brackets */
#define LOGIN_MAX   254
#define DIGEST_USED 16

struct pseudonym_key {
	struct secret *secret;
};

struct pseudonym_key *pseudonym_key_new(const uint8_t seed[PSEUDONYM_SEED_BYTES])
{
	struct pseudonym_key *k = xcalloc(1, sizeof(*k));

	k->secret = secret_new((const char *)seed, PSEUDONYM_SEED_BYTES);
	return k;
}

void pseudonym_key_free(struct pseudonym_key *k)
{
	if (k == NULL)
		return;
	secret_free(k->secret);
	free(k);
}

/* What is of one kind is never taken for something of another. */
static void digest(
	const struct pseudonym_key *k, struct span kind, struct span text, char out[PSEUDONYM_MAX])
{
	const struct span key = { secret_text(k->secret), secret_len(k->secret) };
	const struct span part[] = { kind, text };
	uint8_t mac[HMAC_SHA256_BYTES];

	hmac_sha256(key, part, ARRAY_SIZE(part), mac);
	hex_encode(mac, DIGEST_USED, out);
}

static void digest_name(
	const struct pseudonym_key *k, struct span kind, struct span name, char out[PSEUDONYM_MAX])
{
	char lower[ADDRESS_MAX];

	digest(k, kind, span_lower(name, lower, sizeof(lower)), out);
	secret_wipe(lower, sizeof(lower));
}

static bool is_word(struct span text, size_t max)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	}
	return text.n > 0 && text.n <= max;
}

/* Something before the last '@', and something after it. */
static bool is_address(struct span text)
{
	const char *at = text.n == 0 ? NULL : memrchr(text.p, '@', text.n);

	return is_word(text, ADDRESS_MAX) && at != NULL && at > text.p && at + 1 < text.p + text.n;
}

bool pseudonym_of_mail(const struct pseudonym_key *k, struct span address, char out[PSEUDONYM_MAX])
{
	out[0] = '\0';
	if (!is_address(address))
		return false;
	digest_name(k, SPAN("mail:"), address, out);
	return true;
}

bool pseudonym_of_login(const struct pseudonym_key *k, struct span login, char out[PSEUDONYM_MAX])
{
	out[0] = '\0';
	if (!is_word(login, LOGIN_MAX))
		return false;
	digest_name(k, SPAN("login:"), login, out);
	return true;
}

void pseudonym_of_secret(const struct pseudonym_key *k, struct span secret, char out[PSEUDONYM_MAX])
{
	digest(k, SPAN("secret:"), secret, out);
}

struct span pseudonym_hidden_login(struct span address, struct span host)
{
	static const char words[] = "users.noreply.";
	const struct span none = { NULL, 0 };
	const char *at, *plus, *end = address.p + address.n;
	size_t n = sizeof(words) - 1;

	if (!is_address(address) || host.n == 0)
		return none;
	at = memrchr(address.p, '@', address.n);
	if ((size_t)(end - at - 1) != n + host.n || strncasecmp(at + 1, words, n) != 0 ||
		strncasecmp(at + 1 + n, host.p, host.n) != 0)
		return none;
	plus = memchr(address.p, '+', (size_t)(at - address.p));
	if (plus != NULL)
		return (struct span){ plus + 1, (size_t)(at - plus - 1) };
	return (struct span){ address.p, (size_t)(at - address.p) };
}
