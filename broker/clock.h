/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * clock - the one place where umbeld reads the time, so that tests can put
 * another function in its place and step it.
 */
#ifndef UMBELD_CLOCK_H
#define UMBELD_CLOCK_H

#include <stdint.h>

/* Milliseconds since some fixed point; never goes back. */
uint64_t clock_now_ms(void);

/* Seconds since 1970, as the machine has it: for people, not for deadlines. */
int64_t clock_date(void);

#endif
