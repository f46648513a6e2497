/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for a receiver of Travis webhooks and the sink behind it, in one process
 * on one clock:
 *
 *   hookload make -n COUNT -R REPOSITORIES -t TEMPLATE DIR
 *   hookload run -p PORT -s SINK_PORT [options] DIR
 *
 * See README.md beside this file.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/defs.h"
#include "client.h"
#include "hooks.h"
#include "ledger.h"
#include "net.h"
#include "sink.h"

#define NS_PER_S   INT64_C(1000000000)
#define EVENTS_MAX 256

static const char usage_text[] =
	"usage: hookload make -n COUNT -R REPOSITORIES -t TEMPLATE DIR\n"
	"       hookload run -p PORT -s SINK_PORT [-c CONNECTIONS] [-r RATE] [-n COUNT]\n"
	"                    [-o FIRST] [-d SECONDS] [-w DRAIN_SECONDS] [-S STATUS]\n"
	"                    [-f SINKS] DIR\n";

static NORETURN void usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

struct options {
	const char *dir, *template;
	size_t count, first, connections, repositories, sinks;
	double rate, seconds, drain_s;
	int port, sink_port, status;
};

static void options_read(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:r:R:t:p:s:c:o:d:w:S:f:")) != -1) {
		switch (c) {
		case 'n': o->count = strtoul(optarg, NULL, 10); break;
		case 'r': o->rate = strtod(optarg, NULL); break;
		case 'R': o->repositories = strtoul(optarg, NULL, 10); break;
		case 't': o->template = optarg; break;
		case 'p': o->port = atoi(optarg); break;
		case 's': o->sink_port = atoi(optarg); break;
		case 'c': o->connections = strtoul(optarg, NULL, 10); break;
		case 'o': o->first = strtoul(optarg, NULL, 10); break;
		case 'd': o->seconds = strtod(optarg, NULL); break;
		case 'w': o->drain_s = strtod(optarg, NULL); break;
		case 'f': o->sinks = strtoul(optarg, NULL, 10); break;
		case 'S': o->status = atoi(optarg); break;
		default: usage();
		}
	}
	if (optind + 1 != argc)
		usage();
	o->dir = argv[optind];
}

/* Sleep until something is ready or until that time; -1 means no time. */
static void turn(int epoll, int64_t until)
{
	struct epoll_event ev[EVENTS_MAX];
	int64_t left = until < 0 ? 0 : until - now_ns();
	struct timespec ts = { 0 };
	int n;

	if (left > 0)
		ts = (struct timespec){ left / NS_PER_S, left % NS_PER_S };
	n = epoll_pwait2(epoll, ev, EVENTS_MAX, until < 0 ? NULL : &ts, NULL);
	for (int i = 0; i < n; i++) {
		struct watch *w = ev[i].data.ptr;

		w->on_ready(w, ev[i].events);
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a >= 0 && a < b ? a : b;
}

/* Send until all is sent or time is up, then wait for the rest to be delivered. */
static void drive(
	int epoll, struct load *load, const struct ledger *ledger, const struct options *o)
{
	int64_t stop = now_ns() + (int64_t)(o->seconds * 1e9), give_up;

	while (!load_is_over(load) && now_ns() < stop)
		turn(epoll, sooner(load_tick(load), stop));
	load_stop(load);
	give_up = now_ns() + (int64_t)(o->drain_s * 1e9);
	while (!ledger_is_settled(ledger) && now_ns() < give_up)
		turn(epoll, sooner(now_ns() + NS_PER_S / 100, give_up));
}

static int run(const struct options *o)
{
	struct hooks hooks;
	struct ledger ledger;
	struct load *load;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t count;

	if (hooks_open(o->dir, &hooks) != ERR_OK)
		return 1;
	if (o->first >= hooks.count) {
		fprintf(stderr, "hookload: there are only %zu requests\n", hooks.count);
		return 1;
	}
	count = hooks.count - o->first;
	if (o->count > 0 && o->count < count)
		count = o->count;
	ledger_init(&ledger, HOOKS_FIRST_ID + o->first, count, o->sinks);
	/* Wake up when asked to, not up to 50 microseconds later. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	sink_start(&(struct sink_conf){
		.epoll = epoll, .port = o->sink_port, .status = o->status, .ledger = &ledger });
	load = load_start(&(struct load_conf){ .epoll = epoll,
		.port = o->port,
		.connections = o->connections,
		.rate = o->rate,
		.first = o->first,
		.count = count,
		.hooks = &hooks,
		.ledger = &ledger });
	drive(epoll, load, &ledger, o);
	ledger_print(&ledger, stdout);
	ledger_release(&ledger);
	hooks_close(&hooks);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {
		.connections = 64,
		.seconds = 1e6,
		.drain_s = 20,
		.status = 201,
		.sinks = 1,
	};

	if (argc < 2)
		usage();
	options_read(&o, argc - 1, argv + 1);
	if (strcmp(argv[1], "make") == 0 && o.template != NULL && o.count > 0 && o.repositories > 0)
		return hooks_make(o.dir, o.template, o.count, o.repositories) == ERR_OK ? 0 : 1;
	if (strcmp(argv[1], "run") == 0 && o.port > 0 && o.sink_port > 0 && o.sinks > 0)
		return run(&o);
	usage();
}
