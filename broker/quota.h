/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * quota - counts, for each user, what is limited per user.
 *
 * It only counts. The limits are in config.h; admission (connections) and
 * command (subscriptions) enforce them.
 */
#ifndef UMBELD_QUOTA_H
#define UMBELD_QUOTA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct quota {
	struct quota_user *users; /* by uid */
	uint32_t connections;
	uint32_t handshakes; /* connections that have not said HELLO */
};

void quota_init(struct quota *q);
/* All connections must have left. */
void quota_fini(struct quota *q);

/*
 * Count one more connection of `uid`. The caller keeps the result for the life
 * of the connection and then passes it to quota_leave(). NULL if out of memory.
 */
struct quota_user *quota_join(struct quota *q, uid_t uid);
void quota_leave(struct quota *q, struct quota_user *user);

/* Count a connection that has not said HELLO; end when it has, or never
   will. */
void quota_begin_handshake(struct quota *q, struct quota_user *user);
void quota_end_handshake(struct quota *q, struct quota_user *user);

/* How many connections a user has, and how many of them have not said HELLO. */
uint32_t quota_connections(const struct quota *q, uid_t uid);
uint32_t quota_handshakes(const struct quota *q, uid_t uid);

/* The counter of all subscriptions of a user; the caller may change it. */
uint32_t *quota_subscriptions(struct quota_user *user);

/* What its frames that have begun occupy; whoever asks has counted it. */
size_t *quota_unfinished(struct quota_user *user);

#endif
