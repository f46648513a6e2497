/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "daemon/api_credentials.h"
#include "io/crypto.h"
#include "model/api_right.h"

#define SECRET "a-secret-of-the-fuzzers"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct api_credentials *fetch(void)
{
	static const char text[] =
		"catalog: {file: /c}\n"
		"credentials: [{name: fuzzer, secret: {env: FUZZ_SECRET}, allow: page}]\n";
	struct api_credentials *known;
	struct conf *c;
	char *why;

	setenv("FUZZ_SECRET", SECRET, 1);
	if (crypto_init() != ERR_OK || conf_parse(span_of(text), "conf", &c, &why) != ERR_OK ||
		api_credentials_fetch(c, NULL, &known, &why) != ERR_OK)
		abort();
	conf_free(c);
	return known;
}

/* Whatever an Authorization field says: who does not say the secret is nobody. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct api_credentials *known;
	const struct span field = { (const char *)data, len };
	struct api_caller caller;

	if (known == NULL)
		known = fetch();
	if (api_credentials_know(known, field, &caller)) {
		assert(strcmp(caller.name, "fuzzer") == 0 && caller.rights == API_PAGE);
		assert(memmem(data, len, SECRET, strlen(SECRET)) != NULL ||
			strncasecmp(field.p, "basic ", 6) == 0);
	}
	return 0;
}
