/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "io/secmem.h"

struct loop {
	struct event_base *base;
	struct loop_task *first, **last; /* deferred, for the end of this pass */
	struct loop_task *running;       /* those of this pass not run yet */
	struct mono now;
	uint64_t passes;
	bool stopping;
};

struct loop_timer {
	struct event *ev;
	void (*on_due)(void *ctx);
	void *ctx;
};

struct loop_signal {
	struct event *ev;
	void (*on_signal)(void *ctx);
	void *ctx;
};

struct loop_watch {
	struct event *ev;
	void (*on_ready)(void *ctx, unsigned ready);
	void *ctx;
};

/* Heads of requests have credentials, and they come through buffers of libevent. */
static void libevent_init(void)
{
	static bool done;

	if (!done)
		event_set_mem_functions(malloc, secmem_realloc, secmem_free);
	done = true;
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	struct event_config *conf;

	libevent_init();
	conf = event_config_new();
	if (conf == NULL)
		abort();
	event_config_set_flag(conf, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(conf, EVENT_BASE_FLAG_PRECISE_TIMER);
	l->base = event_base_new_with_config(conf);
	event_config_free(conf);
	if (l->base == NULL)
		abort();
	l->last = &l->first;
	l->now = clock_mono();
	return l;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	event_base_free(l->base);
	free(l);
}

struct mono loop_now(const struct loop *l)
{
	return l->now;
}

uint64_t loop_passes(const struct loop *l)
{
	return l->passes;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

void loop_defer(struct loop *l, struct loop_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	*l->last = t;
	l->last = &t->next;
}

static bool task_unlink(struct loop_task **list, struct loop_task *t)
{
	for (; *list != NULL; list = &(*list)->next) {
		if (*list == t) {
			*list = t->next;
			return true;
		}
	}
	return false;
}

void loop_undefer(struct loop *l, struct loop_task *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	if (task_unlink(&l->running, t))
		return;
	IGNORE(task_unlink(&l->first, t));
	l->last = &l->first;
	while (*l->last != NULL)
		l->last = &(*l->last)->next;
}

static void loop_run_deferred(struct loop *l)
{
	l->running = TAKE(l->first);
	l->last = &l->first;
	while (l->running != NULL) {
		struct loop_task *t = l->running;

		l->running = t->next;
		t->queued = false;
		t->run(t);
	}
}

enum err loop_run(struct loop *l)
{
	l->stopping = false;
	while (!l->stopping) {
		int flags = l->first != NULL ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE;

		if (event_base_loop(l->base, flags) < 0)
			return ERR_IO;
		l->now = clock_mono();
		l->passes++;
		loop_run_deferred(l);
	}
	return ERR_OK;
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->on_due(t->ctx);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*on_due)(void *ctx), void *ctx)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	*t = (struct loop_timer){ .on_due = on_due, .ctx = ctx };
	t->ev = event_new(l->base, -1, 0, on_timer, t);
	if (t->ev == NULL)
		abort();
	return t;
}

void loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
}

void loop_timer_set(struct loop_timer *t, int64_t wait_ms)
{
	struct timeval tv;

	if (wait_ms < 0)
		wait_ms = 0;
	tv = (struct timeval){ .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };
	if (event_add(t->ev, &tv) != 0)
		abort();
}

void loop_timer_stop(struct loop_timer *t)
{
	event_del(t->ev);
}

bool loop_timer_is_set(const struct loop_timer *t)
{
	return event_pending(t->ev, EV_TIMEOUT, NULL) != 0;
}

static void on_signal_event(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)signo;
	(void)what;
	s->on_signal(s->ctx);
}

struct loop_signal *loop_signal_new(
	struct loop *l, int signo, void (*on_signal)(void *ctx), void *ctx)
{
	struct loop_signal *s = xcalloc(1, sizeof(*s));

	*s = (struct loop_signal){ .on_signal = on_signal, .ctx = ctx };
	s->ev = evsignal_new(l->base, signo, on_signal_event, s);
	if (s->ev == NULL || event_add(s->ev, NULL) != 0)
		abort();
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s == NULL)
		return;
	event_free(s->ev);
	free(s);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;
	unsigned ready = 0;

	(void)fd;
	if (what & EV_READ)
		ready |= LOOP_READ;
	if (what & EV_WRITE)
		ready |= LOOP_WRITE;
	w->on_ready(w->ctx, ready);
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned ready,
	void (*on_ready)(void *ctx, unsigned ready), void *ctx)
{
	struct loop_watch *w = xcalloc(1, sizeof(*w));
	short what = EV_PERSIST;

	if (ready & LOOP_READ)
		what |= EV_READ;
	if (ready & LOOP_WRITE)
		what |= EV_WRITE;
	*w = (struct loop_watch){ .on_ready = on_ready, .ctx = ctx };
	w->ev = event_new(l->base, fd, what, on_watch, w);
	if (w->ev == NULL || event_add(w->ev, NULL) != 0)
		abort();
	return w;
}

void loop_watch_free(struct loop_watch *w)
{
	if (w == NULL)
		return;
	event_free(w->ev);
	free(w);
}
