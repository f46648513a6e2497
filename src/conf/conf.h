/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "model/agent.h"
#include "model/policy.h"
#include "model/route.h"
#include "relay/variable.h"
#include "secret/ref.h"

/*
 * The whole configuration as read from one YAML file, defaults filled in. Every
 * field has its row in the table of conf_table.c: name, type, bounds, default,
 * whether a reload may change it, help. Parsing, printing and the manual's check
 * read the rows.
 */
struct conf_source {
	char *name;
	char *type;         /* "travis" or "catalog" */
	char *host;         /* of build URLs: "app.travis-ci.com" */
	char **public_keys; /* PEM files; NULL-ended lists are NULL if empty */
	char *config_url;   /* or NULL */
	char **owners;      /* allowed repository owners; NULL: all */
	char *api_url;      /* or NULL: builds cannot be started there */
	struct secret_ref api_token;
	int64_t builds_per_hour; /* of one repository that are asked for at most; 0: any */
	bool heal;
	int64_t heal_every_ms, heal_unfinished_ms, heal_window_ms, heal_rate;
	int64_t key_refresh_ms, key_refetch_ms;
	char *protocol;             /* "standard-webhooks" or "forgedapps" */
	struct secret_ref *secrets; /* ended by one without a place; NULL if empty */
	int64_t tolerance_ms;
	char *entity_filter; /* JSON; or NULL */
	size_t body_max;
};

struct conf_sink {
	char *name;
	char *type; /* "backstage-notifications", "backstage-events", "file", "http", … */
	char *topic;
	char *channel; /* of signals */
	bool broadcast;
	int64_t max_age_ms;
	char **recipients; /* of operator events; NULL: none */
	char *path;
	int64_t rotate_size; /* bytes; 0: never */
	int64_t keep;        /* rotated files */
	char *address;       /* of a syslog */
	char *format;        /* "json" or "text" */
	char *facility;
	size_t message_max;
	char *socket;     /* journald's */
	int64_t inflight; /* tries at once */
	int64_t rate;     /* tries begun in a second; 0: any */
	char *schedule;   /* durations, parted by blanks; NULL: of signals */
	int64_t retry_after_max_ms;
	int64_t circuit_failures, circuit_tries; /* percent; of so many tries at least */
	int64_t circuit_window_ms, circuit_hold_ms, circuit_hold_max_ms;
	int64_t disable_after_ms; /* 0: never */
	int64_t coalesce_ms;      /* 0: not at all */

	char *url, *mode, *origin;
	bool handshake;
	struct secret_ref *secrets; /* ended by one without a place; NULL if empty */
	struct secret_ref token;
	char **headers; /* "Name: value" */
	struct secret_ref *secret_headers;
	char **allow; /* "10.0.0.0/8:443" */
	char *ca, *certificate, *key;
	int64_t timeout_ms;
	size_t answer_max;
};

/* Where secrets are fetched from over the network. */
struct conf_provider {
	char *name;
	char *type; /* "vault", "aws" */
	char *address, *ca;
	int64_t timeout_ms, refresh_ms, overlap_ms, grace_ms;

	char *namespace, *mount, *auth, *auth_mount, *role; /* of vault */
	struct secret_ref role_id, secret_id, jwt, token;
	bool wrapped;

	char *region, *credentials, *role_arn, *token_file, *sts, *metadata; /* of aws */
	struct secret_ref access_key_id, secret_access_key, session_token;
};

/* Who may ask on listen.api, and for what. */
struct conf_credential {
	char *name;
	struct secret_ref secret;
	char **allow; /* "builds", "page" */
};

/* Who signs the ID tokens of agents. */
struct conf_issuer {
	char *name;
	char *url;      /* what it calls itself */
	char *keys_url; /* NULL: where its discovery document says */
	char *audience, *algorithm;
};

struct conf {
	enum log_level log_level;

	char **listen_hooks, **listen_admin;
	char **listen_keys, **listen_api; /* NULL for none */
	int64_t listen_mode;              /* of unix sockets */
	char *tls_certificate, *tls_key;

	size_t http_head_max, http_api_head_max, http_uri_max;
	int64_t http_fields_max;
	int64_t http_request_ms, http_body_ms_per_mib, http_idle_ms;
	int64_t http_requests_max, http_connections_max, http_connections_per_address;
	size_t http_inflight_max;
	int64_t http_streams_max;

	bool page_public_badges;

	char *store_path;
	size_t store_inflight_max;

	char *audit_directory, *audit_origin; /* NULL: beside the store, after the host */
	struct secret_ref audit_key;
	char *audit_witness; /* or NULL */
	int64_t audit_sign_every, audit_interval_ms, audit_heartbeat_ms;

	char *backstage_url;
	struct secret_ref backstage_token;
	char *identity_issuer, *identity_audience, *identity_subject; /* issuer NULL: the token */
	int64_t identity_lifetime_ms, identity_overlap_ms, identity_rotate_ms;
	int64_t backstage_timeout_ms, backstage_connections;
	bool backstage_subscribe; /* to the event bus */
	char **backstage_topics;  /* NULL: those of daemon/live.c */
	int64_t backstage_settle_ms;

	char *catalog_file;
	char *catalog_annotation;
	char *catalog_author_annotation;
	struct secret_ref catalog_author_key;
	int64_t catalog_refresh_ms, catalog_page_size;

	size_t delivery_memory_max; /* bytes of events waiting in memory; more wait on disk */

	/* How long what is done with is kept; 0: for ever. */
	int64_t retention_events_ms, retention_deliveries_ms, retention_dead_ms;
	int64_t retention_quarantine_ms, retention_audit_ms;
	int64_t retention_triggers_ms, retention_trigger_keys_ms;

	int64_t drain_ms; /* how long a stop waits for what is under way */

	/* Who may start builds: users of Backstage, and the catalog that says what they own. */
	char *access_issuer, *access_keys_url; /* NULL: after backstage.url */
	char *access_audience, *access_algorithm;
	int64_t access_key_refetch_ms, access_catalog_age_ms;

	struct conf_source *source;
	size_t sources;
	struct conf_sink *sink;
	size_t sinks;
	struct route *route;
	size_t routes;
	struct policy_rule *policy;
	size_t policies;
	struct variable *variable;
	size_t variables;
	struct conf_issuer *issuer;
	size_t issuers;
	struct agent *agent;
	size_t agents;
	struct conf_credential *credential;
	size_t credentials;
	struct conf_provider *provider;
	size_t providers;
};

/* Where the configuration is, unless the command line says otherwise. */
#define CONF_PATH_DEFAULT SYSCONFDIR "/stagewire/stagewire.yaml"

/*
 * Read and check a file. On failure *why (free(3) it) is one line,
 * "file:line:column: what is wrong", with a suggestion for a misspelt key.
 * ERR_NOTFOUND or ERR_IO if it cannot be read, ERR_LIMIT if it is over 1 MiB or
 * nested beyond reason, else ERR_PARSE. No message repeats a secret.
 */
MUST_CHECK enum err conf_load(const char *path, struct conf **out, char **why);

/* The same from a text; name stands for the file's in *why. */
MUST_CHECK enum err conf_parse(struct span text, const char *name, struct conf **out, char **why);
void conf_free(struct conf *c);

/*
 * Print it as YAML that reads back to the same, defaults and all; secrets' places
 * are named, not read.
 */
void conf_print(const struct conf *c, FILE *to);

/*
 * The name of the first option ("listen.hooks") that differs and that a reload
 * cannot change; NULL if there is none.
 */
const char *conf_frozen_change(const struct conf *running, const struct conf *wanted);

/*
 * All references to secrets but those of providers' own: pointers into c, to be
 * freed with free(3), and how many.
 */
const struct secret_ref **conf_refs(const struct conf *c, size_t *n);

/* The path of a file or folder beside the store; free(3) it. */
char *conf_beside_store(const struct conf *c, const char *name);

/* Who signs the tokens of Backstage's users; NULL if that is not known. free(3) it. */
char *conf_access_issuer(const struct conf *c);

/* SHA-256 of what conf_print() prints, in hex: names a configuration in the audit trail. */
void conf_digest(const struct conf *c, char hex[65]);

/*
 * Print the option table, for the manual's check: a line each with name, facts
 * ("duration, 100ms to 1h, default 5s, reloadable") and help, parted by tabs.
 */
void conf_describe(FILE *to);

/* Does that source, or any if it is NULL, have an API of Travis's? */
bool conf_serves_api(const struct conf *c, const char *source);

#endif
