/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/httpd_private.h"

struct httpd *httpd_new(struct loop *l, const struct httpd_limits *limits)
{
	struct httpd *h = xcalloc(1, sizeof(*h));

	/* A write to a client that has gone is an error like another. */
	signal(SIGPIPE, SIG_IGN);
	h->l = l;
	h->limits = *limits;
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	map_init(&h->peers);
	return h;
}

void httpd_free(struct httpd *h)
{
	struct conn *c;
	struct listener *ln;
	struct httpd_req *req;

	if (h == NULL)
		return;
	while ((c = LIST_FIRST(&h->conns)) != NULL)
		conn_free(c);
	while ((ln = LIST_FIRST(&h->listeners)) != NULL)
		listener_free(ln);
	while ((req = LIST_FIRST(&h->orphans)) != NULL) {
		LIST_REMOVE(req, entry);
		req->h = NULL;
	}
	map_release(&h->peers);
	if (h->spare_fd >= 0)
		close(h->spare_fd);
	free(h);
}

void httpd_set_limits(struct httpd *h, const struct httpd_limits *limits)
{
	h->limits = *limits;
}

const char *httpd_address(const struct httpd *h, size_t i)
{
	struct listener *ln;

	LIST_FOREACH(ln, &h->listeners, entry)
	{
		if (i-- == 0)
			return ln->address;
	}
	return NULL;
}

void httpd_drain(struct httpd *h)
{
	struct listener *ln;
	struct conn *c;

	h->draining = true;
	LIST_FOREACH(ln, &h->listeners, entry)
	listener_drain(ln);
	LIST_FOREACH(c, &h->conns, entry)
	conn_drain(c);
}

bool httpd_is_busy(const struct httpd *h)
{
	struct conn *c;

	LIST_FOREACH(c, &h->conns, entry)
	{
		/* Who is idle while draining has yet to send what we have accepted it for. */
		if (c->state != CONN_RETIRED && (c->state != CONN_IDLE || h->draining))
			return true;
	}
	return false;
}

struct httpd_stats httpd_stats(const struct httpd *h)
{
	return h->stats;
}
