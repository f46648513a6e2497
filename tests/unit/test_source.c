/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "relay/source.h"

TestSuite(source, .timeout = 30);

static struct source *source_make(const char *name, const char *owner, bool has_api)
{
	struct source *s = xcalloc(1, sizeof(*s));

	s->name = xstrdup(name);
	s->host = xstrdup(name);
	if (owner != NULL) {
		s->owners = xcalloc(2, sizeof(char *));
		s->owners[0] = xstrdup(owner);
	}
	/* Any address but NULL: it is compared only. */
	s->api = has_api ? (struct travis_api *)s : NULL;
	return s;
}

Test(source, of_a_repository_is_the_first_that_has_an_api_and_listens_to_its_owner)
{
	struct source *list[] = { source_make("deaf", "other", true),
		source_make("mute", NULL, false), source_make("a", "acme", true),
		source_make("b", NULL, true) };

	cr_assert_eq(source_for(list, 4, SPAN("Acme/x"), NULL, (struct span){ 0 }), list[2]);
	cr_assert_eq(source_for(list, 4, SPAN("acme/x"), "b", (struct span){ 0 }), list[3]);
	cr_assert_eq(source_for(list, 4, SPAN("third/x"), NULL, (struct span){ 0 }), list[3]);
	cr_assert_null(source_for(list, 4, SPAN("acme/x"), "mute", (struct span){ 0 }));
	cr_assert_null(source_for(list, 4, SPAN("acme/x"), "deaf", (struct span){ 0 }));
	cr_assert_eq(source_for(list, 4, SPAN("acme/x"), NULL, SPAN("b")), list[3]);
	cr_assert_null(source_for(list, 4, SPAN("acme/x"), "a", SPAN("b")));
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		list[i]->api = NULL;
		source_free(list[i]);
	}
}
