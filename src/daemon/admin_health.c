/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/status.h"
#include "store/store.h"

/* For probes and scrapers, and how the daemon is. */

/* Alive: the loop turns. */
void admin_healthz(struct daemon *d, struct httpd_req *req, struct span arg)
{
	(void)d;
	(void)arg;
	reply_text(req, 200, "text/plain; charset=utf-8", SPAN("ok\n"));
}

/* Ready: a webhook that comes now would be kept. */
void admin_readyz(struct daemon *d, struct httpd_req *req, struct span arg)
{
	(void)arg;
	if (d->stopping)
		reply_problem(req, 503, "stopping", "The daemon is stopping.");
	else if (!relay_is_ready(d->relay))
		reply_problem(req, 503, "starting", "What an earlier run left is being read.");
	else if (store_health(d->store) != STORE_OK)
		reply_problem(req, 503, "storage", "The store takes no events now.");
	else
		reply_text(req, 200, "text/plain; charset=utf-8", SPAN("ready\n"));
}

void admin_metrics(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf page;

	(void)arg;
	buf_init(&page, ADMIN_PAGE_MAX);
	if (metrics_write(d, &page) != ERR_OK)
		reply_problem(req, 500, "too-large", "The page is too large.");
	else
		reply_text(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&page));
}

void admin_status(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf page;

	(void)arg;
	buf_init(&page, ADMIN_PAGE_MAX);
	if (status_write(d, &page) != ERR_OK)
		reply_problem(req, 500, "too-large", "The answer is too large.");
	else
		reply_text(req, 200, "application/json", buf_span(&page));
}
