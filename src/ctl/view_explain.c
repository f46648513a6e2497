/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view_impl.h"

/* Why an event went where it went, for a person. */

/* "branch is not main or release/1.2: it is dev". */
static void print_condition(struct json_object *c, FILE *to)
{
	CLEANUP(buf_release) struct buf wanted, found;
	bool holds = jdoc_is_true(jdoc_member(c, "holds"));
	size_t n = jdoc_count(jdoc_member(c, "found"));

	buf_init(&wanted, CELL_MAX);
	buf_init(&found, CELL_MAX);
	fprintf(to, "    %s %s: ", holds ? "yes" : "no ", jdoc_text(jdoc_member(c, "condition")));
	fprintf(to, "%s is asked for, %s was found\n", cell_text(jdoc_member(c, "wanted"), &wanted),
		n == 0 ? "nothing" : cell_text(jdoc_member(c, "found"), &found));
}

static void print_route(struct json_object *r, FILE *to)
{
	CLEANUP(buf_release) struct buf sinks;
	struct json_object *conditions = jdoc_member(r, "conditions");
	bool matches = jdoc_is_true(jdoc_member(r, "matches"));

	buf_init(&sinks, CELL_MAX);
	fprintf(to, "  %s: %s %s\n", jdoc_text(jdoc_member(r, "name")),
		matches ? "matches, to" : "does not match, not to",
		cell_text(jdoc_member(r, "to"), &sinks));
	for (size_t i = 0; i < jdoc_count(conditions); i++)
		print_condition(jdoc_at(conditions, i), to);
}

/* "tells        notify: owner author", a line for each sink. */
static void print_addressed(
	struct json_object *root, const char *label, const char *member, FILE *to)
{
	CLEANUP(buf_release) struct buf words;
	struct json_object *list = jdoc_member(root, member);

	buf_init(&words, CELL_MAX);
	for (size_t i = 0; i < jdoc_count(list); i++) {
		struct json_object *one = jdoc_at(list, i);

		fprintf(to, "%-13s%s: ", label, jdoc_text(jdoc_member(one, "sink")));
		fprintf(to, "%s\n", cell_text(jdoc_member(one, "address"), &words));
	}
}

static void print_explain(struct json_object *root, FILE *to)
{
	static const char *const delivery_heading[] = { "SINK", "STATE", "TRIES", "STATUS",
		"UPDATED", "NOTE" };
	static const char *const delivery_member[] = { "sink", "state", "tries", "status",
		"updated", "note" };
	static const char *const history_heading[] = { "TIME", "ACTION", "OUTCOME", "ACTOR", "SINK",
		"REASON" };
	static const char *const history_member[] = { "time", "action", "outcome", "actor", "sink",
		"reason" };
	static const char *const fact[][2] = {
		{ "event", "event" },
		{ "received", "received" },
		{ "source", "source" },
		{ "host", "host" },
		{ "key", "key" },
		{ "place", "place" },
		{ "needs", "needs" },
		{ "repository", "repository" },
		{ "branch", "branch" },
		{ "outcome", "outcome" },
		{ "transition", "transition" },
		{ "attempt", "attempt" },
		{ "url", "url" },
		{ "entities", "entities" },
		{ "owners", "owners" },
		{ "author", "author" },
		{ "today", "entities_now" },
		{ "owned by", "owners_now" },
		{ "sinks today", "sinks_now" },
	};
	struct json_object *routes = jdoc_member(root, "routes");

	for (size_t i = 0; i < ARRAY_SIZE(fact); i++)
		print_fact(root, fact[i][0], fact[i][1], to);
	print_addressed(root, "tells", "addressed", to);
	print_addressed(root, "tells today", "addressed_now", to);
	fputs("\nThe routes in use say:\n", to);
	for (size_t i = 0; i < jdoc_count(routes); i++)
		print_route(jdoc_at(routes, i), to);
	fputc('\n', to);
	PRINT_ITEMS(jdoc_member(root, "deliveries"), delivery_heading, delivery_member,
		"no deliveries", to);
	fputc('\n', to);
	PRINT_ITEMS(
		jdoc_member(root, "history"), history_heading, history_member, "no history", to);
}

enum err view_explain(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		print_explain(root, to);
	jdoc_free(root);
	return e;
}
