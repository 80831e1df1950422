/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * For the BSDs and macOS. Written from their manuals; not run by our own tests,
 * which run on Linux only.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The idents of our own events; those of sockets are their descriptors. */
enum { IDENT_TIMER = 1, IDENT_WAKE = 2 };

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#else
#define SEND_FLAGS MSG_DONTWAIT /* SO_NOSIGPIPE does it */
#endif

static int
change(struct sys *s, uintptr_t ident, short filter, unsigned flags,
       unsigned fflags, int64_t data)
{
	struct kevent event;

	EV_SET(&event, ident, filter, (unsigned short)flags, fflags,
	       (intptr_t)data, NULL);
	return kevent(s->poller, &event, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

int
sys_open(struct sys *s)
{
	*s = (struct sys){ .poller = -1, .timer = -1, .wake = -1 };
	s->poller = kqueue();
	if (s->poller < 0)
		return -errno;
	if (fcntl(s->poller, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return change(s, IDENT_WAKE, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
}

void
sys_close(struct sys *s, bool forked)
{
	/* a kqueue is not inherited: in a child the descriptor is not ours */
	if (s->poller >= 0 && !forked)
		close(s->poller);
	s->poller = -1;
}

static int
toggle(struct sys *s, int fd, short filter, bool before, bool now)
{
	if (before == now)
		return 0;
	return change(s, (uintptr_t)fd, filter, now ? EV_ADD : EV_DELETE, 0, 0);
}

int
sys_watch(struct sys *s, int fd, enum sys_interest interest)
{
	int r = toggle(s, fd, EVFILT_READ, s->interest & SYS_IN,
	               interest & SYS_IN);

	if (r == 0)
		r = toggle(s, fd, EVFILT_WRITE, s->interest & SYS_OUT,
		           interest & SYS_OUT);
	if (r == 0)
		s->interest = interest;
	return r;
}

int
sys_set_timer(struct sys *s, int64_t at_ms)
{
	int64_t pause = at_ms - sys_now();

	/* the default unit is milliseconds on all of them */
	return change(s, IDENT_TIMER, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
	              pause > 0 ? pause : 0);
}

void
sys_wake(struct sys *s)
{
	int saved = errno;

	change(s, IDENT_WAKE, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	errno = saved;
}

void
sys_wait(struct sys *s, int timeout_ms, struct sys_ready *ready)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};
	struct kevent events[4];
	int n;

	*ready = (struct sys_ready){ 0 };
	n = kevent(s->poller, NULL, 0, events, 4,
	           timeout_ms < 0 ? NULL : &timeout);
	for (int i = 0; i < n; i++) {
		if (events[i].filter == EVFILT_TIMER)
			ready->timer = true;
		else if (events[i].filter == EVFILT_USER)
			ready->wake = true;
		else if (events[i].filter == EVFILT_READ)
			ready->in = true;
		else
			ready->out = true;
	}
}

int64_t
sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
sys_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int on = 1;
	int error;

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		goto fail;
#ifdef SO_NOSIGPIPE
	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) < 0)
		goto fail;
#else
	(void)on;
#endif
	return fd;

fail:
	error = -errno;
	close(fd);
	return error;
}

ssize_t
sys_send(int fd, const struct iovec *iov, int n_iov)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
		              .msg_iovlen = n_iov };
	ssize_t n;

	do
		n = sendmsg(fd, &msg, SEND_FLAGS);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int
sys_peer_uid(int fd, uid_t *uid)
{
	gid_t gid;

	return getpeereid(fd, uid, &gid) < 0 ? -errno : 0;
}

const char *
sys_getenv(const char *name)
{
	return issetugid() ? NULL : getenv(name);
}

const char *
sys_program_name(void)
{
	const char *name = getprogname();

	return name ? name : "";
}

uint64_t
sys_random(void)
{
	uint64_t bits;

	arc4random_buf(&bits, sizeof(bits));
	return bits;
}

int
sys_cond_init(pthread_cond_t *cond)
{
	return -pthread_cond_init(cond, NULL);
}

/* Uses the wall clock because macOS has no other for this. A step of the clock
   makes one wait longer or shorter; callers check sys_now() afterwards
   anyway. */
bool
sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int timeout_ms)
{
	struct timespec until;

	if (timeout_ms < 0)
		return pthread_cond_wait(cond, mutex) == 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}
