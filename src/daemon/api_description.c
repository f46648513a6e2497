/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_description.h"

#include "daemon/admin_impl.h"
#include "daemon/assets.h"

bool api_description_is(struct span path)
{
	return span_is(path, "/v1/openapi.json");
}

void api_description_request(struct daemon *d, struct httpd_req *req)
{
	static const char fields[] = "Cache-Control: public, no-cache\r\n"
				     "X-Content-Type-Options: nosniff\r\n";
	const struct asset *a = &api_assets[0];

	(void)d;
	reply_tagged(req, 200, "application/json", fields,
		(struct span){ (const char *)a->bytes, a->len });
}
