/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel_libuv.h - a handle in a libuv loop.
 *
 *	uv_poll_t poll;
 *	int error = umbel_libuv_start(c, loop, &poll);
 *	uv_run(loop, UV_RUN_DEFAULT);
 *	uv_close((uv_handle_t *)&poll, NULL);
 *	uv_run(loop, UV_RUN_DEFAULT);
 *	umbel_close(c, 1000);
 *
 * The uv_poll_t is the caller's, to be closed before the handle is, and its
 * memory must stay until the loop has seen that. Callbacks of the handle run
 * in the loop.
 */
#ifndef UMBEL_LIBUV_H
#define UMBEL_LIBUV_H

#include <uv.h>

#include "umbel.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline void
umbel_libuv_on_readable(uv_poll_t *poll, int status, int what)
{
	(void)status;
	(void)what;
	umbel_dispatch((struct umbel *)poll->data, 0);
}

/* Dispatch `c` whenever there is something to do: `poll` is initialized,
   started, and its `data` is in use. Returns 0 or what uv_strerror() explains;
   then there is nothing to close. Lets the loop run for ever; umbel_stop()
   does not end it. */
static inline int
umbel_libuv_start(struct umbel *c, uv_loop_t *loop, uv_poll_t *poll)
{
	int error = uv_poll_init(loop, poll, umbel_fd(c));

	if (error)
		return error;
	poll->data = c; /* and what is initialized can be started */
	return uv_poll_start(poll, UV_READABLE, umbel_libuv_on_readable);
}

#ifdef __cplusplus
}
#endif

#endif
