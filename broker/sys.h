/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * sys - what the broker itself publishes below $SYS.client: which clients
 * connect and disconnect, why, and which are held by which.
 *
 * Each event is a PUBLISH by session 0 whose payload is a msgpack map. An event
 * without subscribers is not written. Events are posted, not routed at once,
 * because a session may end in the middle of another operation.
 */
#ifndef UMBELD_SYS_H
#define UMBELD_SYS_H

#include "report.h"
#include "session.h"

/* A session has been welcomed; a session has ended, see session.end_reason. */
void sys_tell_connected(const struct session *s);
void sys_tell_disconnected(const struct session *s, const char *reason,
                           struct loss lost);

/* A hold was announced (on), or an announced hold has ended. */
void sys_tell_held(const struct hold *h, bool on);

/* The same of one that is held up by itself: it does not read its answers. */
void sys_tell_unread(const struct session *s, bool on);

/* The same when it is the broker that holds it up, by one of its limits, which
   has this name. */
void sys_tell_slowed(const struct session *s, const char *name,
                     struct text topic, const struct measured *m, bool on);

/*
 * Does the filter match $SYS.client.connected? Then those who are connected
 * are its retained values, in the order of their numbers.
 */
bool sys_lists_clients(struct text filter);
size_t sys_count_clients(const struct broker *b);
/* Send the connected clients to a subscription. Returns 0 or -ENOMEM. */
int sys_send_clients(struct session *to, uint32_t sub);

#endif
