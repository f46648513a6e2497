/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "daemon/page_impl.h"
#include "model/catalog.h"
#include "store/store.h"

/* How the relay itself is: its sinks, what waits, what is in quarantine, the catalog. */

#define HEALTH_MAX (256 * 1024)

/* "1 delivery", "2 deliveries" */
static void write_count(struct html *h, int64_t n, const char *one, const char *many)
{
	html_putf(h, "%" PRId64 " %s", n, n == 1 ? one : many);
}

/* --- sinks --- */

struct health_word {
	const char *class, *word;
};

static struct health_word word_of(const struct dispatch_sink_stats *s)
{
	if (!s->configured)
		return (struct health_word){ "bad", "Not configured" };
	switch (s->gate) {
	case SINK_HELD: return (struct health_word){ "held", "On hold" };
	case SINK_DISABLED: return (struct health_word){ "bad", "Disabled" };
	case SINK_OPEN: break;
	}
	switch (s->circuit) {
	case CIRCUIT_OPEN: return (struct health_word){ "bad", "Down, left alone" };
	case CIRCUIT_PROBING: return (struct health_word){ "poor", "Down, being probed" };
	case CIRCUIT_CLOSED: break;
	}
	if (s->failing_since.ms != WALL_NONE.ms)
		return (struct health_word){ "poor", "Failing" };
	if (s->throttled)
		return (struct health_word){ "poor", "Throttled" };
	return (struct health_word){ "well", "Well" };
}

/* An outlet that was configured once and has nothing more to do is of no interest. */
static bool is_of_interest(const struct dispatch_sink_stats *s)
{
	return s->configured || s->waiting > 0;
}

static void write_sink(struct html *h, const struct dispatch_sink_stats *s)
{
	struct health_word w = word_of(s);

	html_putf(h, "<li class=\"sink\"><span class=\"health %s\">%s</span> <span class=\"who\">",
		w.class, w.word);
	html_foreign(h, span_of(s->sink), 60);
	html_put(h, "</span> <span class=\"what\">");
	if (s->waiting > 0) {
		html_put(h, "waiting: ");
		write_count(h, (int64_t)s->waiting, "repository", "repositories");
	}
	if (s->failing_since.ms != WALL_NONE.ms) {
		html_put(h, s->waiting > 0 ? "; failing since " : "failing since ");
		page_write_time(h, s->failing_since);
	}
	html_put(h, "</span>");
	if (s->last_note[0] != '\0') {
		html_put(h, " <span class=\"note\">");
		html_foreign(h, span_of(s->last_note), 160);
		html_put(h, "</span>");
	}
	html_put(h, "</li>\n");
}

static void write_sinks(struct html *h, const struct dispatch *dispatch)
{
	size_t n = 0;

	html_put(h, "<section id=\"sinks\" aria-labelledby=\"h-sinks\">"
		    "<h2 id=\"h-sinks\">Sinks</h2>\n<ul>\n");
	for (size_t i = 0; i < dispatch_sinks(dispatch); i++) {
		struct dispatch_sink_stats s = dispatch_sink_stats(dispatch, i);

		if (!is_of_interest(&s))
			continue;
		write_sink(h, &s);
		n++;
	}
	if (n == 0)
		html_put(h, "<li>No sink is configured.</li>\n");
	html_put(h, "</ul></section>\n");
}

/* --- what waits --- */

static void write_backlog(struct html *h, const struct store_counts *c)
{
	html_put(h, "<dt>Backlog</dt> <dd>");
	if (c->pending == 0) {
		html_put(h, "nothing waits");
	} else {
		write_count(h, c->pending, "delivery", "deliveries");
		html_put(h, ", the oldest from ");
		page_write_time(h, (struct wall){ clock_wall().ms - c->oldest_pending_ms });
	}
	html_put(h, "</dd>\n");
	if (c->dead > 0) {
		html_put(h, "<dt>Dead letters</dt> <dd class=\"alarm\">");
		write_count(h, c->dead, "delivery was given up", "deliveries were given up");
		html_put(h, "</dd>\n");
	}
}

static void write_quarantine(struct html *h, const struct store_counts *c)
{
	int64_t n = c->quarantined + c->waiting;

	html_put(h, "<dt>Quarantine</dt> <dd>");
	if (n == 0) {
		html_put(h, "empty");
	} else {
		html_put(h, "<a href=\"page/quarantine\">");
		write_count(h, n, "build", "builds");
		html_put(h, "</a> that no entity claims");
	}
	html_put(h, "</dd>\n");
}

static void write_store(struct html *h, const struct daemon *d)
{
	switch (store_health(d->store)) {
	case STORE_OK: return;
	case STORE_READONLY:
		html_put(h, "<dt>Store</dt> <dd class=\"alarm\">full: nothing is taken in</dd>\n");
		return;
	case STORE_DOWN: break;
	}
	html_put(h, "<dt>Store</dt> <dd class=\"alarm\">down</dd>\n");
}

static void write_catalog(struct html *h, const struct daemon *d)
{
	const struct catalog *c = relay_catalog_now(d->relay);

	html_put(h, "<dt>Catalog</dt> <dd>");
	if (c == NULL) {
		html_put(h, "not read yet");
	} else {
		write_count(h, (int64_t)catalog_count(c), "entity", "entities");
		html_put(h, ", ");
		write_count(h, (int64_t)catalog_repositories(c), "repository", "repositories");
	}
	html_put(h, "</dd>\n");
	if (d->catalog_trouble[0] != '\0') {
		html_put(h, "<dt>Catalog's trouble</dt> <dd class=\"alarm\">");
		html_foreign(h, span_of(d->catalog_trouble), 200);
		html_put(h, "</dd>\n");
	}
}

void page_write_health(struct html *h, const struct page *p)
{
	const struct daemon *d = p->d;
	struct store_counts c = store_counts(d->store);

	write_sinks(h, relay_dispatch(d->relay));
	html_put(h, "<section id=\"relay\" aria-labelledby=\"h-relay\">"
		    "<h2 id=\"h-relay\">Relay</h2>\n<dl>\n");
	write_backlog(h, &c);
	write_quarantine(h, &c);
	write_catalog(h, d);
	write_store(h, d);
	html_put(h, "</dl></section>\n");
}

/* Words and counts; times that only grow older are no news. */
uint64_t page_health(const struct page *p)
{
	const struct dispatch *dispatch = relay_dispatch(p->d->relay);
	struct store_counts c = store_counts(p->d->store);
	CLEANUP(buf_release) struct buf text;
	struct hash_key key = { 0 };

	buf_init(&text, HEALTH_MAX);
	IGNORE(buf_addf(&text, "%" PRId64 " %" PRId64 " %" PRId64 " %d %s\n", c.pending, c.dead,
		       c.quarantined + c.waiting, store_health(p->d->store),
		       p->d->catalog_trouble) != ERR_OK);
	for (size_t i = 0; i < dispatch_sinks(dispatch); i++) {
		struct dispatch_sink_stats s = dispatch_sink_stats(dispatch, i);

		if (is_of_interest(&s))
			IGNORE(buf_addf(&text, "%s %s %zu %s\n", s.sink, word_of(&s).word,
				       s.waiting, s.last_note) != ERR_OK);
	}
	return hash_bytes(&key, buf_span(&text));
}
