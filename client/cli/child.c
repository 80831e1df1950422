/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"

static _Noreturn void
become(const char *command, const char *const *env, int stdin_fd)
{
	for (; *env; env += 2) {
		if (env[1])
			setenv(env[0], env[1], 1);
		else
			unsetenv(env[0]);
	}
	if (stdin_fd >= 0)
		dup2(stdin_fd, STDIN_FILENO);
	signals_restore();
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int
child_start(struct child *child, const char *command, const char *const *env,
            const char *data, size_t len)
{
	int fds[2] = { -1, -1 };
	pid_t pid;

	if (data && pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(command, env, fds[0]);
	if (data)
		close(fds[0]);
	if (pid < 0) {
		int error = errno;

		if (data)
			close(fds[1]);
		return -error;
	}
	if (data)
		fcntl(fds[1], F_SETFL, O_NONBLOCK);
	*child = (struct child){
		.pid = pid,
		.stdin_fd = fds[1],
		.data = data,
		.left = len,
	};
	if (data)
		child_feed(child);
	return 0;
}

struct pollfd
child_poll(const struct child *child)
{
	return (struct pollfd){ .fd = child->stdin_fd, .events = POLLOUT };
}

void
child_feed(struct child *child)
{
	while (child->stdin_fd >= 0) {
		ssize_t n = 0;

		if (child->left > 0)
			n = write(child->stdin_fd, child->data, child->left);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			child->data += n;
			child->left -= (size_t)n;
		}
		if (n < 0 || child->left == 0) { /* it need not want it all */
			close(child->stdin_fd);
			child->stdin_fd = -1;
		}
	}
}

bool
child_reap(struct child *child)
{
	if (child->pid == 0 ||
	    waitpid(child->pid, &child->status, WNOHANG) != child->pid)
		return false;
	if (child->stdin_fd >= 0)
		close(child->stdin_fd);
	child->stdin_fd = -1;
	child->pid = 0;
	return true;
}

const char *
child_fate(const struct child *child)
{
	static char text[32];

	if (WIFSIGNALED(child->status))
		snprintf(text, sizeof(text), "signal %d",
		         WTERMSIG(child->status));
	else
		snprintf(text, sizeof(text), "exit status %d",
		         WEXITSTATUS(child->status));
	return text;
}
