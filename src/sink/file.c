/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/span.h"
#include "io/loop.h"
#include "io/worker.h"

#define FILE_MODE 0640
#define BATCH_MAX ((size_t)8 << 20)

struct line {
	struct worker_job job;
	char *text; /* with its newline */
	size_t len;
	bool reopen; /* no line: open the path anew */
	unsigned generation;
	int error; /* errno, 0: it is on disk */
	void (*on_result)(void *ctx, const struct sink_result *r);
	void *ctx;
};

struct file_sink {
	struct worker *worker;
	char *path;
	int64_t rotate_size;
	unsigned keep;
	unsigned generation; /* of sends; results of an earlier one are wanted no more */
	/* The thread's own. */
	int fd; /* -1: to be opened */
	int64_t size;
	bool torn; /* its end could not be taken back: who knows what is there on disk */
};

/* --- on the thread --- */

static void file_close(struct file_sink *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* A crash may have cut the last line short: end it, so that the next one stands alone. */
static int file_end_torn_line(struct file_sink *f)
{
	char last;

	if (f->size == 0)
		return 0;
	if (!f->torn && (pread(f->fd, &last, 1, f->size - 1) != 1 || last == '\n'))
		return 0;
	if (write(f->fd, "\n", 1) != 1)
		return errno;
	f->torn = false;
	f->size++;
	return 0;
}

/* A file whose name is not on disk yet may be gone after a power cut, lines and all. */
static int directory_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *dir = NULL;
	int fd, error = 0;

	if (slash == NULL)
		dir = xstrdup(".");
	else
		dir = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fsync(fd) != 0)
		error = errno;
	close(fd);
	return error;
}

static int file_open_path(struct file_sink *f)
{
	struct stat st;
	int error;

	f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		FILE_MODE);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return errno;
	/* Nothing else can be synced, and nothing else keeps what it was given. */
	if (!S_ISREG(st.st_mode))
		return ENOTSUP;
	f->size = st.st_size;
	error = file_end_torn_line(f);
	return error != 0 ? error : directory_sync(f->path);
}

/*
 * Look at the open file: others may have cut it (copytruncate), or deleted it,
 * and what is appended to a deleted file is lost.
 */
static bool file_is_there(struct file_sink *f)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0 || st.st_nlink == 0)
		return false;
	f->size = st.st_size;
	return true;
}

static int file_open(struct file_sink *f)
{
	int error;

	if (f->fd >= 0 && !file_is_there(f))
		file_close(f);
	if (f->fd >= 0)
		return 0;
	error = file_open_path(f);
	if (error != 0)
		file_close(f);
	return error;
}

static void rename_numbered(const char *path, unsigned from)
{
	CLEANUP(freep) char *old = NULL;
	CLEANUP(freep) char *new = NULL;

	if (asprintf(&old, "%s.%u", path, from) < 0 || asprintf(&new, "%s.%u", path, from + 1) < 0)
		abort();
	/* One that is not there leaves a gap, which is no harm. */
	IGNORE(rename(from == 0 ? path : old, new) != 0);
}

/*
 * PATH.2 to PATH.3, PATH.1 to PATH.2, PATH to PATH.1; the oldest is overwritten.
 * Where renaming is not allowed the file grows on: better large than lost.
 */
static int file_rotate(struct file_sink *f)
{
	if (f->rotate_size == 0 || f->size < f->rotate_size)
		return 0;
	for (unsigned i = f->keep; i-- > 0;)
		rename_numbered(f->path, i);
	file_close(f);
	return file_open(f);
}

static int file_write_all(struct file_sink *f, struct span bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(f->fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

/*
 * All of it, or what was written taken back. That goes for a failed sync too:
 * the kernel takes its pages for clean, so that no later one would write them,
 * and they could stand between our lines as anything. What is sent again is
 * written anew.
 */
static int file_append(struct file_sink *f, struct span bytes)
{
	int error = file_write_all(f, bytes);

	if (error == 0 && fdatasync(f->fd) != 0)
		error = errno;
	if (error == 0)
		f->size += (int64_t)bytes.n;
	else if (ftruncate(f->fd, f->size) != 0)
		f->torn = true;
	return error;
}

/* Write lines from first up to end and tell each how it went. */
static void file_write(struct file_sink *f, struct worker_job *first, struct worker_job *end)
{
	CLEANUP(buf_release) struct buf batch;
	int error;

	buf_init(&batch, SIZE_MAX / 2);
	for (struct worker_job *j = first; j != end; j = j->next) {
		struct line *l = CONTAINER_OF(j, struct line, job);

		IGNORE(buf_add(&batch, l->text, l->len) != ERR_OK);
	}
	if (batch.len == 0)
		return;
	error = file_open(f);
	if (error == 0)
		error = file_rotate(f);
	if (error == 0)
		error = file_append(f, buf_span(&batch));
	if (error != 0)
		file_close(f);
	for (struct worker_job *j = first; j != end; j = j->next)
		CONTAINER_OF(j, struct line, job)->error = error;
}

static void file_work(void *ctx, struct worker_job *jobs)
{
	struct file_sink *f = ctx;
	struct worker_job *first = jobs;
	size_t bytes = 0;

	for (struct worker_job *j = jobs; j != NULL; j = j->next) {
		struct line *l = CONTAINER_OF(j, struct line, job);

		if (l->reopen || bytes > BATCH_MAX) {
			file_write(f, first, j);
			first = j;
			bytes = 0;
		}
		if (l->reopen)
			file_close(f);
		bytes += l->len;
	}
	file_write(f, first, NULL);
}

/* --- on the loop --- */

static void file_done(void *ctx, struct worker_job *job)
{
	struct file_sink *f = ctx;
	struct line *l = CONTAINER_OF(job, struct line, job);
	struct sink_result r = { .retry_after_ms = -1 };

	if (l->error != 0) {
		r.outcome = OUTCOME_TEMPFAIL;
		snprintf(r.note, sizeof(r.note), "%s", strerror(l->error));
	}
	if (!l->reopen && l->generation == f->generation)
		l->on_result(l->ctx, &r);
	free(l->text);
	free(l);
}

static void file_send(void *self, const struct delivery *d,
	void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct file_sink *f = self;
	struct line *l = xcalloc(1, sizeof(*l));

	l->len = d->event.n + 1;
	l->text = xstrndup(d->event.p, l->len - 1);
	l->text[l->len - 1] = '\n';
	l->generation = f->generation;
	l->on_result = on_result;
	l->ctx = ctx;
	worker_submit(f->worker, &l->job);
}

/* Lines handed over are still written: a second copy is better than a gap. */
static void file_cancel(void *self)
{
	struct file_sink *f = self;

	f->generation++;
}

static void file_reopen(void *self)
{
	struct file_sink *f = self;
	struct line *l = xcalloc(1, sizeof(*l));

	l->reopen = true;
	worker_submit(f->worker, &l->job);
}

static void file_free(void *self)
{
	struct file_sink *f = self;

	file_cancel(f);
	worker_free(f->worker);
	file_close(f);
	free(f->path);
	free(f);
}

static const struct sink_ops file_ops = {
	.send = file_send,
	.cancel = file_cancel,
	.reopen = file_reopen,
	.free = file_free,
};

static enum err fail(struct file_sink *f, char **why, int error)
{
	if (asprintf(why, "%s: %s", f->path, strerror(error)) < 0)
		abort();
	file_close(f);
	free(f->path);
	free(f);
	return ERR_IO;
}

enum err file_sink_init(struct sink *sink, struct loop *l, const char *name,
	const struct file_sink_conf *conf, char **why)
{
	static const struct worker_ops ops = { .work = file_work, .done = file_done };
	struct file_sink *f = xcalloc(1, sizeof(*f));
	int error;

	*f = (struct file_sink){
		.path = xstrdup(conf->path),
		.rotate_size = conf->rotate_size,
		.keep = conf->keep,
		.fd = -1,
	};
	error = file_open(f);
	if (error != 0)
		return fail(f, why, error);
	if (worker_new(l, "sink-file", &ops, f, &f->worker) != ERR_OK)
		return fail(f, why, EAGAIN);
	*sink = (struct sink){
		.name = xstrdup(name),
		.type = "file",
		.ops = &file_ops,
		.self = f,
	};
	return ERR_OK;
}
