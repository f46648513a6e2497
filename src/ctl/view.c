/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view.h"

#include <inttypes.h>

#include "ctl/view_impl.h"

enum err view_events(struct span json, FILE *to)
{
	static const char *const heading[] = { "RECEIVED", "EVENT", "REPOSITORY", "OUTCOME",
		"PLACE", "SOURCE" };
	static const char *const member[] = { "received", "id", "repository", "outcome", "place",
		"source" };

	return view_items(json, heading, member, ARRAY_SIZE(heading), "no events", to);
}

enum err view_quarantine(struct span json, FILE *to)
{
	static const char *const heading[] = { "RECEIVED", "EVENT", "REPOSITORY", "OUTCOME",
		"REASON" };
	static const char *const member[] = { "received", "id", "repository", "outcome", "reason" };

	return view_items(
		json, heading, member, ARRAY_SIZE(heading), "nothing is in quarantine", to);
}

enum err view_variables(struct span json, FILE *to)
{
	static const char *const heading[] = { "REPOSITORY", "VARIABLE", "BRANCH", "STATE",
		"VERSION", "PUSHED", "ENTITY", "NAME", "TROUBLE" };
	static const char *const member[] = { "repository", "variable", "branch", "state",
		"version", "pushed_at", "entity", "name", "trouble" };

	return view_items(json, heading, member, ARRAY_SIZE(heading),
		"no variables are kept in any repository", to);
}

static const char *const delivery_heading[] = { "UPDATED", "EVENT", "SINK", "STATE", "TRIES",
	"STATUS", "NOTE" };
static const char *const delivery_member[] = { "updated", "event", "sink", "state", "tries",
	"status", "note" };

enum err view_deliveries(struct span json, FILE *to)
{
	return view_items(json, delivery_heading, delivery_member, ARRAY_SIZE(delivery_heading),
		"no deliveries", to);
}

static void print_event(struct json_object *root, FILE *to)
{
	struct json_object *event = jdoc_member(root, "event");
	struct json_object *build = jdoc_get(event, "data.customData.stagewire.build");

	print_fact(root, "event", "id", to);
	print_fact(root, "received", "received", to);
	print_fact(root, "source", "source", to);
	print_fact(root, "place", "place", to);
	print_fact(event, "type", "type", to);
	print_fact(build, "repository", "repository", to);
	print_fact(build, "build", "number", to);
	print_fact(build, "branch", "branch", to);
	print_fact(build, "outcome", "outcome", to);
	print_fact(build, "transition", "transition", to);
	print_fact(build, "url", "url", to);
	print_fact(event, "entities", "entityref", to);
	print_fact(event, "owners", "ownerref", to);
	fputc('\n', to);
	PRINT_ITEMS(jdoc_member(root, "deliveries"), delivery_heading, delivery_member,
		"no deliveries", to);
}

enum err view_event(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		print_event(root, to);
	jdoc_free(root);
	return e;
}

/* What the event bus is to us, in a word; nothing if nobody wants it. */
static const char *bus_word(struct json_object *bus)
{
	if (!jdoc_is_true(jdoc_member(bus, "wanted")))
		return "not followed";
	if (jdoc_is_true(jdoc_member(bus, "refused")))
		return "refuses us";
	if (jdoc_is_true(jdoc_member(bus, "subscribed")))
		return "subscribed";
	return jdoc_is_true(jdoc_member(bus, "held")) ? "not reached" : "left to another instance";
}

static void print_bus(struct json_object *root, FILE *to)
{
	struct json_object *bus = jdoc_member(root, "bus");

	fprintf(to, "%-13s%s\n", "bus", bus_word(bus));
	if (!jdoc_is_true(jdoc_member(bus, "wanted")))
		return;
	print_fact(bus, "last event", "last_event_at", to);
	print_fact(bus, "events", "events", to);
	print_fact(bus, "not followed", "kept", to);
	print_fact(bus, "trouble", "trouble", to);
}

static void print_identity(struct json_object *root, FILE *to)
{
	struct json_object *identity = jdoc_member(root, "identity");

	print_fact(identity, "issuer", "issuer", to);
	print_fact(identity, "subject", "subject", to);
	print_fact(identity, "key", "key", to);
	print_fact(identity, "signs now", "signing", to);
	print_fact(identity, "made", "made_at", to);
	print_fact(identity, "age in s", "age_s", to);
	print_fact(identity, "next key", "next_at", to);
}

/* Builds that no webhook told, where they are looked for. */
static void print_gaps(struct json_object *root, FILE *to)
{
	static const char *const heading[] = { "GAPS", "FOUND", "UNFINISHED", "ABANDONED", "CALLS",
		"FAILURES", "READ", "TROUBLE" };
	static const char *const member[] = { "source", "found", "unfinished", "abandoned", "asked",
		"failures", "read_at", "trouble" };
	struct json_object *gaps = jdoc_member(root, "gaps");

	if (jdoc_count(gaps) == 0)
		return;
	fputc('\n', to);
	PRINT_ITEMS(gaps, heading, member, "", to);
}

static void print_status(struct json_object *root, FILE *to)
{
	static const char *const source_heading[] = { "SOURCE", "HOST", "KEYS", "ACCEPTED",
		"DUPLICATES", "REFUSED" };
	static const char *const source_member[] = { "name", "host", "keys", "accepted",
		"duplicates", "refused" };
	static const char *const push_heading[] = { "PUSHES", "PROTOCOL", "KEYS", "ACCEPTED",
		"DUPLICATES", "REFUSED", "ENTITIES", "CHANGES", "LAST" };
	static const char *const push_member[] = { "name", "protocol", "keys", "accepted",
		"duplicates", "refused", "entities", "changes", "last_at" };
	static const char *const sink_heading[] = { "SINK", "GATE", "CIRCUIT", "DELIVERED",
		"TEMPFAILS", "DEAD", "INFLIGHT", "TROUBLE" };
	static const char *const sink_member[] = { "name", "gate", "circuit", "delivered",
		"tempfails", "dead", "inflight", "trouble" };

	fprintf(to, "stagewired %s, up %" PRId64 " s, %s\n",
		jdoc_text(jdoc_member(root, "version")), jdoc_int(jdoc_member(root, "uptime_s"), 0),
		jdoc_is_true(jdoc_member(root, "ready")) ? "ready" : "not ready");
	print_fact(root, "config", "config", to);
	print_fact(root, "store", "store.health", to);
	print_fact(root, "events", "store.events", to);
	print_fact(root, "quarantined", "store.quarantined", to);
	print_fact(root, "waiting", "store.waiting", to);
	print_fact(root, "pending", "store.pending", to);
	print_fact(root, "dead", "store.dead", to);
	print_fact(root, "audit log", "audit_log.state", to);
	print_fact(root, "published", "audit_log.published", to);
	print_fact(root, "trouble", "audit_log.trouble", to);
	print_fact(root, "catalog", "catalog.from", to);
	print_fact(root, "entities", "catalog.entities", to);
	print_fact(root, "repositories", "catalog.repositories", to);
	print_fact(root, "trouble", "catalog.trouble", to);
	print_bus(root, to);
	print_identity(root, to);
	fputc('\n', to);
	PRINT_ITEMS(jdoc_member(root, "sources"), source_heading, source_member, "no sources", to);
	print_gaps(root, to);
	if (jdoc_count(jdoc_member(root, "pushes")) > 0) {
		fputc('\n', to);
		PRINT_ITEMS(jdoc_member(root, "pushes"), push_heading, push_member, "", to);
	}
	fputc('\n', to);
	PRINT_ITEMS(jdoc_member(root, "sinks"), sink_heading, sink_member, "no sinks", to);
}

enum err view_status(struct span json, FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		print_status(root, to);
	jdoc_free(root);
	return e;
}
