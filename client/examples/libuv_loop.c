/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * libuv_loop - a handle in a libuv loop: publishes clock ticks on a topic, and
 * prints how long each tick took to come back.
 *
 * usage: libuv_loop [TICKS]
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umbel.h>
#include <umbel_libuv.h>
#include <uv.h>

struct ticker {
	struct umbel *c;
	uv_loop_t loop;
	uv_poll_t handle;
	uv_timer_t timer;
	uv_signal_t end;
	long left; /* negative: unlimited */
};

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct ticker *t = user;
	uint64_t sent;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	if (umbel_msg_sender(m).session != umbel_session(c) ||
	    len != sizeof(sent))
		return; /* a tick of another program */
	memcpy(&sent, data, sizeof(sent));
	printf("tick, %.3f ms\n", (double)(uv_hrtime() - sent) / 1e6);
	fflush(stdout);
	if (t->left > 0 && --t->left == 0)
		uv_stop(&t->loop);
}

static void
on_timer(uv_timer_t *timer)
{
	struct ticker *t = timer->data;
	uint64_t now = uv_hrtime();

	if (umbel_get_state(t->c) == UMBEL_CONNECTED)
		umbel_publish(t->c, "clock.tick", &now, sizeof(now));
}

static void
on_signal(uv_signal_t *end, int number)
{
	(void)number;
	uv_stop(end->loop);
}

int
main(int argc, char **argv)
{
	struct ticker t = {
		.left = argc > 1 ? strtol(argv[1], NULL, 10) : -1,
	};

	if (uv_loop_init(&t.loop) ||
	    umbel_new(&t.c, UMBEL_OPTIONS(.name = "libuv_loop")) < 0)
		return 1;
	umbel_subscribe(t.c, "clock.tick", on_message, &t, NULL, NULL);
	umbel_connect(t.c, 0);

	if (umbel_libuv_start(t.c, &t.loop, &t.handle) ||
	    uv_timer_init(&t.loop, &t.timer) || uv_signal_init(&t.loop, &t.end))
		return 1;
	t.timer.data = &t;
	uv_timer_start(&t.timer, on_timer, 250, 250);
	uv_signal_start(&t.end, on_signal, SIGINT);
	uv_run(&t.loop, UV_RUN_DEFAULT);

	uv_close((uv_handle_t *)&t.handle, NULL);
	uv_close((uv_handle_t *)&t.timer, NULL);
	uv_close((uv_handle_t *)&t.end, NULL);
	uv_run(&t.loop, UV_RUN_DEFAULT); /* until they are closed */
	uv_loop_close(&t.loop);
	umbel_close(t.c, 1000);
	return 0;
}
