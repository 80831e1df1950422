/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * sys - what the broker itself publishes, below $SYS.client: who comes, who
 * goes and why, and who is held up by whom.
 *
 * Each is a PUBLISH of session 0 with a msgpack map for a payload. Nothing is
 * written when nobody subscribes to it. It is posted, not routed at once, for
 * sessions end in the middle of other things.
 */
#ifndef UMBELD_SYS_H
#define UMBELD_SYS_H

#include "report.h"
#include "session.h"

/* It has been welcomed; it has ended, see session.end_reason. */
void sys_tell_connected(const struct session *s);
void sys_tell_disconnected(const struct session *s, const char *reason,
                           struct loss lost);

/* A hold was announced (on), or one that was has ended. */
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
/* Returns 0 or -ENOMEM. */
int sys_send_clients(struct session *to, uint32_t sub);

#endif
