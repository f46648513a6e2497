/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "conf/conf.h"
#include "io/crypto.h"

void conf_digest(const struct conf *c, char hex[65])
{
	uint8_t digest[SHA256_BYTES];
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	if (to == NULL)
		out_of_memory();
	conf_print(c, to);
	if (fclose(to) != 0)
		out_of_memory();
	sha256((struct span){ text, n }, digest);
	free(text);
	hex_encode(digest, sizeof(digest), hex);
}
