/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * command - which frames a client may send at which point, and what the broker
 * does with them: a table, and one short function for each frame.
 */
#ifndef UMBELD_COMMAND_H
#define UMBELD_COMMAND_H

#include "input.h"
#include "session.h"

enum command_outcome {
	COMMAND_TAKEN,  /* done, and skipped in the input */
	COMMAND_PAUSES, /* taken; other sessions go before the next frame */
	COMMAND_WAITS,  /* the session waits; the frame is still in the input */
	COMMAND_LAST,   /* the session has ended or failed: parse no more */
};

/* The longest body that this session may send at this point. */
uint32_t command_max_body(const struct session *s);

/* Carry out the frame at the front of the input, which has arrived whole. */
enum command_outcome command_take(struct session *s, struct input *in,
                                  uint32_t body_len);

#endif
