/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "signals.h"

/* stdout is non-blocking, which was somebody else's idea. */
static void
wait_for_stdout(void)
{
	struct pollfd fds[] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		{ .fd = signals_fd(), .events = POLLIN },
	};

	poll(fds, 2, -1);
}

static enum output_result
write_all(const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, at, len);

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno == EPIPE) {
			return OUTPUT_UNREAD;
		} else if (errno == EINTR || errno == EAGAIN) {
			if (signals_end() != 0)
				return OUTPUT_ENDED;
			if (errno == EAGAIN)
				wait_for_stdout();
		} else {
			cli_complain("cannot write to stdout: %s",
			             strerror(errno));
			return OUTPUT_FAILED;
		}
	}
	return OUTPUT_WRITTEN;
}

enum output_result
output_flush(struct buf *out)
{
	enum output_result r = write_all(out->at, out->len);

	out->len = 0;
	return r;
}
