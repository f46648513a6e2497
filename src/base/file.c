/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum err fd_read(int fd, struct buf *out)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (buf_add(out, chunk, (size_t)n) != ERR_OK) {
			errno = EFBIG;
			return ERR_LIMIT;
		}
	}
	return ERR_OK;
}

enum err file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), error;
	size_t before = out->len;
	enum err e;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
	e = fd_read(fd, out);
	error = errno;
	close(fd);
	if (e != ERR_OK) {
		out->len = before;
		out->data[before] = '\0';
	}
	errno = error;
	return e;
}

bool fd_write(int fd, struct span bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return true;
}

/* The rename is kept only when its folder is. */
static bool folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *folder = NULL;
	bool synced;
	int fd;

	if (slash == NULL)
		folder = xstrdup(".");
	else
		folder = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	synced = fsync(fd) == 0;
	close(fd);
	return synced;
}

static bool file_write(const char *path, struct span bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	bool written;

	if (fd < 0)
		return false;
	written = fd_write(fd, bytes) && fsync(fd) == 0;
	return close(fd) == 0 && written;
}

enum err file_replace(const char *path, struct span bytes, mode_t mode)
{
	CLEANUP(freep) char *tmp = NULL;
	int error;

	if (asprintf(&tmp, "%s.tmp", path) < 0)
		out_of_memory();
	if (file_write(tmp, bytes, mode) && rename(tmp, path) == 0)
		return folder_sync(path) ? ERR_OK : ERR_IO;
	error = errno;
	unlink(tmp);
	errno = error;
	return ERR_IO;
}

static bool pwrite_all(int fd, struct span bytes, off_t at)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes.p += n;
		bytes.n -= (size_t)n;
		at += n;
	}
	return true;
}

static bool fd_rewrite(int fd)
{
	char chunk[64 * 1024];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !pwrite_all(fd, (struct span){ chunk, (size_t)n }, at))
			return false;
		at += n;
	}
	return fsync(fd) == 0;
}

enum err file_rewrite(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY), error;
	bool written;

	if (fd < 0)
		return ERR_IO;
	written = fd_rewrite(fd);
	error = errno;
	close(fd);
	errno = error;
	return written ? ERR_OK : ERR_IO;
}
