/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DOCTOR_IMPL_H
#define DAEMON_DOCTOR_IMPL_H

#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "doctor/doctor_report.h"

struct backstage_client;
struct daemon;
struct httpc_answer;
struct httpc_call;
struct httpd_req;
struct safe_wait;
struct secret;
struct source;
struct travis_api_call;
struct travis_reply;

/* The inside of the doctor: a file for each subject. */

#define DOCTOR_TIMEOUT_MS 8000
#define DOCTOR_ANSWER_MAX (256 * 1024)

struct doctor {
	struct daemon *daemon;
	struct httpd_req *req;
	struct doctor_report report;
	struct backstage_client *client; /* one of its own: a refusal here is no alarm */
	TAILQ_HEAD(probe_list, probe) probes;
};

/*
 * A question under way. It is made by probe_new(), ends by probe_end(), and may
 * ask several things one after the other in between.
 */
struct probe {
	struct doctor *doctor;
	TAILQ_ENTRY(probe) link;
	char *about; /* the source's or plugin's name */
	size_t which;
	struct httpc_call *call; /* at most one of these three */
	struct travis_api_call *travis;
	struct safe_wait *wait;
	struct secret *token; /* of Travis */
	char *slug;           /* a repository that the token is for */
};

struct probe *probe_new(struct doctor *x, const char *about, size_t which);

/* Its finding is in the report. The last one of all answers the operator. */
void probe_end(struct probe *p);

/* GET with a deadline, without a credential. False, and nothing is called, if it cannot be sent. */
bool probe_get(struct probe *p, const char *url,
	void (*on_answer)(void *ctx, const struct httpc_answer *a));

/* How far our clock is from that of whoever answered. */
void doctor_judge_clock(struct doctor *x, const char *whose, const struct httpc_answer *a);

void doctor_ask_backstage(struct doctor *x); /* doctor_backstage.c */
void doctor_ask_travis(struct doctor *x);    /* doctor_travis.c */
void doctor_ask_issuers(struct doctor *x);   /* doctor_access.c */
void doctor_look_inside(struct doctor *x);   /* doctor_state.c */

#endif
