/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "supervisor.h"

#include <stdlib.h>

unsigned
supervisor_sockets(void)
{
	return 0;
}

int
supervisor_socket(const char *path)
{
	(void)path;
	return -1;
}

void
supervisor_tell(const char *state)
{
	(void)state;
}

void
supervisor_tell_reloading(void)
{
}

uint32_t
supervisor_watchdog_ms(void)
{
	return 0;
}

bool
supervisor_is_missed(void)
{
	return getenv("LISTEN_FDS") || getenv("NOTIFY_SOCKET");
}
