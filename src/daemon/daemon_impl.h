/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DAEMON_IMPL_H
#define DAEMON_DAEMON_IMPL_H

#include "daemon/daemon.h"
#include "io/httpd.h"

/*
 * The inside of the running process, for the files daemon*.c only:
 *
 *	daemon.c          starts, serves and stops
 *	daemon_catalog.c  where the catalog comes from, and who we are to Backstage
 *	daemon_reload.c   secrets that change, and a configuration that takes another's place
 */

/* --- daemon.c --- */

/* An entry of the audit trail about the process itself; reason and detail may be NULL. */
void daemon_journal(struct daemon *d, const char *action, const char *outcome, const char *reason,
	const char *detail);

struct httpd_limits daemon_limits(const struct conf *c);

/* --- daemon_catalog.c --- */

/* Show Backstage's client our keys; it is a new one after some reloads. */
void daemon_identify(struct daemon *d);

/* Make a new key of ours if it is time. */
void daemon_rotate(struct daemon *d);

struct live *daemon_live(struct daemon *d);

/* Read from where the configuration says; what was read stays until something better comes. */
void daemon_follow_catalog(struct daemon *d);

/* --- daemon_reload.c --- */

/* Somebody refused what we showed: ask for newer secrets of this sink, or of Backstage (NULL). */
void daemon_doubt_secrets(void *ctx, const char *sink);

/* The providers of a configuration; NULL if it names none. */
struct safe *daemon_safe(struct daemon *d, const struct conf *c);

/* on_ready is called once the secrets of a configuration are there, or why not. */
void daemon_await(struct safe *safe, const struct conf *c,
	void (*on_ready)(void *ctx, enum err e, const char *why), void *ctx);

/* What the parts of a configuration are made with. */
struct assembly_needs daemon_needs(struct daemon *d);

/* Read the configuration again and take it over, wholly or not at all. */
void daemon_reload(void *ctx);

#endif
