/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "ctl/doctor_impl.h"

/* What may be done with a file by those who are neither its owner nor root. */
enum guard {
	GUARD_PUBLIC,  /* read, but not written */
	GUARD_PRIVATE, /* nothing; its group may read */
	GUARD_DOOR,    /* a socket: nothing by others, anything by its group */
};

struct look {
	struct doctor_report *report;
	uid_t owner; /* of the state directory: the daemon's user */
	bool owner_known;
};

static mode_t forbidden(enum guard g)
{
	switch (g) {
	case GUARD_PUBLIC: return 022;
	case GUARD_PRIVATE: return 027;
	case GUARD_DOOR: return 007;
	}
	return 0;
}

static const char *user_name(uid_t uid, char text[64])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		snprintf(text, 64, "%s", pw->pw_name);
	else
		snprintf(text, 64, "%u", uid);
	return text;
}

/* "read by others and written by its group" */
static const char *describe_mode(mode_t excess, char text[128])
{
	const struct {
		mode_t bit;
		const char *what;
	} word[] = {
		{ 004, "read by others" },
		{ 002, "written by others" },
		{ 020, "written by its group" },
	};
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		if ((excess & word[i].bit) != 0)
			n += (size_t)snprintf(
				text + n, 128 - n, "%s%s", n == 0 ? "" : " and ", word[i].what);
	}
	if (n == 0)
		snprintf(text, 128, "entered by others");
	return text;
}

static void judge_owner(const struct look *l, const char *path, const struct stat *st)
{
	char is[64], should[64];

	if (!l->owner_known || st->st_uid == 0 || st->st_uid == l->owner)
		return;
	user_name(l->owner, should);
	doctor_say(l->report, DOCTOR_FAIL, "file-owner", path,
		"it is %s's, neither root's nor %s's", user_name(st->st_uid, is), should);
	doctor_fix(l->report, "chown %s %s", should, path);
}

static void judge_mode(const struct look *l, const char *path, const struct stat *st, enum guard g)
{
	const mode_t mode = st->st_mode & 07777;
	const mode_t excess = mode & forbidden(g);
	char what[128];

	if (excess == 0) {
		doctor_say(l->report, DOCTOR_OK, "file-mode", path, "%04o", mode);
		return;
	}
	doctor_say(l->report, DOCTOR_FAIL, "file-mode", path, "%04o: it may be %s", mode,
		describe_mode(excess, what));
	doctor_fix(l->report, "chmod %04o %s", mode & ~forbidden(g), path);
}

/* A file that need not be there yet is passed over then. */
static void look_at(const struct look *l, const char *path, enum guard g, bool needed)
{
	struct stat st;

	if (path == NULL)
		return;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT && !needed)
			return;
		doctor_say(l->report, errno == EACCES ? DOCTOR_SKIPPED : DOCTOR_FAIL, "file-mode",
			path, "%s", strerror(errno));
		doctor_fix(l->report,
			errno == EACCES ? "Run stagewirectl as root, who may look at %s."
					: "Put %s there, or correct the configuration.",
			path);
		return;
	}
	judge_mode(l, path, &st, g);
	judge_owner(l, path, &st);
}

static void look_at_secret(const struct look *l, const struct secret_ref *ref)
{
	switch (ref->place) {
	case SECRET_FILE: look_at(l, ref->name, GUARD_PRIVATE, true); return;
	case SECRET_ENV:
		doctor_say(l->report, DOCTOR_WARN, "secret-place", ref->name,
			"the environment is passed on to children and kept in /proc");
		doctor_fix(l->report,
			"Keep it in a file, or as a credential: LoadCredential=%s:PATH and "
			"{credential: %s}.",
			ref->name, ref->name);
		return;
	case SECRET_NONE:
	case SECRET_CREDENTIAL: /* of the service only, and systemd's to guard */
	case SECRET_VAULT:
	case SECRET_AWS: return;
	}
}

static void look_at_secrets(const struct look *l, const struct conf *c)
{
	size_t n;
	const struct secret_ref **refs = conf_refs(c, &n);

	for (size_t i = 0; i < n; i++)
		look_at_secret(l, refs[i]);
	free(refs);
	for (size_t i = 0; i < c->providers; i++) {
		const struct conf_provider *p = &c->provider[i];
		const struct secret_ref *own[] = { &p->role_id, &p->secret_id, &p->jwt, &p->token,
			&p->access_key_id, &p->secret_access_key, &p->session_token };

		for (size_t k = 0; k < ARRAY_SIZE(own); k++)
			look_at_secret(l, own[k]);
		look_at(l, p->token_file, GUARD_PRIVATE, true);
		look_at(l, p->ca, GUARD_PUBLIC, true);
	}
}

static void look_at_sockets(const struct look *l, char *const *address)
{
	for (; address != NULL && *address != NULL; address++) {
		if (strncmp(*address, "unix:", 5) == 0)
			look_at(l, *address + 5, GUARD_DOOR, false);
	}
}

static void look_beside_store(const struct look *l, const struct conf *c)
{
	static const char *const names[] = { "audit.key", "author.key", "identity.key",
		"identity-old.key" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = conf_beside_store(c, names[i]);

		look_at(l, path, GUARD_PRIVATE, false);
	}
	look_at(l, c->store_path, GUARD_PRIVATE, false);
}

static void look_at_public(const struct look *l, const struct conf *c)
{
	look_at(l, c->catalog_file, GUARD_PUBLIC, true);
	look_at(l, c->tls_certificate, GUARD_PUBLIC, true);
	for (size_t i = 0; i < c->sources; i++) {
		for (char **key = c->source[i].public_keys; key != NULL && *key != NULL; key++)
			look_at(l, *key, GUARD_PUBLIC, true);
	}
	for (size_t i = 0; i < c->sinks; i++) {
		look_at(l, c->sink[i].ca, GUARD_PUBLIC, true);
		look_at(l, c->sink[i].certificate, GUARD_PUBLIC, true);
	}
}

void doctor_files(struct doctor_report *r, const struct conf *c, const char *conf_path)
{
	CLEANUP(freep) char *state = conf_beside_store(c, ".");
	struct look l = { .report = r };
	struct stat st;

	if (stat(state, &st) == 0) {
		l.owner = st.st_uid;
		l.owner_known = true;
	}
	state[strlen(state) - 2] = '\0'; /* without "/." */
	look_at(&l, conf_path, GUARD_PUBLIC, true);
	look_at(&l, state[0] == '\0' ? "/" : state, GUARD_PRIVATE, true);
	look_beside_store(&l, c);
	look_at_secrets(&l, c);
	look_at(&l, c->tls_key, GUARD_PRIVATE, true);
	for (size_t i = 0; i < c->sinks; i++)
		look_at(&l, c->sink[i].key, GUARD_PRIVATE, true);
	look_at_public(&l, c);
	look_at_sockets(&l, c->listen_admin);
	look_at_sockets(&l, c->listen_hooks);
	look_at_sockets(&l, c->listen_api);
	look_at_sockets(&l, c->listen_keys);
}
