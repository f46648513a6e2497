/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_REFUSAL_H
#define RELAY_REFUSAL_H

struct httpd_problem;
struct httpd_req;
struct relay;

/* What is refused, and whom as far as that is known: NULL otherwise. */
struct refusal {
	const char *action; /* "webhook.refuse", … */
	const char *reason; /* a stable word; NULL: the problem's type */
	const char *source; /* a source's name */
	const char *caller; /* a credential's name */
};

/*
 * Note that a request is refused with this problem: one line in the log, one audit
 * entry at a bounded rate. The answer is the caller's.
 */
void relay_note_refusal(struct relay *r, const struct httpd_req *req, const struct refusal *what,
	const struct httpd_problem *problem);

#endif
