/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "sys.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* The source of an epoll event, stored in its data. */
enum about { ABOUT_SOCKET, ABOUT_TIMER, ABOUT_WAKE };

static int
add(struct sys *s, int fd, enum about about)
{
	struct epoll_event event = { .events = EPOLLIN,
		                     .data.u32 = (uint32_t)about };

	return epoll_ctl(s->poller, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int
sys_open(struct sys *s)
{
	int r;

	*s = (struct sys){ .poller = -1, .timer = -1, .wake = -1 };
	s->poller = epoll_create1(EPOLL_CLOEXEC);
	if (s->poller < 0)
		return -errno;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer < 0)
		return -errno;
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0)
		return -errno;
	r = add(s, s->timer, ABOUT_TIMER);
	return r < 0 ? r : add(s, s->wake, ABOUT_WAKE);
}

void
sys_close(struct sys *s, bool forked)
{
	(void)forked; /* closing does not change the parent's poller */
	if (s->poller >= 0)
		close(s->poller);
	if (s->timer >= 0)
		close(s->timer);
	if (s->wake >= 0)
		close(s->wake);
	s->poller = s->timer = s->wake = -1;
}

int
sys_watch(struct sys *s, int fd, enum sys_interest interest)
{
	struct epoll_event event = {
		.events = (interest & SYS_IN ? (uint32_t)EPOLLIN : 0) |
		          (interest & SYS_OUT ? (uint32_t)EPOLLOUT : 0),
		.data.u32 = ABOUT_SOCKET,
	};
	int how = EPOLL_CTL_MOD;

	if (interest == s->interest)
		return 0;
	if (s->interest == SYS_NONE)
		how = EPOLL_CTL_ADD;
	else if (interest == SYS_NONE)
		how = EPOLL_CTL_DEL; /* otherwise it still reports a hang-up */
	if (epoll_ctl(s->poller, how, fd, &event) < 0)
		return -errno;
	s->interest = interest;
	return 0;
}

int
sys_set_timer(struct sys *s, int64_t at_ms)
{
	/* a time of 0 would disarm the timer */
	int64_t at = at_ms > 0 ? at_ms : 1;
	struct itimerspec spec = {
		.it_value.tv_sec = (time_t)(at / 1000),
		.it_value.tv_nsec = (long)(at % 1000) * 1000000,
	};

	return timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0
	               ? -errno
	               : 0;
}

void
sys_wake(struct sys *s)
{
	int saved = errno; /* a signal handler must not change errno */
	uint64_t one = 1;

	/* this can only fail if it is already rung */
	if (write(s->wake, &one, sizeof(one)) < 0)
		errno = saved;
}

static bool
take_back(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

void
sys_wait(struct sys *s, int timeout_ms, struct sys_ready *ready)
{
	struct epoll_event events[3];
	int n;

	*ready = (struct sys_ready){ 0 };
	n = epoll_wait(s->poller, events, 3, timeout_ms);
	for (int i = 0; i < n; i++) {
		switch ((enum about)events[i].data.u32) {
		case ABOUT_SOCKET:
			ready->in = (events[i].events & ~(uint32_t)EPOLLOUT);
			ready->out = (events[i].events & EPOLLOUT);
			break;
		case ABOUT_TIMER:
			ready->timer = take_back(s->timer);
			break;
		case ABOUT_WAKE:
			ready->wake = take_back(s->wake);
			break;
		}
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
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

ssize_t
sys_send(int fd, const struct iovec *iov, int n_iov)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov,
		              .msg_iovlen = (size_t)n_iov };
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t n;

	/* for one piece send() is faster: no list has to be copied in */
	do
		n = n_iov == 1 ? send(fd, iov->iov_base, iov->iov_len, flags)
		               : sendmsg(fd, &msg, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int
sys_peer_uid(int fd, uid_t *uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	*uid = peer.uid;
	return 0;
}

const char *
sys_getenv(const char *name)
{
	return secure_getenv(name);
}

const char *
sys_program_name(void)
{
	return program_invocation_short_name;
}

uint64_t
sys_random(void)
{
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) ==
	    (ssize_t)sizeof(bits))
		return bits;
	return (uint64_t)sys_now() * UINT64_C(0x9e3779b97f4a7c15) ^
	       (uint64_t)getpid();
}

int
sys_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r)
		return -r;
	r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!r)
		r = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return -r;
}

bool
sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int timeout_ms)
{
	struct timespec until;

	if (timeout_ms < 0)
		return pthread_cond_wait(cond, mutex) == 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}
