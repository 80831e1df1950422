/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * alarm - a descriptor that can be read when a time has come.
 *
 * A loop that waits for descriptors alone waits without a timeout: to set one
 * and to take it back is what the kernel would do at each turn, and some
 * deadline is always ahead.
 */
#ifndef UMBELD_ALARM_H
#define UMBELD_ALARM_H

#include <stdint.h>

/* A descriptor, or -errno. close() ends it. */
int alarm_open(void);

/* Let it ring once, so much later, instead of when it was to. 0 or -errno. */
int alarm_set(int alarm, uint64_t after_ms);

/* It has been heard: it is silent until it is set again. */
void alarm_silence(int alarm);

#endif
