/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "giveback.h"

#include <malloc.h>
#include <sys/mman.h>

void
giveback_pages(void *at, size_t len)
{
	/* it is a courtesy: without it they just stay */
	(void)madvise(at, len, MADV_DONTNEED);
}

void
giveback_heap(void)
{
	malloc_trim(0);
}
