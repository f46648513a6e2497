/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/defs.h"
#include "net.h"

struct client {
	struct watch watch;
	struct load *load;
	struct client *next_idle;
	struct inbox in;
	struct span unsent;
	size_t request; /* the one under way */
	bool busy;
};

struct load {
	struct load_conf conf;
	struct client *idle;
	size_t next; /* request to send, from 0 to conf.count */
	int64_t start;
};

static void client_connect(struct client *c);

static void client_rest(struct client *c)
{
	c->busy = false;
	c->next_idle = c->load->idle;
	c->load->idle = c;
}

static void client_write(struct client *c)
{
	while (c->unsent.n > 0) {
		ssize_t n = write(c->watch.fd, c->unsent.p, c->unsent.n);

		if (n < 0)
			return; /* full: epoll tells; broken: reading will show it */
		c->unsent.p += n;
		c->unsent.n -= (size_t)n;
	}
}

static void client_send(struct client *c, int64_t due)
{
	struct load *l = c->load;

	c->busy = true;
	c->request = l->next++;
	c->unsent = hooks_request(l->conf.hooks, l->conf.first + c->request);
	ledger_send(l->conf.ledger, c->request, due);
	client_write(c);
}

/* The server may close when a connection has had its share of requests. */
static void client_reconnect(struct client *c)
{
	close(c->watch.fd);
	c->in.len = 0;
	client_connect(c);
}

static void client_finish(struct client *c, const struct message *m)
{
	ledger_answer(c->load->conf.ledger, c->request, m->status);
	inbox_drop(&c->in, m->size);
	client_rest(c);
	if (m->closes)
		client_reconnect(c);
}

static void on_client_ready(struct watch *w, uint32_t events)
{
	struct client *c = CONTAINER_OF(w, struct client, watch);
	struct message m;
	bool open;

	client_write(c);
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
		return;
	open = inbox_fill(&c->in, w->fd);
	if (c->busy && message_parse((struct span){ c->in.data, c->in.len }, &m)) {
		client_finish(c, &m);
		open = open || m.closes;
	}
	if (open)
		return;
	if (c->busy) {
		ledger_break(c->load->conf.ledger);
		client_rest(c);
	}
	client_reconnect(c);
}

static void client_connect(struct client *c)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)c->load->conf.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		perror("hookload: connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	c->watch = (struct watch){ fd, on_client_ready };
	watch_add(c->load->conf.epoll, &c->watch);
}

struct load *load_start(const struct load_conf *conf)
{
	struct load *l = xcalloc(1, sizeof(*l));

	l->conf = *conf;
	for (size_t i = 0; i < conf->connections; i++) {
		struct client *c = xcalloc(1, sizeof(*c));

		c->load = l;
		client_connect(c);
		client_rest(c);
	}
	l->start = now_ns();
	return l;
}

/* When the next request falls due: now, in a closed loop. */
static int64_t next_due(const struct load *l, int64_t now)
{
	if (l->conf.rate <= 0)
		return now;
	return l->start + (int64_t)((double)l->next * 1e9 / l->conf.rate);
}

int64_t load_tick(struct load *l)
{
	while (!load_is_over(l) && l->idle != NULL) {
		int64_t now = now_ns(), due = next_due(l, now);
		struct client *c = l->idle;

		if (due > now)
			return due;
		l->idle = c->next_idle;
		client_send(c, due);
	}
	return -1;
}

void load_stop(struct load *l)
{
	l->conf.count = l->next;
}

bool load_is_over(const struct load *l)
{
	return l->next >= l->conf.count;
}
