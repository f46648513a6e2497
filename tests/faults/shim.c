/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim_plan.h"

/*
 * One lock around each call and its record: the order of the log is the order
 * in which things happened. A sync runs outside of it, between two records.
 * The system is called directly, so nothing here calls itself.
 */
static pthread_mutex_t shim_lock = PTHREAD_MUTEX_INITIALIZER;

#define FDS_MAX 1024
#define LOG_FD  1000

/* A descriptor of a file under the directory. */
struct tracked {
	char *name; /* relative to the directory; NULL: none of ours */
	uint64_t ino;
	bool append;
};

static struct tracked shim_fd[FDS_MAX];
static char shim_dir[PATH_MAX];
static size_t shim_dir_n; /* 0: there is nothing to do */
static int log_fd = -1;

__attribute__((constructor)) static void shim_start(void)
{
	const char *dir = getenv("FAULTS_DIR"), *log = getenv("FAULTS_LOG");
	int fd;

	if (dir == NULL || strlen(dir) >= sizeof(shim_dir))
		return;
	strcpy(shim_dir, dir);
	shim_dir_n = strlen(dir);
	plan_read(getenv("FAULTS_PLAN"), getenv("FAULTS_WHILE"));
	if (log == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
	syscall(SYS_close, fd);
}

/* The part of a path below the directory ("." is itself), or NULL. */
static const char *name_of(const char *path)
{
	if (shim_dir_n == 0 || strncmp(path, shim_dir, shim_dir_n) != 0)
		return NULL;
	if (path[shim_dir_n] == '\0')
		return ".";
	return path[shim_dir_n] == '/' ? path + shim_dir_n + 1 : NULL;
}

static struct tracked *tracked_of(int fd)
{
	if (fd < 0 || fd >= FDS_MAX || shim_fd[fd].name == NULL)
		return NULL;
	return &shim_fd[fd];
}

/* Half a record would make a log that lies, so what cannot be written ends it all. */
static void log_put(struct shim_record r, const char *name, const void *data, size_t n)
{
	struct iovec part[3] = {
		{ &r, sizeof(r) },
		{ (void *)(uintptr_t)name, strlen(name) },
		{ (void *)(uintptr_t)data, n },
	};
	ssize_t all = (ssize_t)(sizeof(r) + strlen(name) + n);

	if (log_fd < 0)
		return;
	r.magic = SHIM_MAGIC;
	r.name_n = (uint16_t)strlen(name);
	r.data_n = (uint32_t)n;
	r.tid = (uint32_t)syscall(SYS_gettid);
	if (syscall(SYS_writev, log_fd, part, 3) != all)
		abort();
}

static void shim_enter(void)
{
	pthread_mutex_lock(&shim_lock);
}

/* Leaves errno as the call left it. */
static void shim_leave(void)
{
	pthread_mutex_unlock(&shim_lock);
}

/* Should this call fail? Sets errno and notes it; FAULT_SHORT is for the caller to do. */
static enum fault fault_for(enum fault_kind kind, const char *name)
{
	int err;
	enum fault f = plan_next(kind, name, &err);

	if (f == FAULT_NONE)
		return f;
	log_put((struct shim_record){ .op = OP_FAULT, .err = (uint8_t)err, .off = kind }, name,
		NULL, 0);
	errno = err;
	return f;
}

void shim_mark(const char *text, size_t n)
{
	shim_enter();
	log_put((struct shim_record){ .op = OP_MARK }, "", text, n);
	shim_leave();
}

/* --- open, close --- */

static void track(int fd, const char *name, int flags, bool created)
{
	struct stat st;
	struct tracked *t;

	if (fd >= FDS_MAX || fstat(fd, &st) != 0)
		abort();
	t = &shim_fd[fd];
	*t = (struct tracked){ strdup(name), st.st_ino, (flags & O_APPEND) != 0 };
	log_put((struct shim_record){ .op = OP_OPEN,
			.ino = t->ino,
			.off = (created ? OPEN_CREATED : 0u) |
			       ((flags & O_TRUNC) != 0 ? OPEN_CUT : 0u) |
			       (S_ISDIR(st.st_mode) ? OPEN_DIRECTORY : 0u) },
		name, NULL, 0);
}

static int shim_open(const char *path, int flags, mode_t mode)
{
	const char *name = name_of(path);
	bool is_new;
	int fd = -1;

	if (name == NULL)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	shim_enter();
	is_new = (flags & O_CREAT) != 0 && faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0;
	if (fault_for(KIND_OPEN, name) == FAULT_NONE) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
		if (fd >= 0)
			track(fd, name, flags, is_new);
	}
	shim_leave();
	return fd;
}

#define MODE_ARGUMENT(flags, mode)                                                                 \
	mode_t mode = 0;                                                                           \
	if (((flags)&O_CREAT) != 0) {                                                              \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
	}

int open(const char *path, int flags, ...)
{
	MODE_ARGUMENT(flags, mode)
	return shim_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE_ARGUMENT(flags, mode)
	return shim_open(path, flags, mode);
}

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
	return shim_open(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return shim_open(path, flags, 0);
}

int creat(const char *path, mode_t mode)
{
	return shim_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int close(int fd)
{
	int rc;

	if (tracked_of(fd) == NULL)
		return (int)syscall(SYS_close, fd);
	shim_enter();
	free(shim_fd[fd].name);
	shim_fd[fd].name = NULL;
	rc = (int)syscall(SYS_close, fd);
	shim_leave();
	return rc;
}

/* --- contents --- */

static void log_write(const struct tracked *t, const void *p, ssize_t n, off_t at)
{
	log_put((struct shim_record){ .op = OP_WRITE, .ino = t->ino, .off = (uint64_t)at }, t->name,
		p, (size_t)n);
}

static ssize_t shim_pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct tracked *t = tracked_of(fd);
	ssize_t done = -1;
	enum fault f;

	if (t == NULL)
		return syscall(SYS_pwrite64, fd, p, n, at);
	shim_enter();
	f = fault_for(KIND_WRITE, t->name);
	if (f != FAULT_ERROR)
		done = syscall(SYS_pwrite64, fd, p, f == FAULT_SHORT ? n / 2 : n, at);
	if (done > 0)
		log_write(t, p, done, at);
	shim_leave();
	return done;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return shim_pwrite(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return shim_pwrite(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	struct tracked *t = tracked_of(fd);
	ssize_t done = -1;
	enum fault f;
	off_t at;

	if (t == NULL)
		return syscall(SYS_write, fd, p, n);
	shim_enter();
	at = lseek(fd, 0, t->append ? SEEK_END : SEEK_CUR);
	f = fault_for(KIND_WRITE, t->name);
	if (f != FAULT_ERROR)
		done = syscall(SYS_write, fd, p, f == FAULT_SHORT ? n / 2 : n);
	if (done > 0)
		log_write(t, p, done, at);
	shim_leave();
	return done;
}

static int shim_truncate(int fd, off_t size)
{
	struct tracked *t = tracked_of(fd);
	int rc = -1;

	if (t == NULL)
		return (int)syscall(SYS_ftruncate, fd, size);
	shim_enter();
	if (fault_for(KIND_TRUNCATE, t->name) == FAULT_NONE)
		rc = (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0)
		log_put(
			(struct shim_record){
				.op = OP_TRUNCATE, .ino = t->ino, .off = (uint64_t)size },
			t->name, NULL, 0);
	shim_leave();
	return rc;
}

int ftruncate(int fd, off_t size)
{
	return shim_truncate(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	return shim_truncate(fd, size);
}

/* A failed sync does not reach the system: its pages count as neither lost nor safe. */
static int shim_sync(int fd, long number)
{
	struct tracked *t = tracked_of(fd);
	struct shim_record end = { .op = OP_SYNC_END };
	bool failed;
	int rc = -1, err;

	if (t == NULL)
		return (int)syscall(number, fd);
	shim_enter();
	end.ino = t->ino;
	log_put((struct shim_record){ .op = OP_SYNC_BEGIN, .ino = t->ino }, t->name, NULL, 0);
	failed = fault_for(KIND_SYNC, t->name) != FAULT_NONE;
	err = errno;
	shim_leave();
	if (!failed) {
		rc = (int)syscall(number, fd);
		err = errno;
	}
	shim_enter();
	end.err = rc == 0 ? 0 : (uint8_t)err;
	log_put(end, t->name, NULL, 0);
	shim_leave();
	errno = err;
	return rc;
}

int fsync(int fd)
{
	return shim_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return shim_sync(fd, SYS_fdatasync);
}

/* --- names --- */

/* Call the system for one or two paths; b may be NULL. */
static long name_call(long number, const char *a, const char *b, mode_t mode)
{
	if (number == SYS_mkdir)
		return syscall(number, a, mode);
	return b == NULL ? syscall(number, a) : syscall(number, a, b);
}

static int shim_name(enum shim_op op, long number, const char *a, const char *b, mode_t mode)
{
	const char *name = name_of(a), *other = b == NULL ? NULL : name_of(b);
	long rc = -1;

	if (name == NULL)
		return (int)name_call(number, a, b, mode);
	if (b != NULL && other == NULL)
		abort(); /* from inside to outside: nothing here does that */
	shim_enter();
	if (fault_for(KIND_NAME, name) == FAULT_NONE)
		rc = name_call(number, a, b, mode);
	if (rc == 0)
		log_put((struct shim_record){ .op = (uint8_t)op }, name, other,
			other == NULL ? 0 : strlen(other));
	shim_leave();
	return (int)rc;
}

int rename(const char *from, const char *to)
{
	return shim_name(OP_RENAME, SYS_rename, from, to, 0);
}

int link(const char *from, const char *to)
{
	return shim_name(OP_LINK, SYS_link, from, to, 0);
}

int rmdir(const char *path)
{
	return shim_name(OP_UNLINK, SYS_rmdir, path, NULL, 0);
}

/* By the path of its folder, which is why that is not to be renamed meanwhile. */
int unlinkat(int dir, const char *name, int flags)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, path, sizeof(path));
	if (n < 0 || flags != 0 || (size_t)n + strlen(name) + 2 > sizeof(path) || name[0] == '/')
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	snprintf(path + n, sizeof(path) - (size_t)n, "/%s", name);
	return shim_name(OP_UNLINK, SYS_unlink, path, NULL, 0);
}

int unlink(const char *path)
{
	return shim_name(OP_UNLINK, SYS_unlink, path, NULL, 0);
}

int mkdir(const char *path, mode_t mode)
{
	return shim_name(OP_MKDIR, SYS_mkdir, path, NULL, mode);
}
