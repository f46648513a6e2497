/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_VIEW_H
#define CTL_VIEW_H

#include <stdio.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Show an answer of the daemon to a person. ERR_PARSE if it is not what was asked
 * for; ERR_IO, after showing it, if it says that something broke off.
 */
MUST_CHECK enum err view_status(struct span json, FILE *to);
MUST_CHECK enum err view_events(struct span json, FILE *to);
MUST_CHECK enum err view_event(struct span json, FILE *to);
MUST_CHECK enum err view_quarantine(struct span json, FILE *to);
MUST_CHECK enum err view_deliveries(struct span json, FILE *to);
MUST_CHECK enum err view_audit(struct span json, FILE *to);
MUST_CHECK enum err view_dead(struct span json, FILE *to);
MUST_CHECK enum err view_explain(struct span json, FILE *to);
MUST_CHECK enum err view_replay(struct span json, FILE *to);
MUST_CHECK enum err view_sink(struct span json, FILE *to);
MUST_CHECK enum err view_catalog_show(struct span json, FILE *to);
MUST_CHECK enum err view_catalog_owners(struct span json, FILE *to);
MUST_CHECK enum err view_catalog_drift(struct span json, FILE *to);
MUST_CHECK enum err view_policy_explain(struct span json, FILE *to);
MUST_CHECK enum err view_variables(struct span json, FILE *to);
MUST_CHECK enum err view_routes_test(struct span json, FILE *to);

/* ERR_IO if a case is not as expected. to may be NULL: only that. */
MUST_CHECK enum err view_policy_test(struct span json, FILE *to);

#endif
