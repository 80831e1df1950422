/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * no_memory - allocations that fail when a test says so.
 *
 * Whatever is linked into the program (not the shared libraries) allocates
 * through the linker's --wrap: malloc, calloc, realloc, aligned_alloc, strdup,
 * strndup, mmap; and so it calls what allocates in a library or in the kernel:
 * msgpack_unpack_next(), event_add().
 */
#ifndef UMBEL_TESTS_NO_MEMORY_H
#define UMBEL_TESTS_NO_MEMORY_H

#include <stdbool.h>

/* Of those counted from now on, the k-th fails, and `n` altogether; 0: none. */
void no_memory_at(unsigned k, unsigned n);

/* They are counted, and fail, between these two only. */
void no_memory_begin(void);
void no_memory_end(void);

/* Has one failed since no_memory_at()? */
bool no_memory_happened(void);

#endif
