/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HTML_WRITE_H
#define BASE_HTML_WRITE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Writes HTML and SVG into a buf, in the syntax that is XML too (every element
 * closed, every attribute quoted). The first error sticks: write on, and ask once
 * with html_done(). Markup is our own literals; whatever is foreign goes through
 * html_text(), html_quote() or html_foreign(), which let no markup through.
 */
struct html {
	struct buf *out; /* borrowed */
	enum err err;
};

void html_init(struct html *h, struct buf *out);
MUST_CHECK enum err html_done(const struct html *h);

/* Markup of our own, as it is. */
void html_put(struct html *h, const char *markup);

/* Markup of our own with numbers in it. No text from elsewhere may be among the arguments. */
void html_putf(struct html *h, const char *fmt, ...) PRINTF(2, 3);

/*
 * Text, also as an attribute's value. & < > " ' are escaped; what is not UTF-8,
 * control characters (but tab and line end, which become blanks) and characters
 * that XML does not have become U+FFFD, and so do those that would turn the
 * direction of what stands behind them (UAX #9, explicit formatting).
 */
void html_text(struct html *h, struct span text);
void html_str(struct html *h, const char *text);

/* name="text", with a blank before it; the name is our own. */
void html_attr(struct html *h, const char *name, struct span text);

/*
 * Text that somebody else wrote, in an element that isolates its direction, cut
 * between characters at max bytes, with an ellipsis.
 */
void html_foreign(struct html *h, struct span text, size_t max);

/* Text percent-encoded for a part of a URL, which needs no further escape. */
void html_url_part(struct html *h, struct span text);

#endif
