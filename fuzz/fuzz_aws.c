/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/secmem.h"
#include "secret/aws_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_answer(struct secret_answer *a)
{
	if (a->err == ERR_OK)
		assert(a->value != NULL && secret_len(a->value) > 0);
	else
		assert(a->value == NULL && a->why[0] != '\0');
	secret_free(TAKE(a->value));
}

/* What goes into a header field ends no line of it. */
static void check_credentials(enum err e, struct aws_credentials *c)
{
	if (e != ERR_OK)
		return;
	assert(c->key_id != NULL && c->key != NULL);
	assert(strpbrk(secret_text(c->key_id), "\r\n :") == NULL);
	assert(c->session_token == NULL || strpbrk(secret_text(c->session_token), "\r\n ") == NULL);
	aws_credentials_release(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct span body = { (const char *)data, len };
	struct secret_answer a = { .err = ERR_IO, .made_at = WALL_NONE };
	struct aws_credentials c = { .expires = WALL_NONE };

	aws_read_secret(body, NULL, &a);
	check_answer(&a);
	aws_read_secret(body, "key", &a);
	check_answer(&a);
	a = (struct secret_answer){ .err = ERR_IO, .made_at = WALL_NONE };
	aws_read_error(body, 400, &a);
	assert(a.err != ERR_OK);
	check_answer(&a);
	check_credentials(aws_read_metadata(body, &c), &c);
	check_credentials(aws_read_sts(body, &c), &c);
	return 0;
}
