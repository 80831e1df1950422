/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "overflow.h"

#include <string.h>

static const char *const names[] = {
	[OVERFLOW_BLOCK] = "block",
	[OVERFLOW_DROP_OLDEST] = "drop-oldest",
	[OVERFLOW_DISCONNECT] = "disconnect",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

const char *
overflow_name(enum overflow policy)
{
	return names[policy];
}

bool
overflow_parse(const char *name, uint32_t len, enum overflow *out)
{
	for (unsigned i = 0; i < N_NAMES; i++) {
		if (len == strlen(names[i]) &&
		    memcmp(name, names[i], len) == 0) {
			*out = (enum overflow)i;
			return true;
		}
	}
	return false;
}
