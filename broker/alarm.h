/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * alarm - a descriptor that becomes readable at a given time.
 *
 * With it the event loop can wait without a timeout. Some deadline is always
 * pending, and a timeout would make the kernel set and cancel a timer on every
 * turn of the loop.
 */
#ifndef UMBELD_ALARM_H
#define UMBELD_ALARM_H

#include <stdint.h>

/* Returns a descriptor, or -errno. Close it with close(). */
int alarm_open(void);

/* Fire once, `after_ms` from now. Replaces the previous setting. Returns 0 or
   -errno. */
int alarm_set(int alarm, uint64_t after_ms);

/* Acknowledge an alarm that has fired. It stays silent until it is set
   again. */
void alarm_silence(int alarm);

#endif
