/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * preload - for LD_PRELOAD: the allocation of a whole process, libraries
 * included, whose number is $UMBEL_NO_MEMORY_AT fails, and stderr says so.
 * glibc has its own allocator under other names, too.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

#define EXPORTED __attribute__((visibility("default")))

static bool
fails(void)
{
	static const char words[] = "preload: this allocation fails\n";
	static long left = -1;
	const char *at;

	if (left < 0) {
		at = getenv("UMBEL_NO_MEMORY_AT");
		left = at ? strtol(at, NULL, 10) : 0;
	}
	if (left == 0 || --left > 0)
		return false;
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	errno = ENOMEM;
	return true;
}

EXPORTED void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

EXPORTED void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

EXPORTED void *
realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
