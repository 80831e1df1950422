/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * snapshot - what a new subscription with `retained` gets before any live
 * message: the retained values of the topics that its filter matches, or the
 * list of connected clients, if its filter matches that.
 */
#ifndef UMBELD_SNAPSHOT_H
#define UMBELD_SNAPSHOT_H

#include "session.h"

/*
 * Grant `request` with the number of values, and send the values to
 * subscription `sub`. The subscription already exists, so messages routed from
 * now on follow the values. The values may exceed the marks of the outbox; the
 * store bounds them.
 */
void snapshot_send(struct session *s, uint32_t request, uint32_t sub,
                   struct text filter);

#endif
