/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "conf/conf.h"
#include "daemon/page_impl.h"
#include "model/catalog.h"
#include "store/store.h"

#define COLUMNS "6"

static const char *group_of(const struct page_view *v, const struct page_row *r)
{
	return v->filter.by == PAGE_BY_OWNER ? r->owner : r->system;
}

/* --- what is said where there is nothing --- */

static void write_no_catalog(struct html *h, const struct daemon *d)
{
	html_put(h, "<div class=\"empty\"><p><strong>No catalog has been read yet.</strong> "
		    "Builds are kept, and appear when it is.</p>");
	if (d->catalog_trouble[0] != '\0') {
		html_put(h, "<p>");
		html_foreign(h, span_of(d->catalog_trouble), 200);
		html_put(h, "</p>");
	}
	html_put(h, "</div>\n");
}

static void write_nobody(struct html *h, const struct daemon *d)
{
	html_put(h, "<div class=\"empty\"><p><strong>No entity of the catalog has a "
		    "repository.</strong> Components appear when they are annotated with <code>");
	html_str(h, d->parts.conf->catalog_annotation);
	html_put(h, "</code>.</p></div>\n");
}

static void write_nothing(struct html *h, const struct page_view *v)
{
	struct page_filter first = v->filter;
	const struct catalog *c = relay_catalog_now(v->page->d->relay);

	if (c == NULL) {
		write_no_catalog(h, v->page->d);
	} else if (v->unindexed) {
		html_put(h, "<div class=\"empty\"><p><strong>The catalog is changing just "
			    "now.</strong> "
			    "Components appear when it has come to rest.</p></div>\n");
	} else if (page_filter_is_open(&v->filter) && v->filter.page == 1) {
		write_nobody(h, v->page->d);
	} else if (v->filter.page > 1) {
		first.page = 1;
		html_put(h, "<div class=\"empty\"><p><strong>There is nothing on this "
			    "page.</strong> <a");
		page_filter_href(h, &first);
		html_put(h, ">To the first</a></p></div>\n");
	} else {
		html_put(h, "<div class=\"empty\"><p><strong>Nothing matches this filter.</strong> "
			    "<a href=\"./\">Show all</a></p></div>\n");
	}
}

/* --- components --- */

static void write_group(struct html *h, const struct page_view *v, const struct page_row *r)
{
	bool by_owner = v->filter.by == PAGE_BY_OWNER;
	const char *ref = group_of(v, r), *kind = by_owner ? "group" : "system";
	struct page_filter to = v->filter;

	html_put(h, "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"" COLUMNS "\">");
	if (ref[0] == '\0') {
		html_put(h, by_owner ? "No owner" : "No system");
	} else {
		*(by_owner ? &to.owner : &to.system) = span_of(ref);
		to.page = 1;
		html_put(h, "<a");
		page_filter_href(h, &to);
		html_put(h, ">");
		page_write_ref(h, span_of(ref), kind);
		html_put(h, "</a>");
	}
	html_put(h, "</th></tr>\n");
}

/* The group that the rows do not stand in: the owner, or the system. */
static void write_other(struct html *h, const struct page_view *v, const struct page_row *r)
{
	bool by_owner = v->filter.by == PAGE_BY_OWNER;
	const char *ref = by_owner ? r->system : r->owner, *kind = by_owner ? "system" : "group";
	struct page_filter to = v->filter;

	html_put(h, "<td>");
	if (ref[0] != '\0') {
		*(by_owner ? &to.system : &to.owner) = span_of(ref);
		to.page = 1;
		html_put(h, "<a class=\"quiet\"");
		page_filter_href(h, &to);
		html_put(h, ">");
		page_write_ref(h, span_of(ref), kind);
		html_put(h, "</a>");
	}
	if (!by_owner && r->owners > 1)
		html_putf(h, " <span class=\"also\">and %zu more</span>", r->owners - 1);
	html_put(h, "</td>");
}

static void write_build(struct html *h, const struct page_build *b)
{
	if (!b->known) {
		html_put(h, "<td></td><td></td><td></td>");
		return;
	}
	html_put(h, "<td class=\"build\">");
	page_write_number(h, &b->build);
	html_put(h, " ");
	page_write_branch(h, &b->build);
	html_put(h, " <span class=\"subject\">");
	html_foreign(h, b->build.subject, 120);
	html_put(h, "</span></td><td class=\"when\">");
	page_write_time(h, b->finished.ms != WALL_NONE.ms  ? b->finished
			   : b->started.ms != WALL_NONE.ms ? b->started
							   : b->updated);
	html_put(h, "</td><td class=\"took\">");
	if (b->started.ms != WALL_NONE.ms && b->finished.ms >= b->started.ms)
		page_write_span(h, b->finished.ms - b->started.ms);
	html_put(h, "</td>");
}

static void write_row(struct html *h, const struct page_view *v, const struct page_row *r)
{
	html_put(h, "<tr");
	html_attr(h, "data-entity", span_of(r->ref));
	html_put(h, "><th scope=\"row\">");
	page_write_ref(h, span_of(r->ref), "component");
	html_put(h, "</th><td>");
	if (v->unread)
		html_put(h, "<span class=\"state none\">Unknown</span>");
	else
		page_write_state(h, r->b.state);
	html_put(h, "</td>");
	write_build(h, &r->b);
	write_other(h, v, r);
	html_put(h, "</tr>\n");
}

static void write_table(struct html *h, const struct page_view *v)
{
	bool by_owner = v->filter.by == PAGE_BY_OWNER;

	html_put(h,
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Components\">"
		"<table>\n<caption class=\"unseen\">Components and their latest builds, by ");
	html_put(h, by_owner ? "owner" : "system");
	html_put(h, "</caption>\n<thead><tr><th scope=\"col\">Component</th>"
		    "<th scope=\"col\">State</th><th scope=\"col\">Latest build</th>"
		    "<th scope=\"col\">When</th><th scope=\"col\">Took</th><th scope=\"col\">");
	html_put(h, by_owner ? "System" : "Owner");
	html_put(h, "</th></tr></thead>\n");
	for (size_t i = 0; i < v->rows; i++) {
		const struct page_row *r = &v->row[i];

		if (i == 0 || strcmp(group_of(v, r), group_of(v, &v->row[i - 1])) != 0) {
			html_put(h, i == 0 ? "<tbody>\n" : "</tbody>\n<tbody>\n");
			write_group(h, v, r);
		}
		write_row(h, v, r);
	}
	html_put(h, "</tbody>\n</table></div>\n");
}

static void write_page_link(
	struct html *h, const struct page_view *v, uint32_t page, const char *rel, const char *word)
{
	struct page_filter to = v->filter;

	to.page = page;
	html_putf(h, "<a rel=\"%s\"", rel);
	page_filter_href(h, &to);
	html_putf(h, ">%s</a> ", word);
}

static void write_pager(struct html *h, const struct page_view *v)
{
	uint32_t page = v->filter.page;

	if (page == 1 && !v->more)
		return;
	html_put(h, "<nav aria-label=\"Pages\">");
	if (page > 1)
		write_page_link(h, v, page - 1, "prev", "Previous");
	html_putf(h, "<span>Page %u</span> ", page);
	if (v->more)
		write_page_link(h, v, page + 1, "next", "More");
	html_put(h, "</nav>\n");
}

/* --- what turned last --- */

static void write_turn(struct html *h, const struct page_row *r)
{
	html_putf(h, "<li><span class=\"turn %s\">%s</span> <span class=\"who\">",
		transition_str(r->b.transition),
		r->b.transition == TRANSITION_FIXED ? "Fixed" : "Broken");
	if (r->ref[0] != '\0')
		page_write_ref(h, span_of(r->ref), "component");
	else
		html_foreign(h, span_of(r->slug), 100);
	html_put(h, "</span> <span class=\"what\">");
	page_write_number(h, &r->b.build);
	html_put(h, " ");
	page_write_branch(h, &r->b.build);
	html_put(h, "</span> ");
	page_write_time(h, r->b.updated);
	html_put(h, "</li>\n");
}

static void write_turns(struct html *h, const struct page_view *v)
{
	html_put(h, "<section id=\"turns\" aria-labelledby=\"h-turns\">"
		    "<h2 id=\"h-turns\">Last transitions</h2>\n");
	if (v->recents == 0)
		html_put(h, "<p class=\"quiet\">No build has turned for the better or the worse "
			    "lately.</p>\n");
	else
		html_put(h, "<ol>\n");
	for (size_t i = 0; i < v->recents; i++)
		write_turn(h, &v->recent[i]);
	html_put(h, v->recents == 0 ? "</section>\n" : "</ol></section>\n");
}

void page_write_rows(struct html *h, const struct page_view *v)
{
	html_put(h, "<section id=\"components\" aria-labelledby=\"h-components\">"
		    "<h2 id=\"h-components\">Components</h2>\n");
	if (v->unread)
		html_put(h, "<p class=\"alarm\">Builds cannot be read from the store now.</p>\n");
	else if (v->unsettled > 0)
		html_putf(h, "<p class=\"quiet\">States are still being read: %zu to go.</p>\n",
			v->unsettled);
	if (v->rows == 0)
		write_nothing(h, v);
	else
		write_table(h, v);
	write_pager(h, v);
	html_put(h, "</section>\n");
	write_turns(h, v);
}
