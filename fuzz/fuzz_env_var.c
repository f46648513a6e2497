/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json_gate.h"
#include "io/secmem.h"
#include "model/pushed.h"
#include "travis/env_var.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* It stands in a path as it is. */
static void check_id(const char *id)
{
	assert(*id != '\0' && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-") == strlen(id));
}

static void check_read(struct span text)
{
	struct travis_env_var v = { 0 };

	if (json_gate(text, NULL, NULL) != ERR_OK)
		return;
	if (travis_env_vars_find(json_root(text), SPAN("KEY"), SPAN("main"), &v) == ERR_OK)
		check_id(v.id);
	if (travis_env_var_read(json_root(text), SPAN("KEY"), &v) == ERR_OK)
		check_id(v.id);
}

/* Whatever the value is, the body is JSON and says that it is not public. */
static void check_written(struct span value)
{
	struct secret *s = secret_new(value.p, value.n), *body = NULL;
	struct json_value root, is_public;

	if (travis_env_var_write(SPAN("KEY"), value.n < 100 ? value : SPAN("main"), s, &body) ==
		ERR_OK) {
		struct span text = { secret_text(body), secret_len(body) };

		assert(json_gate(text, NULL, NULL) == ERR_OK);
		root = json_root(text);
		assert(json_get(root, "env_var.public", &is_public) && !json_is_true(is_public));
	}
	secret_free(body);
	secret_free(s);
}

/* Whatever Travis answers, and whatever a value is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct span text = { (const char *)data, len };
	struct pushed p;

	check_read(text);
	if (pushed_read(text, &p) == ERR_OK)
		assert(memchr(p.digest, '\0', sizeof(p.digest)) != NULL);
	if (len > 0 && len < 4096)
		check_written(text);
	return 0;
}
