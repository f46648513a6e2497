/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "ctl/ask.h"
#include "ctl/audit.h"
#include "ctl/doctor.h"
#include "ctl/order.h"
#include "ctl/view.h"

#define EXIT_USAGE 2
#define SOCKET     "/run/stagewire/admin.sock"
#define TEXT_MAX   (64 * 1024 * 1024)

static const char usage[] =
	"usage: stagewirectl [--socket PATH] [--json] COMMAND\n"
	"\n"
	"  status                        how the daemon is\n"
	"  doctor [--config FILE]        what is not as it should be, and what mends it\n"
	"  events [--limit N]            what came in, newest first\n"
	"  event ID                      one event and its deliveries\n"
	"  explain ID                    why it went where it went\n"
	"  quarantine [--limit N]        events that map to no entity\n"
	"  deliveries [--state STATE]    pending, done or dead deliveries\n"
	"  dead [WHICH] [--limit N]      dead letters, oldest first\n"
	"  replay FROM [WHICH] [--limit N] [--dry-run] --reason TEXT\n"
	"                                deliver again, with the same ids\n"
	"  hold | release | enable | disable SINK --reason TEXT\n"
	"                                stop sending to a sink, or go on\n"
	"  routes test FILE [--since T] [--limit N]\n"
	"                                what other routes would have done\n"
	"  catalog show REF              an entity, and how it changed hands\n"
	"  catalog owners REF [--at T]   whose it was at that time\n"
	"  catalog drift [--days N]      what is built and not in the catalog, and the like\n"
	"  policy explain REF --principal WHO [--action A] [--branch B] [--on-behalf-of U]\n"
	"      [--token-age D] [--variables]\n"
	"                                may they, and by which rule\n"
	"  policy test FILE              do cases come out as they are expected to\n"
	"  variables                     secrets that are kept at repositories, and since when\n"
	"  audit [--limit N]             every decision, oldest first\n"
	"  audit show | verify | prove | bundle    the published log; see stagewirectl(1)\n"
	"\n"
	"  FROM is --event ID, or --from dead, quarantine or history. WHICH is any of\n"
	"      --since T, --until T      received from then on, and before then: a time\n"
	"                                such as 2026-11-24T10:00:00Z, or 2h or 7d ago\n"
	"      --sink NAME               of dead letters for it; from history: to it\n"
	"      --owner REF               of group:default/payments, or of group:default/*\n"
	"      --repository NAME         of acme/parcel-api, or of acme/*\n"
	"\n"
	"      --socket PATH             ask there (" SOCKET ")\n"
	"      --json                    as the daemon says it; audit as JSON lines\n"
	"      --limit N                 at most so many rows of a list, or events\n"
	"      --reason TEXT             why; it goes into the audit log\n"
	"      --dry-run                 say what would be done, and do nothing\n"
	"  -V, --version\n"
	"  -h, --help\n";

/* Options of some commands only; a bit each. */
enum {
	OPT_SOCKET = 256,
	OPT_JSON,
	OPT_LIMIT,
	OPT_STATE,
	OPT_EVENT,
	OPT_FROM,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_SINK,
	OPT_OWNER,
	OPT_REPOSITORY,
	OPT_REASON,
	OPT_DRY_RUN,
	OPT_AT,
	OPT_DAYS,
	OPT_PRINCIPAL,
	OPT_BEHALF,
	OPT_ACTION,
	OPT_BRANCH,
	OPT_TOKEN_AGE,
	OPT_VARIABLES,
	OPT_CONFIG,
};

#define BIT(opt) (1u << ((opt)-OPT_SOCKET))

#define PERIOD (BIT(OPT_SINCE) | BIT(OPT_UNTIL))
#define WHICH  (PERIOD | BIT(OPT_SINK) | BIT(OPT_OWNER) | BIT(OPT_REPOSITORY))

static const struct option options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "event", required_argument, NULL, OPT_EVENT },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "sink", required_argument, NULL, OPT_SINK },
	{ "owner", required_argument, NULL, OPT_OWNER },
	{ "repository", required_argument, NULL, OPT_REPOSITORY },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "at", required_argument, NULL, OPT_AT },
	{ "days", required_argument, NULL, OPT_DAYS },
	{ "principal", required_argument, NULL, OPT_PRINCIPAL },
	{ "on-behalf-of", required_argument, NULL, OPT_BEHALF },
	{ "action", required_argument, NULL, OPT_ACTION },
	{ "branch", required_argument, NULL, OPT_BRANCH },
	{ "token-age", required_argument, NULL, OPT_TOKEN_AGE },
	{ "variables", no_argument, NULL, OPT_VARIABLES },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static enum err replay_body(const struct wish *w, struct buf *out, char **why)
{
	(void)why;
	return order_replay(w, out);
}

static enum err sink_body(const struct wish *w, struct buf *out, char **why)
{
	(void)why;
	return order_reason(w, out);
}

/* A '*' in the path stands for the word behind the command. */
static const struct command {
	const char *name, *second; /* its words */
	const char *path;
	const char *word; /* what one more word is; NULL: there is none */
	unsigned options;
	bool patient; /* it goes through many events */
	enum err (*body)(const struct wish *w, struct buf *out, char **why); /* NULL: a question */
	enum err (*view)(struct span json, FILE *to); /* NULL: it is no mere question */
} commands[] = {
	{ "status", NULL, "/v1/status", NULL, 0, false, NULL, view_status },
	{ "doctor", NULL, "/v1/doctor", NULL, BIT(OPT_CONFIG), true, NULL, NULL },
	{ "events", NULL, "/v1/events", NULL, BIT(OPT_LIMIT), false, NULL, view_events },
	{ "event", NULL, "/v1/events/*", "event", 0, false, NULL, view_event },
	{ "explain", NULL, "/v1/events/*/explain", "event", 0, false, NULL, view_explain },
	{ "quarantine", NULL, "/v1/quarantine", NULL, BIT(OPT_LIMIT), false, NULL,
		view_quarantine },
	{ "deliveries", NULL, "/v1/deliveries", NULL, BIT(OPT_LIMIT) | BIT(OPT_STATE), false, NULL,
		view_deliveries },
	{ "dead", NULL, "/v1/dead", NULL, BIT(OPT_LIMIT) | WHICH, true, NULL, view_dead },
	{ "replay", NULL, "/v1/replay", NULL,
		BIT(OPT_LIMIT) | WHICH | BIT(OPT_EVENT) | BIT(OPT_FROM) | BIT(OPT_REASON) |
			BIT(OPT_DRY_RUN),
		true, replay_body, view_replay },
	{ "routes", "test", "/v1/routes/test", "file", BIT(OPT_LIMIT) | PERIOD, true,
		order_routes_test, view_routes_test },
	{ "hold", NULL, "/v1/sinks/*/hold", "sink", BIT(OPT_REASON), false, sink_body, view_sink },
	{ "release", NULL, "/v1/sinks/*/release", "sink", BIT(OPT_REASON), false, sink_body,
		view_sink },
	{ "enable", NULL, "/v1/sinks/*/enable", "sink", BIT(OPT_REASON), false, sink_body,
		view_sink },
	{ "disable", NULL, "/v1/sinks/*/disable", "sink", BIT(OPT_REASON), false, sink_body,
		view_sink },
	{ "catalog", "show", "/v1/catalog/entity", "reference", BIT(OPT_LIMIT), false, NULL,
		view_catalog_show },
	{ "catalog", "owners", "/v1/catalog/owners", "reference", BIT(OPT_AT), false, NULL,
		view_catalog_owners },
	{ "catalog", "drift", "/v1/catalog/drift", NULL, BIT(OPT_DAYS), true, NULL,
		view_catalog_drift },
	{ "policy", "explain", "/v1/policy/explain", "reference",
		BIT(OPT_PRINCIPAL) | BIT(OPT_BEHALF) | BIT(OPT_ACTION) | BIT(OPT_BRANCH) |
			BIT(OPT_TOKEN_AGE) | BIT(OPT_VARIABLES),
		false, NULL, view_policy_explain },
	{ "policy", "test", "/v1/policy/test", "file", 0, false, order_policy_test,
		view_policy_test },
	{ "variables", NULL, "/v1/variables", NULL, 0, false, NULL, view_variables },
	{ "audit", NULL, "/v1/audit", NULL, BIT(OPT_LIMIT), false, NULL, view_audit },
};

NORETURN static void exit_usage(const char *why, const char *what)
{
	if (why != NULL)
		fprintf(stderr, "stagewirectl: %s%s\n", why, what);
	fputs(usage, stderr);
	exit(EXIT_USAGE);
}

static void take_option(struct wish *w, int opt)
{
	switch (opt) {
	case OPT_SOCKET: w->socket = optarg; break;
	case OPT_JSON: w->json = true; break;
	case OPT_LIMIT: w->limit = optarg; break;
	case OPT_STATE: w->state = optarg; break;
	case OPT_EVENT: w->event = optarg; break;
	case OPT_FROM: w->from = optarg; break;
	case OPT_SINCE: w->since = optarg; break;
	case OPT_UNTIL: w->until = optarg; break;
	case OPT_SINK: w->sink = optarg; break;
	case OPT_OWNER: w->owner = optarg; break;
	case OPT_REPOSITORY: w->repository = optarg; break;
	case OPT_REASON: w->reason = optarg; break;
	case OPT_AT: w->at = optarg; break;
	case OPT_DAYS: w->days = optarg; break;
	case OPT_PRINCIPAL: w->principal = optarg; break;
	case OPT_BEHALF: w->behalf = optarg; break;
	case OPT_ACTION: w->action = optarg; break;
	case OPT_BRANCH: w->branch = optarg; break;
	case OPT_TOKEN_AGE: w->token_age = optarg; break;
	case OPT_VARIABLES: w->variables = true; break;
	case OPT_CONFIG: w->config = optarg; break;
	case OPT_DRY_RUN: w->dry_run = true; break;
	case 'V': puts(PACKAGE_STRING); exit(EXIT_SUCCESS);
	case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
	default: exit_usage(NULL, NULL);
	}
}

/* Returns which were given, a bit each. */
static unsigned read_options(int argc, char **argv, struct wish *w)
{
	unsigned given = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "Vh", options, NULL)) != -1) {
		take_option(w, opt);
		given |= BIT(opt);
	}
	return given;
}

/* The command, and the word behind it if it wants one. */
static const struct command *find_command(char *const *word, int words, struct wish *w)
{
	if (words == 0)
		exit_usage("which command?", "");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		int own = c->second == NULL ? 1 : 2;

		if (strcmp(word[0], c->name) != 0 ||
			(own == 2 && (words < 2 || strcmp(word[1], c->second) != 0)))
			continue;
		if (words - own < (c->word != NULL))
			exit_usage("which ", c->word);
		if (words - own > (c->word != NULL))
			exit_usage("too many words", "");
		w->word = c->word == NULL ? NULL : word[own];
		return c;
	}
	exit_usage("no such command", "");
}

static void check_options(const struct command *c, unsigned given)
{
	given &= ~(c->options | BIT(OPT_SOCKET) | BIT(OPT_JSON));
	for (const struct option *o = options; o->val >= OPT_SOCKET; o++) {
		if ((given & BIT(o->val)) == 0)
			continue;
		fprintf(stderr, "stagewirectl: %s has no --%s\n", c->name, o->name);
		exit_usage(NULL, NULL);
	}
}

static enum err compose_path(const struct command *c, const struct wish *w, struct buf *out)
{
	const char *star = strchr(c->path, '*');
	struct wish asked = *w;
	enum err e;

	if (star != NULL) {
		e = buf_addf(out, "%.*s", (int)(star - c->path), c->path);
		if (e == ERR_OK)
			e = url_encode(span_of(w->word), out);
		return e == ERR_OK ? buf_add_str(out, star + 1) : e;
	}
	e = buf_add_str(out, c->path);
	if (e != ERR_OK || c->body != NULL)
		return e;
	/* A reference has slashes: it is no part of a path. */
	asked.ref = w->word;
	return order_query(&asked, out);
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

/* Cases that come out otherwise are a failure, also as JSON; a file of none is wrong usage. */
static bool is_exacting(const struct command *c)
{
	return c->view == view_policy_test;
}

static int fail(char *why)
{
	fprintf(stderr, "stagewirectl: %s\n", why == NULL ? "failed" : why);
	free(why);
	return EXIT_FAILURE;
}

static enum err carry_out(
	const struct command *c, const struct wish *w, struct buf *answer, char **why)
{
	CLEANUP(buf_release) struct buf path, body;
	enum err e;

	buf_init(&path, 4096);
	buf_init(&body, TEXT_MAX);
	e = compose_path(c, w, &path);
	if (e == ERR_OK && c->body != NULL)
		e = c->body(w, &body, why);
	return e == ERR_OK ? ask(w->socket, path.data, buf_span(&body), c->patient, answer, why)
			   : e;
}

int main(int argc, char **argv)
{
	struct wish w = { .socket = SOCKET };
	CLEANUP(buf_release) struct buf answer;
	int at = audit_command_at(argc, argv);
	const struct command *c;
	char *why = NULL;
	enum err e;
	unsigned given;

	buf_init(&answer, TEXT_MAX);
	if (at > 0)
		return audit_command(argc - at, argv + at);
	given = read_options(argc, argv, &w);
	c = find_command(argv + optind, argc - optind, &w);
	check_options(c, given);
	if (c->view == NULL)
		return doctor_command(&w);
	e = carry_out(c, &w, &answer, &why);
	if (e != ERR_OK) {
		fail(why);
		return is_exacting(c) && e == ERR_PARSE ? EXIT_USAGE : EXIT_FAILURE;
	}
	if (w.json)
		print_json(c, buf_span(&answer));
	if (!w.json || is_exacting(c))
		e = c->view(buf_span(&answer), w.json ? NULL : stdout);
	if (e == ERR_PARSE)
		return fail(
			xstrdup("the daemon's answer cannot be read; are both of one version?"));
	return fflush(stdout) == 0 && e == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
