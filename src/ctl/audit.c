/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/audit.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/bundle.h"
#include "audit/folder.h"
#include "audit/receipt.h"
#include "audit/verify.h"
#include "base/codec.h"
#include "base/file.h"
#include "io/crypto.h"

#define EXIT_USAGE    2
#define FAILURES_SAID 20
#define LOG_DEFAULT   "/var/lib/stagewire/audit"

static const char usage[] =
	"usage: stagewirectl audit show [--log DIR] [--key KEY] [INDEX]\n"
	"       stagewirectl audit verify [--key KEY] [--old-checkpoint FILE] DIR | BUNDLE\n"
	"       stagewirectl audit verify --key KEY --proof FILE --entry FILE\n"
	"       stagewirectl audit prove [--log DIR] [--key KEY] INDEX\n"
	"       stagewirectl audit bundle [--log DIR] [--key KEY] [--since TIME] [--until TIME]\n"
	"                                 [--owner REF] -o FILE\n"
	"\n"
	"  show          the log's checkpoint, or one entry\n"
	"  verify        check all of a log's folder, of a bundle, or one receipt\n"
	"  prove         the receipt of an entry\n"
	"  bundle        one file for an auditor: entries, receipts and a table of them\n"
	"\n"
	"  KEY is the log's key, \"name+hex+base64\", or a file with it; without it, the one\n"
	"  that lies beside the log is used, which says nothing about who wrote it.\n"
	"  DIR is the log's folder (" LOCALSTATEDIR "/lib/stagewire/audit).\n";

struct audit_wish {
	const char *log, *key, *old_checkpoint, *proof, *entry, *since, *until, *owner, *output;
	const char *word; /* what follows the options; or NULL */
};

PRINTF(1, 2) static int complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("stagewirectl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return EXIT_FAILURE;
}

static int complain_usage(const char *why)
{
	if (why != NULL)
		fprintf(stderr, "stagewirectl: %s\n", why);
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static bool read_all(const char *path, struct buf *out)
{
	enum err e = file_read(path, out);

	if (e != ERR_OK)
		complain("%s: %s", path, e == ERR_LIMIT ? "is too long" : strerror(errno));
	return e == ERR_OK;
}

/* --- the key --- */

static bool key_given(const char *given, struct note_key *k)
{
	CLEANUP(buf_release) struct buf text;
	struct span line, rest;

	buf_init(&text, NOTE_MAX);
	if (note_key_parse(span_of(given), k) == ERR_OK)
		return true;
	if (!read_all(given, &text))
		return false;
	rest = buf_span(&text);
	if (!note_line(&rest, &line))
		line = buf_span(&text);
	if (note_key_parse(line, k) == ERR_OK)
		return true;
	complain("%s: is no key of a log", given);
	return false;
}

static void say_key_is_unproved(const struct note_key *k)
{
	char hex[2 * sizeof(k->id) + 1];

	hex_encode(k->id, sizeof(k->id), hex);
	fprintf(stderr,
		"stagewirectl: the key %s+%s is the one beside the log; compare it with the one "
		"you were given\n",
		k->name, hex);
}

/* The key by which a folder is read: the one given, or the one in it. */
static bool key_for(const struct audit_wish *w, const char *dir, struct note_key *k)
{
	if (w->key != NULL)
		return key_given(w->key, k);
	if (folder_key(dir, k) != ERR_OK) {
		complain("%s/%s: is missing or no key; say --key", dir, FOLDER_VKEY);
		return false;
	}
	return true;
}

/* --- show, prove --- */

static bool parse_index(const char *text, uint64_t *index)
{
	char *end;

	errno = 0;
	*index = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *text != '-';
}

/* The log's checkpoint, checked by the key. */
static bool open_log(const struct audit_wish *w, struct buf *note, struct checkpoint *c)
{
	struct note_key k;
	enum err e;

	if (!key_for(w, w->log, &k))
		return false;
	e = folder_read(w->log, FOLDER_CHECKPOINT, note);
	if (e != ERR_OK) {
		complain("%s/%s: %s", w->log, FOLDER_CHECKPOINT, strerror(errno));
		return false;
	}
	if (checkpoint_open(buf_span(note), &k, c) == ERR_OK)
		return true;
	complain("%s/%s: is not signed by the key of %s", w->log, FOLDER_CHECKPOINT, k.name);
	return false;
}

static int show_entry(const struct audit_wish *w, const struct checkpoint *c, uint64_t index)
{
	CLEANUP(folder_entries_release) struct folder_entries entries;
	struct span entry;

	folder_entries_init(&entries, w->log, c->size);
	if (index >= c->size)
		return complain("the log has %" PRIu64 " entries, counted from 0", c->size);
	if (folder_entry(&entries, index, &entry) != ERR_OK)
		return complain("entry %" PRIu64 " cannot be read; verify the log", index);
	printf("%.*s\n", SPAN_ARGS(entry));
	return EXIT_SUCCESS;
}

static int show(const struct audit_wish *w)
{
	CLEANUP(buf_release) struct buf note;
	struct checkpoint c;
	uint64_t index;

	buf_init(&note, NOTE_MAX);
	if (w->word != NULL && !parse_index(w->word, &index))
		return complain_usage("an entry is named by its number in the log");
	if (!open_log(w, &note, &c))
		return EXIT_FAILURE;
	if (w->word != NULL)
		return show_entry(w, &c, index);
	printf("%s", note.data);
	return EXIT_SUCCESS;
}

static int prove(const struct audit_wish *w)
{
	CLEANUP(folder_tree_freep) struct folder_tree *tree = NULL;
	CLEANUP(buf_release) struct buf note;
	CLEANUP(buf_release) struct buf receipt;
	struct checkpoint c;
	uint64_t index;

	buf_init(&note, NOTE_MAX);
	buf_init(&receipt, NOTE_MAX * 2);
	if (w->word == NULL || !parse_index(w->word, &index))
		return complain_usage("which entry? It is named by its number in the log");
	if (!open_log(w, &note, &c))
		return EXIT_FAILURE;
	if (index >= c.size)
		return complain("the log has %" PRIu64 " entries, counted from 0", c.size);
	tree = folder_tree_new(w->log, c.size);
	if (receipt_write(&tree->tree, index, buf_span(&note), &receipt) != ERR_OK)
		return complain("entry %" PRIu64 " cannot be proved; verify the log", index);
	printf("%s", receipt.data);
	return EXIT_SUCCESS;
}

/* --- verify --- */

static void on_failure(void *ctx, const char *line)
{
	unsigned *said = ctx;

	if ((*said)++ < FAILURES_SAID)
		printf("FAIL %s\n", line);
	else if (*said == FAILURES_SAID + 1)
		printf("FAIL and more\n");
}

static bool verify_growth(
	struct verifier *v, const struct audit_wish *w, const struct checkpoint *c)
{
	CLEANUP(buf_release) struct buf old;

	buf_init(&old, NOTE_MAX);
	return read_all(w->old_checkpoint, &old) &&
	       folder_verify_growth(v, w->word, c, buf_span(&old));
}

static int verify_folder(const struct audit_wish *w)
{
	struct note_key k;
	unsigned said = 0;
	struct verifier v = { .key = &k, .on_failure = on_failure, .ctx = &said };
	struct checkpoint c;

	if (!key_for(w, w->word, &k))
		return EXIT_FAILURE;
	if (!folder_verify(&v, w->word, &c))
		return EXIT_FAILURE;
	if (w->old_checkpoint != NULL && !verify_growth(&v, w, &c))
		return EXIT_FAILURE;
	printf("ok %s: %" PRIu64 " entries; signature, every tile and every entry%s\n", k.name,
		c.size, w->old_checkpoint == NULL ? "" : ", grown out of the old checkpoint");
	if (w->key == NULL)
		say_key_is_unproved(&k);
	return EXIT_SUCCESS;
}

static int verify_open_bundle(const struct audit_wish *w, FILE *from)
{
	struct note_key k;
	unsigned said = 0;
	struct verifier v = { .key = &k, .on_failure = on_failure, .ctx = &said };
	struct bundle_facts facts;

	if (w->key != NULL && !key_given(w->key, &k))
		return EXIT_FAILURE;
	if (w->key == NULL && bundle_key(from, &k) != ERR_OK)
		return complain("%s: is no bundle of a log", w->word);
	if (!bundle_verify(&v, from, &facts))
		return EXIT_FAILURE;
	printf("ok %s: %" PRIu64 " entries", k.name, facts.entries);
	if (facts.entries > 0)
		printf(", from %" PRIu64 " to %" PRIu64 "%s", facts.first, facts.last,
			facts.last - facts.first + 1 == facts.entries ? " without a gap" : "");
	printf(", each in the log of %" PRIu64 "\n", facts.checkpoint.size);
	if (w->key == NULL)
		say_key_is_unproved(&k);
	return EXIT_SUCCESS;
}

static int verify_bundle(const struct audit_wish *w)
{
	FILE *from = fopen(w->word, "rbe");
	int status;

	if (from == NULL)
		return complain("%s: %s", w->word, strerror(errno));
	status = verify_open_bundle(w, from);
	fclose(from);
	return status;
}

static int verify_receipt(const struct audit_wish *w)
{
	CLEANUP(buf_release) struct buf receipt;
	CLEANUP(buf_release) struct buf entry;
	struct note_key k;
	struct checkpoint c;
	struct span text;
	uint64_t index;

	buf_init(&receipt, NOTE_MAX * 2);
	buf_init(&entry, TLOG_ENTRY_MAX + 1);
	if (w->key == NULL || w->entry == NULL)
		return complain_usage("a receipt is checked with --key and --entry");
	if (!key_given(w->key, &k) || !read_all(w->proof, &receipt) || !read_all(w->entry, &entry))
		return EXIT_FAILURE;
	/* "audit show INDEX" ends its line; an entry has no line's end. */
	text = buf_span(&entry);
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	if (receipt_check(buf_span(&receipt), &k, text, &index, &c) != ERR_OK) {
		printf("FAIL %s: is no receipt of %s for this entry\n", w->proof, k.name);
		return EXIT_FAILURE;
	}
	printf("ok %s: this is entry %" PRIu64 " of %" PRIu64 "\n", k.name, index, c.size);
	return EXIT_SUCCESS;
}

static int verify(const struct audit_wish *w)
{
	struct stat st;

	if (w->proof != NULL)
		return verify_receipt(w);
	if (w->word == NULL)
		return complain_usage("verify what?");
	if (stat(w->word, &st) != 0)
		return complain("%s: %s", w->word, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return verify_folder(w);
	if (w->old_checkpoint != NULL)
		return complain_usage("an old checkpoint is compared with a folder");
	return verify_bundle(w);
}

/* --- bundle --- */

/* A whole day may be named: it begins at midnight, UTC. */
static bool parse_bound(const char *text, struct wall *t)
{
	char day[WALL_TEXT_MAX];

	*t = WALL_NONE;
	if (text == NULL || wall_parse(span_of(text), t) == ERR_OK)
		return true;
	if (strlen(text) != strlen("2026-11-24"))
		return false;
	snprintf(day, sizeof(day), "%sT00:00:00Z", text);
	return wall_parse(span_of(day), t) == ERR_OK;
}

static int bundle_to(const struct audit_wish *w, const struct bundle_wish *wish,
	const struct note_key *k, const char *tmp)
{
	FILE *to = fopen(tmp, "wbe");
	char *why = NULL;
	uint64_t n = 0;
	enum err e;

	if (to == NULL)
		return complain("%s: %s", tmp, strerror(errno));
	e = bundle_write(w->log, k, wish, to, &n, &why);
	if (fclose(to) != 0 || (e == ERR_OK && rename(tmp, w->output) != 0)) {
		free(why);
		return complain("%s: %s", w->output, strerror(errno));
	}
	if (e != ERR_OK) {
		complain("%s", why);
		free(why);
		return EXIT_FAILURE;
	}
	printf("%s: %" PRIu64 " entries\n", w->output, n);
	return EXIT_SUCCESS;
}

static int bundle(const struct audit_wish *w)
{
	struct bundle_wish wish = { .owner = w->owner };
	CLEANUP(freep) char *tmp = NULL;
	struct note_key k;
	int status;

	if (w->output == NULL || w->word != NULL)
		return complain_usage("a bundle is written to -o FILE");
	if (!parse_bound(w->since, &wish.since) || !parse_bound(w->until, &wish.until))
		return complain_usage("a time is such as 2026-11-24 or 2026-11-24T01:52:40Z");
	if (w->owner != NULL && (*w->owner == '\0' || strpbrk(w->owner, " \n") != NULL))
		return complain_usage("an owner is a reference such as group:default/payments");
	if (!key_for(w, w->log, &k))
		return EXIT_FAILURE;
	if (asprintf(&tmp, "%s.tmp", w->output) < 0)
		out_of_memory();
	status = bundle_to(w, &wish, &k, tmp);
	if (status != EXIT_SUCCESS)
		unlink(tmp);
	return status;
}

/* --- which is which --- */

static const struct {
	const char *name;
	int (*run)(const struct audit_wish *w);
} commands[] = {
	{ "show", show },
	{ "verify", verify },
	{ "prove", prove },
	{ "bundle", bundle },
};

int audit_command_at(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "audit") != 0)
			continue;
		for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
			if (strcmp(argv[i + 1], commands[c].name) == 0)
				return i + 1;
		}
	}
	return 0;
}

static bool read_options(int argc, char **argv, struct audit_wish *w)
{
	static const struct option options[] = {
		{ "log", required_argument, NULL, 'l' },
		{ "key", required_argument, NULL, 'k' },
		{ "old-checkpoint", required_argument, NULL, 'c' },
		{ "proof", required_argument, NULL, 'p' },
		{ "entry", required_argument, NULL, 'e' },
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' },
		{ "owner", required_argument, NULL, 'w' },
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		switch (opt) {
		case 'l': w->log = optarg; break;
		case 'k': w->key = optarg; break;
		case 'c': w->old_checkpoint = optarg; break;
		case 'p': w->proof = optarg; break;
		case 'e': w->entry = optarg; break;
		case 's': w->since = optarg; break;
		case 'u': w->until = optarg; break;
		case 'w': w->owner = optarg; break;
		case 'o': w->output = optarg; break;
		default: return false;
		}
	}
	w->word = argv[optind];
	return argc - optind <= 1;
}

int audit_command(int argc, char **argv)
{
	struct audit_wish w = { .log = LOG_DEFAULT };
	int status;

	if (!read_options(argc, argv, &w))
		return complain_usage(NULL);
	if (crypto_init() != ERR_OK)
		return complain("the cryptographic libraries do not work");
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
		if (strcmp(argv[0], commands[c].name) != 0)
			continue;
		status = commands[c].run(&w);
		return fflush(stdout) == 0 ? status : EXIT_FAILURE;
	}
	return complain_usage(NULL);
}
