/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel_libevent.h - a handle in a libevent loop.
 *
 *	struct event *ev = umbel_libevent_new(c, base);
 *	event_base_dispatch(base);
 *	event_free(ev);
 *	umbel_close(c, 1000);
 *
 * The caller owns the event and must free it before the handle. Callbacks of
 * the handle run in the loop.
 */
#ifndef UMBEL_LIBEVENT_H
#define UMBEL_LIBEVENT_H

#include <event2/event.h>

#include "umbel.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline void
umbel_libevent_on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	umbel_dispatch((struct umbel *)arg, 0);
}

/* Dispatch `c` whenever there is something to do. NULL when out of memory. The
   event keeps the loop running forever; umbel_stop() does not end it. */
static inline struct event *
umbel_libevent_new(struct umbel *c, struct event_base *base)
{
	struct event *ev = event_new(base, umbel_fd(c), EV_READ | EV_PERSIST,
	                             umbel_libevent_on_readable, c);

	if (ev && event_add(ev, NULL) < 0) {
		event_free(ev);
		ev = NULL;
	}
	return ev;
}

#ifdef __cplusplus
}
#endif

#endif
