/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "alarm.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

int
alarm_open(void)
{
	int alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return alarm < 0 ? -errno : alarm;
}

int
alarm_set(int alarm, uint64_t after_ms)
{
	struct itimerspec spec = {
		.it_value.tv_sec = (time_t)(after_ms / 1000),
		.it_value.tv_nsec = (long)(after_ms % 1000) * 1000000,
	};

	/* a time of 0 would disarm it */
	if (after_ms == 0)
		spec.it_value.tv_nsec = 1;
	return timerfd_settime(alarm, 0, &spec, NULL) < 0 ? -errno : 0;
}

void
alarm_silence(int alarm)
{
	uint64_t times;

	while (read(alarm, &times, sizeof(times)) < 0 && errno == EINTR)
		continue;
}
