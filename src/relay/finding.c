/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/finding.h"

#include "io/crypto.h"
#include "relay/intake.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "travis/payload.h"
#include "travis/reconcile.h"

#define PAYLOAD_MAX (1024 * 1024)

enum err finding_read(struct relay *r, struct source *s, struct span slug,
	const struct travis_found *f, struct intake_order *order, const char **why)
{
	CLEANUP(buf_release) struct buf payload;
	enum err e;

	buf_init(&payload, PAYLOAD_MAX);
	if (!span_eq_nocase(f->slug, slug)) {
		*why = "Travis answered about another repository";
		return ERR_AUTH;
	}
	*why = "Travis's answer cannot be read";
	e = travis_found_payload(f, s->host, &payload);
	if (e != ERR_OK)
		return e;
	*order = (struct intake_order){ .source = s };
	build_init(&order->build);
	e = travis_payload_read(buf_span(&payload), &r->setup.author, &order->build, why);
	if (e == ERR_OK && !source_hears(s, order->build.owner)) {
		*why = "this source does not listen to the repository's owner";
		e = ERR_AUTH;
	}
	if (e != ERR_OK) {
		build_release(&order->build);
		return e;
	}
	sha256(f->body.text, order->payload_sha256);
	return ERR_OK;
}
