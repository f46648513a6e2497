# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/audit/.may_include

libstagewire_a_SOURCES += \
	src/audit/bundle.c \
	src/audit/bundle.h \
	src/audit/bundle_index.c \
	src/audit/bundle_index.h \
	src/audit/bundle_verify.c \
	src/audit/disk.c \
	src/audit/disk.h \
	src/audit/edge.c \
	src/audit/edge.h \
	src/audit/entry.c \
	src/audit/entry.h \
	src/audit/folder.c \
	src/audit/folder.h \
	src/audit/key_file.c \
	src/audit/key_file.h \
	src/audit/ledger.c \
	src/audit/ledger.h \
	src/audit/note.c \
	src/audit/note.h \
	src/audit/publish.c \
	src/audit/publish.h \
	src/audit/publish_impl.h \
	src/audit/publish_job.c \
	src/audit/publish_job.h \
	src/audit/publish_start.c \
	src/audit/receipt.c \
	src/audit/receipt.h \
	src/audit/record.c \
	src/audit/record.h \
	src/audit/tar.c \
	src/audit/tar.h \
	src/audit/tlog.c \
	src/audit/tlog.h \
	src/audit/verify.c \
	src/audit/verify.h \
	src/audit/writer.c \
	src/audit/writer.h
