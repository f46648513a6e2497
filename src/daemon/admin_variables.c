/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "daemon/daemon.h"
#include "relay/relay.h"
#include "relay/variables.h"

void admin_variables(struct daemon *d, struct httpd_req *req, struct span arg)
{
	CLEANUP(buf_release) struct buf page;
	struct json_writer w;

	(void)arg;
	buf_init(&page, ADMIN_PAGE_MAX);
	json_writer_init(&w, &page);
	json_object_begin(&w);
	json_key(&w, "items");
	json_array_begin(&w);
	variables_write(relay_variables(d->relay), &w);
	json_array_end(&w);
	json_object_end(&w);
	reply_page(req, &w, &page);
}
