/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * stepped_clock - the broker's time, in the test's hands: it stands still
 * until the test moves it. It begins at the example of RFC 9110's dates.
 *
 * The definition here comes before that in the library, which is then not
 * taken from it. One inclusion for each program.
 */
#ifndef UMBEL_TESTS_STEPPED_CLOCK_H
#define UMBEL_TESTS_STEPPED_CLOCK_H

#include "broker/clock.h"

static uint64_t stepped_ms = 5000000;

uint64_t
clock_now_ms(void)
{
	return stepped_ms;
}

int64_t
clock_date(void)
{
	return 784111777 + (int64_t)(stepped_ms - 5000000) / 1000;
}

static inline void
clock_step(uint64_t ms)
{
	stepped_ms += ms;
}

#endif
