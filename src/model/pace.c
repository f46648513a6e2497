/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pace.h"

#define TRY            INT64_C(1000) /* what a try costs */
#define PAUSE_FIRST_MS 1000
#define PAUSE_MAX_MS   60000
#define DOUBLINGS_MAX  6

void pace_init(struct pace *p, const struct pace_conf *c, struct mono now)
{
	*p = (struct pace){
		.window = c->inflight_max,
		.not_before = now,
		.credit = (int64_t)c->rate * TRY,
		.credited = now,
	};
}

void pace_set(struct pace *p, const struct pace_conf *c)
{
	if (p->window > c->inflight_max || p->throttles == 0)
		p->window = c->inflight_max;
}

/* A rate of n a second earns n thousandths of a try each millisecond. */
static void pace_earn(struct pace *p, const struct pace_conf *c, struct mono now)
{
	const int64_t most = (int64_t)c->rate * TRY;
	int64_t passed_ms = now.ms - p->credited.ms;

	p->credited = now;
	if (passed_ms > 1000)
		passed_ms = 1000;
	p->credit += passed_ms * (int64_t)c->rate;
	if (p->credit > most)
		p->credit = most;
}

int64_t pace_wait(struct pace *p, const struct pace_conf *c, unsigned inflight, struct mono now)
{
	if (inflight >= p->window)
		return -1;
	if (now.ms < p->not_before.ms)
		return p->not_before.ms - now.ms;
	if (c->rate == 0)
		return 0;
	pace_earn(p, c, now);
	if (p->credit >= TRY)
		return 0;
	return (TRY - p->credit + c->rate - 1) / c->rate;
}

void pace_begin(struct pace *p, const struct pace_conf *c)
{
	if (c->rate > 0)
		p->credit -= TRY;
}

void pace_ease(struct pace *p, const struct pace_conf *c)
{
	p->throttles = 0;
	if (p->window < c->inflight_max)
		p->window++;
}

/* Those that were under way when it said so say it again: that is one throttling. */
void pace_throttle(struct pace *p, int64_t asked_ms, struct mono now)
{
	int64_t pause_ms = asked_ms;

	if (now.ms >= p->not_before.ms) {
		p->window = p->window > 1 ? p->window / 2 : 1;
		if (p->throttles < DOUBLINGS_MAX)
			p->throttles++;
	}
	if (pause_ms < 0) {
		pause_ms = (int64_t)PAUSE_FIRST_MS << (p->throttles > 0 ? p->throttles - 1 : 0);
		if (pause_ms > PAUSE_MAX_MS)
			pause_ms = PAUSE_MAX_MS;
		if (now.ms < p->not_before.ms)
			return;
	}
	if (now.ms + pause_ms > p->not_before.ms)
		p->not_before.ms = now.ms + pause_ms;
}
