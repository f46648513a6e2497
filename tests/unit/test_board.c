/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "events.h"
#include "relay/board.h"

/* A broken build of two entities, as it would stand in the store; owned by fact and entities. */
static struct buf fact, entities;

static struct store_build row_of(struct build *b)
{
	static struct entity e[2];
	struct board_news news = {
		.build = b, .transition = TRANSITION_BROKEN, .slug = SPAN("acme/parcel-api")
	};
	const struct build_record record = {
		.state = b->state,
		.started_at = b->started_at,
		.finished_at = b->finished_at,
		.attempt = 2,
	};
	struct store_build row;

	e[0] = (struct entity){ .ref = SPAN("component:default/parcel-api"),
		.uid = SPAN("1-2"),
		.etag = SPAN("e"),
		.slug = SPAN("acme/parcel-api"),
		.system = SPAN("system:default/parcels"),
		.owners = 1,
		.tags = 1 };
	e[0].owner[0] = SPAN("group:default/payments");
	e[0].tag[0] = SPAN("go");
	e[1] = (struct entity){ .ref = SPAN("component:default/parcel-docs") };
	news.record = &record;
	news.entity = e;
	news.entities = 2;
	buf_init(&fact, 1 << 16);
	buf_init(&entities, 1 << 16);
	cr_assert_eq(board_compose(&news, &fact, &entities, &row), ERR_OK);
	return row;
}

static void tear_down(void)
{
	buf_release(&fact);
	buf_release(&entities);
}

TestSuite(board, .fini = tear_down);

Test(board, build_reads_back_as_it_was_with_what_the_row_decides)
{
	struct build b, again;
	struct store_build row;

	event_build(&b);
	b.duration_s = 271;
	b.subject = SPAN("Weigh parcels twice");
	row = row_of(&b);
	cr_expect_eq(row.id, 9);
	cr_expect_eq(row.attempt, 2);
	cr_expect(span_is(row.repository, "acme/parcel-api"));
	row.state = BUILD_ERRORED;
	row.finished.ms = 5000;
	build_init(&again);
	cr_assert_eq(board_read(&row, &again), ERR_OK);
	cr_expect_eq(again.state, BUILD_ERRORED);
	cr_expect_eq(again.finished_at.ms, 5000);
	cr_expect_eq(again.duration_s, 271);
	cr_expect(span_is(again.subject, "Weigh parcels twice"));
	cr_expect(span_is(again.host, "app.travis-ci.com"));
	cr_expect_eq(board_transition(&row), TRANSITION_BROKEN);
	build_release(&again);
	build_release(&b);
}

Test(board, entities_are_kept_with_their_owners_and_no_more)
{
	struct store_build row;
	struct json_iter it;
	struct entity e;
	struct build b;

	event_build(&b);
	row = row_of(&b);
	it = board_entities(&row);
	cr_assert(board_entities_next(&it, &e));
	cr_expect(span_is(e.ref, "component:default/parcel-api"));
	cr_expect(span_is(e.uid, "1-2"));
	cr_expect(span_is(e.system, "system:default/parcels"));
	cr_assert_eq(e.owners, 1);
	cr_expect(span_is(e.owner[0], "group:default/payments"));
	cr_expect_eq(e.tags + e.etag.n + e.slug.n, 0);
	cr_assert(board_entities_next(&it, &e));
	cr_expect(span_is(e.ref, "component:default/parcel-docs"));
	cr_expect_not(board_entities_next(&it, &e));
	build_release(&b);
}

Test(board, what_does_not_read_is_told_or_passed_over)
{
	struct store_build row = { .fact = SPAN("{}"), .state = 99, .transition = 99 };
	struct json_iter it = board_entities(&row);
	struct entity e;
	struct build b;

	build_init(&b);
	cr_expect_eq(board_read(&row, &b), ERR_PARSE);
	cr_expect_eq(board_state(&row), BUILD_QUEUED);
	cr_expect_eq(board_transition(&row), TRANSITION_NONE);
	cr_expect_not(board_entities_next(&it, &e));
	row.entities = SPAN("[{\"ref\":\"nothing\"},{\"ref\":\"component:default/a\"}]");
	it = board_entities(&row);
	cr_assert(board_entities_next(&it, &e));
	cr_expect(span_is(e.ref, "component:default/a"));
	build_release(&b);
}
