/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * handle - access to a handle: its lock, the process it belongs to, and the
 * thread; and the errors for callers that may not use it.
 */
#ifndef UMBEL_CLIENT_HANDLE_H
#define UMBEL_CLIENT_HANDLE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "sys.h"

/* The first thread that uses a single_thread handle owns it: 0 or -EPERM. */
int handle_claim(struct umbel *c);

/*
 * The lock costs as much as all the rest of a publish. A single_thread handle
 * needs no lock, because handle_check() keeps other threads out. Nor does a
 * single-threaded process: while the lock is held, no callback runs that could
 * start another thread.
 */
static inline void
handle_lock_to_publish(struct umbel *c)
{
	if (sys_is_alone() || c->opt.single_thread)
		return;
	pthread_mutex_lock(&c->lock);
	c->locked = true;
}

static inline void
handle_lock(struct umbel *c)
{
	handle_lock_to_publish(c);
	c->brink = 0;
}

static inline void
handle_unlock(struct umbel *c)
{
	if (!c->locked)
		return;
	c->locked = false;
	pthread_mutex_unlock(&c->lock);
}

/* Lock held: release it until handle_changed() or until the time is over. */
void handle_wait(struct umbel *c, int timeout_ms);

/* Incremented in the child by every fork. */
extern _Atomic unsigned handle_forks;

static inline uintptr_t
thread_self(void)
{
	return (uintptr_t)pthread_self();
}

/* Is this a copy made by fork()? */
static inline bool
handle_is_foreign(const struct umbel *c)
{
	return unlikely(
		atomic_load_explicit(&handle_forks, memory_order_relaxed) !=
		c->fork_generation);
}

/* May this process and this thread use the handle, and is it one? 0, -EINVAL,
   -ECHILD, -EPERM. */
static inline int
handle_check(struct umbel *c)
{
	if (unlikely(!c))
		return -EINVAL;
	if (handle_is_foreign(c))
		return -ECHILD;
	if (c->opt.single_thread &&
	    unlikely(atomic_load_explicit(&c->owner, memory_order_relaxed) !=
	             thread_self()))
		return handle_claim(c);
	return 0;
}

/* Lock held: store the text of the error, and return `error`. */
int handle_fail(struct umbel *c, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, without the lock. */
int handle_refuse(struct umbel *c, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Wake the threads that wait for a change. Lock held. */
void handle_changed(struct umbel *c);
void handle_destroy(struct umbel *c);

#endif
