/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * overflow - the policy of a session whose outbox is full: the words of HELLO
 * and WELCOME.
 */
#ifndef UMBEL_PROTO_OVERFLOW_H
#define UMBEL_PROTO_OVERFLOW_H

#include <stdbool.h>
#include <stdint.h>

enum overflow {
	OVERFLOW_BLOCK,       /* publishers wait, and nothing is lost */
	OVERFLOW_DROP_OLDEST, /* the oldest messages are lost, and announced */
	OVERFLOW_DISCONNECT,  /* the session is disconnected */
};

/* "drop-oldest" */
const char *overflow_name(enum overflow policy);

/* Parse the `len` bytes at `name`. False when they are none of these words. */
bool overflow_parse(const char *name, uint32_t len, enum overflow *out);

#endif
