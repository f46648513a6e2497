/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/vault_read.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_gate.h"
#include "io/secmem.h"
#include "secret/json_secret.h"

/* A lease of more than ten years is none that ends. */
#define LEASE_MAX_S (INT64_C(3653) * 24 * 3600)

static enum err root_read(struct span body, struct json_value *root)
{
	const struct json_limits limits = { .depth = 16, .values = 4096 };
	enum err e = json_gate(body, &limits, NULL);

	if (e != ERR_OK)
		return e;
	*root = json_root(body);
	return root->type == JSON_OBJECT ? ERR_OK : ERR_PARSE;
}

static enum err lease_read(struct json_value object, const char *name, int64_t *ms)
{
	struct json_value v;
	int64_t seconds;

	if (!json_get(object, name, &v) || json_int(v, &seconds) != ERR_OK || seconds < 0)
		return ERR_PARSE;
	*ms = seconds > LEASE_MAX_S ? 0 : seconds * 1000;
	return ERR_OK;
}

static bool flag_read(struct json_value object, const char *name)
{
	struct json_value v;

	return json_get(object, name, &v) && json_is_true(v);
}

enum err vault_read_auth(struct span body, struct vault_auth *out)
{
	struct vault_auth read = { 0 };
	struct json_value root, auth;
	enum err e = root_read(body, &root);

	if (e != ERR_OK)
		return e;
	if (!json_get(root, "auth", &auth) || auth.type != JSON_OBJECT)
		return ERR_PARSE;
	e = lease_read(auth, "lease_duration", &read.lease_ms);
	if (e == ERR_OK)
		e = secret_of_member(auth, "client_token", &read.token);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_PARSE : e;
	read.renewable = flag_read(auth, "renewable");
	*out = read;
	return ERR_OK;
}

enum err vault_read_lookup(struct span body, struct vault_auth *out)
{
	struct vault_auth read = { 0 };
	struct json_value root, data;
	enum err e = root_read(body, &root);

	if (e != ERR_OK)
		return e;
	if (!json_get(root, "data", &data))
		return ERR_PARSE;
	e = lease_read(data, "ttl", &read.lease_ms);
	if (e != ERR_OK)
		return e;
	read.renewable = flag_read(data, "renewable");
	*out = read;
	return ERR_OK;
}

enum err vault_read_unwrapped(struct span body, struct secret **out)
{
	struct json_value root, data;
	enum err e = root_read(body, &root);

	if (e != ERR_OK)
		return e;
	if (!json_get(root, "data", &data))
		return ERR_PARSE;
	e = secret_of_member(data, "secret_id", out);
	return e == ERR_NOTFOUND ? ERR_PARSE : e;
}

/* --- KV v2 --- */

static void say(struct secret_answer *out, enum err e, const char *why)
{
	out->err = e;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

/* What is not there only costs the look at the version before it. */
static void metadata_read(struct json_value data, struct secret_answer *out)
{
	struct json_value metadata, v;
	struct span text;
	int64_t version;

	if (!json_get(data, "metadata", &metadata))
		return;
	if (json_get(metadata, "version", &v) && json_int(v, &version) == ERR_OK && version > 0)
		snprintf(out->version, sizeof(out->version), "%" PRId64, version);
	if (json_get(metadata, "created_time", &v) && json_plain(v, &text) == ERR_OK &&
		wall_parse(text, &out->made_at) != ERR_OK)
		out->made_at = WALL_NONE;
}

void vault_read_kv(struct span body, const char *field, struct secret_answer *out)
{
	struct json_value root, data, inner;
	enum err e = root_read(body, &root);

	if (e != ERR_OK || !json_get(root, "data", &data) || data.type != JSON_OBJECT) {
		say(out, ERR_PARSE, "its answer is none of a KV version 2 engine");
		return;
	}
	if (!json_get(data, "data", &inner) || inner.type != JSON_OBJECT) {
		say(out, ERR_NOTFOUND,
			"its version of now was deleted, or the engine is no KV "
			"version 2");
		return;
	}
	metadata_read(data, out);
	e = secret_of_member(inner, field, &out->value);
	if (e == ERR_NOTFOUND)
		say(out, e, "it has no such field");
	else if (e != ERR_OK)
		say(out, e, "the field must be a text of at most 64 KiB, and not empty");
	else
		out->err = ERR_OK;
}
