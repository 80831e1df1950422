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

#define CHUNK    16384u
/* As much as a pipe holds: a call ends although the command writes on. */
#define HEAR_MAX (1u << 20)

static _Noreturn void
become(const char *command, const char *const *env, int stdin_fd, int stdout_fd)
{
	for (; *env; env += 2) {
		if (env[1])
			setenv(env[0], env[1], 1);
		else
			unsetenv(env[0]);
	}
	if (stdin_fd >= 0)
		dup2(stdin_fd, STDIN_FILENO);
	if (stdout_fd >= 0)
		dup2(stdout_fd, STDOUT_FILENO);
	signals_restore();
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void
close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* A pipe if it is wanted, our end of which does not block. 0 or -errno. */
static int
open_pipe(int fds[2], bool wanted, int ours)
{
	fds[0] = fds[1] = -1;
	if (!wanted)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[ours], F_SETFL, O_NONBLOCK);
	return 0;
}

int
child_start(struct child *child, const char *command, const char *const *env,
            const char *data, size_t len, bool capture)
{
	int in[2], out[2] = { -1, -1 };
	int r = open_pipe(in, data, 1);
	pid_t pid = -1;

	if (r == 0)
		r = open_pipe(out, capture, 0);
	if (r == 0) {
		pid = fork();
		r = pid < 0 ? -errno : 0;
	}
	if (pid == 0)
		become(command, env, in[0], out[1]);
	if (r < 0) {
		close_pipe(in);
		close_pipe(out);
		return r;
	}
	if (data)
		close(in[0]);
	if (capture)
		close(out[1]);
	child->pid = pid;
	child->stdin_fd = in[1];
	child->data = data;
	child->left = len;
	child->stdout_fd = out[0];
	child->output.len = 0;
	if (data)
		child_feed(child);
	return 0;
}

struct pollfd
child_poll(const struct child *child)
{
	return (struct pollfd){ .fd = child->stdin_fd, .events = POLLOUT };
}

struct pollfd
child_poll_output(const struct child *child)
{
	return (struct pollfd){ .fd = child->stdout_fd, .events = POLLIN };
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
child_hear(struct child *child)
{
	size_t before = child->output.len;

	while (child->stdout_fd >= 0 && child->output.len - before < HEAR_MAX) {
		char *room = buf_room(&child->output, CHUNK);
		ssize_t n = read(child->stdout_fd, room, CHUNK);

		if (n > 0)
			child->output.len += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			return;
		else if (n == 0 || errno != EINTR)
			close_fd(&child->stdout_fd);
	}
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
		if (n < 0 || child->left == 0) /* it need not want it all */
			close_fd(&child->stdin_fd);
	}
}

bool
child_reap(struct child *child)
{
	if (child->pid == 0 ||
	    waitpid(child->pid, &child->status, WNOHANG) != child->pid)
		return false;
	/* what it started and left behind may hold its stdout for ever */
	child_hear(child);
	close_fd(&child->stdout_fd);
	close_fd(&child->stdin_fd);
	child->pid = 0;
	return true;
}

void
child_free(struct child *child)
{
	close_fd(&child->stdout_fd);
	close_fd(&child->stdin_fd);
	buf_free(&child->output);
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
