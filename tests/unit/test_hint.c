/* SPDX-License-Identifier: Apache-2.0 */
#include "backstage/hint.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/defs.h"

/* What was told, one a line: "ref", "ref again", "push slug", "push slug named". */
struct heard {
	struct buf text;
	struct hint_tally tally;
	enum err e;
};

static void on_ref(void *ctx, struct span ref, bool repeats)
{
	struct heard *h = ctx;

	cr_assert_eq(
		buf_addf(&h->text, "%.*s%s\n", SPAN_ARGS(ref), repeats ? " again" : ""), ERR_OK);
}

static void on_push(void *ctx, struct span slug, bool named)
{
	struct heard *h = ctx;

	cr_assert_eq(buf_addf(&h->text, "push %.*s%s\n", SPAN_ARGS(slug), named ? " named" : ""),
		ERR_OK);
}

static void hear(struct heard *h, struct span answer)
{
	const struct hint_taker taker = { .on_ref = on_ref, .on_push = on_push, .ctx = h };

	*h = (struct heard){ 0 };
	buf_init(&h->text, 1 << 20);
	h->e = hint_read(answer, &taker, &h->tally);
}

static void heard_release(struct heard *h)
{
	buf_release(&h->text);
}

/* One event of that topic and payload. */
static void hear_event(struct heard *h, const char *topic, const char *payload)
{
	CLEANUP(buf_release) struct buf answer;

	buf_init(&answer, 1 << 20);
	cr_assert_eq(buf_addf(&answer, "{\"events\":[{\"topic\":\"%s\",\"payload\":%s}]}", topic,
			     payload),
		ERR_OK);
	hear(h, buf_span(&answer));
	cr_assert_eq(h->e, ERR_OK);
	cr_assert_eq(h->tally.events, 1);
}

struct row {
	const char *topic, *payload, *told;
	bool whole;
};

static void check(const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP(heard_release) struct heard h = { 0 };

		hear_event(&h, row[i].topic, row[i].payload);
		cr_assert_str_eq(h.text.data, row[i].told, "%s", row[i].payload);
		cr_assert_eq(h.tally.whole, row[i].whole, "%s", row[i].payload);
	}
}

Test(hint, makes_the_ref_canonical_whatever_it_is_called)
{
	static const struct row row[] = {
		{ "t", "{\"entityRef\":\"Component:default/Parcel-API\"}",
			"component:default/parcel-api\n", false },
		{ "t", "{\"entity\":\"component:default/a\"}", "component:default/a\n", false },
		{ "t", "{\"entityRef\":\"component:a\"}", "component:default/a\n", false },
		{ "t", "{\"entityRef\":\"\\u0063omponent:default/a\"}", "component:default/a\n",
			false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, says_what_repeats_every_round)
{
	static const struct row row[] = {
		{ "experimental.catalog.errors",
			"{\"entity\":\"component:default/a\",\"errors\":[{}]}",
			"component:default/a again\n", false },
		{ "experimental.catalog.conflict",
			"{\"unprocessedEntity\":{},\"entityRef\":\"component:default/a\"}",
			"component:default/a again\n", false },
		{ "experimental.catalog.other", "{\"entity\":\"component:default/a\"}",
			"component:default/a\n", false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, asks_for_everything_if_a_ref_is_none)
{
	static const struct row row[] = {
		{ "t", "{\"entityRef\":\"no reference\"}", "", true },
		{ "t", "{\"entityRef\":\"\"}", "", true },
		{ "t", "{\"entityRef\":7}", "", false },
		{ "t", "{\"no\":\"reference\"}", "", false },
		{ "t", "null", "", false },
		{ "t", "[\"component:default/a\"]", "", false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, asks_for_everything_if_the_payload_does)
{
	static const struct row row[] = {
		{ "stagewire.catalog", "{\"type\":\"catalog.resync\",\"resync\":true,\"data\":{}}",
			"", true },
		{ "t", "{\"resync\":false,\"entityRef\":\"component:default/a\"}",
			"component:default/a\n", false },
		{ "t", "{\"resync\":\"true\"}", "", false },
	};

	check(row, ARRAY_SIZE(row));
}

#define GITHUB(ref, files)                                                                         \
	"{\"ref\":\"refs/heads/" ref "\",\"repository\":{\"full_name\":\"acme/api\","              \
	"\"default_branch\":\"main\"},\"commits\":[{\"added\":[],\"removed\":[],"                  \
	"\"modified\":[" files "]}]}"

Test(hint, knows_a_push_of_github_by_its_files)
{
	static const struct row row[] = {
		{ "github.push", GITHUB("main", "\"catalog-info.yaml\""), "push acme/api named\n",
			false },
		{ "github.push", GITHUB("main", "\"a/b.c\",\"svc/catalog-info.yml\""),
			"push acme/api named\n", false },
		{ "github.push", GITHUB("main", "\"backstage/entities.yaml\""), "push acme/api\n",
			false },
		{ "github.push", GITHUB("main", "\"src/main.c\""), "", false },
		{ "github.push", GITHUB("main", ""), "", false },
		/* What is not on the default branch is in no catalog yet. */
		{ "github.push", GITHUB("feature", "\"catalog-info.yaml\""), "push acme/api\n",
			false },
		{ "github.push", GITHUB("main2", "\"catalog-info.yaml\""), "push acme/api\n",
			false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, knows_a_push_of_gitlab_by_its_files_and_that_not_all_are_listed)
{
#define GITLAB(total, files)                                                                       \
	"{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"project\":{"                      \
	"\"path_with_namespace\":\"group/sub/api\",\"default_branch\":\"main\"},"                  \
	"\"commits\":[{\"added\":[" files "],\"modified\":[],\"removed\":[]}],"                    \
	"\"total_commits_count\":" total "}"
	static const struct row row[] = {
		{ "gitlab.push", GITLAB("1", "\"catalog-info.yaml\""), "push group/sub/api named\n",
			false },
		{ "gitlab.push", GITLAB("1", "\"README.md\""), "", false },
		{ "gitlab.push", GITLAB("21", "\"README.md\""), "push group/sub/api\n", false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, follows_every_push_of_bitbucket_because_it_lists_no_files)
{
	static const struct row row[] = {
		{ "bitbucketCloud.repo:push",
			"{\"push\":{\"changes\":[{\"new\":{\"name\":\"main\"},\"commits\":[{}]}]},"
			"\"repository\":{\"full_name\":\"acme/api\",\"type\":\"repository\"}}",
			"push acme/api\n", false },
		{ "bitbucketCloud.repo:updated", "{\"repository\":{\"full_name\":\"acme/api\"}}",
			"", false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, asks_for_everything_if_a_push_of_a_catalog_file_does_not_say_where)
{
	static const struct row row[] = {
		{ "x.push", "{\"commits\":[{\"modified\":[\"catalog-info.yaml\"]}]}", "", true },
		{ "x.push",
			"{\"repository\":{\"full_name\":\"no slug\"},"
			"\"commits\":[{\"modified\":[\"catalog-info.yaml\"]}]}",
			"", true },
		{ "x.push", "{\"commits\":[{\"modified\":[\"values.yaml\"]}]}", "", false },
		{ "x.push", "{\"commits\":7}", "", false },
	};

	check(row, ARRAY_SIZE(row));
}

Test(hint, tells_nothing_of_what_is_no_answer)
{
	static const struct {
		const char *answer;
		enum err e;
	} row[] = {
		{ "", ERR_PARSE },
		{ "[]", ERR_PARSE },
		{ "{\"events\":{}}", ERR_PARSE },
		{ "{\"events\":[{\"payload\":{\"entityRef\":\"component:default/a\"}}", ERR_PARSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(heard_release) struct heard h = { 0 };

		hear(&h, span_of(row[i].answer));
		cr_assert_eq(h.e, row[i].e, "%s", row[i].answer);
		cr_assert_str_eq(h.text.data, "");
	}
}

/* A text of so many values, or bytes, in an event before one that names an entity. */
static void hear_after(struct heard *h, const char *piece, size_t times)
{
	CLEANUP(buf_release) struct buf answer;

	buf_init(&answer, (size_t)128 << 20);
	IGNORE(buf_add_str(&answer, "{\"events\":[{\"topic\":\"t\",\"payload\":["));
	for (size_t i = 0; i < times; i++)
		IGNORE(buf_addf(&answer, "%s%s", i == 0 ? "" : ",", piece));
	IGNORE(buf_add_str(&answer,
		"]},{\"topic\":\"t\",\"payload\":{\"entityRef\":\"component:default/a\"}}]}"));
	hear(h, buf_span(&answer));
}

Test(hint, reads_an_answer_of_60_mib)
{
	CLEANUP(heard_release) struct heard h = { 0 };
	CLEANUP(freep) char *piece = xcalloc(1, (1 << 20) + 1);

	memset(piece, 'x', 1 << 20);
	piece[0] = piece[(1 << 20) - 1] = '"';
	hear_after(&h, piece, 60);
	cr_assert_eq(h.e, ERR_OK);
	cr_assert_str_eq(h.text.data, "component:default/a\n");
}

Test(hint, gives_an_answer_of_too_many_values_up)
{
	CLEANUP(heard_release) struct heard h = { 0 };

	hear_after(&h, "0", 1000001);
	cr_assert_eq(h.e, ERR_LIMIT);
	cr_assert_str_eq(h.text.data, "");
}
