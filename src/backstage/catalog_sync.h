/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKSTAGE_CATALOG_SYNC_H
#define BACKSTAGE_CATALOG_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backstage/entity_json.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"

struct backstage_client;
struct catalog_reader;
struct loop;

/*
 * Keeps the catalog as Backstage has it by reading all of it, page by page, at
 * an interval. Each page is applied as it comes, and is forgotten then. What a
 * whole read has not seen is looked up, and taken for deleted only when
 * Backstage has confirmed it by reference; a page that fails, an empty 404 or a
 * 5xx takes nothing away.
 */
struct catalog_sync;

struct catalog_sync_conf {
	struct entity_rules rules;
	int64_t refresh_ms;
	unsigned page_size;
	struct catalog_reader *reader; /* borrowed */
	/* May the next page come, or has the catalog's keeper enough to do? */
	bool (*may_go_on)(void *ctx); /* A full read, which began then, ended well. */
	void (*on_whole)(void *ctx, struct wall began);
	/*
	 * A read failed, which is told each time, or works again (why is NULL).
	 * why is one printable line for the log, health and audit.
	 */
	void (*on_trouble)(void *ctx, const char *why);
	void *ctx;
};

/*
 * client is borrowed; strings are copied. The first read starts on the next
 * pass. No callback may free the sync.
 */
struct catalog_sync *catalog_sync_new(
	struct loop *l, struct backstage_client *client, const struct catalog_sync_conf *conf);
void catalog_sync_free(struct catalog_sync *s);

/*
 * Read again now, or right after the read under way. Hints that come fast are
 * slowed down, so that no more than half of the time goes into reading.
 */
void catalog_sync_hint(struct catalog_sync *s);

struct catalog_sync_status {
	bool syncing;
	struct wall last_ok;      /* WALL_NONE: never */
	uint64_t reads, failures; /* that ended well, and not */
	size_t entities;          /* in the last whole read */
	size_t skipped;           /* in it, not kept: no usable name or repository */
	size_t gone;              /* in it, confirmed as gone or of no interest any more */
	int64_t took_ms;
};

struct catalog_sync_status catalog_sync_status(const struct catalog_sync *s);

#endif
