/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * handover - what waits for a member of a queue group goes to other members
 * when it leaves.
 *
 * The kernel has no byte of these messages yet, so nobody has seen them. They
 * are chosen for anew, one by one and in their order. For who gets them they
 * count as any others: one that rather loses messages, or its connection, does
 * when it has too many (shed.h). For one that would have senders wait nobody
 * can: its mark is passed, by no more than is handed over, and not beyond what
 * two full ones owe. Those that nobody else can have are left: because the
 * group has no other member, or because so much waits for all others already.
 */
#ifndef UMBELD_HANDOVER_H
#define UMBELD_HANDOVER_H

#include "session.h"

struct handover {
	uint64_t frames; /* given to others */
	uint64_t left_frames;
	uint64_t left_bytes;
};

/* `s` ends, and its subscriptions are about to. What is left stays with it. */
struct handover handover_all(struct session *s);

/* It ends one subscription, of a group. What is left is lost. */
struct handover handover_of(struct session *s, const struct subscription *sub);

/* Nobody will get what was left. */
void handover_log_loss(struct session *s, const struct handover *h);

#endif
