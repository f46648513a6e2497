/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "relay/relay.h"
#include "relay/variables.h"
#include "store/store.h"

#define SCAN_ROWS 500
#define KEY_MAX   4096

/* An answer that is being put together: what is kept, then what was left behind. */
struct listing {
	struct daemon *daemon;
	struct httpd_req *req;
	struct buf page, after;
	struct json_writer w;
};

static void listing_end(struct listing *l, enum err e)
{
	if (e != ERR_OK) {
		reply_storage(l->req);
	} else {
		json_array_end(&l->w);
		json_object_end(&l->w);
		reply_page(l->req, &l->w, &l->page);
	}
	buf_release(&l->page);
	buf_release(&l->after);
	free(l);
}

static void listing_scan(struct listing *l);

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct listing *l = ctx;

	for (size_t i = 0; e == ERR_OK && i < n; i++)
		variables_write_left(
			relay_variables(l->daemon->relay), rows[i].key, rows[i].value, &l->w);
	if (e == ERR_OK && more && n > 0) {
		buf_clear(&l->after);
		e = buf_add_span(&l->after, rows[n - 1].key);
		if (e == ERR_OK) {
			listing_scan(l);
			return;
		}
	}
	listing_end(l, e);
}

static void listing_scan(struct listing *l)
{
	enum err e = store_scan(
		l->daemon->store, NS_VARIABLE, buf_span(&l->after), SCAN_ROWS, on_rows, l);

	if (e != ERR_OK)
		listing_end(l, e);
}

void admin_variables(struct daemon *d, struct httpd_req *req, struct span arg)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	(void)arg;
	l->daemon = d;
	l->req = req;
	buf_init(&l->page, ADMIN_PAGE_MAX);
	buf_init(&l->after, KEY_MAX);
	json_writer_init(&l->w, &l->page);
	json_object_begin(&l->w);
	json_key(&l->w, "items");
	json_array_begin(&l->w);
	variables_write(relay_variables(d->relay), &l->w);
	listing_scan(l);
}
