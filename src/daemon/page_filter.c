/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/page_filter.h"

#include <stdio.h>

#include "base/codec.h"
#include "conf/conf_number.h"
#include "model/catalog.h"

/* Pages of any catalog that fits in memory. */
#define PAGES_MAX 1000000

static const struct {
	const char *name, *word;
} states[PAGE_STATES] = {
	{ "none", "No builds" },
	{ "queued", "Queued" },
	{ "started", "Running" },
	{ "passed", "Passed" },
	{ "failed", "Failed" },
	{ "errored", "Errored" },
	{ "canceled", "Canceled" },
};

const char *page_state_name(unsigned state)
{
	return states[state].name;
}

const char *page_state_word(unsigned state)
{
	return states[state].word;
}

void page_filter_init(struct page_filter *f)
{
	*f = (struct page_filter){ .state = -1, .page = 1 };
}

/* --- reading --- */

/* ERR_NOTFOUND, with an empty *value, also for one that is there and empty: forms send those. */
static enum err field_read(
	struct span query, const char *name, struct buf *text, struct span *value)
{
	struct span raw;
	size_t from = text->len;
	enum err e = form_find(query, name, &raw);

	*value = (struct span){ 0 };
	if (e == ERR_OK)
		e = form_decode(raw, text);
	if (e != ERR_OK)
		return e;
	*value = (struct span){ text->data + from, text->len - from };
	return value->n == 0 ? ERR_NOTFOUND : ERR_OK;
}

static struct span trim(struct span s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = (struct span){ s.p + 1, s.n - 1 };
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static enum err ref_read(struct span query, const char *name, const char *kind,
	struct page_filter *f, struct buf *text, struct span *ref)
{
	struct span value;
	size_t from;
	enum err e = field_read(query, name, text, &value);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : ERR_PARSE;
	value = trim(value);
	if (ref == &f->component && span_ends(value, "*")) {
		f->prefix = true;
		value.n--;
	}
	from = text->len;
	if (value.n > 0 && entity_ref_parse(value, kind, text) != ERR_OK)
		f->absurd = true;
	*ref = (struct span){ text->data + from, text->len - from };
	return ERR_OK;
}

static enum err state_read(struct span query, struct page_filter *f, struct buf *text)
{
	struct span value;
	enum err e = field_read(query, "state", text, &value);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : ERR_PARSE;
	for (int i = 0; i < PAGE_STATES; i++) {
		if (span_is(value, states[i].name))
			f->state = i;
	}
	return f->state < 0 ? ERR_PARSE : ERR_OK;
}

static enum err by_read(struct span query, struct page_filter *f, struct buf *text)
{
	struct span value;
	enum err e = field_read(query, "by", text, &value);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : ERR_PARSE;
	f->by = span_is(value, "owner") ? PAGE_BY_OWNER : PAGE_BY_SYSTEM;
	return f->by == PAGE_BY_OWNER || span_is(value, "system") ? ERR_OK : ERR_PARSE;
}

static enum err page_read(struct span query, struct page_filter *f, struct buf *text)
{
	struct span value;
	int64_t n;
	enum err e = field_read(query, "page", text, &value);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : ERR_PARSE;
	if (conf_integer_read(value.p, &n) != ERR_OK || n < 1 || n > PAGES_MAX)
		return ERR_PARSE;
	f->page = (uint32_t)n;
	return ERR_OK;
}

enum err page_filter_read(
	struct span query, struct page_filter *f, struct buf *text, const char **what)
{
	page_filter_init(f);
	/* The texts must not move: decoded, and again as refs, with their kind and namespace. */
	if (buf_room(text, 2 * query.n + 256) == NULL) {
		*what = "query";
		return ERR_PARSE;
	}
	if (page_read(query, f, text) != ERR_OK)
		*what = "page";
	else if (state_read(query, f, text) != ERR_OK)
		*what = "state";
	else if (by_read(query, f, text) != ERR_OK)
		*what = "by";
	else if (ref_read(query, "system", "system", f, text, &f->system) != ERR_OK)
		*what = "system";
	else if (ref_read(query, "owner", "group", f, text, &f->owner) != ERR_OK)
		*what = "owner";
	else if (ref_read(query, "component", "component", f, text, &f->component) != ERR_OK)
		*what = "component";
	else
		return ERR_OK;
	return ERR_PARSE;
}

/* --- choosing --- */

static uint32_t name_of(const struct page_index *x, struct span ref)
{
	return ref.n == 0 ? PAGE_ANY : page_index_name(x, ref);
}

/* All refs that begin so stand together: up to where one would that goes on with the last byte. */
static size_t end_of(const struct catalog *c, struct span prefix)
{
	char end[ENTITY_TEXT_MAX + 1];

	memcpy(end, prefix.p, prefix.n);
	end[prefix.n] = '\xff';
	return catalog_position(c, (struct span){ end, prefix.n + 1 });
}

static void pick_component(
	const struct page_filter *f, const struct catalog *c, struct page_pick *pick)
{
	struct entity e;

	pick->from = catalog_position(c, f->component);
	if (f->prefix)
		pick->to = end_of(c, f->component);
	else
		pick->to = pick->from + (catalog_get(c, f->component, &e) ? 1 : 0);
}

struct page_pick page_filter_pick(
	const struct page_filter *f, const struct page_index *x, const struct catalog *c)
{
	struct page_pick pick = {
		.system = name_of(x, f->system),
		.owner = name_of(x, f->owner),
		.to = SIZE_MAX,
		.state = f->state,
	};

	if (f->absurd)
		pick.to = 0;
	else if (f->component.n > 0)
		pick_component(f, c, &pick);
	return pick;
}

bool page_filter_is_open(const struct page_filter *f)
{
	return f->system.n + f->owner.n + f->component.n == 0 && f->state < 0 && !f->absurd;
}

/* --- writing --- */

struct span page_short_ref(struct span ref, const char *kind)
{
	struct span name = entity_ref_name(ref);

	if (!span_is(entity_ref_kind(ref), kind))
		return ref;
	if (span_is(entity_ref_namespace(ref), "default"))
		return name;
	return (struct span){ ref.p + strlen(kind) + 1, ref.n - strlen(kind) - 1 };
}

static void put_field(struct html *h, const char **sep, const char *name, struct span value)
{
	html_putf(h, "%s%s=", *sep, name);
	html_url_part(h, value);
	*sep = "&amp;";
}

void page_filter_href(struct html *h, const struct page_filter *f)
{
	const char *sep = "?";
	char page[16];

	html_put(h, " href=\"");
	if (f->system.n > 0)
		put_field(h, &sep, "system", page_short_ref(f->system, "system"));
	if (f->owner.n > 0)
		put_field(h, &sep, "owner", page_short_ref(f->owner, "group"));
	if (f->component.n > 0) {
		put_field(h, &sep, "component", page_short_ref(f->component, "component"));
		html_put(h, f->prefix ? "*" : "");
	}
	if (f->state >= 0)
		put_field(h, &sep, "state", span_of(page_state_name((unsigned)f->state)));
	if (f->by == PAGE_BY_OWNER)
		put_field(h, &sep, "by", SPAN("owner"));
	if (f->page > 1) {
		snprintf(page, sizeof(page), "%u", f->page);
		put_field(h, &sep, "page", span_of(page));
	}
	/* Without a query: where the page is. */
	html_put(h, sep[0] == '?' ? "./\"" : "\"");
}
