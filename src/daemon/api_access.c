/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_access.h"

#include <stdlib.h>

#include "base/defs.h"
#include "relay/refusal.h"

struct api_access {
	struct relay *relay;
	struct api_credentials *credentials; /* NULL: none */
	struct api_access_stats stats;
};

struct api_access *api_access_new(struct relay *relay)
{
	struct api_access *a = xcalloc(1, sizeof(*a));

	a->relay = relay;
	return a;
}

void api_access_free(struct api_access *a)
{
	if (a == NULL)
		return;
	api_credentials_free(a->credentials);
	free(a);
}

void api_access_set(struct api_access *a, struct api_credentials *c)
{
	api_credentials_free(a->credentials);
	a->credentials = c;
}

static const struct httpd_problem *refuse(struct api_access *a, const struct httpd_req *req,
	const char *who, const struct httpd_problem *problem)
{
	const struct refusal what = { .action = "api.refuse", .caller = who };

	relay_note_refusal(a->relay, req, &what, problem);
	return problem;
}

#define CHALLENGES                                                                                 \
	"WWW-Authenticate: Bearer realm=\"stagewire\"\r\n"                                         \
	"WWW-Authenticate: Basic realm=\"stagewire\", charset=\"UTF-8\"\r\n"

const struct httpd_problem *api_access_check(struct api_access *a, const struct httpd_req *req,
	enum api_right right, struct api_caller *caller)
{
	static const struct httpd_problem missing = {
		.status = 401,
		.type = "credential-missing",
		.detail = "This needs a credential.",
		.fields = CHALLENGES,
	};
	static const struct httpd_problem wrong = {
		.status = 401,
		.type = "credential-wrong",
		.detail = "This credential is not known.",
		.fields = CHALLENGES,
	};
	static const struct httpd_problem not_allowed = {
		.status = 403,
		.type = "credential-not-allowed",
		.detail = "This credential does not allow that.",
	};
	struct span field;

	if (!httpd_req_field(req, "Authorization", &field)) {
		a->stats.missing++;
		return refuse(a, req, NULL, &missing);
	}
	if (a->credentials == NULL || httpd_req_field_count(req, "Authorization") != 1 ||
		!api_credentials_know(a->credentials, field, caller)) {
		a->stats.wrong++;
		return refuse(a, req, NULL, &wrong);
	}
	if ((caller->rights & right) == 0) {
		a->stats.not_allowed++;
		return refuse(a, req, caller->name, &not_allowed);
	}
	a->stats.granted++;
	return NULL;
}

bool api_access_knows(const struct api_access *a, const struct httpd_req *req)
{
	struct api_caller caller;
	struct span field;

	return a->credentials != NULL && httpd_req_field_count(req, "Authorization") == 1 &&
	       httpd_req_field(req, "Authorization", &field) &&
	       api_credentials_know(a->credentials, field, &caller);
}

struct api_access_stats api_access_stats(const struct api_access *a)
{
	return a->stats;
}
