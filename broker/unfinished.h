/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * unfinished - frames that have begun, while somebody waits for memory.
 *
 * Such a frame occupies memory that nothing but its own rest gives back. One is
 * no harm; so many that they have half of all memory are. Then those of which
 * nothing came for a quarter of stall_ms are broken off, and when somebody has
 * waited for stall_ms, any of them: as many as it takes, those first whose user
 * has most of them, and of a user's those first that connected first. The other
 * half is enough for the rest: what is kept has a part of it, and who owes much
 * is for shortage.h.
 *
 * One whose rest will not come, because the other end has gone, is let go.
 */
#ifndef UMBELD_UNFINISHED_H
#define UMBELD_UNFINISHED_H

#include <stdbool.h>
#include <stdint.h>

struct broker;

/* Now and then, while memory is short. */
void unfinished_look(struct broker *b, uint64_t now_ms);

/* It has been short for stall_ms: any of them may have to go. Did one? */
bool unfinished_end(struct broker *b);

#endif
