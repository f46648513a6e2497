/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_CONF_FORM_H
#define CONF_CONF_FORM_H

#include <stdbool.h>

/* What a text must look like. */
struct conf_form {
	const char *noun; /* "path", for the manual */
	bool (*fits)(const char *text);
	const char *must; /* "must be …", when it does not fit */
	bool quiet;       /* may hold a password by mistake: not repeated */
};

extern const struct conf_form conf_form_absolute_path;
extern const struct conf_form conf_form_address; /* to listen at */
extern const struct conf_form conf_form_annotation;
extern const struct conf_form conf_form_backstage_url;
extern const struct conf_form conf_form_algorithm; /* of a token's signature */
extern const struct conf_form conf_form_entity_ref;
extern const struct conf_form conf_form_facility; /* of syslog */
extern const struct conf_form conf_form_host;     /* without port */
extern const struct conf_form conf_form_key_url;  /* where keys are fetched from */
extern const struct conf_form conf_form_name;     /* of a source or sink */
extern const struct conf_form conf_form_origin;   /* of an audit log */
extern const struct conf_form conf_form_schedule;
extern const struct conf_form conf_form_syslog_address; /* to send to */
extern const struct conf_form conf_form_syslog_format;
extern const struct conf_form conf_form_title; /* free text */
extern const struct conf_form conf_form_topic;
extern const struct conf_form conf_form_owner; /* of a repository */

extern const struct conf_form conf_form_right; /* of a credential */

/* Types of items. */
extern const struct conf_form conf_form_source_type;
extern const struct conf_form conf_form_sink_type;

/* Of sources that push the catalog. */
extern const struct conf_form conf_form_protocol;
extern const struct conf_form conf_form_json;

/* Of http sinks. */
extern const struct conf_form conf_form_egress; /* a network and port to allow */
extern const struct conf_form conf_form_header;
extern const struct conf_form conf_form_http_mode;
extern const struct conf_form conf_form_sink_url;

extern const struct conf_form conf_form_addressee; /* of a route */

/* Conditions of routes. */
extern const struct conf_form conf_form_outcome;
extern const struct conf_form conf_form_transition;
extern const struct conf_form conf_form_kind;
extern const struct conf_form conf_form_lower_pattern;
extern const struct conf_form conf_form_pattern;
extern const struct conf_form conf_form_entity_pattern;
extern const struct conf_form conf_form_repository_pattern;

/* Rules of the policy. */
extern const struct conf_form conf_form_action;
extern const struct conf_form conf_form_effect;
extern const struct conf_form conf_form_group;
extern const struct conf_form conf_form_principal;

extern const struct conf_form conf_form_claim; /* of an agent */

/* Of providers of secrets. */
extern const struct conf_form conf_form_provider_type;
extern const struct conf_form conf_form_vault_auth;
extern const struct conf_form conf_form_aws_credentials;
extern const struct conf_form conf_form_metadata_url;
extern const struct conf_form conf_form_secret_path;

/* Of what is kept in repositories' settings. */
extern const struct conf_form conf_form_branch;
extern const struct conf_form conf_form_job_variable;

/* The name in a secret's reference. */
extern const struct conf_form conf_form_credential;
extern const struct conf_form conf_form_variable;

/* Does a URL that fits any of these forms lead to this host itself? */
bool conf_url_is_loopback(const char *url);

/* Not empty, not over 4096 bytes, and nothing in it that a terminal could act on or hide? */
bool conf_text_is_printable(const char *text);

#endif
