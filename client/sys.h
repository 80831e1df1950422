/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * sys - all that differs between systems: one poller that holds a socket, a
 * timer and a wake-up behind one descriptor; peer credentials; and small
 * things. sys_linux.c is epoll, timerfd and eventfd; sys_kqueue.c is kqueue.
 *
 * Errors are -errno. What may be called from any thread says so; the rest is
 * for whoever owns the struct at the time.
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

/* What sys_wait() came back for. A socket that hung up is readable. */
struct sys_ready {
	bool in;
	bool out;
	bool timer;
	bool wake;
};

int sys_open(struct sys *s);
/* Also a half-opened one. `forked`: in the child of the process that opened
   it, where nothing may change for the parent. */
void sys_close(struct sys *s, bool forked);

/* Be told of this about `fd`; SYS_NONE before it is closed. Only one socket is
   watched at a time. Any thread. */
int sys_watch(struct sys *s, int fd, enum sys_interest interest);

/* Ring at this time of sys_now(), instead of any earlier request. Any thread. */
int sys_set_timer(struct sys *s, int64_t at_ms);

/* Make the poller readable until sys_wait() sees it. Any thread, and signal
   handlers too. */
void sys_wake(struct sys *s);

/* Wait up to timeout_ms (-1: for ever) and take back timer and wake-up if they
   rang. Nothing is ready when the time is over or a signal came. */
void sys_wait(struct sys *s, int timeout_ms, struct sys_ready *ready);

/* Milliseconds of a clock that only goes forward. */
int64_t sys_now(void);

/* A Unix stream socket: non-blocking, closed on exec, and no SIGPIPE. */
int sys_socket(void);

/* Bytes that the kernel took, or -errno. Never blocks, never raises SIGPIPE. */
ssize_t sys_send(int fd, const struct iovec *iov, int n_iov);

/* Who listened on the other end of a connected socket. */
int sys_peer_uid(int fd, uid_t *uid);

/* NULL in a program that runs with more rights than its user. */
const char *sys_getenv(const char *name);

/* Without its folder; "" when nobody knows. */
const char *sys_program_name(void);

/* Bits that strangers cannot guess, as good as the system has them. */
uint64_t sys_random(void);

/* Is there no other thread in this process? False when nobody knows. */
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
/* Returns false when timeout_ms is over; -1 waits for ever. */
bool sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                   int timeout_ms);

#endif
