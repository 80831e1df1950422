/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * giveback - returns free memory to the kernel.
 *
 * How this is done depends on the system and the C library. giveback_glibc.c
 * does it; giveback_none.c does nothing, and then memory that was once in use
 * stays resident.
 */
#ifndef UMBELD_GIVEBACK_H
#define UMBELD_GIVEBACK_H

#include <stddef.h>

/* The content of these pages is no longer needed. Later reads may return zeros
   or the old content. */
void giveback_pages(void *at, size_t len);

/* Return what malloc() keeps for later, as far as it consists of whole
   pages. */
void giveback_heap(void);

#endif
