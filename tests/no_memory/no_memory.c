/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "no_memory.h"

#include <errno.h>
#include <event2/event.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct no_memory {
	bool counting;
	bool happened;
	unsigned before;  /* so many still succeed ... */
	unsigned failing; /* ... before so many fail */
};

static struct no_memory state;

void
no_memory_at(unsigned k, unsigned n)
{
	state.before = k > 0 ? k - 1 : 0;
	state.failing = k > 0 ? n : 0;
	state.happened = false;
}

void
no_memory_begin(void)
{
	state.counting = true;
}

void
no_memory_end(void)
{
	state.counting = false;
}

bool
no_memory_happened(void)
{
	return state.happened;
}

static bool
fails(void)
{
	if (!state.counting || state.failing == 0)
		return false;
	if (state.before > 0) {
		state.before--;
		return false;
	}
	state.failing--;
	state.happened = true;
	errno = ENOMEM;
	return true;
}

/* ---- by the names that the linker gives them ------------------------------- */

/* NAME(parameters), called with arguments, which says `failure` when it fails */
#define WRAP(type, name, parameters, arguments, failure)              \
	type __real_##name parameters;                                \
	type __wrap_##name parameters;                                \
	type __wrap_##name parameters                                 \
	{                                                             \
		return fails() ? (failure) : __real_##name arguments; \
	}

WRAP(void *, malloc, (size_t size), (size), NULL)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
WRAP(void *, realloc, (void *p, size_t size), (p, size), NULL)
WRAP(void *, aligned_alloc, (size_t to, size_t size), (to, size), NULL)
WRAP(char *, strdup, (const char *s), (s), NULL)
WRAP(char *, strndup, (const char *s, size_t n), (s, n), NULL)
WRAP(void *, mmap,
     (void *at, size_t len, int prot, int flags, int fd, off_t offset),
     (at, len, prot, flags, fd, offset), MAP_FAILED)
WRAP(msgpack_unpack_return, msgpack_unpack_next,
     (msgpack_unpacked * result, const char *data, size_t len, size_t *off),
     (result, data, len, off), MSGPACK_UNPACK_NOMEM_ERROR)
WRAP(int, event_add, (struct event * ev, const struct timeval *timeout),
     (ev, timeout), -1)
