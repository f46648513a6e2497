/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PUSH_DOOR_H
#define DAEMON_PUSH_DOOR_H

#include "io/httpd.h"

struct daemon;
struct push_sources;

/*
 * Where changes of the catalog are pushed: POST /hooks/catalog/{source}. Checks
 * who sent a push and whether it was here before, then has the entities that it
 * tells news of read again. Refusals are problem documents with these types:
 *
 *	not-found, source-unknown 404 · method 405 · media-type 415 ·
 *	signature-missing, signature-wrong, timestamp-stale 401 ·
 *	signature-malformed, query-unknown, payload-malformed 400 · too-large 413 ·
 *	keys-unavailable, overloaded, storage 503
 */
struct push_door;

struct push_door *push_door_new(struct daemon *d);

/* The store must be closed before: its last answers still come here. */
void push_door_free(struct push_door *door);

/* From now on these. sources is taken. */
void push_door_set(struct push_door *door, struct push_sources *sources);

/* For status and metrics. */
const struct push_sources *push_door_sources(const struct push_door *door);

/* A handler that takes what is the door's and leaves the rest to next. */
struct httpd_handler push_door_before(struct push_door *door, struct httpd_handler next);

#endif
