/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * gate - what has to be asked before a message is taken, at times.
 *
 * A broker that has just started settles first; one with a publish-rate lets
 * each session publish so much; and when memory is short, only what leaves
 * nothing behind may pass (conn.h). Otherwise the broker is not `gated`, and
 * nobody comes here.
 */
#ifndef UMBELD_GATE_H
#define UMBELD_GATE_H

#include <stdint.h>

#include "input.h"
#include "session.h"

/*
 * How many of the messages at the front of the input may be taken now, the
 * first of which has arrived whole. When it is none the session waits and goes
 * on by its waiter's resume, or the message may not pass (struct broker).
 */
uint32_t gate_allows(struct session *s, const struct input *in,
                     uint32_t body_len);

#endif
