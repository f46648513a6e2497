/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "ctl/ask.h"
#include "ctl/view.h"

#define EXIT_USAGE 2
#define SOCKET     "/run/stagewire/admin.sock"

static const char usage[] =
	"usage: stagewirectl [--socket PATH] [--json] COMMAND\n"
	"\n"
	"  status                        how the daemon is\n"
	"  events [--limit N]            what came in, newest first\n"
	"  event ID                      one event and its deliveries\n"
	"  quarantine [--limit N]        events that map to no entity\n"
	"  deliveries [--state STATE]    pending, done or dead deliveries\n"
	"  audit [--limit N]             every decision, oldest first\n"
	"\n"
	"      --socket PATH             ask there (" SOCKET ")\n"
	"      --json                    as the daemon says it; audit as JSON lines\n"
	"      --limit N                 at most so many rows of a list\n"
	"  -V, --version\n"
	"  -h, --help\n";

struct wish {
	const char *socket, *limit, *state;
	bool json;
};

struct command {
	const char *name, *path;
	bool wants_id;
	enum err (*view)(struct span json, FILE *to);
};

static const struct command commands[] = {
	{ "status", "/v1/status", false, view_status },
	{ "events", "/v1/events", false, view_events },
	{ "event", "/v1/events/", true, view_event },
	{ "quarantine", "/v1/quarantine", false, view_quarantine },
	{ "deliveries", "/v1/deliveries", false, view_deliveries },
	{ "audit", "/v1/audit", false, view_audit },
};

NORETURN static void exit_usage(const char *why)
{
	if (why != NULL)
		fprintf(stderr, "stagewirectl: %s\n", why);
	fputs(usage, stderr);
	exit(EXIT_USAGE);
}

enum {
	OPT_SOCKET = 256,
	OPT_JSON,
	OPT_LIMIT,
	OPT_STATE,
};

static void read_options(int argc, char **argv, struct wish *w)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ "state", required_argument, NULL, OPT_STATE },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "Vh", options, NULL)) != -1) {
		switch (opt) {
		case OPT_SOCKET: w->socket = optarg; break;
		case OPT_JSON: w->json = true; break;
		case OPT_LIMIT: w->limit = optarg; break;
		case OPT_STATE: w->state = optarg; break;
		case 'V': puts(PACKAGE_STRING); exit(EXIT_SUCCESS);
		case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
		default: exit_usage(NULL);
		}
	}
}

static const struct command *find_command(int argc, char **argv)
{
	if (optind >= argc)
		exit_usage("which command?");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];

		if (strcmp(argv[optind], c->name) != 0)
			continue;
		if (argc - optind != (c->wants_id ? 2 : 1))
			exit_usage(c->wants_id ? "which event?" : "too many words");
		return c;
	}
	exit_usage("no such command");
}

static void compose_path(
	const struct command *c, const char *id, const struct wish *w, char *path, size_t max)
{
	if (c->wants_id)
		snprintf(path, max, "%s%.64s", c->path, id);
	else
		snprintf(path, max, "%s?limit=%.20s%s%.20s", c->path,
			w->limit == NULL ? "50" : w->limit,
			w->state == NULL ? "" : "&state=", w->state == NULL ? "" : w->state);
}

/* The audit trail as JSON lines, as auditors' tools want it; the rest as it came. */
static void print_json(const struct command *c, struct span json)
{
	const struct json_limits generous = { .depth = 64, .values = 4000000 };
	struct json_value items, v;
	struct json_iter it;

	if (strcmp(c->name, "audit") != 0 || json_gate(json, &generous, NULL) != ERR_OK ||
		!json_get(json_root(json), "items", &items)) {
		printf("%.*s\n", SPAN_ARGS(json));
		return;
	}
	it = json_iter(items);
	while (json_next_element(&it, &v))
		printf("%.*s\n", SPAN_ARGS(v.text));
}

static int fail(char *why)
{
	fprintf(stderr, "stagewirectl: %s\n", why == NULL ? "failed" : why);
	free(why);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct wish w = { .socket = SOCKET };
	const struct command *c;
	CLEANUP(buf_release) struct buf answer;
	char path[256];
	char *why = NULL;

	read_options(argc, argv, &w);
	c = find_command(argc, argv);
	buf_init(&answer, 64 * 1024 * 1024);
	compose_path(c, argv[argc - 1], &w, path, sizeof(path));
	if (ask(w.socket, path, &answer, &why) != ERR_OK)
		return fail(why);
	if (w.json)
		print_json(c, buf_span(&answer));
	else if (c->view(buf_span(&answer), stdout) != ERR_OK)
		return fail(
			xstrdup("the daemon's answer cannot be read; are both of one version?"));
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
