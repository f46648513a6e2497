/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * The inner loop of json_gate() and json_read(): over a string's inside, eight
 * bytes at a time, to the first that may end it. Each test marks a byte by its
 * top bit; a mark may be wrong only above a right one (the borrow), so the
 * lowest is always right.
 */
#define JSON_EACH(byte) ((uint64_t)(byte)*0x0101010101010101)

static inline uint64_t json_mark_byte(uint64_t word, uint8_t byte)
{
	uint64_t x = word ^ JSON_EACH(byte);

	return (x - JSON_EACH(0x01)) & ~x & JSON_EACH(0x80);
}

static inline uint64_t json_mark_below(uint64_t word, uint8_t bound)
{
	return (word - JSON_EACH(bound)) & ~word & JSON_EACH(0x80);
}

/*
 * The first quote, backslash or control character from p on, or end. *high has
 * a bit of 0x80 set if a byte passed over is not ASCII.
 */
static inline const char *json_scan_string(const char *p, const char *end, uint64_t *high)
{
	uint64_t seen = 0;

	while (end - p >= 8) {
		uint64_t word, marks;

		memcpy(&word, p, sizeof(word));
		word = le64toh(word);
		marks = json_mark_byte(word, '"') | json_mark_byte(word, '\\') |
			json_mark_below(word, 0x20);
		if (marks != 0) {
			int bytes = __builtin_ctzll(marks) / 8;

			/* Only what stands before the mark was passed over. */
			*high |= (seen | (word & (((uint64_t)1 << 8 * bytes) - 1))) &
				 JSON_EACH(0x80);
			return p + bytes;
		}
		seen |= word;
		p += 8;
	}
	for (; p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20; p++)
		seen |= (unsigned char)*p;
	*high |= seen & JSON_EACH(0x80);
	return p;
}

#endif
