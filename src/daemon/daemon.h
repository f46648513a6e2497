/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "daemon/assembly.h"

struct api_access;
struct catalog_reader;
struct catalog_sync;
struct doctor;
struct httpd;
struct live;
struct loop_signal;
struct loop_timer;
struct own_keys;
struct page;
struct pseudonym_key;
struct publisher;
struct push_door;
struct safe;
struct store;
struct visitors;

/* A configuration that is to be applied once its secrets are there. */
struct reload {
	struct conf *conf; /* NULL: there is none */
	struct safe *safe; /* daemon->safe, or another one */
	bool changed;      /* secrets did, meanwhile */
	bool again;        /* it was asked for once more meanwhile */
};

/* The whole running process. */
struct daemon {
	const char *conf_path;
	struct loop *loop;
	struct httpc *http;
	struct httpd *httpd;
	struct tls_server *tls; /* NULL: plain */
	struct store *store;
	struct relay *relay;
	struct publisher *log;       /* of the audit trail */
	struct pseudonym_key *names; /* for authors */
	struct api_access *access;   /* to the API listener */
	struct visitors *visitors;   /* who come in person */
	struct safe *safe;           /* what providers of secrets have; NULL without any */
	struct reload next;
	struct own_keys *keys; /* by which Backstage knows us; NULL without listen.keys */
	struct catalog_reader *reader;
	struct catalog_sync *sync; /* NULL: the catalog is a file */
	struct live *live;         /* what the event bus says of the catalog */
	struct page *page;         /* for people */
	struct push_door *door;    /* for pushes of the catalog */
	struct doctor *doctor;     /* while one looks; else NULL */
	struct assembly parts;     /* setup stays empty: the relay owns it */
	struct loop_signal *on_hup, *on_term, *on_int;
	struct loop_timer *tick, *drain;
	struct mono started, drain_until;
	struct wall started_at;
	char conf_digest[65];
	char catalog_trouble[256]; /* why the catalog cannot be read now; empty: it can */
	bool stopping, heartbeat;  /* heartbeat: the store was asked and has not answered */
	uint64_t reloads, reload_failures;
};

/* Start with a configuration, which is taken. On failure *why (free(3) it). */
MUST_CHECK enum err daemon_start(
	struct daemon *d, const char *conf_path, struct conf *conf, char **why);

/* Serve until told to stop and drained. */
MUST_CHECK enum err daemon_run(struct daemon *d);
void daemon_release(struct daemon *d);

#endif
