/* SPDX-License-Identifier: Apache-2.0 */
#include "model/address.h"

const char *address_str(enum address a)
{
	switch (a) {
	case ADDRESS_OWNER: return "owner";
	case ADDRESS_AUTHOR: return "author";
	}
	return "owner";
}

enum err address_parse(struct span text, enum address *a)
{
	for (enum address each = ADDRESS_OWNER; each <= ADDRESS_AUTHOR; each <<= 1) {
		if (span_is(text, address_str(each))) {
			*a = each;
			return ERR_OK;
		}
	}
	return ERR_PARSE;
}
