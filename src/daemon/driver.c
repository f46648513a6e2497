/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/driver.h"

#include <string.h>

#include "backstage/bus_sink.h"
#include "backstage/notify.h"
#include "daemon/assembly.h"
#include "daemon/conf.h"
#include "model/sink.h"
#include "sink/file.h"
#include "sink/http.h"
#include "sink/http_credentials.h"

static enum err notify_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	(void)needs;
	(void)why;
	notify_sink_init(sink, c->name, client, &(struct notify_conf){ .topic = c->topic });
	return ERR_OK;
}

static enum err bus_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	(void)needs;
	(void)why;
	bus_sink_init(sink, c->name, client, &(struct bus_sink_conf){ .topic = c->topic });
	return ERR_OK;
}

static enum err file_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	const struct file_sink_conf conf = {
		.path = c->path,
		.rotate_size = c->rotate_size,
		.keep = (unsigned)c->keep,
	};

	(void)client;
	return file_sink_init(sink, needs->loop, c->name, &conf, why);
}

/* renew is NULL where there is nothing to know anew. */
static const struct driver {
	const char *type;
	enum err (*init)(const struct assembly_needs *needs, struct backstage_client *client,
		const struct conf_sink *c, struct sink *sink, char **why);
	enum err (*renew)(const struct conf_sink *c, struct sink *sink, struct driver_renewal *out,
		char **why);
} drivers[] = {
	{ "backstage-events", bus_init, NULL },
	{ "backstage-notifications", notify_init, NULL },
	{ "file", file_init, NULL },
	{ "http", driver_http_init, driver_http_renew },
};

/* The configuration's own check lets no other type pass. */
static const struct driver *driver_find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers) - 1; i++) {
		if (strcmp(drivers[i].type, type) == 0)
			return &drivers[i];
	}
	return &drivers[ARRAY_SIZE(drivers) - 1];
}

enum err driver_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	return driver_find(c->type)->init(needs, client, c, sink, why);
}

enum err driver_renew(
	const struct conf_sink *c, struct sink *sink, struct driver_renewal *out, char **why)
{
	const struct driver *d = driver_find(c->type);

	return d->renew == NULL ? ERR_OK : d->renew(c, sink, out, why);
}

void driver_renewal_apply(struct driver_renewal *r)
{
	if (r->credentials != NULL)
		http_sink_set_credentials(r->sink, TAKE(r->credentials));
}

void driver_renewal_release(struct driver_renewal *r)
{
	http_credentials_free(TAKE(r->credentials));
}
