/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * overflow - what a session wants when more waits for it than it may owe: the
 * words of HELLO and WELCOME.
 */
#ifndef UMBEL_PROTO_OVERFLOW_H
#define UMBEL_PROTO_OVERFLOW_H

#include <stdbool.h>
#include <stdint.h>

enum overflow {
	OVERFLOW_BLOCK,       /* its senders wait, and nothing is lost */
	OVERFLOW_DROP_OLDEST, /* the oldest messages are lost, and announced */
	OVERFLOW_DISCONNECT,  /* it is cut off */
};

/* "drop-oldest" */
const char *overflow_name(enum overflow policy);

/* False when the `len` bytes at `name` are none of these words. */
bool overflow_parse(const char *name, uint32_t len, enum overflow *out);

#endif
