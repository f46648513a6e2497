/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "store/sqlite.h"
#include "store/sqlite_schema.h"

/* Page caches; SQLite reads what is not in them from the system's. */
#define WRITER_CACHE_KIB 1024
#define READER_CACHE_KIB 512

#define WHY_MAX ((size_t)4096)

/* A sentence about a path, with errno's text if err is not 0. */
static enum err refuse(char **why, const char *path, const char *what, int err)
{
	struct buf b;

	buf_init(&b, WHY_MAX);
	IGNORE(buf_addf(&b, "%s %s", path, what));
	if (err != 0)
		IGNORE(buf_addf(&b, ": %s", strerror(err)));
	*why = buf_detach(&b);
	return ERR_IO;
}

static enum err path_with(const char *path, const char *suffix, char **out)
{
	struct buf b;

	buf_init(&b, WHY_MAX);
	if (buf_addf(&b, "%s%s", path, suffix) != ERR_OK)
		return ERR_LIMIT;
	*out = buf_detach(&b);
	return ERR_OK;
}

/*
 * Keep others of our kind out for as long as we live. A file of its own, for
 * closing any other descriptor of the database would drop SQLite's own locks.
 */
static enum err lock_take(struct store *s, const char *path, char **why)
{
	CLEANUP(freep) char *lock = NULL;

	if (path_with(path, ".lock", &lock) != ERR_OK)
		return refuse(why, "the store's path", "is too long", 0);
	s->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return refuse(why, lock, "cannot be written", errno);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	if (errno != EWOULDBLOCK)
		return refuse(why, lock, "cannot be locked", errno);
	IGNORE(refuse(why, path, "is in use by another process", 0));
	return ERR_BUSY;
}

/*
 * Make the file if there is none, for our eyes only, and say whether it was
 * left without a clean close: that would have removed the log.
 */
static enum err file_prepare(const char *path, bool *dirty, char **why)
{
	CLEANUP(freep) char *log = NULL;
	struct stat file, wal;
	int fd;

	if (path_with(path, "-wal", &log) != ERR_OK)
		return refuse(why, "the store's path", "is too long", 0);
	*dirty = stat(log, &wal) == 0 && wal.st_size > 0;
	if (stat(path, &file) == 0) {
		if (!S_ISREG(file.st_mode))
			return refuse(why, path, "is not a regular file", 0);
		if (access(path, R_OK | W_OK) != 0)
			return refuse(why, path, "cannot be written", errno);
		/* SQLite would take it for a new one and throw the log away. */
		if (file.st_size == 0 && *dirty)
			return refuse(why, path, "is empty, but its log (-wal) is not", 0);
		return ERR_OK;
	}
	if (*dirty)
		return refuse(why, path, "is not there, but its log (-wal) is", 0);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return refuse(why, path, "cannot be created", errno);
	close(fd);
	return ERR_OK;
}

/*
 * What the log holds after an end that was not clean may be in the kernel's
 * memory only: had its sync failed, no later one would bring it to the disk, and
 * whatever is appended would be lost with it at the next power cut.
 */
static enum err log_secure(const char *path, char **why)
{
	CLEANUP(freep) char *log = NULL;

	if (path_with(path, "-wal", &log) != ERR_OK)
		return refuse(why, "the store's path", "is too long", 0);
	if (file_rewrite(log) != ERR_OK)
		return refuse(why, log, "cannot be written", errno);
	return ERR_OK;
}

/* A start has a number of its own, which is the token of all its leases. */
static enum err take_token(struct store *s, const char *owner)
{
	struct db *db = &s->writer.db;
	struct wall now = store_clock_now(&s->clock);
	sqlite3_stmt *st;

	db->rc = sqlite3_prepare_v2(db->conn,
		"INSERT INTO lease (name, owner, token, since_ms) VALUES ('all', ?1, 1, ?2)"
		" ON CONFLICT DO UPDATE SET owner = ?1, token = token + 1, since_ms = ?2"
		" RETURNING token",
		-1, &st, NULL);
	if (db->rc != SQLITE_OK)
		return ERR_IO;
	bind_text(st, 1, span_of(owner));
	bind_int(st, 2, now.ms);
	while (db_row(db, st))
		s->token = column_int(st, 0);
	sqlite3_finalize(st);
	s->writer.token = s->reader.token = s->token;
	return db->rc == SQLITE_OK ? ERR_OK : ERR_IO;
}

/* If the host's clock was set back while we were away, ours goes on from where it was. */
static void load_clock(struct store *s)
{
	int64_t last = db_query_int(&s->writer.db,
		"SELECT max(coalesce((SELECT received_ms FROM event ORDER BY seq DESC LIMIT 1), 0),"
		" coalesce((SELECT since_ms FROM lease), 0))");

	IGNORE(store_clock_at(&s->clock, (struct wall){ last }, clock_mono()).ms == 0);
}

/* Events are numbered from 1 without a gap, but for those that were removed. */
#define COUNT_EVENTS                                                                               \
	"SELECT coalesce((SELECT max(seq) FROM event), 0)"                                         \
	" - coalesce((SELECT n FROM removed WHERE kind = 'event'), 0)"

/* Entries are removed from the front only, so first and last tell how many. */
#define COUNT_AUDIT "SELECT coalesce((SELECT max(seq) - min(seq) + 1 FROM audit), 0)"

static void load_counts(struct store *s)
{
	struct db *db = &s->writer.db;

	s->counts = (struct store_counts){
		.events = db_query_int(db, COUNT_EVENTS),
		.audit = db_query_int(db, COUNT_AUDIT),
		.quarantined = db_query_int(db, "SELECT count(*) FROM event INDEXED BY event_parked"
						" WHERE place <> 0 AND place = 1"),
		.waiting = db_query_int(db, "SELECT count(*) FROM event INDEXED BY event_parked"
					    " WHERE place <> 0 AND place = 2"),
		.pending = db_query_int(db, "SELECT count(*) FROM delivery INDEXED BY delivery_open"
					    " WHERE state <> 1 AND state = 0"),
		.dead = db_query_int(db, "SELECT count(*) FROM delivery INDEXED BY delivery_open"
					 " WHERE state <> 1 AND state = 2"),
	};
}

static enum err open_writer(struct store *s, const struct store_config *conf, char **why)
{
	struct db *db = &s->writer.db;
	bool dirty;
	enum err e;

	e = file_prepare(conf->path, &dirty, why);
	if (e == ERR_OK && dirty)
		e = log_secure(conf->path, why);
	if (e != ERR_OK)
		return e;
	e = db_open(db, conf->path, WRITER_CACHE_KIB, why);
	if (e != ERR_OK)
		return e;
	e = schema_open(db, conf->path, dirty, why);
	if (e != ERR_OK)
		return e;
	load_clock(s);
	load_counts(s);
	if (db->rc != SQLITE_OK || take_token(s, conf->owner) != ERR_OK) {
		*why = db_why(db, conf->path, "use it");
		return ERR_IO;
	}
	e = writer_prepare(&s->writer, why);
	if (e == ERR_OK)
		s->oldest_ms = writer_oldest(&s->writer);
	return e;
}

static enum err open_reader(struct store *s, const struct store_config *conf, char **why)
{
	enum err e = db_open(&s->reader.db, conf->path, READER_CACHE_KIB, why);

	return e == ERR_OK ? reader_prepare(&s->reader, why) : e;
}

static enum err open_all(struct store *s, const struct store_config *conf, char **why)
{
	enum err e = lock_take(s, conf->path, why);

	if (e == ERR_OK)
		e = open_writer(s, conf, why);
	if (e == ERR_OK)
		e = open_reader(s, conf, why);
	if (e == ERR_OK && store_start(s) != ERR_OK)
		e = refuse(why, conf->path, "gets no thread", 0);
	return e;
}

static void store_release(struct store *s)
{
	/* The last connection to close brings the log in and removes it. */
	db_close(&s->reader.db);
	db_close(&s->writer.db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}

enum err sqlite_store_open(
	struct loop *l, const struct store_config *conf, struct store **out, char **why)
{
	struct store *s = xcalloc(1, sizeof(*s));
	enum err e;

	s->loop = l;
	s->lock_fd = -1;
	s->inflight_max = conf->inflight_max;
	s->writer.clock = s->reader.clock = &s->clock;
	e = open_all(s, conf, why);
	if (e != ERR_OK) {
		store_release(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_stop(s);
	store_release(s);
}
