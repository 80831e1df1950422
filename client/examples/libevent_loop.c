/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * libevent_loop - a handle in a libevent loop: publishes clock ticks on a
 * topic, and prints how long each tick took to come back.
 *
 * usage: libevent_loop [TICKS]
 */
#include <event2/event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umbel.h>
#include <umbel_libevent.h>

struct ticker {
	struct umbel *c;
	struct event_base *base;
	long left; /* negative: unlimited */
};

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct ticker *t = user;
	int64_t sent;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	if (umbel_msg_sender(m).session != umbel_session(c) ||
	    len != sizeof(sent))
		return; /* a tick of another program */
	memcpy(&sent, data, sizeof(sent));
	printf("tick, %.3f ms\n", (double)(now_ns() - sent) / 1e6);
	fflush(stdout);
	if (t->left > 0 && --t->left == 0)
		event_base_loopbreak(t->base);
}

static void
on_timer(evutil_socket_t fd, short what, void *user)
{
	struct ticker *t = user;
	int64_t now = now_ns();

	(void)fd;
	(void)what;
	if (umbel_get_state(t->c) == UMBEL_CONNECTED)
		umbel_publish(t->c, "clock.tick", &now, sizeof(now));
}

static void
on_signal(evutil_socket_t number, short what, void *user)
{
	struct ticker *t = user;

	(void)number;
	(void)what;
	event_base_loopbreak(t->base);
}

int
main(int argc, char **argv)
{
	static const struct timeval interval = { .tv_usec = 250000 };
	struct ticker t = {
		.left = argc > 1 ? strtol(argv[1], NULL, 10) : -1,
	};
	struct event *timer;
	struct event *end;
	struct event *handle;

	t.base = event_base_new();
	if (!t.base ||
	    umbel_new(&t.c, UMBEL_OPTIONS(.name = "libevent_loop")) < 0)
		return 1;
	umbel_subscribe(t.c, "clock.tick", on_message, &t, NULL, NULL);
	umbel_connect(t.c, 0);

	handle = umbel_libevent_new(t.c, t.base);
	timer = event_new(t.base, -1, EV_PERSIST, on_timer, &t);
	end = evsignal_new(t.base, SIGINT, on_signal, &t);
	if (!handle || !timer || !end)
		return 1;
	event_add(timer, &interval);
	event_add(end, NULL);
	event_base_dispatch(t.base);

	event_free(handle);
	event_free(timer);
	event_free(end);
	umbel_close(t.c, 1000);
	event_base_free(t.base);
	return 0;
}
