/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * glib_loop - a handle in a GLib loop: publishes clock ticks on a topic, and
 * prints how long each tick took to come back.
 *
 * usage: glib_loop [TICKS]
 */
#include <glib-unix.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umbel.h>
#include <umbel_glib.h>

struct ticker {
	struct umbel *c;
	GMainLoop *loop;
	long left; /* negative: unlimited */
};

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
	printf("tick, %.3f ms\n",
	       (double)(g_get_monotonic_time() - sent) / 1e3);
	fflush(stdout);
	if (t->left > 0 && --t->left == 0)
		g_main_loop_quit(t->loop);
}

static gboolean
on_timer(gpointer user)
{
	struct ticker *t = user;
	int64_t now = g_get_monotonic_time();

	if (umbel_get_state(t->c) == UMBEL_CONNECTED)
		umbel_publish(t->c, "clock.tick", &now, sizeof(now));
	return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gpointer user)
{
	struct ticker *t = user;

	g_main_loop_quit(t->loop);
	return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
	struct ticker t = {
		.left = argc > 1 ? strtol(argv[1], NULL, 10) : -1,
	};
	GSource *handle;

	if (umbel_new(&t.c, UMBEL_OPTIONS(.name = "glib_loop")) < 0)
		return 1;
	umbel_subscribe(t.c, "clock.tick", on_message, &t, NULL, NULL);
	umbel_connect(t.c, 0);

	t.loop = g_main_loop_new(NULL, FALSE);
	handle = umbel_glib_new(t.c, NULL);
	g_timeout_add(250, on_timer, &t);
	g_unix_signal_add(SIGINT, on_signal, &t);
	g_main_loop_run(t.loop);

	g_source_destroy(handle);
	g_source_unref(handle);
	umbel_close(t.c, 1000);
	g_main_loop_unref(t.loop);
	return 0;
}
