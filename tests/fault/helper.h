/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * helper - what the programs beside these tests share: they write lines, read
 * the clock, and end at SIGTERM.
 */
#ifndef HELPER_H
#define HELPER_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)

static volatile sig_atomic_t helper_is_over;

static inline void
helper_on_term(int signal)
{
	(void)signal;
	helper_is_over = 1;
}

static inline void
helper_begin(void)
{
	struct sigaction stop = { .sa_handler = helper_on_term };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &stop, NULL);
}

static inline int64_t
helper_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

#endif
