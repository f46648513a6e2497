/* SPDX-License-Identifier: Apache-2.0 */
#include "base/html_write.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/codec.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Markup with numbers in it is short. */
#define MARKUP_MAX 512

void html_init(struct html *h, struct buf *out)
{
	*h = (struct html){ .out = out };
}

enum err html_done(const struct html *h)
{
	return h->err;
}

static void put(struct html *h, const char *bytes, size_t n)
{
	if (h->err == ERR_OK)
		h->err = buf_add(h->out, bytes, n);
}

void html_put(struct html *h, const char *markup)
{
	put(h, markup, strlen(markup));
}

void html_putf(struct html *h, const char *fmt, ...)
{
	char markup[MARKUP_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(markup, sizeof(markup), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(markup))
		h->err = ERR_LIMIT;
	else
		put(h, markup, (size_t)n);
}

/* What stands for an ASCII character; NULL: itself. */
static const char *escape_of(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	case '\t':
	case '\n':
	case '\r': return " ";
	default: return (unsigned char)c < 0x20 || c == 0x7f ? REPLACEMENT : NULL;
	}
}

static unsigned code_of(const char *p, size_t n)
{
	unsigned code = (unsigned char)p[0] & (0xffU >> (n + 1));

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return code;
}

/* May a character of several bytes stand in a page? */
static bool is_welcome(const char *p, size_t n)
{
	unsigned code = code_of(p, n);

	return code >= 0xa0 && code != 0x061c /* ALM */ &&
	       (code < 0x200e || code > 0x200f) /* LRM, RLM */ &&
	       (code < 0x2028 || code > 0x202e) /* line ends; LRE to RLO */ &&
	       (code < 0x2066 || code > 0x2069) /* LRI to PDI */ && (code & 0xfffe) != 0xfffe;
}

/* The bytes at the front that stand for themselves. */
static size_t plain_run(struct span s)
{
	size_t run = 0;

	while (run < s.n) {
		size_t n = utf8_len((struct span){ s.p + run, s.n - run });

		if (n == 0 || (n == 1 && escape_of(s.p[run]) != NULL) ||
			(n > 1 && !is_welcome(s.p + run, n)))
			break;
		run += n;
	}
	return run;
}

void html_text(struct html *h, struct span text)
{
	while (text.n > 0) {
		size_t run = plain_run(text), n;

		put(h, text.p, run);
		text = (struct span){ text.p + run, text.n - run };
		if (text.n == 0)
			return;
		n = utf8_len(text);
		html_put(h, n == 1 ? escape_of(text.p[0]) : REPLACEMENT);
		n = n == 0 ? 1 : n;
		text = (struct span){ text.p + n, text.n - n };
	}
}

void html_str(struct html *h, const char *text)
{
	html_text(h, span_of(text));
}

void html_attr(struct html *h, const char *name, struct span text)
{
	html_put(h, " ");
	html_put(h, name);
	html_put(h, "=\"");
	html_text(h, text);
	html_put(h, "\"");
}

void html_foreign(struct html *h, struct span text, size_t max)
{
	struct span shown = utf8_cut(text, max);

	html_put(h, "<bdi>");
	html_text(h, shown);
	if (shown.n < text.n)
		html_put(h, "\xe2\x80\xa6");
	html_put(h, "</bdi>");
}

void html_url_part(struct html *h, struct span text)
{
	if (h->err == ERR_OK)
		h->err = url_encode(text, h->out);
}
