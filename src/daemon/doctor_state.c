/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/publish.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/doctor_impl.h"
#include "daemon/rules.h"
#include "model/catalog.h"
#include "model/entity.h"
#include "model/pattern.h"
#include "relay/relay.h"
#include "secret/safe.h"
#include "store/store.h"

/* What the daemon knows without asking anybody: rules that cannot match, alarms. */

/* --- the policy --- */

static bool is_pattern(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && text[n - 1] == '*';
}

static bool is_entity(const struct catalog *c, const char *ref)
{
	struct entity e;

	return catalog_get(c, span_of(ref), &e);
}

static bool has_kind(const struct catalog *c, const char *pattern)
{
	struct entity e;

	for (size_t i = 0; catalog_at(c, i, &e); i++) {
		if (pattern_matches(pattern, entity_ref_kind(e.ref), true))
			return true;
	}
	return false;
}

static bool has_space(const struct catalog *c, const char *pattern)
{
	struct entity e;

	for (size_t i = 0; catalog_at(c, i, &e); i++) {
		if (pattern_matches(pattern, entity_ref_namespace(e.ref), true))
			return true;
	}
	return false;
}

static bool is_known_principal(const struct catalog *c, const char *principal)
{
	return is_pattern(principal) || strncmp(principal, "user:", 5) != 0 ||
	       is_entity(c, principal);
}

/* Of a list one item must match: the rule is dead if none can. */
static bool none_is(const struct catalog *c, char *const *list,
	bool (*can)(const struct catalog *c, const char *item))
{
	if (list == NULL || *list == NULL)
		return false;
	for (; *list != NULL; list++) {
		if (can(c, *list))
			return false;
	}
	return true;
}

static void rule_check(
	struct doctor_report *r, const struct policy_rule *rule, const struct catalog *c)
{
	const struct {
		const char *key;
		char *const *list;
		bool (*can)(const struct catalog *c, const char *item);
	} condition[] = {
		{ "subject.group", rule->group, is_entity },
		{ "subject.principal", rule->principal, is_known_principal },
		{ "entity.kind", rule->kind, has_kind },
		{ "entity.namespace", rule->space, has_space },
	};

	for (size_t i = 0; i < ARRAY_SIZE(condition); i++) {
		if (!none_is(c, condition[i].list, condition[i].can))
			continue;
		doctor_say(r, DOCTOR_WARN, "policy-rule", rule->id,
			"it can never match: %s %s is not in the catalog", condition[i].key,
			condition[i].list[0]);
		doctor_fix(r, "Correct %s of rule '%s', or remove the rule.", condition[i].key,
			rule->id);
		return;
	}
	doctor_say(r, DOCTOR_OK, "policy-rule", rule->id, "what it names is in the catalog");
}

static void policy_check(struct doctor *x)
{
	const struct conf *c = x->daemon->parts.conf;
	const struct catalog *catalog = relay_catalog_now(x->daemon->relay);
	struct doctor_report *r = &x->report;

	if (conf_serves_api(c, NULL) && c->policies == 0) {
		doctor_say(r, DOCTOR_WARN, "policy", "policy",
			"a source has an api_url, and no rule lets anybody use it");
		doctor_fix(r, "Add a rule to policy that allows build.trigger, or remove api_url.");
	}
	if (c->policies > 0 && !conf_serves_api(c, NULL)) {
		doctor_say(r, DOCTOR_WARN, "policy", "policy",
			"there are rules, and no source has an api_url");
		doctor_fix(r, "Give the source an api_url and an api_token, or remove policy.");
	}
	if (c->listen_api != NULL && c->policies > 0 && c->access_issuer == NULL &&
		c->backstage_url == NULL && c->issuers == 0) {
		doctor_say(r, DOCTOR_WARN, "access", "listen.api",
			"nobody's token is known: there is no access.issuer");
		doctor_fix(r, "Set access.issuer to Backstage's backend.baseUrl and /api/auth.");
	}
	if (c->policies > 0 && c->listen_api == NULL) {
		doctor_say(r, DOCTOR_WARN, "access", "listen.api",
			"there are rules, and nobody can ask: there is no listen.api");
		doctor_fix(r, "Set listen.api to the address that Backstage's proxy leads to.");
	}
	for (size_t i = 0; catalog != NULL && i < c->policies; i++)
		rule_check(r, &c->policy[i], catalog);
}

/* --- alarms --- */

static void catalog_check(struct doctor *x)
{
	const struct daemon *d = x->daemon;
	const struct catalog *c = relay_catalog_now(d->relay);
	const int64_t age_ms = rules_catalog_age_ms(d);
	struct doctor_report *r = &x->report;

	if (c == NULL || d->catalog_trouble[0] != '\0') {
		doctor_say(r, c == NULL ? DOCTOR_FAIL : DOCTOR_WARN, "catalog", "catalog", "%s",
			d->catalog_trouble[0] != '\0' ? d->catalog_trouble : "it was never read");
		doctor_fix(r, "See that Backstage runs, and what is said of backstage-plugin "
			      "catalog.");
	} else if (age_ms < 0 || age_ms > d->parts.conf->access_catalog_age_ms) {
		doctor_say(r, DOCTOR_WARN, "catalog", "catalog",
			"it was last read whole too long ago: everything is denied");
		doctor_fix(r, "Have catalog.refresh be shorter than access.catalog_max_age.");
	} else {
		doctor_say(r, DOCTOR_OK, "catalog", "catalog", "%zu entities of %zu repositories",
			catalog_count(c), catalog_repositories(c));
	}
}

static void providers_check(struct doctor *x)
{
	struct doctor_report *r = &x->report;

	for (size_t i = 0; i < safe_providers(x->daemon->safe); i++) {
		struct safe_stats s = safe_stats(x->daemon->safe, i);
		char since[WALL_TEXT_MAX];

		if (s.trouble[0] != '\0') {
			doctor_say(r, DOCTOR_FAIL, "secrets-provider", s.provider, "%s", s.trouble);
			doctor_fix(r,
				"See that provider '%s' is up at its address and takes what we "
				"sign in with; the last values are used until their grace ends.",
				s.provider);
		} else if (s.word_at.ms == WALL_NONE.ms) {
			doctor_say(r, DOCTOR_SKIPPED, "secrets-provider", s.provider,
				"nothing was asked of it yet");
		} else {
			doctor_say(r, DOCTOR_OK, "secrets-provider", s.provider,
				"%zu secrets, last answer at %s", s.secrets,
				wall_format(s.word_at, since));
		}
	}
}

static void store_check(struct doctor *x)
{
	struct store_counts n = store_counts(x->daemon->store);
	struct publisher_stats log = publisher_stats(x->daemon->log);
	struct doctor_report *r = &x->report;

	if (store_health(x->daemon->store) != STORE_OK) {
		doctor_say(r, DOCTOR_FAIL, "store", "store", "it takes no events now");
		doctor_fix(r, "Make room on the disk of store.path (%s), and see the journal.",
			x->daemon->parts.conf->store_path);
	} else {
		doctor_say(r, DOCTOR_OK, "store", "store", "it takes events");
	}
	if (log.trouble[0] != '\0') {
		doctor_say(r, DOCTOR_FAIL, "audit-log", log.directory, "%s", log.trouble);
		doctor_fix(r, "Check it: stagewirectl audit verify %s", log.directory);
	} else {
		doctor_say(r, DOCTOR_OK, "audit-log", log.directory, "it is signed and published");
	}
	if (n.dead > 0) {
		doctor_say(r, DOCTOR_WARN, "dead-letters", "deliveries",
			"%" PRId64 " were given up", (int64_t)n.dead);
		doctor_fix(r, "Look with stagewirectl dead, then stagewirectl replay --from dead.");
	}
}

static void sinks_check(struct doctor *x)
{
	const struct dispatch *all = relay_dispatch(x->daemon->relay);
	struct doctor_report *r = &x->report;

	for (size_t i = 0; i < dispatch_sinks(all); i++) {
		struct dispatch_sink_stats s = dispatch_sink_stats(all, i);

		if (!s.configured)
			continue;
		if (s.gate != SINK_OPEN) {
			doctor_say(
				r, DOCTOR_WARN, "sink", s.sink, "it is %s", sink_gate_str(s.gate));
			doctor_fix(r, "When it may go on: stagewirectl %s %s --reason TEXT",
				s.gate == SINK_HELD ? "release" : "enable", s.sink);
		} else if (s.circuit != CIRCUIT_CLOSED) {
			doctor_say(r, DOCTOR_WARN, "sink", s.sink, "its circuit is %s: %s",
				circuit_state_str(s.circuit), s.last_note);
			doctor_fix(
				r, "See that sink '%s' is up and takes our credentials.", s.sink);
		} else {
			doctor_say(r, DOCTOR_OK, "sink", s.sink, "it is delivered to");
		}
	}
}

void doctor_look_inside(struct doctor *x)
{
	store_check(x);
	catalog_check(x);
	policy_check(x);
	providers_check(x);
	sinks_check(x);
}
