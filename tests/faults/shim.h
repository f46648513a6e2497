/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAULTS_SHIM_H
#define TESTS_FAULTS_SHIM_H

#include <stddef.h>
#include <stdint.h>

/*
 * A library to preload, which stands between a program and the files under one
 * directory. Everything else passes untouched. By environment:
 *
 *	FAULTS_DIR    the directory, absolute, without a slash at its end
 *	FAULTS_LOG    append each change of a file or a name to this write log
 *	FAULTS_PLAN   fail some calls: KIND[@SUFFIX]:N[+]:ERROR, separated by commas
 *	FAULTS_WHILE  the plan holds while this file exists; always without
 *
 * KIND is open, write, truncate, sync or name (rename, unlink, link, mkdir, rmdir);
 * only names that end in SUFFIX count. The N-th call fails, with "+" all from
 * it on. ERROR is EIO, ENOSPC, EDQUOT, EMFILE, ENFILE, or SHORT: half is written.
 */
enum shim_op {
	OP_OPEN = 1,   /* off: OPEN_... */
	OP_WRITE,      /* data at off */
	OP_TRUNCATE,   /* to off */
	OP_SYNC_BEGIN, /* what was written before it ... */
	OP_SYNC_END,   /* ... is durable after it, if err is 0; of the same tid */
	OP_RENAME,     /* name to data */
	OP_UNLINK,     /* or a folder */
	OP_LINK,       /* name as data too */
	OP_MKDIR,
	OP_MARK,  /* data: what is promised from here on */
	OP_FAULT, /* a call was failed with err; off: its kind */
};

enum {
	OPEN_CREATED = 1,
	OPEN_CUT = 2, /* O_TRUNC */
	OPEN_DIRECTORY = 4,
};

#define SHIM_MAGIC 0x676f6c66u

/* A record of the write log, before its name and its data. */
struct shim_record {
	uint32_t magic;
	uint8_t op, err;
	uint16_t name_n;
	uint32_t data_n, tid;
	uint64_t ino; /* which file: new ones may take over the number of deleted ones */
	uint64_t off;
};

/* Put a mark into the write log; for programs that find it with dlsym(). */
void shim_mark(const char *text, size_t n);

#endif
