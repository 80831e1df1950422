/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const int watched[] = { SIGINT,  SIGTERM,  SIGHUP,
	                       SIGCHLD, SIGWINCH, SIGPIPE };
#define N_WATCHED (sizeof(watched) / sizeof(watched[0]))

static struct sigaction before[N_WATCHED];
static int wake[2] = { -1, -1 };
static volatile sig_atomic_t end_signal;

static void
on_signal(int number)
{
	int saved = errno;
	ssize_t n;

	if (number != SIGCHLD && number != SIGWINCH)
		end_signal = number;
	n = write(wake[1], "", 1);
	(void)n; /* a full pipe wakes as well */
	errno = saved;
}

void
signals_watch(void)
{
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		cli_die("cannot make a pipe: %s", strerror(errno));
	for (size_t i = 0; i < N_WATCHED; i++) {
		struct sigaction action = { .sa_handler = on_signal };

		if (watched[i] == SIGPIPE)
			action.sa_handler = SIG_IGN;
		sigaction(watched[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN || watched[i] == SIGCHLD)
			sigaction(watched[i], &action, NULL);
	}
}

int
signals_fd(void)
{
	return wake[0];
}

void
signals_take(void)
{
	char bytes[64];

	while (read(wake[0], bytes, sizeof(bytes)) > 0)
		;
}

int
signals_end(void)
{
	return end_signal;
}

void
signals_forgive(void)
{
	end_signal = 0;
}

void
signals_restore(void)
{
	if (wake[0] < 0)
		return;
	for (size_t i = 0; i < N_WATCHED; i++)
		sigaction(watched[i], &before[i], NULL);
}
