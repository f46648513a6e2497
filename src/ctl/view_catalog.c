/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ctl/view_impl.h"

/* The catalog's entities and how they drift, for a person. */

static const char *text_of(struct json_object *o, const char *path)
{
	const char *text = jdoc_text(jdoc_get(o, path));

	return text == NULL ? "-" : text;
}

static void print_history(struct json_object *root, FILE *to)
{
	static const char *const heading[] = { "LEARNED", "NOT BEFORE", "CHANGE", "OWNERS",
		"REPOSITORY", "UID" };
	static const char *const member[] = { "since", "not_before", "change", "owners",
		"repository", "uid" };

	PRINT_ITEMS(jdoc_member(root, "history"), heading, member, "nothing is on record", to);
}

static void print_entity(struct json_object *root, FILE *to)
{
	struct json_object *e = jdoc_member(root, "entity");

	print_fact(root, "entity", "ref", to);
	if (e == NULL)
		fputs("It is not in the catalog any more.\n", to);
	print_fact(e, "owners", "owners", to);
	print_fact(e, "repository", "repository", to);
	print_fact(e, "system", "system", to);
	print_fact(e, "type", "type", to);
	print_fact(e, "lifecycle", "lifecycle", to);
	print_fact(e, "uid", "uid", to);
	print_fact(e, "etag", "etag", to);
	if (jdoc_is_true(jdoc_member(e, "orphan")))
		fputs("orphan       yes: no location of the catalog has it any more\n", to);
	print_fact(e, "member of", "parents", to);
	print_fact(root, "record since", "record_begins", to);
	fputc('\n', to);
	print_history(root, to);
}

static enum err view_root(struct span json, void (*print)(struct json_object *, FILE *), FILE *to)
{
	struct json_object *root = NULL;
	enum err e = jdoc_parse(json, &view_limits, &root);

	if (e == ERR_OK)
		print(root, to);
	jdoc_free(root);
	return e;
}

enum err view_catalog_show(struct span json, FILE *to)
{
	return view_root(json, print_entity, to);
}

/* "group:default/payments", or what there is instead. */
static void print_state(struct json_object *o, const char *label, FILE *to)
{
	CLEANUP(buf_release) struct buf owners;

	buf_init(&owners, CELL_MAX);
	if (jdoc_count(jdoc_member(o, "owners")) == 0)
		fprintf(to, "%-13sno owner\n", label);
	else
		fprintf(to, "%-13s%s\n", label, cell_text(jdoc_member(o, "owners"), &owners));
	if (jdoc_is_true(jdoc_member(o, "orphan")))
		fputs("orphan       yes\n", to);
}

static void print_owners(struct json_object *root, FILE *to)
{
	bool certain = jdoc_is_true(jdoc_member(root, "certain"));
	struct json_object * or = jdoc_member(root, "or");

	print_fact(root, "entity", "ref", to);
	print_fact(root, "at", "at", to);
	if (jdoc_is_true(jdoc_member(root, "present")))
		print_state(root, "owners", to);
	else
		fputs("owners       none: it was not in the catalog\n", to);
	print_fact(root, "repository", "repository", to);
	print_fact(root, "uid", "uid", to);
	fprintf(to, "certain      %s", certain ? "yes" : "no");
	fprintf(to, ": read so from %s until %s\n", text_of(root, "from"), text_of(root, "until"));
	if (certain)
		return;
	if (or != NULL)
		print_state(or, "or already", to);
	else
		fputs("or already   something else: nobody had read it since, or it was gone\n",
			to);
}

enum err view_catalog_owners(struct span json, FILE *to)
{
	return view_root(json, print_owners, to);
}

/* A list of drift with its heading; how many there are, if not all are shown. */
static void print_list(struct json_object *root, const char *name, const char *title, FILE *to)
{
	struct json_object *list = jdoc_member(root, name);
	int64_t total = jdoc_int(jdoc_member(list, "total"), 0);
	size_t listed = jdoc_count(jdoc_member(list, "items"));

	fprintf(to, "\n%s: %" PRId64 "\n", title, total);
	if (total > (int64_t)listed)
		fprintf(to, "(the first %zu)\n", listed);
}

static struct json_object *items_of(struct json_object *root, const char *name)
{
	return jdoc_member(jdoc_member(root, name), "items");
}

static void print_mappings(struct json_object *items, FILE *to)
{
	CLEANUP(buf_release) struct buf owners;

	buf_init(&owners, CELL_MAX);
	for (size_t i = 0; i < jdoc_count(items); i++) {
		struct json_object *m = jdoc_at(items, i), *e = jdoc_member(m, "entities");

		fprintf(to, "  %s\n", cell_text(jdoc_member(m, "repository"), &owners));
		for (size_t k = 0; k < jdoc_count(e); k++) {
			struct json_object *one = jdoc_at(e, k);

			fprintf(to, "    %s: ", cell_text(jdoc_member(one, "entity"), &owners));
			fprintf(to, "%s\n",
				jdoc_count(jdoc_member(one, "owners")) == 0
					? "no owner"
					: cell_text(jdoc_member(one, "owners"), &owners));
		}
	}
}

static void print_drift(struct json_object *root, FILE *to)
{
	static const char *const repository_heading[] = { "  REPOSITORY", "EVENTS", "LAST" };
	static const char *const repository_member[] = { "repository", "events", "last" };
	static const char *const entity_heading[] = { "  ENTITY", "REPOSITORY" };
	static const char *const entity_member[] = { "entity", "repository" };
	static const char *const owner_heading[] = { "  OWNER", "ENTITIES", "ONE OF THEM" };
	static const char *const owner_member[] = { "owner", "entities", "entity" };

	fprintf(to, "%" PRId64 " events since %s were looked at\n",
		jdoc_int(jdoc_member(root, "events"), 0), text_of(root, "since"));
	print_list(root, "repositories", "repositories that are built and have no entity", to);
	PRINT_ITEMS(items_of(root, "repositories"), repository_heading, repository_member, "", to);
	print_list(root, "entities", "entities of which nothing was built", to);
	PRINT_ITEMS(items_of(root, "entities"), entity_heading, entity_member, "", to);
	print_list(root, "owners", "owners that are not in the catalog", to);
	PRINT_ITEMS(items_of(root, "owners"), owner_heading, owner_member, "", to);
	print_list(root, "mappings", "repositories of which it is not clear whose they are", to);
	print_mappings(items_of(root, "mappings"), to);
	fprintf(to, "\nusers who share an address or a login: %" PRId64 "\n",
		jdoc_int(jdoc_member(root, "shared_names"), 0));
}

enum err view_catalog_drift(struct span json, FILE *to)
{
	return view_root(json, print_drift, to);
}
