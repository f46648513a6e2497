/* SPDX-License-Identifier: Apache-2.0 */
#include "sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/defs.h"
#include "net.h"

/* CDEvents' subject; every peer sends the same event. */
#define BUILD_MARK "travis/build/"

#define SINK_MARK "POST /sink/"

struct sink {
	struct watch watch;
	struct sink_conf conf;
	char answer[128];
	size_t answer_len;
};

struct sink_conn {
	struct watch watch;
	struct sink *sink;
	struct inbox in;
};

static void conn_close(struct sink_conn *c)
{
	close(c->watch.fd);
	free(c->in.data);
	free(c);
}

/* "POST /sink/12 HTTP/1.1" is for sink 12, any other path for the only one. */
static size_t sink_of(struct span head)
{
	return span_starts(head, SINK_MARK) ? strtoull(head.p + strlen(SINK_MARK), NULL, 10) : 0;
}

static void note_build(struct sink *s, const struct message *m)
{
	const char *mark = memmem(m->body.p, m->body.n, BUILD_MARK, strlen(BUILD_MARK));

	if (mark == NULL)
		s->conf.ledger->unknown++;
	else if (s->conf.status < 300)
		ledger_deliver(s->conf.ledger, strtoull(mark + strlen(BUILD_MARK), NULL, 10),
			sink_of(m->head));
}

static void on_conn_ready(struct watch *w, uint32_t events)
{
	struct sink_conn *c = CONTAINER_OF(w, struct sink_conn, watch);
	bool open = (events & EPOLLIN) == 0 || inbox_fill(&c->in, w->fd);
	struct message m;

	while (message_parse((struct span){ c->in.data, c->in.len }, &m)) {
		note_build(c->sink, &m);
		inbox_drop(&c->in, m.size);
		/* So short that the socket always has room. */
		if (write(w->fd, c->sink->answer, c->sink->answer_len) < 0)
			open = false;
	}
	if (!open)
		conn_close(c);
}

static void on_listener_ready(struct watch *w, uint32_t events)
{
	struct sink *s = CONTAINER_OF(w, struct sink, watch);
	int fd, one = 1;

	(void)events;
	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct sink_conn *c = xcalloc(1, sizeof(*c));

		c->watch = (struct watch){ fd, on_conn_ready };
		c->sink = s;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch_add(s->conf.epoll, &c->watch);
	}
}

void sink_start(const struct sink_conf *conf)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)conf->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sink *s = xcalloc(1, sizeof(*s));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1024) != 0) {
		perror("hookload: sink");
		exit(1);
	}
	s->conf = *conf;
	s->answer_len = (size_t)snprintf(s->answer, sizeof(s->answer),
		"HTTP/1.1 %d Bench\r\nContent-Length: 0\r\n\r\n", conf->status);
	s->watch = (struct watch){ fd, on_listener_ready };
	watch_add(conf->epoll, &s->watch);
}
