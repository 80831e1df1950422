/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "options.h"

#include <errno.h>
#include <string.h>

#include "umbel.h"

/* No struct will ever be this long: a larger size was never initialized. */
#define SIZE_TOO_LARGE 4096u

/*
 * New members are added at the end. A new member must not lie where the struct
 * of older callers has padding, because nobody sets padding to zero: so there
 * must be no padding at the end.
 */
#define ENDS_WITH(type, member)                                            \
	_Static_assert(sizeof(struct type) ==                              \
	                       offsetof(struct type, member) +             \
	                               sizeof(((struct type *)0)->member), \
	               "padding behind the last member of " #type)
ENDS_WITH(umbel_options, user);
ENDS_WITH(umbel_sub_options, on_end);
ENDS_WITH(umbel_pub_options, reserved);
ENDS_WITH(umbel_request_options, id);

int
options_take(void *out, size_t size, const void *in)
{
	const unsigned char *bytes = in;
	size_t theirs;

	if (!in)
		return 0;
	memcpy(&theirs, in, sizeof(theirs));
	if (theirs < sizeof(theirs) || theirs >= SIZE_TOO_LARGE)
		return -EINVAL;
	for (size_t i = size; i < theirs; i++) {
		if (bytes[i] != 0)
			return -EINVAL;
	}
	memcpy(out, in, theirs < size ? theirs : size);
	memcpy(out, &size, sizeof(size));
	return 0;
}
