/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/push.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/defs.h"

/* What was told, one a line: "ref uid etag". */
struct heard {
	struct buf text;
	struct push_tally tally;
	const char *why;
	enum err e;
};

static void on_entity(void *ctx, const struct push_entity *e)
{
	struct heard *h = ctx;

	cr_assert_eq(buf_addf(&h->text, "%.*s %.*s %.*s\n", SPAN_ARGS(e->ref), SPAN_ARGS(e->uid),
			     SPAN_ARGS(e->etag)),
		ERR_OK);
}

static void hear(struct heard *h, struct span body)
{
	const struct push_taker taker = { .on_entity = on_entity, .ctx = h };

	*h = (struct heard){ 0 };
	buf_init(&h->text, 1 << 20);
	h->e = push_read(body, &taker, &h->tally, &h->why);
}

static void assert_told(const char *body, const char *lines, bool whole)
{
	struct heard h;
	size_t n = 0;

	for (const char *p = lines; *p != '\0'; p++)
		n += *p == '\n';
	hear(&h, span_of(body));
	cr_expect_eq(h.e, ERR_OK, "%s", body);
	cr_expect_str_eq(h.text.data, lines, "%s", body);
	cr_expect_eq(h.tally.entities, n, "%s", body);
	cr_expect_eq(h.tally.whole, whole, "%s", body);
	buf_release(&h.text);
}

#define ENTITY(kind, metadata) "{\"kind\":" kind ",\"metadata\":{" metadata "},\"relations\":[]}"

#define TEAM_A                                                                                     \
	ENTITY("\"Component\"",                                                                    \
		"\"name\":\"A\",\"namespace\":\"Team\",\"uid\":\"u1\",\"etag\":\"e1\"")
#define API_BB ENTITY("\"API\"", "\"name\":\"b\\u0062\",\"etag\":\"e2\"")

Test(push, tells_an_entity_by_its_reference_as_the_bus_does)
{
	assert_told("{\"type\":\"entity.deleted\",\"entityRef\":\"Component:default/Parcel-API\","
		    "\"data\":{\"uid\":\"u\",\"etag\":\"e\"}}",
		"component:default/parcel-api  \n", false);
	assert_told("{\"entity\":\"group:default/payments\"}", "group:default/payments  \n", false);
	assert_told("{\"entityRef\":\"parcel-api\"}", "", true);
	assert_told("{\"resync\":true,\"entityRef\":\"component:default/x\"}", "", true);
}

Test(push, tells_whole_entities_with_the_state_the_sender_knows)
{
	assert_told("{\"batchId\":1,\"isFinalBatch\":false,\"entities\":[" TEAM_A "," API_BB "]}",
		"component:team/a u1 e1\napi:default/bb  e2\n", false);
	assert_told("{\"entity\":" ENTITY("\"User\"", "\"name\":\"u\"") "}", "user:default/u  \n",
		false);
}

Test(push, asks_for_a_whole_read_where_a_name_is_none)
{
	static const char *const bodies[] = {
		"{\"entities\":[1]}",
		"{\"entities\":[{}]}",
		"{\"entities\":[" ENTITY("\"Component\"", "\"name\":\"\"") "]}",
		"{\"entities\":[" ENTITY("\"Component\"", "\"name\":5") "]}",
		"{\"entities\":[" ENTITY("null", "\"name\":\"a\"") "]}",
		"{\"entities\":[" ENTITY("\"Component\"", "\"name\":\"a/b\"") "]}",
		"{\"entities\":[" ENTITY("\"Component\"", "\"name\":\"a\",\"namespace\":{}") "]}",
		"{\"entity\":{}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		assert_told(bodies[i], "", true);
}

Test(push, tells_nothing_where_there_is_nothing_to_tell)
{
	static const char *const bodies[] = { "{}", "{\"entities\":[],\"isFinalBatch\":true}",
		"{\"type\":\"test.ping\"}", "{\"entityRef\":5}", "{\"entities\":{}}",
		/* A push of files is for the bus, which knows when to look. */
		"{\"repository\":{\"full_name\":\"a/"
		"b\"},\"commits\":[{\"added\":[\"catalog-info.yaml\"],"
		"\"modified\":[],\"removed\":[]}]}" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		assert_told(bodies[i], "", false);
}

Test(push, refuses_what_is_no_object_and_tells_nothing_of_it)
{
	static const struct {
		const char *body;
		size_t n;
		enum err e;
	} row[] = {
		{ "", 0, ERR_PARSE },
		{ "[]", 2, ERR_PARSE },
		{ "null", 4, ERR_PARSE },
		{ "{\"entityRef\":\"component:default/a\"", 34, ERR_PARSE },
		{ "{\"entityRef\":\"component:default/a\",\"entityRef\":1}", 49, ERR_PARSE },
		{ "{\"a\":\"\xff\"}", 9, ERR_PARSE },
		{ "{\"a\":\"\0\"}", 9, ERR_PARSE },
	};
	struct heard h;
	char deep[400];

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		hear(&h, (struct span){ row[i].body, row[i].n });
		cr_expect_eq(h.e, row[i].e, "%s", row[i].body);
		cr_expect_not_null(h.why);
		cr_expect_eq(h.text.len, 0);
		buf_release(&h.text);
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"entityRef\":\"component:default/a\",\"x\":", 39);
	memset(deep + 220, ']', 180);
	deep[399] = '}';
	hear(&h, (struct span){ deep, sizeof(deep) });
	cr_assert_eq(h.e, ERR_LIMIT);
	cr_assert_eq(h.text.len, 0);
	buf_release(&h.text);
}
