/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * introspect - what the broker tells about itself to those who ask.
 *
 * A request is a PUBLISH with a reply on `$SYS.broker.info` and its siblings;
 * the answer is a PUBLISH of the broker to that reply. Everything is read from
 * where the broker keeps it anyway: nothing is counted for this per message.
 */
#ifndef UMBELD_INTROSPECT_H
#define UMBELD_INTROSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker.h"
#include "proto/publish.h"
#include "rights.h"

/* Are requests on this topic answered? */
bool introspect_knows(const char *topic, size_t len);

/* Why may this session not ask? False when it may. */
bool introspect_object(const struct session *s, const struct publish *request,
                       struct objection *out);

/*
 * Answer a request on a topic that is known, which has a reply: a new slab,
 * owned by the caller, with a PUBLISH frame of *len bytes at its front. NULL
 * without memory.
 */
struct slab *introspect_answer(struct broker *b, const struct publish *request,
                               uint32_t *len);

#endif
