/* SPDX-License-Identifier: Apache-2.0 */
#include "io/resolve.h"

#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/worker.h"

struct resolver {
	struct worker *worker;
};

struct lookup {
	struct worker_job job;
	char *host, *port;
	struct addrinfo *list;
	int error; /* of getaddrinfo(3) */
	void (*on_found)(void *ctx, struct addrinfo *list, const char *why);
	void *ctx; /* with on_found: NULL once cancelled */
};

static int resolve(const char *host, const char *port, int flags, struct addrinfo **list)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};

	*list = NULL;
	return getaddrinfo(host, port, &hints, list);
}

struct addrinfo *resolve_numeric(const char *host, const char *port)
{
	struct addrinfo *list;

	return resolve(host, port, AI_NUMERICHOST, &list) == 0 ? list : NULL;
}

/* On the thread. */
static void resolver_work(void *ctx, struct worker_job *jobs)
{
	(void)ctx;
	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		struct lookup *k = CONTAINER_OF(j, struct lookup, job);

		k->error = resolve(k->host, k->port, 0, &k->list);
	}
}

static void resolver_done(void *ctx, struct worker_job *job)
{
	struct lookup *k = CONTAINER_OF(job, struct lookup, job);

	(void)ctx;
	if (k->on_found != NULL)
		k->on_found(k->ctx, TAKE(k->list), k->error == 0 ? NULL : gai_strerror(k->error));
	if (k->list != NULL)
		freeaddrinfo(k->list);
	free(k->host);
	free(k->port);
	free(k);
}

struct lookup *resolver_ask(struct resolver *r, const char *host, const char *port,
	void (*on_found)(void *ctx, struct addrinfo *list, const char *why), void *ctx)
{
	struct lookup *k = xcalloc(1, sizeof(*k));

	*k = (struct lookup){
		.host = xstrdup(host),
		.port = xstrdup(port),
		.on_found = on_found,
		.ctx = ctx,
	};
	worker_submit(r->worker, &k->job);
	return k;
}

void lookup_cancel(struct lookup *k)
{
	k->on_found = NULL;
}

enum err resolver_new(struct loop *l, struct resolver **out)
{
	static const struct worker_ops ops = { .work = resolver_work, .done = resolver_done };
	struct resolver *r = xcalloc(1, sizeof(*r));

	if (worker_new(l, "resolver", &ops, r, &r->worker) != ERR_OK) {
		free(r);
		return ERR_IO;
	}
	*out = r;
	return ERR_OK;
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	worker_free(r->worker);
	free(r);
}
