/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * snapshot - what a new subscription with `retained` gets before anything that
 * is live: the last values of the topics that its filter matches, and who is
 * connected, if it matches that.
 */
#ifndef UMBELD_SNAPSHOT_H
#define UMBELD_SNAPSHOT_H

#include "session.h"

/*
 * Grant `request` with the number of values, and send them to subscription
 * `sub`, which is there already: what is routed from now on comes behind them.
 * They may exceed the marks of the outbox; the store bounds them.
 */
void snapshot_send(struct session *s, uint32_t request, uint32_t sub,
                   struct text filter);

#endif
