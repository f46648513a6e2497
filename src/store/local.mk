# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/store/.may_include

libstagewire_a_SOURCES += \
	src/store/arena.c \
	src/store/arena.h \
	src/store/sqlite.c \
	src/store/sqlite.h \
	src/store/sqlite_append.c \
	src/store/sqlite_build.c \
	src/store/sqlite_builds.c \
	src/store/sqlite_call.c \
	src/store/sqlite_clock.h \
	src/store/sqlite_db.c \
	src/store/sqlite_db.h \
	src/store/sqlite_library.c \
	src/store/sqlite_list.c \
	src/store/sqlite_open.c \
	src/store/sqlite_ownership.c \
	src/store/sqlite_read.c \
	src/store/sqlite_read.h \
	src/store/sqlite_retain.c \
	src/store/sqlite_schema.c \
	src/store/sqlite_schema.h \
	src/store/sqlite_seek.c \
	src/store/sqlite_seek.h \
	src/store/sqlite_select.c \
	src/store/sqlite_settle.c \
	src/store/sqlite_write.c \
	src/store/sqlite_write.h \
	src/store/sqlite_write_impl.h \
	src/store/sqlite_write_sql.c \
	src/store/store.c \
	src/store/store.h
