/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_API_RIGHT_H
#define MODEL_API_RIGHT_H

/* What a credential of the API listener is good for: bits. */
enum api_right {
	API_BUILDS = 1 << 0,
	API_PAGE = 1 << 1,
};

/* The bit of a word of the configuration; 0: there is no such word. */
unsigned api_right_of(const char *word);

#endif
