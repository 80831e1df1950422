/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * sys - everything that differs between systems: one poller with a socket, a
 * timer and a wake-up behind one descriptor; peer credentials; and small
 * things. sys_linux.c uses epoll, timerfd and eventfd; sys_kqueue.c uses
 * kqueue.
 *
 * Errors are -errno. Functions that may be called from any thread say so; the
 * others are for the current owner of the struct.
 */
#ifndef UMBEL_CLIENT_SYS_H
#define UMBEL_CLIENT_SYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum sys_interest {
	SYS_NONE = 0,
	SYS_IN = 1,
	SYS_OUT = 2,
	SYS_IN_OUT = SYS_IN | SYS_OUT,
};

struct sys {
	int poller;
	int timer; /* -1 where the poller has timers of its own */
	int wake;  /* -1 where the poller has events of its own */
	enum sys_interest interest; /* in the one socket that is watched */
};

/* The events that ended sys_wait(). A socket that hung up is readable. */
struct sys_ready {
	bool in;
	bool out;
	bool timer;
	bool wake;
};

int sys_open(struct sys *s);
/* Also works on a partly opened struct. `forked`: we are in the child of the
   process that opened it, and nothing may change for the parent. */
void sys_close(struct sys *s, bool forked);

/* Watch `fd` for these events; SYS_NONE before it is closed. Only one socket is
   watched at a time. Any thread. */
int sys_watch(struct sys *s, int fd, enum sys_interest interest);

/* Ring at this time of sys_now(); replaces an earlier request. Any thread. */
int sys_set_timer(struct sys *s, int64_t at_ms);

/* Make the poller readable until sys_wait() sees it. Any thread, and signal
   handlers, too. */
void sys_wake(struct sys *s);

/* Wait up to timeout_ms (-1: forever), and reset the timer and the wake-up if
   they rang. Nothing is ready on a timeout or after a signal. */
void sys_wait(struct sys *s, int timeout_ms, struct sys_ready *ready);

/* Milliseconds of a monotonic clock. */
int64_t sys_now(void);

/* Make a Unix stream socket: non-blocking, close-on-exec, and no SIGPIPE. */
int sys_socket(void);

/* The number of bytes that the kernel took, or -errno. Never blocks, never
   raises SIGPIPE. */
ssize_t sys_send(int fd, const struct iovec *iov, int n_iov);

/* The uid of the process that listened at the other end of a socket. */
int sys_peer_uid(int fd, uid_t *uid);

/* As getenv(), but NULL in a program with more privileges than its user. */
const char *sys_getenv(const char *name);

/* The program's name without its directory; "" when unknown. */
const char *sys_program_name(void);

/* Random bits that others cannot guess, as good as the system has them. */
uint64_t sys_random(void);

/* Is this the only thread of the process? False when unknown. */
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>

static inline bool
sys_is_alone(void)
{
	return __libc_single_threaded;
}
#else
static inline bool
sys_is_alone(void)
{
	return false;
}
#endif

int sys_cond_init(pthread_cond_t *cond);
/* Returns false on a timeout; -1 waits forever. */
bool sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                   int timeout_ms);

#endif
