/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_INGRESS_H
#define RELAY_INGRESS_H

#include "io/httpd.h"

struct relay;

/*
 * The hooks listener's handler: POST /hooks/travis/{source}. Checks who sent a
 * webhook and that it is whole, then gives the build to intake. Refusals are
 * problem documents with these types:
 *
 *	not-found, source-unknown 404 · method 405 · media-type, teams-mode 415 ·
 *	signature-missing 401 · signature-malformed, form-malformed,
 *	payload-malformed 400 · signature-wrong, host-mismatch,
 *	owner-not-allowed 403 · too-large 413 · keys-unavailable, overloaded,
 *	storage 503
 */
struct httpd_handler ingress_handler(struct relay *r);

#endif
