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
 * The caller owns the uv_poll_t and must close it before the handle; its memory
 * must stay valid until the loop has run the close. Callbacks of the handle run
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

/* Dispatch `c` whenever there is something to do. This initializes and starts
   `poll` and uses its `data`. Returns 0 or an error for uv_strerror(); on an
   error there is nothing to close. It keeps the loop running forever;
   umbel_stop() does not end it. */
static inline int
umbel_libuv_start(struct umbel *c, uv_loop_t *loop, uv_poll_t *poll)
{
	int error = uv_poll_init(loop, poll, umbel_fd(c));

	if (error)
		return error;
	poll->data = c; /* an initialized poll can always be started */
	return uv_poll_start(poll, UV_READABLE, umbel_libuv_on_readable);
}

#ifdef __cplusplus
}
#endif

#endif
