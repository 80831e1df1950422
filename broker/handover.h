/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * handover - when a member of a queue group leaves, the messages in its outbox
 * go to other members.
 *
 * The kernel has no byte of these messages yet, so nobody has seen them. A new
 * member is chosen for each, one by one and in their order. For that member
 * they count like any others: if its policy is to lose messages or be
 * disconnected, that happens when it has too many (shed.h). If its policy is to
 * block, nobody can wait here: its mark is exceeded, by no more than is handed
 * over, and not beyond what two full outboxes owe. Messages that no other
 * member can take are left: because the group has no other member, or because
 * all others have too much already.
 */
#ifndef UMBELD_HANDOVER_H
#define UMBELD_HANDOVER_H

#include "session.h"

struct handover {
	uint64_t frames; /* given to other members */
	uint64_t left_frames;
	uint64_t left_bytes;
};

/* `s` ends, and its subscriptions are about to. What is left stays in its
   outbox. */
struct handover handover_all(struct session *s);

/* `s` ends one subscription, of a group. What is left is lost. */
struct handover handover_of(struct session *s, const struct subscription *sub);

/* Log what was left as lost, if anything. */
void handover_log_loss(struct session *s, const struct handover *h);

#endif
