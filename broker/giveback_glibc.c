/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "giveback.h"

#include <malloc.h>
#include <sys/mman.h>

void
giveback_pages(void *at, size_t len)
{
	/* if this fails, the pages just stay */
	(void)madvise(at, len, MADV_DONTNEED);
}

void
giveback_heap(void)
{
	malloc_trim(0);
}
