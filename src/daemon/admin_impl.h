/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ADMIN_IMPL_H
#define DAEMON_ADMIN_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/span.h"
#include "io/httpd.h"

struct daemon;

/*
 * The inside of the admin listeners: a file for each subject, each with its
 * handlers, which the table in admin.c names. arg is the part of the path that
 * the table has a '*' for.
 */
typedef void admin_run(struct daemon *d, struct httpd_req *req, struct span arg);

admin_run admin_healthz, admin_readyz, admin_metrics, admin_status; /* admin_health.c */
admin_run admin_events, admin_event, admin_quarantine, admin_deliveries,
	admin_audit;                                  /* admin_lists.c */
admin_run admin_catalog_entity, admin_catalog_owners; /* admin_catalog.c */
admin_run admin_catalog_drift;                        /* admin_drift.c */
admin_run admin_policy_explain;                       /* admin_policy.c */
admin_run admin_policy_test;                          /* admin_policy_test.c */
admin_run admin_doctor;                               /* doctor.c */
admin_run admin_dead;                                 /* admin_dead.c */
admin_run admin_explain;                              /* admin_explain.c */
admin_run admin_replay;                               /* admin_replay.c */
admin_run admin_routes_test;                          /* admin_routes.c */
admin_run admin_sink_hold, admin_sink_release, admin_sink_enable,
	admin_sink_disable; /* admin_sinks.c */
admin_run admin_variables;  /* admin_variables.c */

/* Bytes of an answer. */
#define ADMIN_PAGE_MAX (16 * 1024 * 1024)

/* Rows of an answer, if it is not told otherwise, and at most. */
#define ADMIN_ROWS      50
#define ADMIN_ROWS_MOST 1000

/* --- answers --- */

void reply_problem(struct httpd_req *req, int status, const char *type, const char *detail);
void reply_text(struct httpd_req *req, int status, const char *type, struct span body);

struct json_writer;

/* Answer with what w has written into page, or that it was too much. */
void reply_page(struct httpd_req *req, const struct json_writer *w, const struct buf *page);

/* Answer with an ETag among the fields; with 304 if that is what the client has. */
void reply_tagged(
	struct httpd_req *req, int status, const char *type, const char *fields, struct span body);

/* The store takes no questions now. */
void reply_storage(struct httpd_req *req);

/* --- what is asked for: a field for each member of the body or of the query --- */

enum order_type {
	ORDER_TEXT,  /* const char *, NULL if it is not there */
	ORDER_COUNT, /* int64_t, not negative */
	ORDER_FLAG,  /* bool */
	ORDER_TIME,  /* struct wall: RFC 3339, or a duration back from now */
	ORDER_TEXTS, /* struct span: an object of texts, as it stands in the body */
};

struct order_field {
	const char *name;
	enum order_type type;
	size_t offset; /* in the struct that is filled */
	int64_t most;  /* of a count; bytes of a text, 0: 256 */
};

/*
 * Fill in what is there, and leave the rest. text holds the texts; it must be
 * empty. If something is wrong the request is answered, and they return false.
 */
bool order_read_body(struct httpd_req *req, const struct order_field *field, size_t n, void *order,
	struct buf *text);
bool order_read_query(struct httpd_req *req, const struct order_field *field, size_t n, void *order,
	struct buf *text);

/* Every order that changes something says why; else it is answered, and false. */
bool order_has_reason(struct httpd_req *req, const char *reason);

/* "uid:0": who asks, on a unix socket. */
#define ACTOR_MAX 32
const char *order_actor(const struct httpd_req *req, char text[ACTOR_MAX]);

/* The id of an event, or the request is answered. */
bool order_event_id(struct httpd_req *req, struct span text, uint8_t id[]);

#endif
