/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "conf/conf.h"
#include "daemon/admin_impl.h"
#include "daemon/page_impl.h"
#include "model/catalog.h"
#include "store/store.h"

/*
 * /badge/{kind}/{namespace}/{name}.svg: an entity's name and the state of its latest
 * build. An entity that is not there has a badge too, with 404: it stands in a page
 * as a picture, where nobody reads a problem document.
 */

#define NAME_MAX_SHOWN 40

/* Where a client's copy may be used, it is asked first whether it still holds. */
static const char own_fields[] = "Cache-Control: private, no-cache\r\n"
				 "Content-Security-Policy: default-src 'none'\r\n"
				 "X-Content-Type-Options: nosniff\r\n"
				 "Cross-Origin-Resource-Policy: same-origin\r\n";
static const char public_fields[] = "Cache-Control: public, no-cache\r\n"
				    "Content-Security-Policy: default-src 'none'\r\n"
				    "X-Content-Type-Options: nosniff\r\n"
				    "Cross-Origin-Resource-Policy: cross-origin\r\n";

struct badge {
	struct page *page;
	struct httpd_req *req;
	char *name;
};

/* Of white on it, 4.5 to 1 and more. */
static const char *const colour[PAGE_STATES] = {
	"#57606a", /* no builds */
	"#5a3fa0", /* queued */
	"#0a4f9c", /* running */
	"#116329", /* passed */
	"#a40e26", /* failed */
	"#8a3a00", /* errored */
	"#4b5563", /* canceled */
};

/* Tenths of a pixel that a text of 11 px takes in the fonts that browsers have; about. */
static unsigned width_of(struct span text)
{
	unsigned tenths = 0;

	while (text.n > 0) {
		size_t n = utf8_len(text);
		char c = text.p[0];

		if (n != 1)
			tenths += 90;
		else if (strchr("ijlt.,:;'|!fI()[]/ ", c) != NULL)
			tenths += 42;
		else if ((c >= 'A' && c <= 'Z') || c == 'm' || c == 'w' || c == '@')
			tenths += 90;
		else
			tenths += 68;
		n = n == 0 ? 1 : n;
		text = (struct span){ text.p + n, text.n - n };
	}
	return tenths / 10 + 1;
}

static void write_svg(struct html *h, struct span name, const char *word, const char *fill)
{
	struct span shown = utf8_cut(name, NAME_MAX_SHOWN);
	unsigned left = width_of(shown) + 12, right = width_of(span_of(word)) + 12;

	html_putf(h,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"20\" "
		"viewBox=\"0 0 %u 20\" role=\"img\" aria-labelledby=\"t\">\n<title id=\"t\">",
		left + right, left + right);
	html_text(h, name);
	html_putf(h, ": %s</title>\n", word);
	html_putf(h, "<path fill=\"#24292f\" d=\"M3 0h%uv20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z\"/>\n",
		left - 3);
	html_putf(h, "<path fill=\"%s\" d=\"M%u 0h%ua3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-%uz\"/>\n",
		fill, left, right - 3, right - 3);
	html_put(h, "<g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" "
		    "font-size=\"11\" aria-hidden=\"true\">\n");
	html_putf(h, "<text x=\"6\" y=\"14\" textLength=\"%u\">", left - 12);
	html_text(h, shown);
	html_putf(h, "</text>\n<text x=\"%u\" y=\"14\" textLength=\"%u\">%s</text>\n</g>\n</svg>\n",
		left + 6, right - 12, word);
}

static void badge_reply(struct badge *b, int status, const char *word, const char *fill)
{
	bool is_public = b->page->d->parts.conf->page_public_badges;
	CLEANUP(buf_release) struct buf out;
	struct html h;

	buf_init(&out, 16 * 1024);
	html_init(&h, &out);
	write_svg(&h, span_of(b->name), word, fill);
	if (html_done(&h) != ERR_OK)
		buf_clear(&out);
	reply_tagged(b->req, status, "image/svg+xml", is_public ? public_fields : own_fields,
		buf_span(&out));
	free(b->name);
	free(b);
}

static void on_build(void *ctx, enum err e, const struct store_builds *answer)
{
	struct badge *b = ctx;
	struct page_build shown = { 0 };

	if (e == ERR_OK && answer->n > 0)
		page_build_read(&answer->build[0], &shown);
	if (e == ERR_OK)
		badge_reply(b, 200, page_state_word(shown.state), colour[shown.state]);
	else
		badge_reply(b, 503, "Unknown", colour[0]);
	page_build_release(&shown);
}

/* "/badge/component/default/parcel-api.svg" -> "component:default/parcel-api" */
static enum err ref_of(struct span path, struct buf *ref)
{
	const struct span begin = SPAN("/badge/"), end = SPAN(".svg");
	CLEANUP(buf_release) struct buf text;
	char *slash;

	buf_init(&text, ENTITY_TEXT_MAX);
	if (path.n < begin.n + end.n || !span_ends(path, ".svg"))
		return ERR_PARSE;
	path = (struct span){ path.p + begin.n, path.n - begin.n - end.n };
	if (form_decode(path, &text) != ERR_OK)
		return ERR_PARSE;
	slash = memchr(text.data, '/', text.len);
	if (slash == NULL || memchr(text.data, ':', text.len) != NULL)
		return ERR_PARSE;
	*slash = ':';
	return entity_ref_parse(buf_span(&text), NULL, ref);
}

void page_badge_begin(struct page *p, struct httpd_req *req)
{
	const struct catalog *c = relay_catalog_now(p->d->relay);
	struct store_builds_query q = { .repositories = 1, .limit = 1 };
	struct badge *b = xcalloc(1, sizeof(*b));
	CLEANUP(buf_release) struct buf ref;
	struct entity e;

	buf_init(&ref, ENTITY_TEXT_MAX);
	*b = (struct badge){ .page = p, .req = req };
	if (ref_of(httpd_req_path(req), &ref) != ERR_OK || c == NULL ||
		!catalog_get(c, buf_span(&ref), &e)) {
		b->name = xstrdup("entity");
		badge_reply(b, 404, "not found", colour[0]);
		return;
	}
	b->name = xstrndup(entity_ref_name(e.ref).p, entity_ref_name(e.ref).n);
	q.repository = &e.slug;
	if (e.slug.n == 0)
		badge_reply(b, 200, page_state_word(0), colour[0]);
	else if (store_builds(p->d->store, &q, on_build, b) != ERR_OK)
		on_build(b, ERR_BUSY, NULL);
}
