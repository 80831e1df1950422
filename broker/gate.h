/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gate - checks before a message is taken that are only needed at times.
 *
 * A broker that has just started settles first; with a publish-rate, each
 * session may publish only so much; and when memory is short, only messages
 * that leave nothing in memory may pass (conn.h). At all other times the broker
 * is not `gated`, and these checks are skipped.
 */
#ifndef UMBELD_GATE_H
#define UMBELD_GATE_H

#include <stdint.h>

#include "input.h"
#include "session.h"

/*
 * How many of the messages at the front of the input may be taken now, the
 * first of which has arrived completely. When it is none, either the session
 * waits and goes on when its waiter is resumed, or the message may not pass
 * (broker.passing).
 */
uint32_t gate_allows(struct session *s, const struct input *in,
                     uint32_t body_len);

#endif
