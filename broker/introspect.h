/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * introspect - answers requests about the state of the broker.
 *
 * A request is a PUBLISH with a reply topic on `$SYS.broker.info` and its
 * siblings. The answer is a PUBLISH by the broker to that reply topic. All data
 * is read from the broker's normal structures; nothing is counted per message
 * only for introspection.
 */
#ifndef UMBELD_INTROSPECT_H
#define UMBELD_INTROSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker.h"
#include "proto/publish.h"
#include "rights.h"

/* Does the broker answer requests on this topic? */
bool introspect_knows(const char *topic, size_t len);

/* True if this session may not send the request; then *out says why. */
bool introspect_object(const struct session *s, const struct publish *request,
                       struct objection *out);

/*
 * Answer a request on a known topic that has a reply. Returns a new slab, owned
 * by the caller, that begins with a PUBLISH frame of *len bytes. NULL if out of
 * memory.
 */
struct slab *introspect_answer(struct broker *b, const struct publish *request,
                               uint32_t *len);

#endif
