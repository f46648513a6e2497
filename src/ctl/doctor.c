/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "ctl/ask.h"
#include "ctl/doctor_impl.h"
#include "ctl/view_impl.h"
#include "ctl/wish.h"
#include "io/crypto.h"
#include "io/json.h"

#define EXIT_NOTHING 2
#define ANSWER_MAX   (16 * 1024 * 1024)

static enum doctor_verdict verdict_of(const char *word)
{
	for (enum doctor_verdict v = DOCTOR_OK; v < DOCTOR_FAIL; v++) {
		if (strcmp(word, doctor_verdict_str(v)) == 0)
			return v;
	}
	return DOCTOR_FAIL;
}

static const char *text_of(struct json_object *o, const char *name)
{
	const char *text = jdoc_text(jdoc_member(o, name));

	return text == NULL ? "" : text;
}

/* Add what the daemon found to what we did. */
static void take_findings(struct doctor_report *r, struct json_object *list)
{
	r->by = "stagewired";
	for (size_t i = 0; i < jdoc_count(list); i++) {
		struct json_object *f = jdoc_at(list, i);

		doctor_say(r, verdict_of(text_of(f, "verdict")), text_of(f, "check"),
			text_of(f, "about"), "%s", text_of(f, "seen"));
		if (text_of(f, "fix")[0] != '\0')
			doctor_fix(r, "%s", text_of(f, "fix"));
	}
	r->by = "stagewirectl";
}

/* The configuration that the daemon has; NULL, NULL where it does not answer. */
struct running {
	char *path, *digest;
};

static void running_release(struct running *d)
{
	free(d->path);
	free(d->digest);
}

/* Take the daemon's findings. */
static struct running ask_daemon(struct doctor_report *r, const struct wish *w)
{
	CLEANUP(buf_release) struct buf answer;
	CLEANUP(freep) char *why = NULL;
	struct json_object *root = NULL;
	struct running d = { 0 };
	enum err e;

	buf_init(&answer, ANSWER_MAX);
	e = ask(w->socket, "/v1/doctor", (struct span){ 0 }, true, &answer, &why);
	if (e == ERR_OK)
		e = jdoc_parse(buf_span(&answer), &view_limits, &root);
	if (e == ERR_OK) {
		take_findings(r, jdoc_get(root, "report.findings"));
		d.path = xstrdup(text_of(root, "config"));
		d.digest = xstrdup(text_of(root, "config_sha256"));
	} else {
		doctor_say(r, DOCTOR_SKIPPED, "daemon", w->socket,
			"the network was not looked at: %s",
			why == NULL ? "its answer cannot be read" : why);
		doctor_fix(r, "Start it (systemctl start stagewired), or ask as its user or root.");
	}
	jdoc_free(root);
	return d;
}

/* Did somebody change the file since the daemon read it? */
static void judge_drift(
	struct doctor_report *r, const struct conf *c, const char *path, const struct running *d)
{
	char digest[65];

	if (d->path == NULL || strcmp(d->path, path) != 0)
		return;
	conf_digest(c, digest);
	if (strcmp(digest, d->digest) == 0) {
		doctor_say(r, DOCTOR_OK, "configuration-drift", path, "the daemon has it so");
		return;
	}
	doctor_say(r, DOCTOR_WARN, "configuration-drift", path,
		"it says something else than the configuration that the daemon has");
	doctor_fix(r, "systemctl reload stagewired, and see in the journal that it was taken.");
}

/* False if there is none to look at. */
static bool look_at_configuration(
	struct doctor_report *r, const char *path, const struct running *d)
{
	CLEANUP(freep) char *why = NULL;
	struct conf *c = NULL;
	enum err e = conf_load(path, &c, &why);

	if (e == ERR_OK) {
		doctor_say(r, DOCTOR_OK, "configuration", path, "it reads well");
		judge_drift(r, c, path, d);
		doctor_files(r, c, path);
		doctor_disk(r, c);
	} else {
		doctor_say(r, DOCTOR_FAIL, "configuration", path, "%s", why);
		doctor_fix(r, "Correct it, and try: stagewired --check-config --config %s", path);
	}
	conf_free(c);
	return e == ERR_OK || access(path, R_OK) == 0;
}

static void print_finding(const struct doctor_finding *f)
{
	printf("%-8s%-18s%s: %s", doctor_verdict_str(f->verdict), f->check, f->about, f->seen);
	printf(strcmp(f->check, "library") == 0 ? " (%s)\n" : "\n", f->by);
	if (f->fix != NULL)
		printf("%-8s%-18s%s\n", "", "  fix:", f->fix);
}

/* The worst last, where an operator's eye is. */
static void print_report(const struct doctor_report *r)
{
	for (enum doctor_verdict v = DOCTOR_OK; v <= DOCTOR_FAIL; v++) {
		for (size_t i = 0; i < r->n; i++) {
			if (r->list[i].verdict == v)
				print_finding(&r->list[i]);
		}
	}
	printf("\n%zu ok, %zu skipped, %zu to look at, %zu failed\n",
		doctor_report_count(r, DOCTOR_OK), doctor_report_count(r, DOCTOR_SKIPPED),
		doctor_report_count(r, DOCTOR_WARN), doctor_report_count(r, DOCTOR_FAIL));
}

static void print_as_json(const struct doctor_report *r)
{
	CLEANUP(buf_release) struct buf text;
	struct json_writer w;

	buf_init(&text, ANSWER_MAX);
	json_writer_init(&w, &text);
	doctor_report_write(r, &w);
	printf("%.*s\n", (int)text.len, text.data);
}

int doctor_command(const struct wish *w)
{
	struct doctor_report r = { .by = "stagewirectl" };
	CLEANUP(running_release) struct running d = { 0 };
	const char *path;
	int status;

	if (crypto_init() != ERR_OK) {
		fprintf(stderr, "stagewirectl: the cryptographic libraries do not work\n");
		return EXIT_NOTHING;
	}
	d = ask_daemon(&r, w);
	path = w->config != NULL ? w->config : d.path;
	if (path == NULL)
		path = CONF_PATH_DEFAULT;
	if (!look_at_configuration(&r, path, &d) && d.path == NULL) {
		fprintf(stderr,
			"stagewirectl: no daemon answers at %s, and %s cannot be read; which "
			"--config?\n",
			w->socket, path);
		doctor_report_release(&r);
		return EXIT_NOTHING;
	}
	doctor_libraries(&r);
	doctor_packages_here(&r);
	doctor_clock(&r);
	if (w->json)
		print_as_json(&r);
	else
		print_report(&r);
	status = doctor_report_verdict(&r) == DOCTOR_FAIL ? EXIT_FAILURE : EXIT_SUCCESS;
	doctor_report_release(&r);
	return fflush(stdout) == 0 ? status : EXIT_NOTHING;
}
