/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/tar.h"

#include <string.h>

/* Offsets and lengths of a header's fields (POSIX.1-2017, pax, "ustar Interchange Format"). */
enum {
	TAR_MODE = 100,
	TAR_UID = 108,
	TAR_GID = 116,
	TAR_SIZE = 124,
	TAR_MTIME = 136,
	TAR_SUM = 148,
	TAR_TYPE = 156,
	TAR_MAGIC = 257,
};

#define SIZE_MAX_OCTAL 077777777777ULL

static void header_make(char header[TAR_BLOCK], const char *name, uint64_t size)
{
	unsigned sum = 0;

	memset(header, 0, TAR_BLOCK);
	snprintf(header, TAR_NAME_MAX, "%s", name);
	snprintf(header + TAR_MODE, 8, "%07o", 0644);
	snprintf(header + TAR_UID, 8, "%07o", 0);
	snprintf(header + TAR_GID, 8, "%07o", 0);
	snprintf(header + TAR_SIZE, 12, "%011llo", (unsigned long long)size);
	snprintf(header + TAR_MTIME, 12, "%011o", 0);
	header[TAR_TYPE] = '0';
	memcpy(header + TAR_MAGIC, "ustar\00000", 8);
	/* The sum is taken with blanks in its own place. */
	memset(header + TAR_SUM, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + TAR_SUM, 8, "%06o", sum);
	header[TAR_SUM + 7] = ' ';
}

static size_t pad_of(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

static enum err put(FILE *to, const void *bytes, size_t n)
{
	return n == 0 || fwrite(bytes, 1, n, to) == n ? ERR_OK : ERR_IO;
}

enum err tar_begin(FILE *to, const char *name, uint64_t size)
{
	char header[TAR_BLOCK];

	if (size > SIZE_MAX_OCTAL)
		return ERR_LIMIT;
	header_make(header, name, size);
	return put(to, header, sizeof(header));
}

enum err tar_pad(FILE *to, uint64_t size)
{
	static const char zero[TAR_BLOCK];

	return put(to, zero, pad_of(size));
}

enum err tar_put(FILE *to, const char *name, struct span bytes)
{
	enum err e = tar_begin(to, name, bytes.n);

	if (e == ERR_OK)
		e = put(to, bytes.p, bytes.n);
	return e == ERR_OK ? tar_pad(to, bytes.n) : e;
}

enum err tar_end(FILE *to)
{
	static const char zero[2 * TAR_BLOCK];

	return put(to, zero, sizeof(zero));
}

static bool is_zero(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\0')
			return false;
	}
	return true;
}

static bool size_of(const char header[TAR_BLOCK], uint64_t *size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < 11; i++) {
		char c = header[TAR_SIZE + i];

		if (c < '0' || c > '7')
			return false;
		n = n * 8 + (uint64_t)(c - '0');
	}
	*size = n;
	return true;
}

enum err tar_next(FILE *from, char name[TAR_NAME_MAX], uint64_t *size)
{
	char header[TAR_BLOCK], made[TAR_BLOCK];

	if (fread(header, 1, sizeof(header), from) != sizeof(header))
		return ferror(from) ? ERR_IO : ERR_PARSE;
	if (is_zero(header, sizeof(header))) {
		if (fread(header, 1, sizeof(header), from) != sizeof(header) ||
			!is_zero(header, sizeof(header)) || getc(from) != EOF)
			return ERR_PARSE;
		return ERR_NOTFOUND;
	}
	if (header[TAR_NAME_MAX - 1] != '\0' || !size_of(header, size))
		return ERR_PARSE;
	memcpy(name, header, TAR_NAME_MAX);
	header_make(made, name, *size);
	return memcmp(header, made, sizeof(made)) == 0 ? ERR_OK : ERR_PARSE;
}

enum err tar_skip_pad(FILE *from, uint64_t size)
{
	char pad[TAR_BLOCK];
	size_t n = pad_of(size);

	if (fread(pad, 1, n, from) != n)
		return ferror(from) ? ERR_IO : ERR_PARSE;
	return is_zero(pad, n) ? ERR_OK : ERR_PARSE;
}

enum err tar_get(FILE *from, uint64_t size, struct buf *out)
{
	char *room = size > out->max ? NULL : buf_room(out, (size_t)size);

	if (room == NULL)
		return ERR_LIMIT;
	if (fread(room, 1, (size_t)size, from) != size)
		return ferror(from) ? ERR_IO : ERR_PARSE;
	out->len += (size_t)size;
	out->data[out->len] = '\0';
	return tar_skip_pad(from, size);
}
