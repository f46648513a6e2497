/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "conf/conf_number.h"
#include "daemon/page_impl.h"
#include "store/store.h"

/* page/quarantine: builds that no entity claims, oldest first, a page at a time. */

static void write_parked(struct html *h, const struct store_found *f)
{
	html_put(h, "<tr><th scope=\"row\">");
	html_foreign(h, f->repository, 100);
	html_put(h, "</th><td>");
	html_foreign(h, f->outcome.n > 0 ? f->outcome : SPAN("running"), 20);
	html_put(h, "</td><td>");
	html_put(h, f->place == EVENT_WAITING ? "waits for a first catalog"
					      : "no entity has this repository");
	html_put(h, "</td><td class=\"when\">");
	page_write_time(h, f->received);
	html_put(h, "</td></tr>\n");
}

static void write_table(struct html *h, const struct store_found *found, size_t n)
{
	html_put(h, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		    "aria-label=\"Builds in quarantine\"><table>\n"
		    "<caption class=\"unseen\">Builds in quarantine, oldest first</caption>\n"
		    "<thead><tr><th scope=\"col\">Repository</th><th scope=\"col\">Outcome</th>"
		    "<th scope=\"col\">Why</th><th scope=\"col\">Received</th></tr></thead>\n"
		    "<tbody>\n");
	for (size_t i = 0; i < n; i++)
		write_parked(h, &found[i]);
	html_put(h, "</tbody>\n</table></div>\n");
}

/* A page may have fewer than there are, or none, and be followed by another. */
static void on_found(void *ctx, enum err e, const struct store_found *found, size_t n, int64_t next)
{
	struct httpd_req *req = ctx;
	CLEANUP(buf_release) struct buf out;
	struct html h;

	buf_init(&out, PAGE_MAX);
	if (e != ERR_OK) {
		httpd_reply_problem(req, &(struct httpd_problem){ .status = 503,
						 .type = "storage",
						 .detail = "The store cannot be read now." });
		return;
	}
	html_init(&h, &out);
	page_write_head(&h, "Quarantine \xc2\xb7 Stagewire", "");
	html_put(&h, "<header><h1>Quarantine</h1><p class=\"now\"><a href=\"../\">"
		     "Back to the builds</a></p></header>\n<main id=\"main\" tabindex=\"-1\">\n"
		     "<p>These builds map to no entity. They are released when their entity "
		     "appears in the catalog.</p>\n");
	if (n > 0)
		write_table(&h, found, n);
	else
		html_put(&h, next != 0 ? "<p>None among those looked at so far.</p>\n"
				       : "<p>There are none.</p>\n");
	if (next != 0)
		html_putf(&h,
			"<nav aria-label=\"Pages\"><a rel=\"next\" href=\"?after=%" PRId64
			"\">More</a></nav>\n",
			next);
	html_put(&h, "</main>\n");
	page_write_tail(&h);
	page_reply(req, 200, &h);
}

void page_parked_begin(struct page *p, struct httpd_req *req)
{
	struct store_select q = {
		.from = FROM_PARKED, .since = WALL_NONE, .until = WALL_NONE, .limit = PAGE_ROWS
	};
	struct span after;
	char text[24] = "";

	if (form_find(httpd_req_query(req), "after", &after) == ERR_OK)
		snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(after));
	if (text[0] != '\0' && conf_integer_read(text, &q.after_seq) != ERR_OK) {
		httpd_reply_problem(req, &(struct httpd_problem){ .status = 400,
						 .type = "query",
						 .detail = "The query's after is no number." });
		return;
	}
	if (store_select(p->d->store, &q, on_found, req) != ERR_OK)
		on_found(req, ERR_BUSY, NULL, 0, 0);
}
