/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * For the BSDs and macOS: a kqueue with a single timer in it. Written from
 * their manuals; not run by our own tests, which run on Linux only.
 */
#include "alarm.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#define IDENT_TIMER 1

int
alarm_open(void)
{
	int alarm = kqueue();
	int error;

	if (alarm < 0)
		return -errno;
	if (fcntl(alarm, F_SETFD, FD_CLOEXEC) < 0) {
		error = -errno;
		close(alarm);
		return error;
	}
	return alarm;
}

int
alarm_set(int alarm, uint64_t after_ms)
{
	struct kevent event;

	/* the default unit is milliseconds on all of them */
	EV_SET(&event, IDENT_TIMER, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
	       (intptr_t)after_ms, NULL);
	return kevent(alarm, &event, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

void
alarm_silence(int alarm)
{
	const struct timespec now = { 0 };
	struct kevent event;

	(void)kevent(alarm, NULL, 0, &event, 1, &now);
}
