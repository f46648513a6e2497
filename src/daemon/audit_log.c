/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/audit_log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/key_file.h"
#include "audit/publish.h"
#include "base/log.h"
#include "conf/conf.h"
#include "io/secmem.h"
#include "secret/ref.h"

/* A name in the folder that the store's file is in. */
static char *log_directory(const struct conf *c)
{
	return c->audit_directory != NULL ? xstrdup(c->audit_directory)
					  : conf_beside_store(c, "audit");
}

static char *log_origin(const struct conf *c)
{
	char host[HOST_NAME_MAX + 1] = "";
	char *origin;

	if (c->audit_origin != NULL)
		return xstrdup(c->audit_origin);
	if (gethostname(host, sizeof(host) - 1) != 0 || !note_name_is_valid(span_of(host)))
		snprintf(host, sizeof(host), "localhost");
	if (asprintf(&origin, "stagewire/%s", host) < 0)
		out_of_memory();
	return origin;
}

static bool log_exists(const char *directory)
{
	CLEANUP(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, FOLDER_CHECKPOINT) < 0)
		out_of_memory();
	return access(path, F_OK) == 0;
}

static enum err key_fetch(const struct conf *c, struct signing_key **out, char **why)
{
	struct secret *text = NULL;
	enum err e = secret_fetch(&c->audit_key, &text, why);

	if (e != ERR_OK)
		return e;
	e = audit_key_parse((struct span){ secret_text(text), secret_len(text) }, out);
	secret_free(text);
	if (e != ERR_OK && asprintf(why, "audit.key must be 32 bytes in base64") < 0)
		out_of_memory();
	return e;
}

static enum err key_load(
	const struct conf *c, const char *directory, struct signing_key **out, char **why)
{
	CLEANUP(freep) char *path = NULL;

	if (c->audit_key.place != SECRET_NONE)
		return key_fetch(c, out, why);
	path = conf_beside_store(c, "audit.key");
	return audit_key_load(path, !log_exists(directory), out, why);
}

static struct publisher_pace pace_of(const struct conf *c)
{
	return (struct publisher_pace){
		.sign_every = c->audit_sign_every,
		.interval_ms = c->audit_interval_ms,
		.heartbeat_ms = c->audit_heartbeat_ms,
	};
}

enum err audit_log_start(const struct audit_log_needs *needs, const struct conf *c,
	struct publisher **out, char **why)
{
	CLEANUP(freep) char *directory = log_directory(c);
	CLEANUP(freep) char *origin = log_origin(c);
	const struct publisher_conf conf = {
		.directory = directory,
		.origin = origin,
		.witness = c->audit_witness,
		.pace = pace_of(c),
		.on_trouble = needs->on_trouble,
		.on_checkpoint = needs->on_checkpoint,
		.ctx = needs->ctx,
	};
	struct signing_key *key;
	enum err e = key_load(c, directory, &key, why);

	if (e != ERR_OK)
		return e;
	e = publisher_new(needs->loop, needs->store, &conf, key, out);
	if (e == ERR_OK)
		log_notice("audit.log", "directory=%s origin=%s", directory, origin);
	return e;
}

void audit_log_reload(struct publisher *p, const struct conf *c)
{
	const struct publisher_pace pace = pace_of(c);

	publisher_set_pace(p, &pace);
}
