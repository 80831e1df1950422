/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "giveback.h"

void
giveback_pages(void *at, size_t len)
{
	(void)at;
	(void)len;
}

void
giveback_heap(void)
{
}
