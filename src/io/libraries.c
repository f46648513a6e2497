/* SPDX-License-Identifier: Apache-2.0 */
#include "io/libraries.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <yaml.h>

#include "base/defs.h"

/* libyaml's header has no version of its own. */
#define YAML_BUILT NULL

/* libsystemd tells no version; packages do. */
size_t libraries_list(struct library out[LIBRARIES_MAX])
{
	const struct library list[] = {
		{ "libevent", event_get_version(), LIBEVENT_VERSION, "2.1.12" },
		{ "libcurl", curl_version_info(CURLVERSION_NOW)->version, LIBCURL_VERSION, "7.88" },
		{ "json-c", json_c_version(), JSON_C_VERSION, "0.16" },
		{ "libsodium", sodium_version_string(), SODIUM_VERSION_STRING, "1.0.18" },
		{ "OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING), OPENSSL_VERSION_STR, "3.0" },
		{ "libyaml", yaml_get_version_string(), YAML_BUILT, "0.2.5" },
	};

	_Static_assert(ARRAY_SIZE(list) <= LIBRARIES_MAX, "there is room for all");
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		out[i] = list[i];
	return ARRAY_SIZE(list);
}
