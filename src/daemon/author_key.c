/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/author_key.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/key_file.h"
#include "conf/conf.h"
#include "io/pseudonym.h"
#include "io/secmem.h"

static enum err seed_fetch(const struct conf *c, uint8_t seed[PSEUDONYM_SEED_BYTES], char **why)
{
	struct secret *text = NULL;
	enum err e = secret_fetch(&c->catalog_author_key, &text, why);

	if (e != ERR_OK)
		return e;
	e = audit_seed_parse((struct span){ secret_text(text), secret_len(text) }, seed);
	secret_free(text);
	if (e != ERR_OK && asprintf(why, "catalog.author_key must be 32 bytes in base64") < 0)
		out_of_memory();
	return e;
}

enum err author_key_open(const struct conf *c, struct pseudonym_key **out, char **why)
{
	CLEANUP(freep) char *path = conf_beside_store(c, "author.key");
	uint8_t seed[PSEUDONYM_SEED_BYTES];
	enum err e = c->catalog_author_key.place != SECRET_NONE ? seed_fetch(c, seed, why)
								: audit_seed_load(path, seed, why);

	if (e == ERR_OK)
		*out = pseudonym_key_new(seed);
	secret_wipe(seed, sizeof(seed));
	return e;
}
