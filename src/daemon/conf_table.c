/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf_table.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds_notifications[] = { "backstage-notifications", NULL };
static const char *const kinds_backstage[] = { "backstage-notifications", "backstage-events",
	NULL };
static const char *const kinds_signals[] = { "backstage-signals", NULL };
/* Those whose deliveries are worth waiting for. */
static const char *const kinds_patient[] = { "backstage-notifications", "backstage-events", "file",
	"http", "syslog", "journald", NULL };
static const char *const kinds_file[] = { "file", NULL };
static const char *const kinds_http[] = { "http", NULL };
static const char *const kinds_syslog[] = { "syslog", NULL };
static const char *const kinds_journald[] = { "journald", NULL };
static const char *const kinds_tls[] = { "http", "syslog", NULL };
static const char *const kinds_remote[] = { "http", "syslog", "journald", NULL };

#define FIELD(type_, member)                                                                       \
	.field = offsetof(struct type_, member), .width = sizeof(((struct type_ *)0)->member)

/* In the order in which they are printed: a section's rows stand together. */
/* clang-format off */
const struct conf_option conf_options[] = {
	{ .name = "log.level", .type = CONF_LEVEL, FIELD(conf, log_level),
	  .dflt = "info", .reload = true,
	  .text = "The least grave records to write." },

	{ .name = "listen.hooks", .type = CONF_TEXTS, FIELD(conf, listen_hooks),
	  .form = &conf_form_address, .dflt = "127.0.0.1:8470",
	  .text = "Where webhooks arrive." },
	{ .name = "listen.admin", .type = CONF_TEXTS, FIELD(conf, listen_admin),
	  .form = &conf_form_address, .dflt = "unix:/run/stagewire/admin.sock",
	  .text = "Where health, metrics and stagewirectl(1) are served." },
	{ .name = "listen.keys", .type = CONF_TEXTS, FIELD(conf, listen_keys),
	  .form = &conf_form_address,
	  .text = "Where Backstage fetches the keys of backstage.identity." },
	{ .name = "listen.api", .type = CONF_TEXTS, FIELD(conf, listen_api),
	  .form = &conf_form_address,
	  .text = "Where builds are read, by those who have a credential." },
	{ .name = "listen.mode", .type = CONF_MODE, FIELD(conf, listen_mode),
	  .dflt = "0660", .min = "0600", .max = "0777",
	  .text = "Permissions of unix sockets." },

	{ .name = "tls.certificate", .type = CONF_TEXT, FIELD(conf, tls_certificate),
	  .form = &conf_form_absolute_path, .reload = true,
	  .text = "PEM file with the certificate and its chain, for listen.hooks." },
	{ .name = "tls.key", .type = CONF_TEXT, FIELD(conf, tls_key),
	  .form = &conf_form_absolute_path, .reload = true,
	  .text = "PEM file with the certificate's private key." },

	{ .name = "http.max_head", .type = CONF_SIZE, FIELD(conf, http_head_max),
	  .dflt = "16KiB", .min = "1KiB", .max = "1MiB", .reload = true,
	  .text = "Bytes of a request line and header fields." },
	{ .name = "http.max_uri", .type = CONF_SIZE, FIELD(conf, http_uri_max),
	  .dflt = "2KiB", .min = "128B", .max = "64KiB", .reload = true,
	  .text = "Bytes of a request's target." },
	{ .name = "http.max_fields", .type = CONF_INTEGER, FIELD(conf, http_fields_max),
	  .dflt = "64", .min = "8", .max = "1000", .reload = true,
	  .text = "Header fields of a request." },
	{ .name = "http.request_timeout", .type = CONF_DURATION, FIELD(conf, http_request_ms),
	  .dflt = "10s", .min = "100ms", .max = "10m", .reload = true,
	  .text = "From a request's first byte to its last." },
	{ .name = "http.body_time_per_mib", .type = CONF_DURATION,
	  FIELD(conf, http_body_ms_per_mib),
	  .dflt = "1s", .min = "0ms", .max = "1m", .reload = true,
	  .text = "Added to request_timeout for each MiB of body." },
	{ .name = "http.idle_timeout", .type = CONF_DURATION, FIELD(conf, http_idle_ms),
	  .dflt = "5s", .min = "100ms", .max = "1h", .reload = true,
	  .text = "How long a connection may wait between requests." },
	{ .name = "http.max_requests_per_connection", .type = CONF_INTEGER,
	  FIELD(conf, http_requests_max),
	  .dflt = "100", .min = "1", .max = "1000000", .reload = true,
	  .text = "Requests on one connection before it is closed." },
	{ .name = "http.max_connections", .type = CONF_INTEGER, FIELD(conf, http_connections_max),
	  .dflt = "4096", .min = "1", .max = "1000000", .reload = true,
	  .text = "Connections open at once." },
	{ .name = "http.max_connections_per_address", .type = CONF_INTEGER,
	  FIELD(conf, http_connections_per_address),
	  .dflt = "256", .min = "1", .max = "1000000", .reload = true,
	  .text = "The same from one IPv4 address or IPv6 /64." },
	{ .name = "http.max_inflight", .type = CONF_SIZE, FIELD(conf, http_inflight_max),
	  .dflt = "64MiB", .min = "64KiB", .max = "2GiB", .reload = true,
	  .text = "Bytes of bodies held at once; beyond them the answer is 503." },
	{ .name = "http.max_streams", .type = CONF_INTEGER, FIELD(conf, http_streams_max),
	  .dflt = "100", .min = "1", .max = "100000", .reload = true,
	  .text = "Status pages that may follow at once; each is a connection." },

	{ .name = "page.public_badges", .type = CONF_BOOL, FIELD(conf, page_public_badges),
	  .dflt = "false", .reload = true,
	  .text = "Show badges to everybody who reaches listen.api." },

	{ .name = "store.path", .type = CONF_TEXT, FIELD(conf, store_path),
	  .form = &conf_form_absolute_path, .dflt = "/var/lib/stagewire/stagewire.db",
	  .text = "The SQLite database with all that must last." },
	{ .name = "store.max_inflight", .type = CONF_SIZE, FIELD(conf, store_inflight_max),
	  .dflt = "64MiB", .min = "1MiB", .max = "2GiB",
	  .text = "Bytes on their way to the disk; beyond them the answer is 503." },

	{ .name = "audit.directory", .type = CONF_TEXT, FIELD(conf, audit_directory),
	  .form = &conf_form_absolute_path,
	  .text = "The folder of the audit log; without it, audit beside store.path." },
	{ .name = "audit.origin", .type = CONF_TEXT, FIELD(conf, audit_origin),
	  .form = &conf_form_origin,
	  .text = "The log's name; without it, stagewire/ and the host's name." },
	{ .name = "audit.key", .type = CONF_SECRET, FIELD(conf, audit_key),
	  .text = "The key it is signed with; without it, audit.key beside store.path." },
	{ .name = "audit.witness", .type = CONF_TEXT, FIELD(conf, audit_witness),
	  .form = &conf_form_absolute_path,
	  .text = "A file with a checkpoint kept elsewhere, which the log must have grown from." },
	{ .name = "audit.sign_every", .type = CONF_INTEGER, FIELD(conf, audit_sign_every),
	  .dflt = "4096", .min = "1", .max = "1000000", .reload = true,
	  .text = "Entries after which a checkpoint is signed." },
	{ .name = "audit.interval", .type = CONF_DURATION, FIELD(conf, audit_interval_ms),
	  .dflt = "5s", .min = "100ms", .max = "1d", .reload = true,
	  .text = "How long an entry waits for a checkpoint." },
	{ .name = "audit.heartbeat", .type = CONF_DURATION, FIELD(conf, audit_heartbeat_ms),
	  .dflt = "1h", .min = "100ms", .max = "7d", .reload = true,
	  .text = "After so long without an entry, one says that there was none." },

	{ .name = "backstage.url", .type = CONF_TEXT, FIELD(conf, backstage_url),
	  .form = &conf_form_backstage_url, .reload = true,
	  .text = "The Backstage backend." },
	{ .name = "backstage.token", .type = CONF_SECRET, FIELD(conf, backstage_token),
	  .reload = true,
	  .text = "The static token by which Backstage knows us." },
	{ .name = "backstage.timeout", .type = CONF_DURATION, FIELD(conf, backstage_timeout_ms),
	  .dflt = "10s", .min = "100ms", .max = "5m", .reload = true,
	  .text = "For one call to Backstage, answer included." },
	{ .name = "backstage.max_connections", .type = CONF_INTEGER,
	  FIELD(conf, backstage_connections),
	  .dflt = "8", .min = "1", .max = "256", .reload = true,
	  .text = "Connections to Backstage at once." },
	{ .name = "backstage.subscribe", .type = CONF_BOOL, FIELD(conf, backstage_subscribe),
	  .dflt = "false", .reload = true,
	  .text = "Follow Backstage's event bus, for changes of the catalog." },
	{ .name = "backstage.topics", .type = CONF_TEXTS, FIELD(conf, backstage_topics),
	  .form = &conf_form_topic, .reload = true,
	  .text = "Topics on the bus that tell of the catalog." },
	{ .name = "backstage.settle", .type = CONF_DURATION, FIELD(conf, backstage_settle_ms),
	  .dflt = "5s", .min = "10ms", .max = "10m", .reload = true,
	  .text = "How long Backstage is given to read files that a push changed." },

	{ .name = "backstage.identity.issuer", .type = CONF_TEXT, FIELD(conf, identity_issuer),
	  .form = &conf_form_title, .reload = true,
	  .text = "Sign tokens of our own instead, as this issuer." },
	{ .name = "backstage.identity.audience", .type = CONF_TEXT,
	  FIELD(conf, identity_audience),
	  .form = &conf_form_title, .dflt = "backstage-external", .reload = true,
	  .text = "Whom they are for; never backstage." },
	{ .name = "backstage.identity.subject", .type = CONF_TEXT,
	  FIELD(conf, identity_subject),
	  .form = &conf_form_title, .dflt = "stagewire", .reload = true,
	  .text = "Who we are in them." },
	{ .name = "backstage.identity.lifetime", .type = CONF_DURATION,
	  FIELD(conf, identity_lifetime_ms),
	  .dflt = "10m", .min = "10s", .max = "1h", .reload = true,
	  .text = "How long a token lasts." },
	{ .name = "backstage.identity.overlap", .type = CONF_DURATION,
	  FIELD(conf, identity_overlap_ms),
	  .dflt = "15m", .min = "1s", .max = "7d", .reload = true,
	  .text = "How long a new key is published before it signs." },
	{ .name = "backstage.identity.rotate", .type = CONF_DURATION,
	  FIELD(conf, identity_rotate_ms),
	  .dflt = "30d", .min = "10s", .max = "365d", .reload = true,
	  .text = "The age at which a key is replaced." },

	{ .name = "catalog.file", .type = CONF_TEXT, FIELD(conf, catalog_file),
	  .form = &conf_form_absolute_path, .reload = true,
	  .text = "Read entities from this file instead of from Backstage." },
	{ .name = "catalog.annotation", .type = CONF_TEXT, FIELD(conf, catalog_annotation),
	  .form = &conf_form_annotation, .dflt = "travis-ci.com/repo-slug", .reload = true,
	  .text = "The annotation by which entities name their repository." },
	{ .name = "catalog.author_annotation", .type = CONF_TEXT,
	  FIELD(conf, catalog_author_annotation),
	  .form = &conf_form_annotation, .dflt = "github.com/user-login", .reload = true,
	  .text = "The annotation by which users name their login where commits are made." },
	{ .name = "catalog.author_key", .type = CONF_SECRET, FIELD(conf, catalog_author_key),
	  .text = "The key of authors' digests; without it, author.key beside store.path." },
	{ .name = "catalog.refresh", .type = CONF_DURATION, FIELD(conf, catalog_refresh_ms),
	  .dflt = "1m", .min = "1s", .max = "1d", .reload = true,
	  .text = "Between two readings of the whole catalog." },
	{ .name = "catalog.page_size", .type = CONF_INTEGER, FIELD(conf, catalog_page_size),
	  .dflt = "500", .min = "1", .max = "10000", .reload = true,
	  .text = "Entities asked for at once." },

	{ .name = "delivery.max_memory", .type = CONF_SIZE, FIELD(conf, delivery_memory_max),
	  .dflt = "64MiB", .min = "1MiB", .max = "2GiB", .reload = true,
	  .text = "Bytes of events waiting in memory; more wait on disk." },

	{ .name = "retention.events", .type = CONF_DURATION,
	  FIELD(conf, retention_events_ms),
	  .dflt = "90d", .min = "0s", .max = "36500d", .reload = true,
	  .text = "How long an event without deliveries is kept; 0s: for ever." },
	{ .name = "retention.deliveries", .type = CONF_DURATION,
	  FIELD(conf, retention_deliveries_ms),
	  .dflt = "30d", .min = "0s", .max = "36500d", .reload = true,
	  .text = "The same for what was delivered." },
	{ .name = "retention.dead", .type = CONF_DURATION,
	  FIELD(conf, retention_dead_ms),
	  .dflt = "180d", .min = "0s", .max = "36500d", .reload = true,
	  .text = "The same for what was given up." },
	{ .name = "retention.quarantine", .type = CONF_DURATION,
	  FIELD(conf, retention_quarantine_ms),
	  .dflt = "180d", .min = "0s", .max = "36500d", .reload = true,
	  .text = "The same for events that map to no entity." },
	{ .name = "retention.audit", .type = CONF_DURATION,
	  FIELD(conf, retention_audit_ms),
	  .dflt = "400d", .min = "0s", .max = "36500d", .reload = true,
	  .text = "The same for audit entries in the store." },

	{ .name = "shutdown.drain", .type = CONF_DURATION, FIELD(conf, drain_ms),
	  .dflt = "20s", .min = "0ms", .max = "10m", .reload = true,
	  .text = "How long a stop waits for what is under way." },

	{ .name = "access.issuer", .type = CONF_TEXT, FIELD(conf, access_issuer),
	  .form = &conf_form_key_url, .reload = true,
	  .text = "The issuer in tokens of Backstage's users; without it, backstage.url and /api/auth." },
	{ .name = "access.keys_url", .type = CONF_TEXT, FIELD(conf, access_keys_url),
	  .form = &conf_form_key_url, .reload = true,
	  .text = "Where its keys are; without it, the issuer and /.well-known/jwks.json." },
	{ .name = "access.audience", .type = CONF_TEXT, FIELD(conf, access_audience),
	  .form = &conf_form_title, .dflt = "backstage", .reload = true,
	  .text = "The audience in such tokens." },
	{ .name = "access.algorithm", .type = CONF_TEXT, FIELD(conf, access_algorithm),
	  .form = &conf_form_algorithm, .dflt = "ES256", .reload = true,
	  .text = "How they are signed: ES256 or RS256." },
	{ .name = "access.key_refetch", .type = CONF_DURATION,
	  FIELD(conf, access_key_refetch_ms),
	  .dflt = "30s", .min = "1s", .max = "1d", .reload = true,
	  .text = "At least so long between fetches that tokens by unknown keys cause." },
	{ .name = "access.catalog_max_age", .type = CONF_DURATION,
	  FIELD(conf, access_catalog_age_ms),
	  .dflt = "15m", .min = "1s", .max = "7d", .reload = true,
	  .text = "With a catalog that was read longer ago, nobody may do anything." },

	{ .name = "sources[].name", .type = CONF_TEXT, FIELD(conf_source, name),
	  .form = &conf_form_name, .required = true, .reload = true,
	  .text = "Its webhooks arrive at /hooks/travis/NAME." },
	{ .name = "sources[].type", .type = CONF_TEXT, FIELD(conf_source, type),
	  .form = &conf_form_source_type, .required = true, .reload = true,
	  .text = "The service: travis." },
	{ .name = "sources[].host", .type = CONF_TEXT, FIELD(conf_source, host),
	  .form = &conf_form_host, .required = true, .reload = true,
	  .text = "The host that its builds' URLs must have." },
	{ .name = "sources[].public_keys", .type = CONF_TEXTS, FIELD(conf_source, public_keys),
	  .form = &conf_form_absolute_path, .reload = true,
	  .text = "PEM files with the keys it may sign with." },
	{ .name = "sources[].config_url", .type = CONF_TEXT, FIELD(conf_source, config_url),
	  .form = &conf_form_key_url, .reload = true,
	  .text = "Where it publishes the key it signs with." },
	{ .name = "sources[].api_url", .type = CONF_TEXT, FIELD(conf_source, api_url),
	  .form = &conf_form_key_url, .reload = true,
	  .text = "Its API, where builds are started; without it, none are." },
	{ .name = "sources[].api_token", .type = CONF_SECRET, FIELD(conf_source, api_token),
	  .reload = true,
	  .text = "An API token that may start them." },
	{ .name = "sources[].owners", .type = CONF_TEXTS, FIELD(conf_source, owners),
	  .form = &conf_form_owner, .reload = true,
	  .text = "Repository owners that are listened to; without it, all." },
	{ .name = "sources[].key_refresh", .type = CONF_DURATION,
	  FIELD(conf_source, key_refresh_ms),
	  .dflt = "1h", .min = "1s", .max = "7d", .reload = true,
	  .text = "Between two fetches of config_url." },
	{ .name = "sources[].key_refetch", .type = CONF_DURATION,
	  FIELD(conf_source, key_refetch_ms),
	  .dflt = "1m", .min = "1s", .max = "1d", .reload = true,
	  .text = "At least so long between fetches that bad signatures cause." },
	{ .name = "sources[].max_body", .type = CONF_SIZE, FIELD(conf_source, body_max),
	  .dflt = "8MiB", .min = "1KiB", .max = "256MiB", .reload = true,
	  .text = "Bytes of one webhook." },

	{ .name = "sinks[].name", .type = CONF_TEXT, FIELD(conf_sink, name),
	  .form = &conf_form_name, .required = true, .reload = true,
	  .text = "What routes, lists and records call it." },
	{ .name = "sinks[].type", .type = CONF_TEXT, FIELD(conf_sink, type),
	  .form = &conf_form_sink_type, .required = true, .reload = true,
	  .text = "backstage-notifications, backstage-events, backstage-signals, file, http, syslog or "
		  "journald." },
	{ .name = "sinks[].topic", .type = CONF_TEXT, FIELD(conf_sink, topic),
	  .form = &conf_form_topic, .dflt = "stagewire.build", .kinds = kinds_backstage, .reload = true,
	  .text = "Topic of notifications or events." },
	{ .name = "sinks[].channel", .type = CONF_TEXT, FIELD(conf_sink, channel),
	  .form = &conf_form_topic, .dflt = "stagewire.build", .kinds = kinds_signals, .reload = true,
	  .text = "The channel of the signals." },
	{ .name = "sinks[].broadcast", .type = CONF_BOOL, FIELD(conf_sink, broadcast),
	  .dflt = "false", .kinds = kinds_signals, .reload = true,
	  .text = "Tell every browser which entities have news, instead of owners what news." },
	{ .name = "sinks[].max_age", .type = CONF_DURATION, FIELD(conf_sink, max_age_ms),
	  .dflt = "1m", .min = "1s", .max = "5m", .kinds = kinds_signals, .reload = true,
	  .text = "An older event is not signalled any more." },
	{ .name = "sinks[].recipients", .type = CONF_TEXTS, FIELD(conf_sink, recipients),
	  .form = &conf_form_entity_ref, .kinds = kinds_notifications, .reload = true,
	  .text = "Who is notified of operator events." },
	{ .name = "sinks[].path", .type = CONF_TEXT, FIELD(conf_sink, path),
	  .form = &conf_form_absolute_path, .required = true, .kinds = kinds_file, .reload = true,
	  .text = "The file that events are appended to, one a line." },
	{ .name = "sinks[].rotate_size", .type = CONF_SIZE, FIELD(conf_sink, rotate_size),
	  .dflt = "64MiB", .min = "0B", .max = "1024GiB", .kinds = kinds_file, .reload = true,
	  .text = "Bytes after which the file is rotated; 0: never." },
	{ .name = "sinks[].keep", .type = CONF_INTEGER, FIELD(conf_sink, keep),
	  .dflt = "5", .min = "1", .max = "1000", .kinds = kinds_file, .reload = true,
	  .text = "Rotated files that are kept." },
	{ .name = "sinks[].url", .type = CONF_TEXT, FIELD(conf_sink, url),
	  .form = &conf_form_sink_url, .required = true, .kinds = kinds_http, .reload = true,
	  .text = "Where events are posted to." },
	{ .name = "sinks[].mode", .type = CONF_TEXT, FIELD(conf_sink, mode),
	  .form = &conf_form_http_mode, .dflt = "binary", .kinds = kinds_http, .reload = true,
	  .text = "How a CloudEvent is put into a request: binary or structured." },
	{ .name = "sinks[].secrets", .type = CONF_SECRETS, FIELD(conf_sink, secrets),
	  .kinds = kinds_http, .reload = true,
	  .text = "Keys of Standard Webhooks; while one replaces another, both sign." },
	{ .name = "sinks[].token", .type = CONF_SECRET, FIELD(conf_sink, token),
	  .kinds = kinds_http, .reload = true,
	  .text = "A bearer token for Authorization." },
	{ .name = "sinks[].headers", .type = CONF_TEXTS, FIELD(conf_sink, headers),
	  .form = &conf_form_header, .kinds = kinds_http, .reload = true,
	  .text = "Header fields to add." },
	{ .name = "sinks[].secret_headers", .type = CONF_SECRETS, FIELD(conf_sink, secret_headers),
	  .kinds = kinds_http, .reload = true,
	  .text = "The same with secrets in them: each a whole line, Name: value." },
	{ .name = "sinks[].allow", .type = CONF_TEXTS, FIELD(conf_sink, allow),
	  .form = &conf_form_egress, .kinds = kinds_http, .reload = true,
	  .text = "Networks and ports it may be at, other than a public address." },
	{ .name = "sinks[].ca", .type = CONF_TEXT, FIELD(conf_sink, ca),
	  .form = &conf_form_absolute_path, .kinds = kinds_tls, .reload = true,
	  .text = "PEM file with the CAs to trust instead of the system's." },
	{ .name = "sinks[].certificate", .type = CONF_TEXT, FIELD(conf_sink, certificate),
	  .form = &conf_form_absolute_path, .kinds = kinds_tls, .reload = true,
	  .text = "PEM file with our certificate, for a sink that asks who we are." },
	{ .name = "sinks[].key", .type = CONF_TEXT, FIELD(conf_sink, key),
	  .form = &conf_form_absolute_path, .kinds = kinds_tls, .reload = true,
	  .text = "PEM file with that certificate's private key." },
	{ .name = "sinks[].handshake", .type = CONF_BOOL, FIELD(conf_sink, handshake),
	  .dflt = "false", .kinds = kinds_http, .reload = true,
	  .text = "Send nothing before the sink has agreed to it, by OPTIONS." },
	{ .name = "sinks[].origin", .type = CONF_TEXT, FIELD(conf_sink, origin),
	  .form = &conf_form_host, .dflt = "stagewire", .kinds = kinds_http, .reload = true,
	  .text = "The name under which we ask that, in WebHook-Request-Origin." },
	{ .name = "sinks[].timeout", .type = CONF_DURATION, FIELD(conf_sink, timeout_ms),
	  .dflt = "20s", .min = "100ms", .max = "5m", .kinds = kinds_remote, .reload = true,
	  .text = "For one try, connecting and the answer included." },
	{ .name = "sinks[].max_answer", .type = CONF_SIZE, FIELD(conf_sink, answer_max),
	  .dflt = "64KiB", .min = "0B", .max = "16MiB", .kinds = kinds_http, .reload = true,
	  .text = "Bytes of an answer's body that are read." },
	{ .name = "sinks[].address", .type = CONF_TEXT, FIELD(conf_sink, address),
	  .form = &conf_form_syslog_address, .dflt = "unix:/dev/log", .kinds = kinds_syslog,
	  .reload = true,
	  .text = "Where messages are sent." },
	{ .name = "sinks[].format", .type = CONF_TEXT, FIELD(conf_sink, format),
	  .form = &conf_form_syslog_format, .dflt = "json", .kinds = kinds_syslog, .reload = true,
	  .text = "What a message's text is: json or text." },
	{ .name = "sinks[].facility", .type = CONF_TEXT, FIELD(conf_sink, facility),
	  .form = &conf_form_facility, .dflt = "daemon", .kinds = kinds_syslog, .reload = true,
	  .text = "The facility of messages." },
	{ .name = "sinks[].max_message", .type = CONF_SIZE, FIELD(conf_sink, message_max),
	  .dflt = "8KiB", .min = "2KiB", .max = "1MiB", .kinds = kinds_syslog, .reload = true,
	  .text = "Bytes of a message; its text is cut to fit." },
	{ .name = "sinks[].socket", .type = CONF_TEXT, FIELD(conf_sink, socket),
	  .form = &conf_form_absolute_path, .dflt = "/run/systemd/journal/socket",
	  .kinds = kinds_journald, .reload = true,
	  .text = "journald's socket." },
	{ .name = "sinks[].inflight", .type = CONF_INTEGER, FIELD(conf_sink, inflight),
	  .dflt = "8", .min = "1", .max = "1024", .reload = true,
	  .text = "Tries under way at once." },
	{ .name = "sinks[].rate", .type = CONF_INTEGER, FIELD(conf_sink, rate),
	  .dflt = "0", .min = "0", .max = "100000", .reload = true,
	  .text = "Tries begun in a second at most; 0: any number." },
	{ .name = "sinks[].schedule", .type = CONF_TEXT, FIELD(conf_sink, schedule),
	  .form = &conf_form_schedule, .dflt = "5s 5m 30m 2h 5h 10h 14h 20h 24h",
	  .kinds = kinds_patient, .reload = true,
	  .text = "Waits before the second, third, ... try; after the last a dead letter." },
	{ .name = "sinks[].max_retry_after", .type = CONF_DURATION,
	  FIELD(conf_sink, retry_after_max_ms),
	  .dflt = "1d", .min = "0ms", .max = "30d", .reload = true,
	  .text = "How much of a sink's Retry-After is obeyed." },
	{ .name = "sinks[].circuit.failures", .type = CONF_INTEGER,
	  FIELD(conf_sink, circuit_failures),
	  .dflt = "70", .min = "0", .max = "100", .reload = true,
	  .text = "Percent of the window's tries that failed, at which it opens; 0: never." },
	{ .name = "sinks[].circuit.min_tries", .type = CONF_INTEGER,
	  FIELD(conf_sink, circuit_tries),
	  .dflt = "10", .min = "1", .max = "100000", .reload = true,
	  .text = "Tries that the window must have had." },
	{ .name = "sinks[].circuit.window", .type = CONF_DURATION,
	  FIELD(conf_sink, circuit_window_ms),
	  .dflt = "5m", .min = "1s", .max = "1d", .reload = true,
	  .text = "How far back tries are counted." },
	{ .name = "sinks[].circuit.hold", .type = CONF_DURATION, FIELD(conf_sink, circuit_hold_ms),
	  .dflt = "30s", .min = "100ms", .max = "1d", .reload = true,
	  .text = "How long an open circuit waits for its first probe; twice as long each time." },
	{ .name = "sinks[].circuit.max_hold", .type = CONF_DURATION,
	  FIELD(conf_sink, circuit_hold_max_ms),
	  .dflt = "15m", .min = "100ms", .max = "1d", .reload = true,
	  .text = "The longest such wait." },
	{ .name = "sinks[].disable_after", .type = CONF_DURATION,
	  FIELD(conf_sink, disable_after_ms),
	  .dflt = "5d", .min = "0ms", .max = "365d", .reload = true,
	  .text = "Failing for so long without a success disables the sink; 0: never." },
	{ .name = "sinks[].coalesce", .type = CONF_DURATION, FIELD(conf_sink, coalesce_ms),
	  .dflt = "30s", .min = "0ms", .max = "1d", .kinds = kinds_notifications, .reload = true,
	  .text = "Builds of one repository within so long share a notification; 0: none do." },

	{ .name = "routes[].name", .type = CONF_TEXT, FIELD(route, name),
	  .form = &conf_form_title, .required = true, .reload = true,
	  .text = "What it is for, in words." },
	{ .name = "routes[].when.type", .type = CONF_TEXTS, FIELD(route, type),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "The CloudEvents type; without it, builds of any type." },
	{ .name = "routes[].when.source", .type = CONF_TEXTS, FIELD(route, source),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "The source's name." },
	{ .name = "routes[].when.outcome", .type = CONF_TEXTS, FIELD(route, outcome),
	  .form = &conf_form_outcome, .reload = true,
	  .text = "queued, started, success, failure, error or cancel." },
	{ .name = "routes[].when.transition", .type = CONF_TEXTS, FIELD(route, transition),
	  .form = &conf_form_transition, .reload = true,
	  .text = "none, fixed, broken or still_failing." },
	{ .name = "routes[].when.branch", .type = CONF_TEXTS, FIELD(route, branch),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "The branch; of a pull request, its target." },
	{ .name = "routes[].when.kind", .type = CONF_TEXTS, FIELD(route, kind),
	  .form = &conf_form_kind, .reload = true,
	  .text = "The kind of an entity of the repository." },
	{ .name = "routes[].when.owner", .type = CONF_TEXTS, FIELD(route, owner),
	  .form = &conf_form_entity_pattern, .reload = true,
	  .text = "The owner of such an entity." },
	{ .name = "routes[].when.repository", .type = CONF_TEXTS, FIELD(route, repository),
	  .form = &conf_form_repository_pattern, .reload = true,
	  .text = "The repository, owner/name." },
	{ .name = "routes[].when.author", .type = CONF_TEXTS, FIELD(route, author),
	  .form = &conf_form_entity_pattern, .reload = true,
	  .text = "The user who is the commit's author." },
	{ .name = "routes[].address", .type = CONF_TEXTS, FIELD(route, address),
	  .form = &conf_form_addressee, .dflt = "owner", .reload = true,
	  .text = "Whom notifications go to: owner, author or both." },
	{ .name = "routes[].to", .type = CONF_TEXTS, FIELD(route, to),
	  .form = &conf_form_name, .required = true, .reload = true,
	  .text = "The sinks." },

	{ .name = "credentials[].name", .type = CONF_TEXT, FIELD(conf_credential, name),
	  .form = &conf_form_name, .required = true, .reload = true,
	  .text = "Its name in audit and log." },
	{ .name = "credentials[].secret", .type = CONF_SECRET, FIELD(conf_credential, secret),
	  .reload = true,
	  .text = "The secret that is shown on listen.api." },
	{ .name = "credentials[].allow", .type = CONF_TEXTS, FIELD(conf_credential, allow),
	  .form = &conf_form_right, .required = true, .reload = true,
	  .text = "What it allows." },

	{ .name = "policy[].name", .type = CONF_TEXT, FIELD(policy_rule, id),
	  .form = &conf_form_name, .required = true, .reload = true,
	  .text = "What the audit trail calls it." },
	{ .name = "policy[].effect", .type = CONF_TEXT, FIELD(policy_rule, effect),
	  .form = &conf_form_effect, .required = true, .reload = true,
	  .text = "allow or deny; a rule that denies wins." },
	{ .name = "policy[].action", .type = CONF_TEXTS, FIELD(policy_rule, action),
	  .form = &conf_form_action, .required = true, .reload = true,
	  .text = "build.trigger, build.restart, build.cancel, build.read, or build.* for all." },
	{ .name = "policy[].subject.owner_of_entity", .type = CONF_BOOL, FIELD(policy_rule, owner),
	  .dflt = "false", .reload = true,
	  .text = "Who owns the entity, directly or through groups." },
	{ .name = "policy[].subject.group", .type = CONF_TEXTS, FIELD(policy_rule, group),
	  .form = &conf_form_group, .reload = true,
	  .text = "Who belongs to one of these groups, directly or not." },
	{ .name = "policy[].subject.principal", .type = CONF_TEXTS, FIELD(policy_rule, principal),
	  .form = &conf_form_principal, .reload = true,
	  .text = "Who is one of these users or agents." },
	{ .name = "policy[].entity.kind", .type = CONF_TEXTS, FIELD(policy_rule, kind),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "The entity's kind, in lower case." },
	{ .name = "policy[].entity.namespace", .type = CONF_TEXTS, FIELD(policy_rule, space),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "Its namespace, in lower case." },
	{ .name = "policy[].entity.name", .type = CONF_TEXTS, FIELD(policy_rule, name),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "Its name, in lower case." },
	{ .name = "policy[].entity.lifecycle", .type = CONF_TEXTS, FIELD(policy_rule, lifecycle),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "Its spec.lifecycle." },
	{ .name = "policy[].entity.lifecycle_not", .type = CONF_TEXTS,
	  FIELD(policy_rule, lifecycle_not), .form = &conf_form_pattern, .reload = true,
	  .text = "What that must not be." },
	{ .name = "policy[].entity.tag", .type = CONF_TEXTS, FIELD(policy_rule, tag),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "One of its tags." },
	{ .name = "policy[].branch", .type = CONF_TEXTS, FIELD(policy_rule, branch),
	  .form = &conf_form_pattern, .reload = true,
	  .text = "The branch to build, or of the build." },
	{ .name = "policy[].env_override", .type = CONF_BOOL, FIELD(policy_rule, overrides),
	  .dflt = "false", .reload = true,
	  .text = "Requests that bring variables: covered by one that allows, alone meant by one that denies." },
	{ .name = "policy[].require.token_max_age", .type = CONF_DURATION,
	  FIELD(policy_rule, token_age_max_ms),
	  .dflt = "0s", .min = "0s", .max = "1d", .reload = true,
	  .text = "How long ago the token was issued at most; 0: any time." },
	{ .name = "policy[].require.on_behalf_of", .type = CONF_BOOL, FIELD(policy_rule, behalf),
	  .dflt = "false", .reload = true,
	  .text = "An agent must name the user it acts for." },
};
/* clang-format on */

const size_t conf_options_n = ARRAY_SIZE(conf_options);

#define LIST(items, n, type)                                                                       \
	.array = offsetof(struct conf, items), .count = offsetof(struct conf, n),                  \
	.size = sizeof(struct type)

const struct conf_list conf_lists[] = {
	[CONF_SOURCES] = { .prefix = "sources[].",
		.noun = "source",
		LIST(source, sources, conf_source) },
	[CONF_SINKS] = { .prefix = "sinks[].", .noun = "sink", LIST(sink, sinks, conf_sink) },
	[CONF_POLICY] = { .prefix = "policy[].",
		.noun = "rule",
		LIST(policy, policies, policy_rule) },
	[CONF_ROUTES] = { .prefix = "routes[].", .noun = "route", LIST(route, routes, route) },
	[CONF_CREDENTIALS] = { .prefix = "credentials[].",
		.noun = "credential",
		LIST(credential, credentials, conf_credential) },
};

const size_t conf_lists_n = ARRAY_SIZE(conf_lists);

const struct conf_option *conf_option_find(const char *name)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		if (strcmp(conf_options[i].name, name) == 0)
			return &conf_options[i];
	}
	return NULL;
}

bool conf_option_is_below(const struct conf_option *o, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(o->name, prefix, n) == 0 && strchr(o->name + n, '[') == NULL;
}

bool conf_option_applies(const struct conf_option *o, const char *kind)
{
	if (o->kinds == NULL || kind == NULL)
		return true;
	for (const char *const *k = o->kinds; *k != NULL; k++) {
		if (strcmp(*k, kind) == 0)
			return true;
	}
	return false;
}

const char *conf_option_label(const struct conf_option *o)
{
	const char *item = strstr(o->name, "[].");

	return item == NULL ? o->name : item + 3;
}

static void *field_at(const void *base, size_t field)
{
	void *p;

	memcpy(&p, (const char *)base + field, sizeof(p));
	return p;
}

void *conf_list_item(const struct conf_list *l, const struct conf *c, size_t i)
{
	return (char *)field_at(c, l->array) + i * l->size;
}

size_t conf_list_count(const struct conf_list *l, const struct conf *c)
{
	size_t n;

	memcpy(&n, (const char *)c + l->count, sizeof(n));
	return n;
}

void conf_list_set(const struct conf_list *l, struct conf *c, size_t n)
{
	void *items = xcalloc(n, l->size);

	memcpy((char *)c + l->array, &items, sizeof(items));
	memcpy((char *)c + l->count, &n, sizeof(n));
}

const char *conf_item_text(const struct conf_list *l, const void *item, const char *key)
{
	char name[CONF_NAME_MAX];
	const struct conf_option *o;

	snprintf(name, sizeof(name), "%s%s", l->prefix, key);
	o = conf_option_find(name);
	return o == NULL ? NULL : conf_text(o, item);
}
