/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/defs.h"

void watch_add(int epoll, struct watch *w)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	ev.data.ptr = w;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &ev) != 0) {
		perror("hookload: epoll_ctl");
		exit(1);
	}
}

bool inbox_fill(struct inbox *in, int fd)
{
	for (;;) {
		ssize_t n;

		if (in->cap - in->len < 4096) {
			in->cap = in->cap == 0 ? 16384 : 2 * in->cap;
			in->data = xrealloc(in->data, in->cap, 1);
		}
		n = read(fd, in->data + in->len, in->cap - in->len);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		in->len += (size_t)n;
	}
}

void inbox_drop(struct inbox *in, size_t n)
{
	in->len -= n;
	memmove(in->data, in->data + n, in->len);
}

/* The value of a field, or an empty span. */
static struct span field(struct span head, const char *name)
{
	const char *p = head.p, *end = head.p + head.n, *eol;
	size_t n = strlen(name);

	while ((eol = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p = eol + 1;
		if ((size_t)(end - p) <= n || strncasecmp(p, name, n) != 0 || p[n] != ':')
			continue;
		p += n + 1 + strspn(p + n + 1, " ");
		return (struct span){ p, strcspn(p, "\r\n") };
	}
	return (struct span){ NULL, 0 };
}

bool message_parse(struct span bytes, struct message *m)
{
	const char *blank = bytes.n == 0 ? NULL : memmem(bytes.p, bytes.n, "\r\n\r\n", 4);
	struct span length;

	if (blank == NULL)
		return false;
	*m = (struct message){ .head = { bytes.p, (size_t)(blank + 2 - bytes.p) } };
	length = field(m->head, "content-length");
	m->body.p = blank + 4;
	m->body.n = length.n == 0 ? 0 : strtoul(length.p, NULL, 10);
	m->size = m->head.n + 2 + m->body.n;
	m->closes = span_is_nocase(field(m->head, "connection"), "close");
	if (span_starts(m->head, "HTTP/1."))
		m->status = atoi(bytes.p + strlen("HTTP/1.1 "));
	return m->size <= bytes.n;
}
