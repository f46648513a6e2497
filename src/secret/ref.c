/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/ref.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/secmem.h"

#define SECRET_BYTES_MAX ((size_t)64 * 1024)

void secret_ref_release(struct secret_ref *r)
{
	free(r->name);
	free(r->field);
	free(r->provider);
	*r = (struct secret_ref){ 0 };
}

bool secret_ref_is_remote(const struct secret_ref *r)
{
	return r->place == SECRET_VAULT || r->place == SECRET_AWS;
}

static char *text_copy(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

struct secret_ref secret_ref_copy(const struct secret_ref *r)
{
	return (struct secret_ref){
		.place = r->place,
		.name = text_copy(r->name),
		.field = text_copy(r->field),
		.provider = text_copy(r->provider),
	};
}

static void secret_say(char **why, const char *kind, const char *name, const char *what)
{
	struct buf b;

	buf_init(&b, PATH_MAX + 256);
	IGNORE(buf_addf(&b, "secret in %s %s: %s", kind, name, what) != ERR_OK);
	*why = buf_detach(&b);
}

/* Cut the newline that editors leave, and judge what remains. */
static enum err secret_make(const char *bytes, size_t n, const char *kind, const char *name,
	struct secret **out, char **why)
{
	if (n > 0 && bytes[n - 1] == '\n')
		n--;
	if (n == 0 || memchr(bytes, '\0', n) != NULL) {
		secret_say(why, kind, name, n == 0 ? "it is empty" : "it has a zero byte in it");
		return ERR_PARSE;
	}
	if (n > SECRET_BYTES_MAX) {
		secret_say(why, kind, name, "it is longer than 64 KiB");
		return ERR_LIMIT;
	}
	*out = secret_new(bytes, n);
	return ERR_OK;
}

/* Read up to max bytes; -1 with errno on failure. */
static ssize_t secret_read_all(int fd, char *bytes, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(fd, bytes + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static enum err secret_read_fd(
	int fd, const char *kind, const char *path, struct secret **out, char **why)
{
	char bytes[SECRET_BYTES_MAX + 2]; /* a newline, and one to see that it is too long */
	struct stat st;
	ssize_t n;
	enum err e;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		secret_say(why, kind, path, "it is no regular file");
		return ERR_IO;
	}
	n = secret_read_all(fd, bytes, sizeof(bytes));
	if (n < 0) {
		secret_say(why, kind, path, strerror(errno));
		e = ERR_IO;
	} else {
		e = secret_make(bytes, (size_t)n, kind, path, out, why);
	}
	secret_wipe(bytes, sizeof(bytes));
	return e;
}

static enum err secret_fetch_file(
	const char *kind, const char *path, struct secret **out, char **why)
{
	/* Without O_NONBLOCK, a fifo in that place would hang the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum err e;

	if (fd < 0) {
		e = errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
		secret_say(why, kind, path, strerror(errno));
		return e;
	}
	e = secret_read_fd(fd, kind, path, out, why);
	close(fd);
	return e;
}

static enum err secret_fetch_credential(const char *name, struct secret **out, char **why)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	CLEANUP(buf_release) struct buf path;

	buf_init(&path, PATH_MAX);
	if (dir == NULL) {
		secret_say(why, "credential", name,
			"there is no $CREDENTIALS_DIRECTORY; see LoadCredential= in "
			"systemd.exec(5)");
		return ERR_NOTFOUND;
	}
	if (!secret_credential_is_valid(name)) {
		secret_say(why, "credential", name, "a credential's name is no path");
		return ERR_PARSE;
	}
	if (buf_addf(&path, "%s/%s", dir, name) != ERR_OK) {
		secret_say(why, "credential", name, "its path is too long");
		return ERR_LIMIT;
	}
	return secret_fetch_file("credential", path.data, out, why);
}

static enum err secret_fetch_env(const char *name, struct secret **out, char **why)
{
	const char *value = getenv(name);

	if (value == NULL) {
		secret_say(why, "environment variable", name, "it is not set");
		return ERR_NOTFOUND;
	}
	return secret_make(value, strlen(value), "environment variable", name, out, why);
}

bool secret_credential_is_valid(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

enum err secret_fetch(const struct secret_ref *r, struct secret **out, char **why)
{
	switch (r->place) {
	case SECRET_FILE: return secret_fetch_file("file", r->name, out, why);
	case SECRET_CREDENTIAL: return secret_fetch_credential(r->name, out, why);
	case SECRET_ENV: return secret_fetch_env(r->name, out, why);
	case SECRET_VAULT:
	case SECRET_AWS:
		secret_say(why, "provider", r->provider, "it was not asked yet");
		return ERR_BUSY;
	case SECRET_NONE: break;
	}
	*why = xstrdup("no secret is configured");
	return ERR_NOTFOUND;
}
