/* SPDX-License-Identifier: Apache-2.0 */
#include "model/agent.h"

#include <string.h>

#include "base/buf.h"
#include "model/pattern.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME    LETTERS "0123456789-._/:"

#define NAME_MAX_BYTES 128
#define VALUE_MAX      (32 * 1024)

bool agent_claim_is_valid(const char *text)
{
	size_t n = strspn(text, NAME);
	const char *value = text + n + 1, *star;

	if (n == 0 || n > NAME_MAX_BYTES || text[n] != '=')
		return false;
	star = strchr(value, '*');
	return value[0] != '\0' && star != value && (star == NULL || star[1] == '\0');
}

struct span agent_claim_name(const char *claim)
{
	return (struct span){ claim, strcspn(claim, "=") };
}

static bool value_fits(const char *pattern, struct json_value v)
{
	CLEANUP(buf_release) struct buf text;
	int64_t number;

	buf_init(&text, VALUE_MAX);
	if (v.type == JSON_NUMBER)
		return json_int(v, &number) == ERR_OK && pattern_matches(pattern, v.text, false);
	return json_string(v, &text) == ERR_OK && pattern_matches(pattern, buf_span(&text), false);
}

static bool claim_fits(const char *claim, struct json_value claims)
{
	struct span name = agent_claim_name(claim);
	char plain[NAME_MAX_BYTES + 1];
	struct json_value v;

	memcpy(plain, name.p, name.n);
	plain[name.n] = '\0';
	return json_get(claims, plain, &v) && value_fits(claim + name.n + 1, v);
}

static bool agent_fits(const struct agent *a, struct json_value claims)
{
	for (char *const *claim = a->claims; *claim != NULL; claim++) {
		if (!claim_fits(*claim, claims))
			return false;
	}
	return true;
}

size_t agents_find(const struct agent *agent, size_t n, const char *issuer,
	struct json_value claims, const struct agent **first)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(agent[i].issuer, issuer) != 0 || !agent_fits(&agent[i], claims))
			continue;
		if (found++ == 0)
			*first = &agent[i];
	}
	return found;
}
