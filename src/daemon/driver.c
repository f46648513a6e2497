/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/driver.h"

#include <string.h>

#include "backstage/bus_sink.h"
#include "backstage/notify.h"
#include "backstage/signal_sink.h"
#include "conf/conf.h"
#include "daemon/assembly.h"
#include "model/sink.h"
#include "sink/file.h"
#include "sink/http.h"
#include "sink/http_credentials.h"
#include "sink/journald.h"
#include "sink/syslog.h"

static enum err notify_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	(void)needs;
	(void)why;
	notify_sink_init(sink, c->name, client,
		&(struct notify_conf){
			.topic = c->topic,
			.recipients = (const char *const *)c->recipients,
		});
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

static enum err signal_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	(void)needs;
	(void)why;
	signal_sink_init(sink, c->name, client,
		&(struct signal_sink_conf){
			.channel = c->channel,
			.broadcast = c->broadcast,
			.max_age_ms = c->max_age_ms,
		});
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

static enum err journald_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	const struct journald_sink_conf conf = { .path = c->socket, .timeout_ms = c->timeout_ms };

	(void)client;
	(void)why;
	journald_sink_init(sink, needs->loop, c->name, &conf);
	return ERR_OK;
}

static enum err syslog_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	const struct syslog_sink_conf conf = {
		.address = c->address,
		.facility = c->facility,
		.is_text = strcmp(c->format, "text") == 0,
		.message_max = c->message_max,
		.timeout_ms = c->timeout_ms,
		.tls = { .authorities = c->ca, .certificate = c->certificate, .key = c->key },
	};

	(void)client;
	return syslog_sink_init(sink, needs->loop, c->name, &conf, why);
}

/* renew is NULL where there is nothing to know anew. */
static const struct driver {
	const char *type;
	enum err (*init)(const struct assembly_needs *needs, struct backstage_client *client,
		const struct conf_sink *c, struct sink *sink, char **why);
	enum err (*renew)(const struct safe *safe, const struct conf_sink *c, struct sink *sink,
		struct driver_renewal *out, char **why);
} drivers[] = {
	{ "backstage-events", bus_init, NULL },
	{ "backstage-notifications", notify_init, NULL },
	{ "backstage-signals", signal_init, NULL },
	{ "file", file_init, NULL },
	{ "http", driver_http_init, driver_http_renew },
	{ "journald", journald_init, NULL },
	{ "syslog", syslog_init, NULL },
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

enum err driver_renew(const struct safe *safe, const struct conf_sink *c, struct sink *sink,
	struct driver_renewal *out, char **why)
{
	const struct driver *d = driver_find(c->type);

	return d->renew == NULL ? ERR_OK : d->renew(safe, c, sink, out, why);
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
