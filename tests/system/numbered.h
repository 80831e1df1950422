/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * numbered - payloads that a receiver can check: a u64 big-endian number, and
 * as many bytes behind it as there is room for, which follow from it.
 */
#ifndef NUMBERED_H
#define NUMBERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBERED_MIN 8u

static inline void
numbered_write(uint8_t *out, size_t len, uint64_t number)
{
	for (size_t i = 0; i < NUMBERED_MIN; i++)
		out[i] = (uint8_t)(number >> (56 - 8 * i));
	for (size_t i = NUMBERED_MIN; i < len; i++)
		out[i] = (uint8_t)(number + i);
}

/* False: these are not the bytes that were written. */
static inline bool
numbered_read(const uint8_t *data, size_t len, uint64_t *number)
{
	if (len < NUMBERED_MIN)
		return false;
	*number = 0;
	for (size_t i = 0; i < NUMBERED_MIN; i++)
		*number = *number << 8 | data[i];
	for (size_t i = NUMBERED_MIN; i < len; i++) {
		if (data[i] != (uint8_t)(*number + i))
			return false;
	}
	return true;
}

#endif
