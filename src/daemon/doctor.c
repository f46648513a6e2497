/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/doctor.h"

#include <inttypes.h>
#include <stdlib.h>

#include "backstage/client.h"
#include "base/clock.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "daemon/doctor_impl.h"
#include "io/secmem.h"
#include "secret/safe.h"
#include "travis/api.h"

/* A token of Backstage or a wish to Travis is not good any more with a clock that far off. */
#define SKEW_WARN_S 5
#define SKEW_FAIL_S 30

struct probe *probe_new(struct doctor *x, const char *about, size_t which)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	*p = (struct probe){ .doctor = x, .about = xstrdup(about), .which = which };
	TAILQ_INSERT_TAIL(&x->probes, p, link);
	return p;
}

static void probe_free(struct probe *p)
{
	TAILQ_REMOVE(&p->doctor->probes, p, link);
	secret_free(p->token);
	free(p->slug);
	free(p->about);
	free(p);
}

static void doctor_release(struct doctor *x)
{
	x->daemon->doctor = NULL;
	backstage_client_free(x->client);
	doctor_report_release(&x->report);
	free(x);
}

static void doctor_answer(struct doctor *x)
{
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_member_str(&w, "version", PACKAGE_VERSION);
	json_member_str(&w, "config", x->daemon->conf_path);
	json_member_str(&w, "config_sha256", x->daemon->conf_digest);
	json_key(&w, "report");
	doctor_report_write(&x->report, &w);
	json_object_end(&w);
	reply_page(x->req, &w, &page);
	doctor_release(x);
}

void probe_end(struct probe *p)
{
	struct doctor *x = p->doctor;

	probe_free(p);
	if (TAILQ_EMPTY(&x->probes))
		doctor_answer(x);
}

bool probe_get(struct probe *p, const char *url,
	void (*on_answer)(void *ctx, const struct httpc_answer *a))
{
	const struct httpc_request req = {
		.url = url,
		.timeout_ms = DOCTOR_TIMEOUT_MS,
		.answer_max = DOCTOR_ANSWER_MAX,
	};

	return httpc_send(p->doctor->daemon->http, &req, on_answer, p, &p->call) == ERR_OK;
}

void doctor_judge_clock(struct doctor *x, const char *whose, const struct httpc_answer *a)
{
	struct wall theirs = httpc_answer_date(a);
	int64_t skew_s;
	enum doctor_verdict v = DOCTOR_OK;

	if (theirs.ms == WALL_NONE.ms) {
		doctor_say(&x->report, DOCTOR_SKIPPED, "clock-skew", whose,
			"it does not say what time it is");
		return;
	}
	/* It was said to the second, and on the way for a while. */
	skew_s = (clock_wall().ms - a->took_ms / 2 - theirs.ms) / 1000;
	if (imaxabs(skew_s) > SKEW_FAIL_S)
		v = DOCTOR_FAIL;
	else if (imaxabs(skew_s) > SKEW_WARN_S)
		v = DOCTOR_WARN;
	doctor_say(&x->report, v, "clock-skew", whose, "our clock is %" PRId64 " s %s",
		imaxabs(skew_s), skew_s < 0 ? "behind" : "ahead");
	if (v != DOCTOR_OK)
		doctor_fix(&x->report,
			"Set both clocks by NTP (timedatectl set-ntp true): tokens are refused "
			"from "
			"%d s on.",
			SKEW_FAIL_S);
}

void doctor_free(struct doctor *x)
{
	struct probe *p;

	if (x == NULL)
		return;
	while ((p = TAILQ_FIRST(&x->probes)) != NULL) {
		if (p->call != NULL)
			httpc_cancel(p->call);
		if (p->travis != NULL)
			travis_api_cancel(p->travis);
		if (p->wait != NULL)
			safe_cancel(p->wait);
		probe_free(p);
	}
	reply_problem(x->req, 503, "interrupted", "A reload or the stop came in between.");
	doctor_release(x);
}

void admin_doctor(struct daemon *d, struct httpd_req *req, struct span arg)
{
	struct doctor *x;
	struct probe *all;

	(void)arg;
	if (d->doctor != NULL || d->stopping) {
		reply_problem(req, 503, "busy", "The doctor is with somebody else; ask again.");
		return;
	}
	x = xcalloc(1, sizeof(*x));
	*x = (struct doctor){ .daemon = d, .req = req, .report = { .by = "stagewired" } };
	TAILQ_INIT(&x->probes);
	d->doctor = x;
	/* Holds the answer back until everybody was asked. */
	all = probe_new(x, "", 0);
	doctor_libraries(&x->report);
	doctor_look_inside(x);
	doctor_ask_backstage(x);
	doctor_ask_travis(x);
	doctor_ask_issuers(x);
	probe_end(all);
}
