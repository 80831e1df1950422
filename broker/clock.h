/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * clock - the only place where umbeld reads the time, so that tests can replace
 * its functions and control the time.
 */
#ifndef UMBELD_CLOCK_H
#define UMBELD_CLOCK_H

#include <stdint.h>

/* Milliseconds since some fixed point. Never goes back. */
uint64_t clock_now_ms(void);

/*
 * Milliseconds since `then`, the low 32 bits of an earlier time: a session
 * keeps no more of some, because there may be many sessions. Wrong for what is
 * older than 49 days.
 */
static inline uint32_t
clock_age(uint64_t now_ms, uint32_t then)
{
	return (uint32_t)now_ms - then;
}

/* Seconds since 1970 by the system clock. For display, not for deadlines. */
int64_t clock_date(void);

#endif
