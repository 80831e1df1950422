/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "supervisor.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>

unsigned
supervisor_sockets(void)
{
	int n = sd_listen_fds(0); /* 0: keep the environment, for later calls */

	return n > 0 ? (unsigned)n : 0;
}

int
supervisor_socket(const char *path)
{
	int end = SD_LISTEN_FDS_START + (int)supervisor_sockets();

	for (int fd = SD_LISTEN_FDS_START; fd < end; fd++) {
		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0)
			return fd;
	}
	return -1;
}

void
supervisor_tell(const char *state)
{
	(void)sd_notify(0, state);
}

void
supervisor_tell_reloading(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	                 (uint64_t)t.tv_sec * 1000000 +
	                         (uint64_t)t.tv_nsec / 1000);
}

/* Half of the supervisor's timeout. */
uint32_t
supervisor_watchdog_ms(void)
{
	uint64_t usec = 0, ms;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	ms = usec / 2000;
	if (ms > UINT32_MAX)
		return UINT32_MAX;
	return ms > 0 ? (uint32_t)ms : 1;
}

bool
supervisor_is_missed(void)
{
	return false;
}
