/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/conf_number.h"
#include "conf/conf_table.h"
#include "io/crypto.h"
#include "model/build.h"
#include "model/cloudevent.h"

/* The least that is a configuration. */
#define LEAST "catalog: {file: /c}\n"

static void conf_freep(struct conf **c)
{
	conf_free(*c);
}

static struct conf *conf_of(const char *text)
{
	struct conf *c = NULL;
	char *why = NULL;

	cr_assert_eq(conf_parse(span_of(text), "f", &c, &why), ERR_OK, "%s", why);
	cr_assert_null(why);
	return c;
}

static char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	cr_assert_not_null(to);
	conf_print(c, to);
	fclose(to);
	return text;
}

Test(conf, fills_in_every_default)
{
	CLEANUP(conf_freep) struct conf *c = conf_of(LEAST);

	cr_assert_eq(c->log_level, LOG_LEVEL_INFO);
	cr_assert_str_eq(c->listen_hooks[0], "127.0.0.1:8470");
	cr_assert_null(c->listen_hooks[1]);
	cr_assert_str_eq(c->listen_admin[0], "unix:/run/stagewire/admin.sock");
	cr_assert_eq(c->listen_mode, 0660);
	cr_assert_null(c->tls_key);
	cr_assert_eq(c->http_head_max, 16 * 1024);
	cr_assert_eq(c->http_uri_max, 2 * 1024);
	cr_assert_eq(c->http_fields_max, 64);
	cr_assert_eq(c->http_request_ms, 10000);
	cr_assert_eq(c->http_body_ms_per_mib, 1000);
	cr_assert_eq(c->http_idle_ms, 5000);
	cr_assert_eq(c->http_requests_max, 100);
	cr_assert_eq(c->http_connections_max, 4096);
	cr_assert_eq(c->http_connections_per_address, 256);
	cr_assert_eq(c->http_inflight_max, 64 * 1024 * 1024);
	cr_assert_str_eq(c->store_path, "/var/lib/stagewire/stagewire.db");
	cr_assert_eq(c->backstage_token.place, SECRET_NONE);
	cr_assert_str_eq(c->catalog_annotation, "travis-ci.com/repo-slug");
	cr_assert_eq(c->catalog_refresh_ms, 60000);
	cr_assert_eq(c->catalog_page_size, 500);
	cr_assert_eq(c->drain_ms, 20000);
	cr_assert_eq(c->sources + c->sinks + c->routes + c->credentials, 0);
}

static const char whole[] =
	"log: {level: debug}\n"
	"listen:\n"
	"  hooks: [\"[::1]:443\", systemd:hooks]\n"
	"  admin: unix:/a.sock\n"
	"  mode: \"0600\"\n"
	"tls: {certificate: /c.pem, key: /k.pem}\n"
	"backstage:\n"
	"  url: https://b.example:7007/base//\n"
	"  token: {credential: backstage.token}\n"
	"catalog:\n"
	"sources:\n"
	"  - {name: a, type: travis, host: h.example, public_keys: [/1.pem, /2.pem],\n"
	"     owners: acme, max_body: 1MiB, key_refresh: 90s}\n"
	"  - {type: travis, name: b, host: h.example, config_url: http://127.0.0.1:1/c}\n"
	"sinks:\n"
	"  - {path: /e, rotate_size: 0, name: f, type: file, inflight: 1}\n"
	"  - {name: n, type: backstage-notifications}\n"
	"  - {name: h, type: http, url: 'https://h.example/x?y=%20z', handshake: true,\n"
	"     secrets: [{file: /k1}, {env: K2}], secret_headers: {credential: c},\n"
	"     token: {file: /t}, headers: 'X-A: b', allow: ['10.0.0.0/8:443', '[::1/128]:80'],\n"
	"     certificate: /c, key: /k, max_answer: 0}\n"
	"routes:\n"
	"  - name: \"it's \\\"quoted\\\", back\\\\slashed \xc3\xbc: # not\"\n"
	"    when: {source: [a, 'b*'], outcome: error, transition: [still_failing],\n"
	"           branch: 'release/*', kind: [Widget], owner: 'group:default/x',\n"
	"           repository: [acme/y]}\n"
	"    to: [f, n]\n"
	"  - {name: all, to: f}\n";

Test(conf, reads_every_kind_of_value)
{
	CLEANUP(conf_freep) struct conf *c = conf_of(whole);

	cr_assert_eq(c->log_level, LOG_LEVEL_DEBUG);
	cr_assert_str_eq(c->listen_hooks[1], "systemd:hooks");
	cr_assert_eq(c->listen_mode, 0600);
	cr_assert_str_eq(c->backstage_url, "https://b.example:7007/base");
	cr_assert_eq(c->backstage_token.place, SECRET_CREDENTIAL);
	cr_assert_str_eq(c->backstage_token.name, "backstage.token");
	cr_assert_eq(c->sources, 2);
	cr_assert_str_eq(c->source[0].public_keys[1], "/2.pem");
	cr_assert_str_eq(c->source[0].owners[0], "acme");
	cr_assert_eq(c->source[0].body_max, 1024 * 1024);
	cr_assert_eq(c->source[0].key_refresh_ms, 90000);
	cr_assert_eq(c->source[1].body_max, 8 * 1024 * 1024);
	cr_assert_null(c->source[1].owners);
	cr_assert_eq(c->sink[0].rotate_size, 0);
	cr_assert_eq(c->sink[0].keep, 5);
	cr_assert_null(c->sink[0].topic);
	cr_assert_str_eq(c->sink[1].topic, "stagewire.build");
	cr_assert_null(c->sink[1].path);
	cr_assert_not(c->sink[1].handshake);
	cr_assert_str_eq(c->sink[2].url, "https://h.example/x?y=%20z");
	cr_assert_str_eq(c->sink[2].mode, "binary");
	cr_assert(c->sink[2].handshake);
	cr_assert_str_eq(c->sink[2].secrets[0].name, "/k1");
	cr_assert_eq(c->sink[2].secrets[1].place, SECRET_ENV);
	cr_assert_eq(c->sink[2].secrets[2].place, SECRET_NONE);
	cr_assert_eq(c->sink[2].secret_headers[0].place, SECRET_CREDENTIAL);
	cr_assert_eq(c->sink[2].secret_headers[1].place, SECRET_NONE);
	cr_assert_str_eq(c->sink[2].headers[0], "X-A: b");
	cr_assert_str_eq(c->sink[2].allow[1], "[::1/128]:80");
	cr_assert_eq(c->sink[2].answer_max, 0);
	cr_assert_eq(c->sink[2].timeout_ms, 20000);
	cr_assert_str_eq(c->route[0].name, "it's \"quoted\", back\\slashed \xc3\xbc: # not");
	cr_assert_str_eq(c->route[0].outcome[0], "error");
	cr_assert_str_eq(c->route[0].to[1], "n");
	cr_assert_null(c->route[1].branch);
}

Test(conf, prints_what_reads_back_to_the_same)
{
	CLEANUP(conf_freep) struct conf *c = conf_of(whole);
	CLEANUP(freep) char *once = printed(c);
	CLEANUP(conf_freep) struct conf *again = conf_of(once);
	CLEANUP(freep) char *twice = printed(again);
	char a[65], b[65];

	cr_assert_str_eq(once, twice);
	cr_assert_null(conf_frozen_change(c, again));
	cr_assert_eq(crypto_init(), ERR_OK);
	conf_digest(c, a);
	conf_digest(again, b);
	cr_assert_str_eq(a, b);
	cr_assert_eq(strlen(a), 64);
}

Test(conf, digest_changes_with_any_value)
{
	CLEANUP(conf_freep) struct conf *c = conf_of(LEAST);
	char before[65], after[65];

	cr_assert_eq(crypto_init(), ERR_OK);
	conf_digest(c, before);
	c->drain_ms++;
	conf_digest(c, after);
	cr_assert_str_neq(before, after);
}

struct refusal {
	const char *text;
	const char *why; /* after "f:" */
};

#define REFERENCE                                                                                  \
	"must be a reference: {file: ...}, {credential: ...}, {env: ...}, "                        \
	"{vault: ..., field: ..., provider: ...} or {aws: ..., provider: ...}"
#define VAULT  "secrets: [{name: v, type: vault, address: 'https://v'"
#define AWS    "secrets: [{name: w, type: aws, region: r"
#define SECRET "backstage.token " REFERENCE
#define HEADER                                                                                     \
	"must be \"Name: value\", and none that the event, the signature or the connection needs"
#define HTTP   "name: h, type: http, url: 'https://h.example'"
#define ISSUER "name: i, url: 'https://i', audience: us"
#define AGENT  LEAST "issuers: [{" ISSUER "}]\nagents: [{name: a, issuer: i, "
#define CLAIM_MUST                                                                                 \
	"must be a claim and its value such as repository_id=1234, or the beginning of the value " \
	"and a '*'"
#define SOURCE "name: a, type: travis, host: h, config_url: 'https://h/c'"
#define API    "sources: [{" SOURCE ", api_url: 'https://a', api_token: {env: T}}]\n"

#define LIVE   "backstage: {url: 'http://b'}\n"
#define PUSHER "name: a, type: catalog, protocol: standard-webhooks, secrets: {env: A}"

#define RULE    LEAST "policy: [{name: r, effect: allow, action: [build.read]"
#define RULE_AT "2:57: "
#define PRINCIPAL                                                                                  \
	"must be a user such as user:default/alice or an agent such as agent:release-bot, or its " \
	"beginning and a '*'"

static const struct refusal refusals[] = {
	/* keys */
	{ "lisen: {}\n" LEAST, "1:1: unknown key 'lisen'; did you mean 'listen'?" },
	{ "http:\n  idle_timeuot: 1s\n",
		"2:3: unknown key 'idle_timeuot'; did you mean 'idle_timeout'?" },
	{ "Log: {}\n", "1:1: unknown key 'Log'; did you mean 'log'?" },
	{ "wibble: 1\n", "1:1: unknown key 'wibble'" },
	{ "log.level: info\n", "1:1: unknown key 'log.level'" },
	{ "sources[].name: x\n", "1:1: unknown key 'sources[].name'" },
	{ "? ''\n: 1\n", "1:3: unknown key ''" },
	{ "\"a\\x1b[31m\": 1\n", "1:1: unknown key 'a?[31m'" },
	{ "routes: [{name: x, wen: {}}]\n", "1:20: unknown key 'wen'; did you mean 'when'?" },
	{ "routes: [{name: x, when: {brunch: x}}]\n",
		"1:27: unknown key 'brunch'; did you mean 'branch'?" },
	{ "log: {level: info}\nlog: {}\n", "2:1: the key 'log' is on line 1 already" },
	{ "log: {level: info}\n---\nlog: {}\n", "3:1: a second document; there must be one only" },
	/* types */
	{ "[log]\n", "1:1: expected sections such as 'listen:' and 'sources:'" },
	{ "log: info\n", "1:6: log must be a mapping of keys to values" },
	{ "log: {level: [info]}\n",
		"1:14: log.level must be err, warning, notice, info or debug, not a list" },
	{ "log: {level: inof}\n",
		"1:14: log.level must be err, warning, notice, info or debug, not 'inof'" },
	{ "log: {level: }\n", "1:14: log.level has no value" },
	{ "store: {path: ~}\n", "1:15: store.path has no value" },
	{ "store: {path: [/a]}\n", "1:15: store.path must be text, not a list" },
	{ "listen: {hooks: {a: b}}\n", "1:17: listen.hooks must be a list, not a mapping" },
	{ "listen: {hooks: [[a]]}\n", "1:18: listen.hooks must be text, not a list" },
	{ "sources: {}\n", "1:10: sources must be a list of items that begin with '- '" },
	{ "sources: [a]\n", "1:11: a source must be a mapping of keys to values" },
	{ "store: {path: \"/a\\nb\"}\n",
		"1:15: store.path is empty, too long or has unprintable characters" },
	/* numbers */
	{ "http: {max_fields: many}\n",
		"1:20: http.max_fields must be a whole number, not 'many'" },
	{ "http: {max_fields: 064}\n", "1:20: http.max_fields must be a whole number, not '064'" },
	{ "http: {max_fields: 7}\n", "1:20: http.max_fields must be between 8 and 1000, not '7'" },
	{ "http: {max_fields: 99999999999999999999}\n",
		"1:20: http.max_fields must be a whole number, not '99999999999999999999'" },
	{ "http: {idle_timeout: 2h}\n",
		"1:22: http.idle_timeout must be between 100ms and 1h, not '2h'" },
	{ "http: {idle_timeout: 30}\n",
		"1:22: http.idle_timeout must be a duration such as 500ms, 30s, 5m, 2h or 1d, "
		"not '30'" },
	{ "http: {max_head: 16KB}\n",
		"1:18: http.max_head must be a size such as 512, 64KiB, 8MiB or 1GiB, not '16KB'" },
	{ "listen: {mode: 0660x}\n",
		"1:16: listen.mode must be permissions such as \"0660\", not '0660x'" },
	{ "listen: {mode: 0400}\n", "1:16: listen.mode must be between 0600 and 0777, not '0400'" },
	/* lists */
	{ "listen: {hooks: []}\n",
		"1:17: listen.hooks is an empty list; leave it out or fill it in" },
	{ "listen: {hooks: ['h:1', 'h:1']}\n", "1:25: listen.hooks has 'h:1' twice" },
	/* forms */
	{ "listen: {hooks: '8470'}\n",
		"1:17: listen.hooks must be host:port, [IPv6]:port, unix:/path or systemd:name, "
		"not '8470'" },
	{ "store: {path: a.db}\n",
		"1:15: store.path must be an absolute path of a file, not 'a.db'" },
	{ "sinks: [{name: Bus}]\n",
		"1:16: name must be up to 64 lower-case letters, digits and hyphens, not 'Bus'" },
	{ "sinks: [{type: webhook, name: x}]\n",
		"1:16: type must be backstage-notifications, "
		"backstage-events, backstage-signals, file, http, syslog or "
		"journald, not 'webhook'" },
	{ "sources: [{name: a, type: travis, host: 'https://h'}]\n",
		"1:41: host must be a host name alone, such as app.travis-ci.com, not "
		"'https://h'" },
	{ "sources: [{" SOURCE ", owners: [acme/x]}]\n",
		"1:80: owners must be the login of a repository's owner, without '/' or '*', not "
		"'acme/x'" },
	{ "sources: [{name: a, config_url: 'http://h/c'}]\n",
		"1:33: config_url must be an https URL (http to this host itself) without user "
		"or query" },
	/* secrets, and what may hold one, are not repeated */
	{ "backstage: {token: \"abc\"}\n", "1:20: " SECRET },
	{ "backstage: {token: [abc]}\n", "1:20: " SECRET },
	{ "backstage: {token: {abc: def}}\n", "1:21: " SECRET },
	{ "backstage: {token: {file: /a, env: B}}\n", "1:36: " SECRET },
	{ "backstage: {token: {file: abc}}\n",
		"1:27: backstage.token must be an absolute path of a file" },
	{ "backstage: {token: {env: a-b}}\n",
		"1:26: backstage.token must name an environment variable" },
	{ "backstage: {token: {credential: a/b}}\n",
		"1:33: backstage.token must name a credential, without '/'" },
	{ "backstage: {url: 'https://me:abc@h'}\n",
		"1:18: backstage.url must be the backend's URL such as "
		"https://backstage.example.com, without user, query or /api" },
	{ "sinks: [{" HTTP ", secrets: abc}]\n", "1:66: secrets " REFERENCE },
	{ "sinks: [{" HTTP ", secrets: [{file: /a}, abc]}]\n", "1:79: secrets " REFERENCE },
	{ "sinks: [{" HTTP ", secrets: [{file: abc}]}]\n",
		"1:74: secrets must be an absolute path of a file" },
	{ "sinks: [{" HTTP ", secrets: []}]\n",
		"1:66: secrets is an empty list; leave it out or fill it in" },
	{ "sinks: [{" HTTP ", headers: ['X: abc', 'X: abc']}]\n",
		"1:77: headers has an item twice" },
	{ "sinks: [{" HTTP ", headers: 'Host: abc'}]\n", "1:66: headers " HEADER },
	{ "sinks: [{name: h, url: 'https://me:abc@h/'}]\n",
		"1:24: url must be an http or https URL without user and fragment" },
	/* flags and networks */
	{ "sinks: [{" HTTP ", handshake: yes}]\n",
		"1:68: handshake must be true or false, not 'yes'" },
	{ "sinks: [{" HTTP ", mode: batch}]\n",
		"1:63: mode must be binary or structured, not 'batch'" },
	{ "sinks: [{" HTTP ", allow: 10.0.0.0/8}]\n",
		"1:64: allow must be a network and a port, such as 10.0.0.0/8:443 or "
		"[fd00::/8]:443, not '10.0.0.0/8'" },
	/* items */
	{ "sources: [{name: a}]\n", "1:11: source 'a' needs a 'type'" },
	{ "sources:\n  - type: travis\n", "2:5: this source needs a 'name'" },
	{ "sources: [{name: a, type: travis}]\n", "1:11: source 'a' needs a 'host'" },
	{ "sinks: [{name: a, type: file}]\n", "1:9: sink 'a' needs a 'path'" },
	{ "sinks: [{name: a, type: file, topic: t}]\n",
		"1:31: a sink of type file has no 'topic'; it belongs to "
		"backstage-notifications" },
	{ "sinks: [{path: /a, name: a, type: backstage-events}]\n",
		"1:10: a sink of type backstage-events has no 'path'; it belongs to file" },
	{ "routes: [{name: a}]\n", "1:10: route 'a' needs a 'to'" },
	{ "routes: [{name: a, to: }]\n", "1:24: to has no value" },
	/* conditions */
	{ "routes: [{when: {outcome: failed}}]\n",
		"1:27: when.outcome must be queued, started, success, failure, error or cancel, "
		"not 'failed'" },
	{ "routes: [{when: {transition: [fix]}}]\n",
		"1:31: when.transition must be none, fixed, broken or still_failing, not 'fix'" },
	{ "routes: [{when: {kind: componnet}}]\n",
		"1:24: when.kind must be a kind of entity such as component, api, resource or "
		"system, not 'componnet'" },
	{ "routes: [{when: {branch: 'm*n'}}]\n",
		"1:26: when.branch may have a '*' at its end only, not 'm*n'" },
	{ "routes: [{when: {owner: team-a}}]\n",
		"1:25: when.owner must be a whole reference such as group:default/team-a, or its "
		"beginning and a '*', not 'team-a'" },
	{ "routes: [{when: {repository: acme}}]\n",
		"1:30: when.repository must be owner/name, or its beginning and a '*', not "
		"'acme'" },
	/* what no option alone can tell */
	{ "", "1:1: backstage.url is missing; without it there must be a catalog.file" },
	{ "log:\nbackstage:\n  timeout: 1s\n",
		"3:3: backstage.url is missing; without it there must be a catalog.file" },
	{ LEAST "sinks: [{name: n, type: backstage-events}]\n",
		"2:25: sink 'n' needs a backstage.url" },
	{ LEAST "sources:\n  - {name: a, type: travis, host: h}\n",
		"3:5: source 'a' needs public_keys or a config_url" },
	{ LIVE "sources: [{name: a, type: catalog}]\n", "2:11: source 'a' needs a 'protocol'" },
	{ LIVE "sources: [{name: a, type: catalog, protocol: svix}]\n",
		"2:46: protocol must be standard-webhooks or forgedapps, not 'svix'" },
	{ LIVE "sources: [{name: a, type: catalog, protocol: forgedapps}]\n",
		"2:11: source 'a' needs 'secrets'" },
	{ LIVE "sources: [{" PUSHER ", host: h}]\n",
		"2:84: a source of type catalog has no 'host'; it belongs to travis" },
	{ LIVE "sources: [{" SOURCE ", tolerance: 1m}]\n",
		"2:71: a source of type travis has no 'tolerance'; it belongs to catalog" },
	{ LIVE "sources: [{" PUSHER ", tolerance: 2h}]\n",
		"2:95: tolerance must be between 1s and 1h, not '2h'" },
	{ LIVE "sources: [{" PUSHER ", entity_filter: '{}'}]\n",
		"2:99: nobody asks for an entity_filter by protocol standard-webhooks" },
	{ LIVE "sources: [{" PUSHER ", entity_filter: '{'}]\n",
		"2:99: entity_filter must be JSON, not '{'" },
	{ LEAST "sources: [{" PUSHER "}]\n",
		"2:27: source 'a' needs a backstage.url to read again from, and no catalog.file" },
	{ "backstage:\n  url: http://b\n  identity:\n    subject: x\n",
		"4:5: backstage.identity needs an 'issuer'" },
	{ LEAST "sources:\n  - {" SOURCE "}\n  - {" SOURCE "}\n",
		"4:12: there is a source 'a' on line 3 already" },
	{ LEAST "sinks:\n- {name: s, type: file, path: /a}\n- {name: s, type: file, path: /b}\n",
		"4:10: there is a sink 's' on line 3 already" },
	{ LEAST "sinks:\n- {name: s, type: file, path: /a}\n- {name: t, type: file, path: /a}\n",
		"4:31: sink 's' has this path already" },
	{ LEAST "sinks: [{name: s, type: syslog, ca: /a}]\n",
		"2:9: ca, certificate and key need an address that begins with tls:" },
	{ LEAST "sinks: [{name: s, type: syslog, address: 'tls:h:1', key: /a}]\n",
		"2:9: sink 's' needs both a certificate and a key" },
	{ LEAST "sinks: [{name: record, type: file, path: /a}]\n"
		"routes: [{name: x, to: [record, recrod]}]\n",
		"3:33: there is no sink 'recrod'; did you mean 'record'?" },
	{ LEAST "routes: [{name: x, to: bus}]\n", "2:24: there is no sink 'bus'" },
	{ LEAST "sinks: [{name: s, type: file, path: /x}]\n"
		"routes: [{name: x, address: [owner, author], to: s}]\n",
		"3:29: address is for sinks of type backstage-notifications; 'to' names none" },
	{ LEAST "routes: [{name: x, address: [owners], to: s}]\n",
		"2:30: address must be owner or author, not 'owners'" },
	{ LEAST "routes: [{name: x, when: {author: ada}, to: s}]\n",
		"2:35: when.author must be a whole reference such as group:default/team-a, or its "
		"beginning and a '*', not 'ada'" },
	{ LEAST "sinks: [{name: s, type: file, path: /a}]\nsources: [{" SOURCE "}]\n"
		"routes: [{name: x, when: {source: [a, 'z*', b]}, to: s}]\n",
		"4:45: there is no source 'b'; did you mean 'a'?" },
	{ LEAST "sinks: [{" HTTP ", key: /k}]\n",
		"2:9: sink 'h' needs both a certificate and a key" },
	{ LEAST "sinks: [{name: h, type: http, url: 'http://a/', token: {file: /t}}]\n",
		"2:36: sink 'h' would send its secrets unencrypted: url must be an https URL" },
	{ LEAST "tls: {key: /k}\n", "2:6: tls needs both a certificate and a key" },
	{ LEAST "listen: {hooks: 'h:1', admin: ['h:2', 'h:1']}\n",
		"2:31: 'h:1' is in listen.hooks too" },
	{ LEAST "listen: {hooks: 'h:1', admin: 'h:2', api: ['h:3', 'h:2']}\n",
		"2:43: 'h:2' is in listen.admin too" },
	/* providers of secrets */
	{ LEAST "secrets: [{name: v, type: volt}]\n",
		"2:27: type must be vault or aws, not 'volt'" },
	{ LEAST VAULT "}]\n", "2:11: provider 'v' signs in by approle and needs a 'role_id'" },
	{ LEAST VAULT ", auth: jwt, jwt: {env: J}}]\n",
		"2:11: provider 'v' signs in by jwt and needs a 'role'" },
	{ LEAST VAULT ", auth: token, token: {env: T}, role: r}]\n",
		"2:92: provider 'v' signs in by token, and 'role' is for jwt" },
	{ LEAST VAULT ", auth: token, token: {vault: a, field: b, provider: v}}]\n",
		"2:76: token must be on this host: a file, a credential or env" },
	{ LEAST VAULT ", auth: token, token: {env: T}, wrapped: true}]\n",
		"2:95: provider 'v' signs in by token, which has no secret_id to unwrap" },
	{ LEAST "secrets: [{name: v, type: vault, auth: token, token: {env: T}}]\n",
		"2:11: provider 'v' needs an 'address'" },
	{ LEAST "secrets: [{name: v, type: vault, address: 'http://v'}]\n",
		"2:43: address must be an https URL (http to this host itself) without user or "
		"query" },
	{ LEAST AWS ", metadata: 'http://10.0.0.1'}]\n",
		"2:53: metadata must be http://169.254.169.254, http://[fd00:ec2::254] or a port "
		"of 127.0.0.1, not 'http://10.0.0.1'" },
	{ LEAST AWS ", credentials: static, access_key_id: {env: A}}]\n",
		"2:79: provider 'w' needs both an access_key_id and a secret_access_key" },
	{ LEAST AWS ", mount: kv}]\n", "2:43: a provider of type aws has no 'mount'; it belongs to "
				       "vault" },
	/* and references to them */
	{ LEAST "backstage: {token: {vault: a, provider: v}}\n", "2:20: " SECRET },
	{ LEAST "backstage: {token: {file: /a, provider: v}}\n", "2:20: " SECRET },
	{ LEAST "backstage: {token: {vault: a, file: /a}}\n", "2:37: " SECRET },
	{ LEAST "backstage: {token: {aws: a, provider: v}}\n",
		"2:20: backstage.token: there is no provider of that name in 'secrets'" },
	{ LEAST AWS "}]\nbackstage: {token: {vault: a, field: b, provider: w}}\n",
		"3:20: backstage.token: provider 'w' is of type aws, not vault" },
	{ LEAST AWS "}]\nbackstage: {token: {aws: 'ci/{name}', provider: w}}\n",
		"3:20: backstage.token belongs to no entity, so its path has no variables" },
	{ LEAST AWS "}]\naudit: {key: {aws: a, provider: w}}\n",
		"3:14: audit.key must be on this host: a file, a credential or env" },
	{ LEAST AWS "}]\nbackstage: {token: {aws: 'a/../hunter2', provider: w}}\n",
		"3:26: backstage.token must be segments of letters, digits and any of -_.+=@: "
		"between slashes, none of which ends with a dot" },
	{ LEAST "credentials: [{name: a, allow: builds}]\n",
		"2:15: credential 'a' needs a 'secret'" },
	{ LEAST "credentials: [{name: a, secret: {env: A}}]\n",
		"2:15: credential 'a' needs a 'allow'" },
	{ LEAST "credentials: [{name: a, secret: {env: A}, allow: [build]}]\n",
		"2:51: allow must be builds or page, not 'build'" },
	{ LEAST "credentials: [{name: a, secret: {env: A}, allow: page},"
		" {name: a, secret: {env: B}, allow: page}]\n",
		"2:64: there is a credential 'a' on line 2 already" },
	/* variables at repositories */
	{ LEAST API "variables: [{name: d, variable: D, entity: {tag: t}}]\n",
		"3:13: variable 'd' needs a 'value'" },
	{ LEAST API "variables: [{name: d, variable: D, value: {env: V}}]\n",
		"3:13: variable 'd' needs an 'entity' that says which entities have it" },
	{ LEAST "variables: [{name: d, variable: D, value: {env: V}, entity: {tag: t}}]\n",
		"2:13: variable 'd' needs a source with an api_url" },
	{ LEAST API "variables: [{name: d, variable: D, value: {env: V}, entity: {tag: t}, "
		    "source: u}]\n",
		"3:79: there is no source 'u' with an api_url" },
	{ LEAST API "variables: [{name: d, variable: D, value: {env: V}, entity: {tag: t}, "
		    "previous: E}]\n",
		"3:81: previous needs a value that a provider in 'secrets' has" },
	{ LEAST API "variables: [{name: d, variable: D, value: {env: V}, entity: {tag: t}, "
		    "previous: D}]\n",
		"3:81: previous must be another name than variable" },
	{ LEAST API "variables: [{name: d, variable: D, value: {env: V}, entity: {tags: t}}]\n",
		"3:62: unknown key 'tags'; did you mean 'tag'?" },
	{ LEAST "http: {max_uri: 16KiB}\n", "2:17: http.max_uri must be less than http.max_head" },
	{ LEAST "http: {max_uri: 16KiB, max_head: 32KiB, max_api_head: 16KiB}\n",
		"2:17: http.max_uri must be less than http.max_api_head" },
	/* agents */
	{ LEAST "issuers: [{name: i, url: 'https://i'}]\n", "2:11: issuer 'i' needs a 'audience'" },
	{ LEAST "issuers: [{name: i, audience: us}]\n", "2:11: issuer 'i' needs a 'url'" },
	{ LEAST "issuers: [{" ISSUER ", algorithm: HS256}]\n",
		"2:64: algorithm must be ES256 or RS256, not 'HS256'" },
	{ LEAST "issuers: [{name: i, url: 'http://i', audience: us}]\n",
		"2:26: url must be an https URL (http to this host itself) without user or query" },
	{ LEAST "issuers: [{" ISSUER "}, {" ISSUER "}]\n",
		"2:61: there is an issuer 'i' on line 2 already" },
	{ LEAST "issuers: [{" ISSUER "}, {name: j, url: 'https://i', audience: us}]\n",
		"2:69: issuer 'i' has this url already" },
	{ LEAST "access: {issuer: 'https://i'}\nissuers: [{" ISSUER "}]\n",
		"3:26: issuer 'i' is who signs the tokens of Backstage's users" },
	{ AGENT "claims: a=b}, {name: a, issuer: i, claims: c=d}]\n",
		"3:52: there is an agent 'a' on line 3 already" },
	{ LEAST "issuers: [{" ISSUER "}]\nagents: [{name: a, issuer: ii, claims: a=b}]\n",
		"3:28: there is no issuer 'ii'; did you mean 'i'?" },
	{ AGENT "}]\n", "3:10: agent 'a' needs a 'claims'" },
	{ AGENT "claims: []}]\n", "3:39: claims is an empty list; leave it out or fill it in" },
	{ AGENT "claims: [a=b, c=d, a=e]}]\n", "3:50: claims has 'a' twice" },
	{ AGENT "claims: {a: b}}]\n", "3:39: claims must be a list, not a mapping" },
	{ AGENT "claims: a=*}]\n", "3:39: claims " CLAIM_MUST ", not 'a=*'" },
	{ AGENT "claims: a=b*c}]\n", "3:39: claims " CLAIM_MUST ", not 'a=b*c'" },
	{ AGENT "claims: a}]\n", "3:39: claims " CLAIM_MUST ", not 'a'" },
	{ AGENT "claims: '=a'}]\n", "3:39: claims " CLAIM_MUST ", not '=a'" },
	{ AGENT "claims: 'a='}]\n", "3:39: claims " CLAIM_MUST ", not 'a='" },
	{ AGENT "claims: 'a b=c'}]\n", "3:39: claims " CLAIM_MUST ", not 'a b=c'" },
	{ LEAST "http: {max_connections: 10}\n",
		"2:7: http.max_connections_per_address must not be more than "
		"http.max_connections" },
	{ LEAST "retention: {triggers: 1d, trigger_keys: 2d}\n",
		"2:41: retention.trigger_keys must not be longer than retention.triggers" },
	{ LEAST "sinks: [{name: s, type: file, path: /s, circuit: {hold: 1d}}]\n",
		"2:50: circuit.hold must not be more than circuit.max_hold" },
	{ LEAST "sinks: [{name: s, type: file, path: /s, schedule: 5s 5x}]\n",
		"2:51: schedule must be durations of at most 31d, such as 5s 5m 1h, or none, not "
		"'5s 5x'" },
	{ LEAST "sources: [{" SOURCE ", max_body: 65MiB}]\n",
		"2:81: max_body must not be more than http.max_inflight" },
	/* rules */
	{ RULE ", unless: {}}]\n", RULE_AT "unknown key 'unless'" },
	{ RULE ", subject: {groop: [g]}}]\n", "2:67: unknown key 'groop'; did you mean 'group'?" },
	{ RULE ", entity: {owner: [g]}}]\n", "2:66: unknown key 'owner'" },
	{ RULE ", require: {token_max: 1s}}]\n", "2:67: unknown key 'token_max'" },
	{ RULE ", require: {on_behalf_off: true}}]\n",
		"2:67: unknown key 'on_behalf_off'; did you mean 'on_behalf_of'?" },
	{ RULE ", entity.kind: [api]}]\n", RULE_AT "unknown key 'entity.kind'" },
	{ RULE ", subject: {}}]\n", "2:66: subject is empty; leave it out or fill it in" },
	{ RULE ", subject: }]\n", "2:66: subject is empty; leave it out or fill it in" },
	{ RULE ", require: ~}]\n", "2:66: require is empty; leave it out or fill it in" },
	{ RULE ", branch: []}]\n", "2:65: branch is an empty list; leave it out or fill it in" },
	{ RULE ", branch: ['re*se']}]\n",
		"2:66: branch may have a '*' at its end only, not 're*se'" },
	{ RULE ", subject: {group: ['group:default/*']}}]\n",
		"2:75: subject.group must be a whole reference in lower case such as "
		"group:default/team-a, not 'group:default/*'" },
	{ RULE ", subject: {principal: [user:alice]}}]\n",
		"2:79: subject.principal " PRINCIPAL ", not 'user:alice'" },
	{ RULE ", subject: {principal: ['user:Default/*']}}]\n",
		"2:79: subject.principal " PRINCIPAL ", not 'user:Default/*'" },
	{ RULE ", entity: {kind: [Component]}}]\n",
		"2:73: entity.kind must be in lower case and may have a '*' at its end only, not "
		"'Component'" },
	{ LEAST "policy: [{name: r, effect: permit, action: [build.read]}]\n",
		"2:28: effect must be allow or deny, not 'permit'" },
	{ LEAST "policy: [{name: r, effect: allow, action: [build.delete]}]\n",
		"2:44: action must be build.trigger, build.restart, build.cancel, build.read or "
		"build.*, not 'build.delete'" },
	{ LEAST "policy: [{name: r, action: [build.read]}]\n", "2:10: rule 'r' needs a 'effect'" },
	/* YAML itself */
	{ "a: &x 1\n", "1:4: anchors (&name) are not supported; put text that begins with '&' in "
		       "quotes" },
};

Test(conf, says_what_is_wrong_and_where)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct conf *c = NULL;
		CLEANUP(freep) char *why = NULL;

		cr_expect_eq(conf_parse(span_of(r->text), "f", &c, &why), ERR_PARSE, "%s", r->text);
		cr_assert_not_null(why, "%s", r->text);
		cr_expect(strncmp(why, "f:", 2) == 0 && strcmp(why + 2, r->why) == 0,
			"%s\nsays  %s\nnot f:%s", r->text, why, r->why);
	}
}

Test(conf, no_message_repeats_what_may_be_a_secret)
{
	static const char *const texts[] = {
		"backstage: {token: hunter2}",
		"backstage: {token: {hunter2: x}}",
		"backstage: {token: {file: hunter2}}",
		"backstage: {token: {env: '-hunter2'}}",
		"backstage: {token: {credential: /hunter2}}",
		"backstage: {token: {file: [hunter2]}}",
		"backstage: {token: [hunter2, hunter2]}",
		"backstage: {token: !hunter2 x}",
		"backstage: {token: *hunter2}",
		"backstage: {token: &hunter2 x}",
		"backstage: {url: 'https://x:hunter2@h/'}",
		"backstage: {url: hunter2}",
		"sources: [{config_url: 'https://x:hunter2@h/'}]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct conf *c = NULL;
		CLEANUP(freep) char *why = NULL;

		cr_assert_eq(conf_parse(span_of(texts[i]), "f", &c, &why), ERR_PARSE);
		cr_assert_null(strstr(why, "hunter2"), "%s", why);
	}
}

Test(conf, says_no_more_than_a_line_about_monstrous_text)
{
	CLEANUP(freep) char *text = xcalloc(1, 5000);
	struct conf *c = NULL;
	CLEANUP(freep) char *why = NULL;

	memset(text, 'x', 4000);
	strcpy(text + 4000, ": 1\n");
	cr_assert_neq(conf_parse(span_of(text), "f", &c, &why), ERR_OK);
	cr_assert_lt(strlen(why), 200, "%s", why);
	cr_assert_null(strchr(why, '\n'));
}

Test(conf, refuses_a_file_nested_or_sized_beyond_reason)
{
	static char big[1024 * 1024 + 1];
	struct conf *c = NULL;
	char *why = NULL;

	memset(big, '#', sizeof(big));
	cr_assert_eq(conf_parse((struct span){ big, sizeof(big) }, "f", &c, &why), ERR_LIMIT);
	cr_assert_str_eq(why, "f:1:1: too large");
	free(why);
	cr_assert_eq(conf_parse(SPAN("[[[[[[[[[[[a]]]]]]]]]]]"), "f", &c, &why), ERR_LIMIT);
	cr_assert_str_eq(why, "f:1:11: nested too deeply");
	free(why);
}

/* Every address, URL and the like that is tried, by option. */
struct spelling {
	const char *option; /* as in the table */
	const char *text;
	bool good;
};

static const struct spelling spellings[] = {
	{ "listen.hooks", "127.0.0.1:1", true },
	{ "listen.hooks", "localhost:65535", true },
	{ "listen.hooks", "[::]:8470", true },
	{ "listen.hooks", "[fe80::1%eth0]:1", false },
	{ "listen.hooks", "systemd:stagewire-hooks", true },
	{ "listen.hooks", "unix:/run/x.sock", true },
	{ "listen.hooks", "unix:run/x.sock", false },
	{ "listen.hooks", "unix:", false },
	{ "listen.hooks", "systemd:", false },
	{ "listen.hooks", "::1:8470", false },
	{ "listen.hooks", "127.0.0.1:0", false },
	{ "listen.hooks", "127.0.0.1:65536", false },
	{ "listen.hooks", "127.0.0.1:", false },
	{ "listen.hooks", ":8470", false },
	{ "listen.hooks", "[::1:8470", false },
	{ "listen.hooks", "[]:8470", false },
	{ "listen.hooks", "[::1]8470", false },
	{ "listen.hooks", "a b:1", false },
	{ "backstage.url", "http://h", true },
	{ "backstage.url", "http://[::1]:7007", true },
	{ "backstage.url", "https://h/sub/path/", true },
	{ "backstage.url", "https://h/myapi", true },
	{ "backstage.url", "https://h/api", false },
	{ "backstage.url", "https://h/api/", false },
	{ "backstage.url", "https://", false },
	{ "backstage.url", "https:///x", false },
	{ "backstage.url", "HTTPS://h", false },
	{ "backstage.url", "ftp://h", false },
	{ "backstage.url", "h:7007", false },
	{ "backstage.url", "https://h:99999", false },
	{ "backstage.url", "https://h?x", false },
	{ "backstage.url", "https://h/#x", false },
	{ "backstage.url", "https://u@h", false },
	{ "backstage.url", "https://h\\\\@g/", false },
	{ "backstage.url", "https://h/%2e%2e", false },
	{ "sources[].config_url", "https://api.travis-ci.com/config", true },
	{ "sources[].config_url", "http://localhost/config", true },
	{ "sources[].config_url", "http://[::1]:80/config", true },
	{ "sources[].config_url", "http://127.0.0.1", true },
	{ "sources[].config_url", "http://127.0.0.1.evil.example/", false },
	{ "sources[].config_url", "http://localhost.evil.example/", false },
	{ "sources[].config_url", "http://api.travis-ci.com/config", false },
	{ "sources[].host", "app.travis-ci.com", true },
	{ "sources[].host", "ci.example:8443", false },
	{ "sources[].host", "ci.example/", false },
	{ "sources[].name", "travis-com", true },
	{ "sources[].name", "0", true },
	{ "sources[].name", "-a", false },
	{ "sources[].name", "a_b", false },
	{ "sources[].name", "../a", false },
	{ "store.path", "/", false },
	{ "store.path", "/a/", false },
	{ "store.path", "/a b", true },
	{ "catalog.annotation", "travis-ci.com/repo-slug", true },
	{ "catalog.annotation", "a b", false },
	{ "sinks[].topic", "stagewire.build", true },
	{ "sinks[].topic", "a b", false },
	{ "sinks[].url", "https://h/x?y=z&a=%20b+c", true },
	{ "sinks[].url", "http://127.0.0.1:8080", true },
	{ "sinks[].url", "https://[::1]:8080/?x", true },
	{ "sinks[].url", "https://h?x", true },
	{ "sinks[].url", "https://u:p@h/", false },
	{ "sinks[].url", "https://h/#x", false },
	{ "sinks[].url", "https://h/a b", false },
	{ "sinks[].url", "https://h\\\\@g/", false },
	{ "sinks[].url", "ftp://h/", false },
	{ "sinks[].url", "https:///x", false },
	{ "sinks[].headers", "X-A: b", true },
	{ "sinks[].headers", "X-A:b", false },
	{ "sinks[].headers", "ce-id: b", false },
	{ "sinks[].allow", "10.0.0.0/8:443", true },
	{ "sinks[].allow", "10.0.0.0/8", false },
	{ "sinks[].recipients", "group:default/ops", true },
	{ "sinks[].recipients", "group:*", false },
	{ "sinks[].recipients", "group:default/", false },
	{ "sinks[].recipients", ":default/ops", false },
	{ "sinks[].recipients", "group:/ops", false },
	{ "sinks[].recipients", "default/group:ops", false },
	{ "sinks[].recipients", "a:b/c,d:e/f", false },
	{ "sinks[].address", "unix:/dev/log", true },
	{ "sinks[].address", "unix-stream:/run/log", true },
	{ "sinks[].address", "tcp:localhost:514", true },
	{ "sinks[].address", "tls:[::1]:6514", true },
	{ "sinks[].address", "tls:logs.example.com", false },
	{ "sinks[].address", "tls:logs.example.com:0", false },
	{ "sinks[].address", "udp:logs.example.com:514", false },
	{ "sinks[].address", "unix:dev/log", false },
	{ "sinks[].address", "localhost:514", false },
	{ "sinks[].facility", "local7", true },
	{ "sinks[].facility", "local8", false },
	{ "sinks[].format", "text", true },
	{ "sinks[].format", "JSON", false },
	{ "variables[].variable", "DEPLOY_TOKEN_2", true },
	{ "variables[].variable", "2ND", false },
	{ "variables[].variable", "A-B", false },
	{ "variables[].variable", "A B", false },
	{ "variables[].variable", "TRAVIS_BRANCH", false },
	{ "variables[].variable", "CI", false },
	{ "variables[].branch", "release/1.x", true },
	{ "variables[].branch", "release/*", false },
	{ "variables[].branch", "a b", false },
	{ "routes[].name", "\xc3\xa9t\xc3\xa9", true },
	{ "routes[].name", "\xe2\x80\xae", false },
	{ "routes[].name", "\xc2\x85", false },
	{ "routes[].when.kind", "Component", true },
	{ "routes[].when.kind", "app", true },
	{ "routes[].when.kind", "systems", false },
	{ "routes[].when.kind", "a-b", false },
	{ "routes[].when.owner", "user:default/x", true },
	{ "routes[].when.owner", "group:*", true },
	{ "routes[].when.owner", "group:x", false },
	{ "routes[].when.repository", "acme/*", true },
	{ "routes[].when.repository", "*", true },
};

Test(conf, tells_good_forms_from_bad_ones)
{
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		const struct spelling *s = &spellings[i];
		const struct conf_option *o = conf_option_find(s->option);

		cr_assert_not_null(o, "%s", s->option);
		cr_expect_eq(conf_text_is_printable(s->text) && o->form->fits(s->text), s->good,
			"%s: %s", s->option, s->text);
	}
}

Test(conf, words_of_conditions_are_those_that_events_have)
{
	const struct conf_form *outcome = conf_option_find("routes[].when.outcome")->form;
	const struct conf_form *transition = conf_option_find("routes[].when.transition")->form;

	for (int s = 0; s < BUILD_STATES; s++)
		cr_assert(outcome->fits(cloudevent_outcome((enum build_state)s)));
	for (int t = TRANSITION_NONE; t <= TRANSITION_STILL_FAILING; t++)
		cr_assert(transition->fits(transition_str((enum transition)t)));
}

/* --- the table itself --- */

static bool is_number(const struct conf_option *o)
{
	return o->type != CONF_TEXT && o->type != CONF_TEXTS && o->type != CONF_SECRET &&
	       o->type != CONF_SECRETS;
}

Test(conf, table_has_defaults_within_bounds)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];
		int64_t min, max, n;

		cr_assert_lt(strlen(o->name), CONF_NAME_MAX);
		cr_assert_eq(conf_option_find(o->name), o, "%s is there twice", o->name);
		cr_assert_eq(o->form != NULL, o->type == CONF_TEXT || o->type == CONF_TEXTS);
		if (o->dflt != NULL && !is_number(o))
			cr_assert(o->form->fits(o->dflt), "%s", o->name);
		if (!is_number(o))
			continue;
		cr_assert_eq(conf_number_parse(o->type, o->dflt, &n), ERR_OK, "%s", o->name);
		if (o->type == CONF_LEVEL || o->type == CONF_BOOL)
			continue;
		cr_assert_eq(conf_number_parse(o->type, o->min, &min), ERR_OK, "%s", o->name);
		cr_assert_eq(conf_number_parse(o->type, o->max, &max), ERR_OK, "%s", o->name);
		cr_assert(min <= n && n <= max, "%s", o->name);
	}
}

Test(conf, every_field_of_an_item_can_be_reloaded)
{
	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];

		cr_assert(o->reload || strchr(o->name, '[') == NULL, "%s", o->name);
	}
}

/* Write "a.b: value" or "a.b.c: value" as YAML. */
static void write_option(char *text, size_t max, const struct conf_option *o, const char *value)
{
	const char *dot = strchr(o->name, '.'), *inner = strchr(dot + 1, '.');
	int n = inner == NULL ? 0 : (int)(inner - dot - 1);

	snprintf(text, max, "%.*s: {%.*s%s%s: \"%s\"}%s\n%s", (int)(dot - o->name), o->name, n,
		dot + 1, n > 0 ? ": {" : "", n > 0 ? inner + 1 : dot + 1, value, n > 0 ? "}" : "",
		strncmp(o->name, "catalog.", 8) == 0 ? "backstage: {url: http://h}" : LEAST);
}

/* Is this a value that cannot stand alone, or that another option's default contradicts? */
static bool is_bound_elsewhere(const struct conf_option *o, const char *value)
{
	return o->with != NULL || (strcmp(o->name, "http.max_head") == 0 && value == o->min) ||
	       (strcmp(o->name, "http.max_api_head") == 0 && value == o->min) ||
	       (strcmp(o->name, "http.max_connections") == 0 && value == o->min);
}

Test(conf, every_default_and_least_value_can_be_written_down)
{
	size_t written = 0;

	for (size_t i = 0; i < conf_options_n; i++) {
		const struct conf_option *o = &conf_options[i];
		const char *const values[] = { o->dflt, o->min };
		char text[256];

		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			if (values[v] == NULL || strchr(o->name, '[') != NULL ||
				is_bound_elsewhere(o, values[v]))
				continue;
			write_option(text, sizeof(text), o, values[v]);
			conf_free(conf_of(text));
			written++;
		}
	}
	cr_assert_gt(written, 30);
}

/* --- reload --- */

static void assert_frozen(const char *before, const char *after, const char *expected)
{
	CLEANUP(conf_freep) struct conf *a = conf_of(before);
	CLEANUP(conf_freep) struct conf *b = conf_of(after);
	const char *frozen = conf_frozen_change(a, b);

	if (expected == NULL)
		cr_assert_null(frozen, "%s", frozen);
	else
		cr_assert_str_eq(frozen, expected);
}

Test(conf, reload_cannot_move_listeners_or_the_store)
{
	assert_frozen(LEAST, LEAST "listen: {hooks: ['h:1']}", "listen.hooks");
	assert_frozen(LEAST, LEAST "listen: {admin: ['h:1']}", "listen.admin");
	assert_frozen(LEAST, LEAST "listen: {mode: '0600'}", "listen.mode");
	assert_frozen(LEAST "listen: {hooks: ['h:1', 'h:2']}", LEAST "listen: {hooks: ['h:1']}",
		"listen.hooks");
	assert_frozen(LEAST, LEAST "store: {path: /x}", "store.path");
	assert_frozen(LEAST, LEAST "store: {max_inflight: 1MiB}", "store.max_inflight");
	assert_frozen(LEAST, LEAST "tls: {key: /k, certificate: /c}", "tls.key");
}

Test(conf, reload_changes_the_rest)
{
	assert_frozen(LEAST, LEAST, NULL);
	assert_frozen(LEAST "tls: {key: /k, certificate: /c}",
		LEAST "tls: {key: /l, certificate: /d}", NULL);
	assert_frozen(LEAST, LEAST "log: {level: err}\nhttp: {max_fields: 9}", NULL);
	assert_frozen(LEAST "sources: [{" SOURCE "}]", LEAST, NULL);
	assert_frozen(LEAST, "backstage: {url: http://h, token: {env: A}}", NULL);
	assert_frozen(LEAST "sinks: [{name: s, type: file, path: /a}]",
		LEAST "sinks: [{name: s, type: file, path: /b}]", NULL);
}

/* --- files --- */

Test(conf, loads_a_file_and_names_it_when_it_is_bad)
{
	char path[] = "/tmp/test_conf.XXXXXX";
	char wanted[64];
	int fd = mkstemp(path);
	struct conf *c = NULL;
	char *why = NULL;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, LEAST, strlen(LEAST)), (ssize_t)strlen(LEAST));
	cr_assert_eq(conf_load(path, &c, &why), ERR_OK);
	conf_free(c);
	cr_assert_eq(write(fd, "x: 1\n", 5), 5);
	close(fd);
	cr_assert_eq(conf_load(path, &c, &why), ERR_PARSE);
	snprintf(wanted, sizeof(wanted), "%s:2:1: unknown key 'x'", path);
	cr_assert_str_eq(why, wanted);
	free(why);
	unlink(path);
	cr_assert_eq(conf_load(path, &c, &why), ERR_NOTFOUND);
	snprintf(wanted, sizeof(wanted), "%s: No such file or directory", path);
	cr_assert_str_eq(why, wanted);
	free(why);
	cr_assert_eq(conf_load("/tmp", &c, &why), ERR_IO);
	cr_assert_str_eq(why, "/tmp: Is a directory");
	free(why);
}

Test(conf, freeing_nothing_is_fine)
{
	conf_free(NULL);
}
