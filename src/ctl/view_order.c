/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ctl/view_impl.h"

/* Dead letters, replays and trials of routes. */

enum err view_dead(struct span json, FILE *to)
{
	static const char *const heading[] = { "RECEIVED", "EVENT", "REPOSITORY", "OUTCOME", "SINK",
		"TRIES", "STATUS", "NOTE", "OWNERS" };
	static const char *const member[] = { "received", "event", "repository", "outcome", "sink",
		"tries", "status", "note", "owners" };

	return view_items(json, heading, member, ARRAY_SIZE(heading), "no dead letters", to);
}

enum err view_sink(struct span json, FILE *to)
{
	struct json_object *root;
	const char *sink, *gate;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e != ERR_OK)
		return e;
	sink = jdoc_text(jdoc_member(root, "sink"));
	gate = jdoc_text(jdoc_member(root, "gate"));
	e = sink == NULL || gate == NULL ? ERR_PARSE : ERR_OK;
	if (e == ERR_OK)
		fprintf(to, "%s is %s\n", sink, gate);
	jdoc_free(root);
	return e;
}

static void print_count(struct json_object *root, const char *member, const char *text, FILE *to)
{
	int64_t n = jdoc_int(jdoc_member(root, member), 0);

	if (n > 0)
		fprintf(to, "%" PRId64 " %s\n", n, text);
}

static void print_replay(struct json_object *root, FILE *to)
{
	static const char *const heading[] = { "RECEIVED", "EVENT", "REPOSITORY", "OUTCOME",
		"SINKS" };
	static const char *const member[] = { "received", "event", "repository", "outcome",
		"sinks" };
	bool dry = jdoc_is_true(jdoc_member(root, "dry_run"));

	if (dry) {
		PRINT_ITEMS(jdoc_member(root, "items"), heading, member, "no events", to);
		fputc('\n', to);
	}
	fprintf(to, "%" PRId64 " events and %" PRId64 " deliveries %s\n",
		jdoc_int(jdoc_member(root, "events"), 0),
		jdoc_int(jdoc_member(root, "deliveries"), 0),
		dry ? "would be replayed" : "replayed");
	print_count(root, "outstanding", "deliveries are outstanding already", to);
	print_count(root, "unconfigured", "deliveries are for a sink that is not configured", to);
	print_count(root, "parked", "events are still claimed by no entity", to);
	print_count(root, "unreadable", "events cannot be read", to);
	if (jdoc_text(jdoc_member(root, "trouble")) != NULL)
		fprintf(to, "It broke off: %s Give the same order again.\n",
			jdoc_text(jdoc_member(root, "trouble")));
	else if (!jdoc_is_true(jdoc_member(root, "complete")))
		fputs("There is more.\n", to);
}

static void print_routes_test(struct json_object *root, FILE *to)
{
	static const char *const heading[] = { "RECEIVED", "EVENT", "REPOSITORY", "OUTCOME",
		"ADDED", "REMOVED", "READDRESSED" };
	static const char *const member[] = { "received", "event", "repository", "outcome", "added",
		"removed", "readdressed" };
	static const char *const sink_heading[] = { "SINK", "ADDED", "REMOVED", "READDRESSED" };
	static const char *const sink_member[] = { "sink", "added", "removed", "readdressed" };
	int64_t changed = jdoc_int(jdoc_member(root, "changed"), 0);

	PRINT_ITEMS(jdoc_member(root, "items"), heading, member, "no differences", to);
	fputc('\n', to);
	if (changed > 0) {
		PRINT_ITEMS(jdoc_member(root, "sinks"), sink_heading, sink_member, "", to);
		fputc('\n', to);
	}
	fprintf(to, "%" PRId64 " of %" PRId64 " events would go elsewhere or to others\n", changed,
		jdoc_int(jdoc_member(root, "looked"), 0));
	if (!jdoc_is_true(jdoc_member(root, "complete")))
		fputs("There are more.\n", to);
}

enum err view_replay(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK) {
		print_replay(root, to);
		e = jdoc_member(root, "trouble") == NULL ? ERR_OK : ERR_IO;
	}
	jdoc_free(root);
	return e;
}

enum err view_routes_test(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		print_routes_test(root, to);
	jdoc_free(root);
	return e;
}
