/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "backstage/catalog_sync.h"
#include "conf/conf.h"
#include "daemon/page_impl.h"
#include "model/catalog.h"

/* Names offered by a form's field. */
#define OFFERED_MAX 200

/* --- small things --- */

/* "43 s", "5 min", "3 h", "12 d", "9 y"; live.js does the same. */
static void write_round(struct html *h, int64_t s)
{
	if (s < 60)
		html_putf(h, "%" PRId64 " s", s < 0 ? 0 : s);
	else if (s < 3600)
		html_putf(h, "%" PRId64 " min", s / 60);
	else if (s < 48 * 3600)
		html_putf(h, "%" PRId64 " h", s / 3600);
	else if (s < 730 * 86400)
		html_putf(h, "%" PRId64 " d", s / 86400);
	else
		html_putf(h, "%" PRId64 " y", s / (365 * 86400));
}

void page_write_time(struct html *h, struct wall t)
{
	char text[WALL_TEXT_MAX];
	struct wall whole = { t.ms - t.ms % 1000 };

	if (t.ms == WALL_NONE.ms)
		return;
	wall_format(whole, text);
	html_putf(h, "<time datetime=\"%s\" title=\"%.10s %.8s UTC\">", text, text, text + 11);
	write_round(h, (clock_wall().ms - t.ms) / 1000);
	html_put(h, " ago</time>");
}

void page_write_span(struct html *h, int64_t ms)
{
	int64_t s = ms / 1000;

	if (s < 60)
		html_putf(h, "%" PRId64 " s", s);
	else if (s < 3600)
		html_putf(h, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
	else
		html_putf(h, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
}

/* Signs of the states, drawn on a field of 16 by 16. */
static const char *const sign[PAGE_STATES] = {
	"<circle cx=\"8\" cy=\"8\" r=\"5.5\"/>",
	"<circle cx=\"8\" cy=\"8\" r=\"5.5\"/><path d=\"M8 5v3.2l2 1.6\"/>",
	"<path class=\"solid\" d=\"M5.5 3.8v8.4L12.5 8z\"/>",
	"<path d=\"M3.5 8.5l3 3 6-7\"/>",
	"<path d=\"M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6\"/>",
	"<path d=\"M8 3v6.2\"/><path class=\"dot\" d=\"M8 12.6v.1\"/>",
	"<path d=\"M3.5 8h9\"/>",
};

void page_write_state(struct html *h, unsigned state)
{
	html_putf(h, "<span class=\"state %s\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">",
		page_state_name(state));
	html_putf(h, "%s</svg>%s</span>", sign[state], page_state_word(state));
}

/* http and https lead somewhere; "javascript:" and the like are no links. */
static bool is_for_browsers(struct span url)
{
	return url.n > 8 &&
	       (strncasecmp(url.p, "https://", 8) == 0 || strncasecmp(url.p, "http://", 7) == 0);
}

void page_write_number(struct html *h, const struct build *b)
{
	bool is_link = is_for_browsers(b->url);

	if (is_link) {
		html_put(h, "<a rel=\"noopener noreferrer\"");
		html_attr(h, "href", b->url);
		html_put(h, ">");
	}
	html_put(h, "#");
	html_foreign(h, b->number.n > 0 ? b->number : SPAN("?"), 20);
	html_put(h, is_link ? "</a>" : "");
}

void page_write_branch(struct html *h, const struct build *b)
{
	html_put(h, "<span class=\"branch\">");
	if (b->pull_request > 0)
		html_putf(h, "pull request %" PRId64, b->pull_request);
	else
		html_foreign(h, b->tag.n > 0 ? b->tag : b->branch, 60);
	html_put(h, "</span>");
}

void page_write_ref(struct html *h, struct span ref, const char *kind)
{
	html_foreign(h, page_short_ref(ref, kind), 100);
}

/* --- head and tail --- */

void page_write_head(struct html *h, const char *title, const char *at)
{
	html_put(h, "<!DOCTYPE html>\n"
		    "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		    "<meta charset=\"utf-8\" />\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
		    "<meta name=\"color-scheme\" content=\"light dark\" />\n<title>");
	html_str(h, title);
	html_putf(h,
		"</title>\n<link rel=\"stylesheet\" href=\"%sstyle.css\" />\n"
		"<link rel=\"icon\" type=\"image/svg+xml\" href=\"%sicon.svg\" />\n",
		at, at);
	html_putf(h,
		"<script src=\"%slive.js\" defer=\"defer\"></script>\n</head>\n<body>\n"
		"<a class=\"skip\" href=\"#main\">Skip to the content</a>\n",
		at);
}

void page_write_tail(struct html *h)
{
	html_put(h, "<footer>stagewired " PACKAGE_VERSION ". Times are UTC.</footer>\n"
		    "</body>\n</html>\n");
}

/* "2 failed, 1 running": what somebody should know who sees only the title. */
static void compose_title(const struct page_view *v, char *title, size_t size)
{
	static const unsigned worst_first[] = { 4, 5, 2, 3 };
	size_t n = 0;

	title[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(worst_first) && n < size; i++) {
		unsigned state = worst_first[i];

		if (v->tally[state] > 0)
			n += (size_t)snprintf(title + n, size - n, "%s%zu %s", n > 0 ? ", " : "",
				v->tally[state], page_state_name(state));
	}
	if (n < size)
		snprintf(title + n, size - n, "%sStagewire", n > 0 ? " \xc2\xb7 " : "");
}

static void write_banner(struct html *h)
{
	char now[WALL_TEXT_MAX];

	wall_format((struct wall){ clock_wall().ms / 1000 * 1000 }, now);
	html_put(h, "<header>\n<h1><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\">"
		    "<path d=\"M3 17h18M5 17l3-9h8l3 9M9 8V4h6v4\"/></svg>Stagewire</h1>\n");
	html_putf(h,
		"<p class=\"now\"><span id=\"asof\">As of <time datetime=\"%s\" "
		"data-clock=\"data-clock\">%.8s</time></span> "
		"<span id=\"live\" role=\"status\" data-state=\"off\">"
		"Reload to see what is new</span></p>\n",
		now, now + 11);
	html_put(h, "</header>\n<p id=\"news\" class=\"unseen\" aria-live=\"polite\"></p>\n");
}

/* --- the filter --- */

static void write_offers(
	struct html *h, const char *id, const char *kind, const struct span *ref, size_t n)
{
	html_putf(h, "<datalist id=\"%s\">", id);
	for (size_t i = 0; i < n && i < OFFERED_MAX; i++) {
		html_put(h, "<option");
		html_attr(h, "value", page_short_ref(ref[i], kind));
		html_put(h, "></option>");
	}
	html_put(h, "</datalist>");
}

static void write_field(struct html *h, const char *name, const char *label, const char *kind,
	struct span value, const char *more, const char *star)
{
	html_putf(h, "<p><label for=\"f-%s\">%s</label><input id=\"f-%s\" name=\"%s\"", name, label,
		name, name);
	html_putf(h, "%s autocomplete=\"off\" spellcheck=\"false\" value=\"", more);
	html_text(h, page_short_ref(value, kind));
	html_putf(h, "%s\" /></p>\n", star);
}

static void write_choice(struct html *h, const char *value, const char *word, bool chosen)
{
	html_putf(h, "<option value=\"%s\"%s>%s</option>", value,
		chosen ? " selected=\"selected\"" : "", word);
}

static void write_state_field(struct html *h, const struct page_filter *f)
{
	html_put(
		h, "<p><label for=\"f-state\">State</label><select id=\"f-state\" name=\"state\">");
	write_choice(h, "", "Any", f->state < 0);
	for (unsigned i = 0; i < PAGE_STATES; i++)
		write_choice(h, page_state_name(i), page_state_word(i), f->state == (int)i);
	html_put(h, "</select></p>\n<p><label for=\"f-by\">Group by</label>"
		    "<select id=\"f-by\" name=\"by\">");
	write_choice(h, "", "System", f->by == PAGE_BY_SYSTEM);
	write_choice(h, "owner", "Owner", f->by == PAGE_BY_OWNER);
	html_put(h, "</select></p>\n");
}

static void write_filter(struct html *h, const struct page_view *v)
{
	const struct page_filter *f = &v->filter;
	struct span ref[OFFERED_MAX];
	const struct catalog *c;

	html_put(h,
		"<form method=\"get\" action=\"./\" role=\"search\" aria-label=\"Components\">\n");
	write_field(h, "system", "System", "system", f->system, " list=\"l-system\"", "");
	write_field(h, "owner", "Owner", "group", f->owner, " list=\"l-owner\"", "");
	write_field(h, "component", "Component", "component", f->component,
		" placeholder=\"name, or first letters and *\"", f->prefix ? "*" : "");
	write_state_field(h, f);
	html_put(h, "<p class=\"buttons\"><button type=\"submit\">Show</button>");
	if (!page_filter_is_open(f))
		html_put(h, "<a href=\"./\">Clear</a>");
	html_put(h, "</p>\n");
	if (page_is_current(v->page, &c)) {
		const struct page_index *x = v->page->index;

		write_offers(h, "l-system", "system", ref, page_index_systems(x, ref, OFFERED_MAX));
		write_offers(h, "l-owner", "group", ref, page_index_owners(x, ref, OFFERED_MAX));
	}
	html_put(h, "</form>\n");
}

/* --- the summary: how many are how, each a filter --- */

static void write_tally(struct html *h, const struct page_view *v, unsigned state)
{
	struct page_filter to = v->filter;
	bool is_chosen = v->filter.state == (int)state;

	if (v->tally[state] == 0 && !is_chosen)
		return;
	to.page = 1;
	to.state = is_chosen ? -1 : (int)state;
	html_put(h, "<li><a");
	page_filter_href(h, &to);
	html_putf(h, "%s><b>%zu</b> ", is_chosen ? " aria-current=\"true\"" : "", v->tally[state]);
	page_write_state(h, state);
	html_put(h, "</a></li>");
}

static void write_summary(struct html *h, const struct page_view *v)
{
	static const unsigned worst_first[] = { 4, 5, 2, 1, 6, 3, 0 };

	html_put(h, "<ul id=\"summary\" aria-label=\"Components by state\">");
	for (size_t i = 0; i < ARRAY_SIZE(worst_first); i++)
		write_tally(h, v, worst_first[i]);
	html_put(h, "</ul>\n");
}

/* --- all of it --- */

void page_write(struct html *h, const struct page_view *v)
{
	char title[200];

	compose_title(v, title, sizeof(title));
	page_write_head(h, title, "page/");
	write_banner(h);
	write_filter(h, v);
	write_summary(h, v);
	html_put(h, "<div class=\"columns\">\n<main id=\"main\" tabindex=\"-1\">\n");
	page_write_rows(h, v);
	html_put(h, "</main>\n<aside aria-label=\"The relay\">\n");
	page_write_health(h, v->page);
	html_put(h, "</aside>\n</div>\n");
	page_write_tail(h);
}
