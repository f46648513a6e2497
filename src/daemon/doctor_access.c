/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/doctor_impl.h"
#include "io/httpc.h"
#include "io/json.h"

/* Those whose tokens are taken at the API: without their keys nobody is known. */

#define URL_MAX 4096

/* A key set (RFC 7517), or a discovery document that says where there is one. */
static bool has_keys(const struct httpc_answer *a)
{
	struct json_object *root = NULL;
	bool has = a->result == HTTPC_ANSWERED && a->status == 200 &&
		   jdoc_parse(a->body, NULL, &root) == ERR_OK &&
		   (jdoc_count(jdoc_member(root, "keys")) > 0 ||
			   jdoc_text(jdoc_member(root, "jwks_uri")) != NULL);

	jdoc_free(root);
	return has;
}

static void fix_keys(struct probe *p)
{
	if (p->which == 0)
		doctor_fix(&p->doctor->report,
			"Set access.issuer to backend.baseUrl and /api/auth of Backstage, or "
			"access.keys_url to where its key set is.");
	else
		doctor_fix(&p->doctor->report, "Correct url or keys_url of issuer '%s'.", p->about);
}

static void on_keys(void *ctx, const struct httpc_answer *a)
{
	struct probe *p = ctx;
	struct doctor_report *r = &p->doctor->report;

	p->call = NULL;
	if (has_keys(a)) {
		doctor_say(r, DOCTOR_OK, "access-keys", p->about, "it tells its keys");
	} else {
		doctor_say(r, DOCTOR_FAIL, "access-keys", p->about,
			"it tells no keys: %s, status %d", httpc_result_str(a->result), a->status);
		fix_keys(p);
	}
	probe_end(p);
}

static void ask_keys(struct doctor *x, const char *about, size_t which, const char *given,
	const char *base, const char *tail)
{
	struct probe *p = probe_new(x, about, which);
	char url[URL_MAX];

	snprintf(url, sizeof(url), "%s%s", given != NULL ? given : base, given != NULL ? "" : tail);
	if (probe_get(p, url, on_keys))
		return;
	doctor_say(&x->report, DOCTOR_FAIL, "access-keys", about, "no URL can be made of it");
	fix_keys(p);
	probe_end(p);
}

void doctor_ask_issuers(struct doctor *x)
{
	const struct conf *c = x->daemon->parts.conf;

	if (c->listen_api == NULL)
		return;
	if (c->access_keys_url != NULL || c->access_issuer != NULL)
		ask_keys(x, "access.issuer", 0, c->access_keys_url, c->access_issuer,
			"/.well-known/jwks.json");
	else if (c->backstage_url != NULL)
		ask_keys(x, "access.issuer", 0, NULL, c->backstage_url,
			"/api/auth/.well-known/jwks.json");
	for (size_t i = 0; i < c->issuers; i++)
		ask_keys(x, c->issuer[i].name, i + 1, c->issuer[i].keys_url, c->issuer[i].url,
			"/.well-known/openid-configuration");
}
