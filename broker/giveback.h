/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * giveback - memory that is free goes back to the kernel.
 *
 * How that is done differs by system and C library: giveback_glibc.c does it,
 * giveback_none.c does nothing, and then what was in use once stays resident.
 */
#ifndef UMBELD_GIVEBACK_H
#define UMBELD_GIVEBACK_H

#include <stddef.h>

/* What is in these pages is needed no more; read again it is zeros, or not. */
void giveback_pages(void *at, size_t len);

/* What malloc() keeps for the next time, as far as those are whole pages. */
void giveback_heap(void);

#endif
