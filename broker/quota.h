/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * quota - how much each user has of what there is a limit of.
 *
 * It only counts. What the limits are is in config.h; who is refused for one
 * is for admission (connections) and command (subscriptions) to say.
 */
#ifndef UMBELD_QUOTA_H
#define UMBELD_QUOTA_H

#include <stdint.h>
#include <sys/types.h>

struct quota {
	struct quota_user *users; /* by uid */
	uint32_t connections;
	uint32_t handshakes; /* connections that have not said HELLO */
};

void quota_init(struct quota *q);
/* Everybody has left. */
void quota_fini(struct quota *q);

/*
 * One more connection of `uid`. Keep what is returned for as long as it lasts,
 * and give it to quota_leave() then. NULL without memory.
 */
struct quota_user *quota_join(struct quota *q, uid_t uid);
void quota_leave(struct quota *q, struct quota_user *user);

/* A connection has not said HELLO yet; now it has, or never will. */
void quota_begin_handshake(struct quota *q, struct quota_user *user);
void quota_end_handshake(struct quota *q, struct quota_user *user);

/* How many connections it has, and how many of them have not said HELLO. */
uint32_t quota_connections(const struct quota *q, uid_t uid);
uint32_t quota_handshakes(const struct quota *q, uid_t uid);

/* All subscriptions of a user; add or take away at will. */
uint32_t *quota_subscriptions(struct quota_user *user);

#endif
