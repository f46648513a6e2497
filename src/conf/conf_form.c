/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_form.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "audit/note.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/egress.h"
#include "base/json_gate.h"
#include "base/span.h"
#include "base/suggest.h"
#include "conf/conf_number.h"
#include "io/jwk.h"
#include "model/address.h"
#include "model/agent.h"
#include "model/api_right.h"
#include "model/entity.h"
#include "model/pattern.h"
#include "model/policy.h"
#include "model/schedule.h"
#include "secret/path.h"
#include "secret/ref.h"
#include "sink/http_message.h"
#include "sink/syslog_format.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static const char *const source_types[] = { "travis", "catalog" };
static const char *const protocols[] = { "standard-webhooks", "forgedapps" };
static const char *const sink_types[] = { "backstage-notifications", "backstage-events",
	"backstage-signals", "file", "http", "syslog", "journald" };
static const char *const outcomes[] = { "queued", "started", "success", "failure", "error",
	"cancel" };
static const char *const transitions[] = { "none", "fixed", "broken", "still_failing" };
static const char *const http_modes[] = { "binary", "structured" };
static const char *const effects[] = { "allow", "deny" };
static const char *const provider_types[] = { "vault", "aws" };
static const char *const vault_auths[] = { "approle", "jwt", "token" };
static const char *const aws_credentials[] = { "auto", "static", "web-identity", "ecs", "imds" };
static const char *const formats[] = { "json", "text" };

/* Is text at least one and at most max bytes, all of them in set? */
static bool is_made_of(const char *text, const char *set, size_t max)
{
	size_t n = strlen(text);

	return n > 0 && n <= max && strspn(text, set) == n;
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

bool conf_text_is_printable(const char *text)
{
	/* C1 controls are below; here: line breaks, bidirectional controls, byte order marks. */
	static const char *const bad[] = { "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
		"\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6",
		"\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe",
		"\xef\xbf\xbf" };
	size_t n = strlen(text);

	if (n == 0 || n > 4096 || !utf8_is_valid((struct span){ text, n }))
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)p[1] < 0xa0))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (strstr(text, bad[i]) != NULL)
			return false;
	}
	return true;
}

static bool fits_absolute_path(const char *text)
{
	return text[0] == '/' && text[strlen(text) - 1] != '/';
}

static bool fits_unix_path(const char *text)
{
	return fits_absolute_path(text) &&
	       strlen(text) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

static bool fits_port(const char *text)
{
	int64_t port;

	return conf_integer_read(text, &port) == ERR_OK && port >= 1 && port <= 65535;
}

/* Is it "host" or "[v6]" and, if port is wanted, ":port"? */
static bool fits_authority(const char *text, bool port_needed, bool port_allowed)
{
	const char *set = text[0] == '[' ? DIGITS "abcdefABCDEF:.%" : LETTERS DIGITS "-._";
	const char *host = text[0] == '[' ? text + 1 : text;
	const char *end = host + strspn(host, set);

	if (end == host || host[0] == '-')
		return false;
	if (text[0] == '[') {
		if (*end != ']')
			return false;
		end++;
	}
	if (*end == '\0')
		return !port_needed;
	return port_allowed && *end == ':' && fits_port(end + 1);
}

static bool fits_address(const char *text)
{
	if (strncmp(text, "unix:", 5) == 0)
		return fits_unix_path(text + 5);
	if (strncmp(text, "systemd:", 8) == 0)
		return is_made_of(text + 8, LETTERS DIGITS "-._@", 255);
	return fits_authority(text, true, true);
}

static bool fits_syslog_address(const char *text)
{
	if (strncmp(text, "unix:", 5) == 0)
		return fits_unix_path(text + 5);
	if (strncmp(text, "unix-stream:", 12) == 0)
		return fits_unix_path(text + 12);
	if (strncmp(text, "tcp:", 4) == 0 || strncmp(text, "tls:", 4) == 0)
		return fits_authority(text + 4, true, true);
	return false;
}

static bool fits_annotation(const char *text)
{
	return is_made_of(text, LETTERS DIGITS "-._/", 317);
}

/* Where the scheme ends and the authority begins; NULL if it is neither http nor https. */
static const char *url_authority(const char *url)
{
	if (strncmp(url, "https://", 8) == 0)
		return url + 8;
	if (strncmp(url, "http://", 7) == 0)
		return url + 7;
	return NULL;
}

/*
 * Only the plain form, so that no two readers of URLs can take it differently:
 * no user, no query, no fragment, no backslash, no escapes.
 */
static bool fits_url(const char *text)
{
	const char *at = url_authority(text);
	char authority[300];
	size_t n;

	if (at == NULL)
		return false;
	n = strcspn(at, "/");
	if (n >= sizeof(authority))
		return false;
	memcpy(authority, at, n);
	authority[n] = '\0';
	return fits_authority(authority, false, true) &&
	       strspn(at + n, LETTERS DIGITS "-._~/") == strlen(at + n);
}

static bool fits_backstage_url(const char *text)
{
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == '/')
		n--;
	return fits_url(text) && (n < 4 || strncmp(text + n - 4, "/api", 4) != 0);
}

bool conf_url_is_loopback(const char *url)
{
	static const char *const loopback[] = { "127.0.0.1", "[::1]", "localhost" };
	const char *at = url_authority(url);

	for (size_t i = 0; i < ARRAY_SIZE(loopback); i++) {
		size_t n = strlen(loopback[i]);

		if (strncasecmp(at, loopback[i], n) == 0 && strchr(":/", at[n]) != NULL)
			return true;
	}
	return false;
}

/*
 * As plain as any URL, but it may have a query and escapes, and often holds a
 * secret of the receiver's.
 */
static bool fits_sink_url(const char *text)
{
	static const char more[] = LETTERS DIGITS "-._~/?=&%+,;:@!$'()*";
	const char *at = url_authority(text);
	char plain[300];
	size_t n;

	if (at == NULL)
		return false;
	n = (size_t)(at - text) + strcspn(at, "/?");
	if (n >= sizeof(plain))
		return false;
	memcpy(plain, text, n);
	plain[n] = '\0';
	return fits_url(plain) && strspn(text + n, more) == strlen(text + n);
}

static bool fits_http_mode(const char *text)
{
	return is_one_of(text, http_modes, ARRAY_SIZE(http_modes));
}

static bool fits_egress(const char *text)
{
	struct egress_rule rule;

	return egress_rule_parse(span_of(text), &rule) == ERR_OK;
}

/* Whoever can change the answer on its way could sign webhooks. */
static bool fits_key_url(const char *text)
{
	return fits_url(text) && (strncmp(text, "https:", 6) == 0 || conf_url_is_loopback(text));
}

static bool fits_host(const char *text)
{
	return fits_authority(text, false, false) && strlen(text) <= 253;
}

static bool fits_name(const char *text)
{
	return is_made_of(text, "abcdefghijklmnopqrstuvwxyz" DIGITS "-", 64) && text[0] != '-';
}

static bool fits_origin(const char *text)
{
	return note_name_is_valid(span_of(text));
}

static bool fits_title(const char *text)
{
	return strlen(text) <= 200;
}

static bool fits_topic(const char *text)
{
	return is_made_of(text, LETTERS DIGITS "-._:/", 255);
}

static bool fits_owner(const char *text)
{
	return strpbrk(text, "/* ") == NULL;
}

static bool fits_source_type(const char *text)
{
	return is_one_of(text, source_types, ARRAY_SIZE(source_types));
}

static bool fits_protocol(const char *text)
{
	return is_one_of(text, protocols, ARRAY_SIZE(protocols));
}

static bool fits_json(const char *text)
{
	return json_gate(span_of(text), NULL, NULL) == ERR_OK;
}

static bool fits_sink_type(const char *text)
{
	return is_one_of(text, sink_types, ARRAY_SIZE(sink_types));
}

static bool fits_syslog_format(const char *text)
{
	return is_one_of(text, formats, ARRAY_SIZE(formats));
}

static bool fits_right(const char *text)
{
	return api_right_of(text) != 0;
}

static bool fits_facility(const char *text)
{
	return syslog_facility(text) >= 0;
}

static bool fits_addressee(const char *text)
{
	enum address a;

	return address_parse(span_of(text), &a) == ERR_OK;
}

static bool fits_outcome(const char *text)
{
	return is_one_of(text, outcomes, ARRAY_SIZE(outcomes));
}

static bool fits_transition(const char *text)
{
	return is_one_of(text, transitions, ARRAY_SIZE(transitions));
}

/* A catalog may have kinds of its own, but hardly one that is a slip from a well-known one. */
static bool fits_kind(const char *text)
{
	static const char *const known[] = { "component", "resource", "system", "domain", "group",
		"user", "location", "template" };

	if (!is_made_of(text, LETTERS DIGITS, 63))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (edit_distance(span_of(text), span_of(known[i])) == 1)
			return false;
	}
	return true;
}

static bool fits_pattern(const char *text)
{
	const char *star = strchr(text, '*');

	return star == NULL || star[1] == '\0';
}

static bool fits_entity_pattern(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!fits_pattern(text))
		return false;
	return strchr(text, '*') != NULL || (colon != NULL && strchr(colon, '/') != NULL);
}

/* "kind:namespace/name", whole. */
static bool fits_entity_ref(const char *text)
{
	const char *colon = strchr(text, ':'), *slash = strchr(text, '/');

	return strpbrk(text, "* ,") == NULL && colon != NULL && slash != NULL && colon > text &&
	       slash > colon + 1 && slash[1] != '\0' && strchr(slash + 1, '/') == NULL;
}

static bool fits_repository_pattern(const char *text)
{
	return fits_pattern(text) && (strchr(text, '*') != NULL || strchr(text, '/') != NULL);
}

/* Not for ever: a wait of more than a month is a mistake. */
static bool fits_schedule(const char *text)
{
	const int64_t most_ms = INT64_C(31) * 24 * 3600 * 1000;
	struct schedule s;

	if (conf_schedule_read(text, &s) != ERR_OK)
		return false;
	for (unsigned i = 0; i < s.waits; i++) {
		if (s.wait_ms[i] > most_ms)
			return false;
	}
	return true;
}

static bool fits_algorithm(const char *text)
{
	enum jws_alg alg;

	return jws_alg_parse(span_of(text), &alg) == ERR_OK;
}

static bool fits_effect(const char *text)
{
	return is_one_of(text, effects, ARRAY_SIZE(effects));
}

/* An action, or a pattern that covers one. */
static bool fits_action(const char *text)
{
	for (enum access_action a = ACCESS_TRIGGER; a < ACCESS_ACTIONS; a++) {
		if (pattern_matches(text, span_of(access_action_str(a)), false))
			return true;
	}
	return false;
}

/* A '*' would be taken for a name that nobody has. */
static bool fits_group(const char *text)
{
	return entity_ref_is_canonical(span_of(text)) && strchr(text, '*') == NULL;
}

static bool fits_lower_pattern(const char *text)
{
	return fits_pattern(text) && strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL;
}

/* A user's reference or an agent, whole or the beginning of it. */
static bool fits_principal(const char *text)
{
	if (strncmp(text, "agent:", 6) == 0)
		return fits_pattern(text);
	return strncmp(text, "user:", 5) == 0 && fits_lower_pattern(text) &&
	       (strchr(text, '*') != NULL || entity_ref_is_canonical(span_of(text)));
}

static bool fits_provider_type(const char *text)
{
	return is_one_of(text, provider_types, ARRAY_SIZE(provider_types));
}

static bool fits_vault_auth(const char *text)
{
	return is_one_of(text, vault_auths, ARRAY_SIZE(vault_auths));
}

static bool fits_aws_credentials(const char *text)
{
	return is_one_of(text, aws_credentials, ARRAY_SIZE(aws_credentials));
}

/* It speaks no TLS, so it is as near as the machine itself. */
static bool fits_metadata_url(const char *text)
{
	static const char *const places[] = { "http://169.254.169.254", "http://[fd00:ec2::254]" };

	return is_one_of(text, places, ARRAY_SIZE(places)) ||
	       (strncmp(text, "http://127.0.0.1:", 17) == 0 && fits_port(text + 17));
}

static bool fits_secret_path(const char *text)
{
	return secret_path_is_valid(text);
}

static bool fits_variable(const char *text)
{
	return is_made_of(text, LETTERS DIGITS "_", 255) && !isdigit((unsigned char)text[0]);
}

/* What Travis sets itself would hide ours. */
static bool fits_job_variable(const char *text)
{
	return fits_variable(text) && strncmp(text, "TRAVIS", 6) != 0 && strcmp(text, "CI") != 0;
}

static bool fits_branch(const char *text)
{
	return strlen(text) <= 255 && strpbrk(text, " *?[\\^~:") == NULL;
}

#define FORM(which, ...) const struct conf_form conf_form_##which = { __VA_ARGS__ }

FORM(absolute_path, .noun = "path", .fits = fits_absolute_path,
	.must = "must be an absolute path of a file");
FORM(action, .noun = "pattern", .fits = fits_action,
	.must = "must be build.trigger, build.restart, build.cancel, build.read or build.*");
FORM(algorithm, .noun = "word", .fits = fits_algorithm, .must = "must be ES256 or RS256");
FORM(address, .noun = "address", .fits = fits_address,
	.must = "must be host:port, [IPv6]:port, unix:/path or systemd:name");
FORM(annotation, .noun = "annotation", .fits = fits_annotation,
	.must = "must be an annotation's key such as travis-ci.com/repo-slug");
FORM(backstage_url, .noun = "URL", .fits = fits_backstage_url, .quiet = true,
	.must = "must be the backend's URL such as https://backstage.example.com, without "
		"user, query or /api");
FORM(effect, .noun = "word", .fits = fits_effect, .must = "must be allow or deny");
FORM(group, .noun = "reference", .fits = fits_group,
	.must = "must be a whole reference in lower case such as group:default/team-a");
FORM(principal, .noun = "pattern", .fits = fits_principal,
	.must = "must be a user such as user:default/alice or an agent such as "
		"agent:release-bot, or its beginning and a '*'");
FORM(claim, .noun = "claim", .fits = agent_claim_is_valid,
	.must = "must be a claim and its value such as repository_id=1234, or the beginning of "
		"the value and a '*'");
FORM(entity_ref, .noun = "reference", .fits = fits_entity_ref,
	.must = "must be a whole reference such as group:default/team-a");
FORM(facility, .noun = "word", .fits = fits_facility,
	.must = "must be a facility of syslog such as daemon, user or local0");
FORM(host, .noun = "host name", .fits = fits_host,
	.must = "must be a host name alone, such as app.travis-ci.com");
FORM(key_url, .noun = "URL", .fits = fits_key_url, .quiet = true,
	.must = "must be an https URL (http to this host itself) without user or query");
FORM(name, .noun = "name", .fits = fits_name,
	.must = "must be up to 64 lower-case letters, digits and hyphens");
FORM(schedule, .noun = "durations", .fits = fits_schedule,
	.must = "must be durations of at most 31d, such as 5s 5m 1h, or none");
FORM(origin, .noun = "name", .fits = fits_origin,
	.must = "must be up to 255 bytes without blanks or '+', such as relay.example.com/audit");
FORM(title, .noun = "text", .fits = fits_title, .must = "must be up to 200 bytes long");
FORM(syslog_address, .noun = "address", .fits = fits_syslog_address,
	.must = "must be unix:/path, unix-stream:/path, tcp:host:port or tls:host:port");
FORM(syslog_format, .noun = "word", .fits = fits_syslog_format, .must = "must be json or text");
FORM(topic, .noun = "topic", .fits = fits_topic,
	.must = "must be letters, digits and any of -._:/");
FORM(owner, .noun = "login", .fits = fits_owner,
	.must = "must be the login of a repository's owner, without '/' or '*'");
FORM(right, .noun = "word", .fits = fits_right, .must = "must be builds or page");
FORM(source_type, .noun = "word", .fits = fits_source_type, .must = "must be travis or catalog");
FORM(protocol, .noun = "word", .fits = fits_protocol,
	.must = "must be standard-webhooks or forgedapps");
FORM(json, .noun = "JSON", .fits = fits_json, .must = "must be JSON");
FORM(sink_type, .noun = "word", .fits = fits_sink_type,
	.must = "must be backstage-notifications, backstage-events, backstage-signals, file, http, "
		"syslog or "
		"journald");
FORM(sink_url, .noun = "URL", .fits = fits_sink_url, .quiet = true,
	.must = "must be an http or https URL without user and fragment");
FORM(http_mode, .noun = "word", .fits = fits_http_mode, .must = "must be binary or structured");
FORM(header, .noun = "header field", .fits = http_field_is_free, .quiet = true,
	.must = "must be \"Name: value\", and none that the event, the signature or the "
		"connection needs");
FORM(egress, .noun = "network", .fits = fits_egress,
	.must = "must be a network and a port, such as 10.0.0.0/8:443 or [fd00::/8]:443");
FORM(addressee, .noun = "word", .fits = fits_addressee, .must = "must be owner or author");
FORM(outcome, .noun = "word", .fits = fits_outcome,
	.must = "must be queued, started, success, failure, error or cancel");
FORM(transition, .noun = "word", .fits = fits_transition,
	.must = "must be none, fixed, broken or still_failing");
FORM(kind, .noun = "kind", .fits = fits_kind,
	.must = "must be a kind of entity such as component, api, resource or system");
FORM(pattern, .noun = "pattern", .fits = fits_pattern, .must = "may have a '*' at its end only");
FORM(lower_pattern, .noun = "pattern", .fits = fits_lower_pattern,
	.must = "must be in lower case and may have a '*' at its end only");
FORM(entity_pattern, .noun = "pattern", .fits = fits_entity_pattern,
	.must = "must be a whole reference such as group:default/team-a, or its beginning and "
		"a '*'");
FORM(repository_pattern, .noun = "pattern", .fits = fits_repository_pattern,
	.must = "must be owner/name, or its beginning and a '*'");
FORM(credential, .noun = "name", .fits = secret_credential_is_valid, .quiet = true,
	.must = "must name a credential, without '/'");
FORM(provider_type, .noun = "word", .fits = fits_provider_type, .must = "must be vault or aws");
FORM(vault_auth, .noun = "word", .fits = fits_vault_auth, .must = "must be approle, jwt or token");
FORM(aws_credentials, .noun = "word", .fits = fits_aws_credentials,
	.must = "must be auto, static, web-identity, ecs or imds");
FORM(metadata_url, .noun = "URL", .fits = fits_metadata_url,
	.must = "must be http://169.254.169.254, http://[fd00:ec2::254] or a port of 127.0.0.1");
FORM(secret_path, .noun = "path", .fits = fits_secret_path, .quiet = true,
	.must = "must be segments of letters, digits and any of -_.+=@: between slashes, none "
		"of which ends with a dot");
FORM(branch, .noun = "branch", .fits = fits_branch,
	.must = "must be the name of one branch, up to 255 bytes");
FORM(job_variable, .noun = "name", .fits = fits_job_variable,
	.must = "must be the name of an environment variable, and none that Travis CI sets");
FORM(variable, .noun = "name", .fits = fits_variable, .quiet = true,
	.must = "must name an environment variable");
