/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define DIR_MODE  0755
#define FILE_MODE 0644

NORETURN static void disk_die(const char *path)
{
	log_err("audit.broken", "doing=fsync path=%s errno=%d text=\"%s\"", path, errno,
		strerror(errno));
	_exit(EXIT_FAILURE);
}

static void must_sync(int fd, const char *path)
{
	if (fsync(fd) != 0)
		disk_die(path);
}

/* Sync the folder that path is in: a name is kept only when its folder is. */
static enum err parent_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *folder = NULL;
	int fd;

	folder = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_BUSY;
	must_sync(fd, folder);
	close(fd);
	return ERR_OK;
}

enum err disk_folder(const char *path, mode_t mode)
{
	struct stat st;

	/* As wide as was asked for, whatever our mask is: a web server of another user reads it. */
	if (mkdir(path, mode) == 0)
		return chmod(path, mode) == 0 ? parent_sync(path) : ERR_BUSY;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return ERR_OK;
	return ERR_BUSY;
}

/* Make the folders of path below its first skip bytes. */
static enum err parents_make(char *path, size_t skip)
{
	for (char *slash = strchr(path + skip, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		enum err e;

		*slash = '\0';
		e = disk_folder(path, DIR_MODE);
		*slash = '/';
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err disk_settle(const char *dir, const char *name)
{
	CLEANUP(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		out_of_memory();
	/* From the deepest up; what is not there yet is synced when it is made. */
	while (strlen(path) > strlen(dir)) {
		if (parent_sync(path) != ERR_OK && errno != ENOENT)
			return ERR_BUSY;
		*strrchr(path, '/') = '\0';
	}
	return parent_sync(dir);
}

static bool file_write(const char *path, struct span bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	bool written;

	if (fd < 0)
		return false;
	written = fchmod(fd, FILE_MODE) == 0 && fd_write(fd, bytes);
	if (written)
		must_sync(fd, path);
	return close(fd) == 0 && written;
}

enum err disk_put(const char *dir, const char *name, struct span bytes)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *tmp = NULL;
	bool put;

	if (asprintf(&path, "%s/%s", dir, name) < 0 || asprintf(&tmp, "%s/tmp", dir) < 0)
		out_of_memory();
	put = file_write(tmp, bytes);
	/* Its folder is there, but for the first file in it. */
	if (put && rename(tmp, path) != 0)
		put = errno == ENOENT && parents_make(path, strlen(dir) + 1) == ERR_OK &&
		      rename(tmp, path) == 0;
	if (put)
		return parent_sync(path);
	unlink(tmp);
	return ERR_BUSY;
}

void disk_drop(const char *dir, const char *name)
{
	CLEANUP(freep) char *path = NULL;
	struct dirent *entry;
	DIR *folder;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		out_of_memory();
	folder = opendir(path);
	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
	rmdir(path);
}
