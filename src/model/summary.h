/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SUMMARY_H
#define MODEL_SUMMARY_H

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "model/cloudevent.h"

/* What people are told of an event in one line, and how grave it is. */

/* How grave, in the words and numbers of syslog. */
enum severity {
	SEVERITY_ERR = 3,
	SEVERITY_WARNING,
	SEVERITY_NOTICE,
	SEVERITY_INFO,
};

/*
 * Append "acme/parcel-api: main is broken (build 42 failed)" of a build, the
 * message of an operator event.
 */
MUST_CHECK enum err summary_write(const struct cloudevent_facts *f, struct buf *out);

/* Append what a build ran for: "main", "tag v1.2", "pull request 12". */
MUST_CHECK enum err summary_line(const struct cloudevent_facts *f, struct buf *out);

/*
 * A failed or errored build is an error, trouble of the relay's own a warning; a
 * canceled or mended build and good news of the relay's own are worth a notice.
 */
enum severity summary_severity(const struct cloudevent_facts *f);

#endif
