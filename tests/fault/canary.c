/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * canary - two clients that want nothing but to be served, beside a fault: one
 * publishes 1,000 numbered messages a second, the other checks each of them.
 *
 *	canary [PER_SECOND]
 *
 * It says "sings" when the first have come through. On SIGTERM it waits for
 * those that are under way, and writes a line of JSON: how many came, were
 * lost or out of order, and how long they took, counted from the moment at
 * which each was due. A broker that stands still for a while shows in that.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <umbel.h>

#include "helper.h"

#define TOPIC      "canary.sings"
#define PER_SECOND 1000
#define WARM       100 /* messages, before it says that it sings */
#define LAST_MS    20000

struct song {
	uint64_t number; /* big- or little-endian: it stays on this machine */
	int64_t due_ns;
};

struct canary {
	struct umbel *singer, *listener;
	int64_t begun_ns, pace_ns;
	uint64_t sung;  /* the next number to publish */
	uint64_t heard; /* the next number expected */
	uint64_t received, lost, again, gaps, held;
	uint32_t *took_us; /* of each that was received */
	size_t n_took, room;
};

static void
note_time(struct canary *c, int64_t ns)
{
	if (c->n_took == c->room) {
		c->room = c->room ? 2 * c->room : 1u << 16;
		c->took_us = realloc(c->took_us, c->room * sizeof(*c->took_us));
		if (!c->took_us)
			abort();
	}
	c->took_us[c->n_took++] = (uint32_t)(ns / 1000);
}

static void
on_song(struct umbel *client, const struct umbel_msg *m, void *user)
{
	struct canary *c = user;
	struct song song;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	(void)client;
	if (len != sizeof(song))
		abort();
	memcpy(&song, data, sizeof(song));
	note_time(c, helper_now_ns() - song.due_ns);
	c->received++;
	if (song.number < c->heard) {
		c->again++;
		return;
	}
	c->lost += song.number - c->heard;
	c->heard = song.number + 1;
	if (c->heard == WARM)
		puts("sings");
}

static void
on_loss(struct umbel *client, const struct umbel_loss_info *info, void *user)
{
	struct canary *c = user;

	(void)client;
	c->gaps++;
	printf("gap frames=%" PRIu64 " %s\n", (uint64_t)info->messages,
	       info->reason);
}

static void
on_hold(struct umbel *client, const struct umbel_hold_info *info, void *user)
{
	struct canary *c = user;

	(void)client;
	c->held += info->held;
	printf("%s by %s\n", info->held ? "held" : "released", info->name);
}

static void
on_state(struct umbel *client, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	(void)client;
	(void)user;
	if (state == UMBEL_DISCONNECTED)
		printf("disconnected: %s\n", info->text ? info->text : "");
}

/* All that is due by now; one that finds no room is tried again later. */
static void
sing(struct canary *c)
{
	int64_t now = helper_now_ns();
	struct song song;

	for (;;) {
		song.number = c->sung;
		song.due_ns = c->begun_ns + (int64_t)c->sung * c->pace_ns;
		if (song.due_ns > now ||
		    umbel_publish(c->singer, TOPIC, &song, sizeof(song)) < 0)
			return;
		c->sung++;
	}
}

static void
wait_and_dispatch(struct canary *c, int64_t until_ns)
{
	struct pollfd fds[] = {
		{ .fd = umbel_fd(c->singer), .events = POLLIN },
		{ .fd = umbel_fd(c->listener), .events = POLLIN },
	};
	int64_t left = until_ns - helper_now_ns();
	struct timespec t = { .tv_sec = left / SECOND_NS,
		              .tv_nsec = left % SECOND_NS };

	if (left > 0 && ppoll(fds, 2, &t, NULL) < 0 && errno != EINTR)
		abort();
	umbel_dispatch(c->singer, 0);
	umbel_dispatch(c->listener, 0);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t
percentile(const struct canary *c, double part)
{
	if (c->n_took == 0)
		return 0;
	return c->took_us[(size_t)(part * (double)(c->n_took - 1))];
}

static void
report(struct canary *c)
{
	struct umbel_stats singer, listener;

	umbel_get_stats(c->singer, &singer, sizeof(singer));
	umbel_get_stats(c->listener, &listener, sizeof(listener));
	if (c->n_took > 0)
		qsort(c->took_us, c->n_took, sizeof(*c->took_us), compare);
	printf("{\"published\": %" PRIu64 ", \"received\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"again\": %" PRIu64
	       ", \"gaps\": %" PRIu64 ", \"held\": %" PRIu64
	       ", \"reconnects\": %" PRIu64
	       ", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	       c->sung, c->received, c->lost + (c->sung - c->heard), c->again,
	       c->gaps, c->held,
	       (uint64_t)(singer.reconnects + listener.reconnects),
	       percentile(c, 0.5) / 1e3, percentile(c, 0.99) / 1e3,
	       percentile(c, 1.0) / 1e3);
}

static struct umbel *
client(struct canary *c, const char *name)
{
	struct umbel_options o = { .size = sizeof(o),
		                   .name = name,
		                   .on_state = on_state,
		                   .on_loss = on_loss,
		                   .on_hold = on_hold,
		                   .user = c };
	struct umbel *made;

	if (umbel_new(&made, &o) < 0)
		exit(1);
	return made;
}

int
main(int argc, char **argv)
{
	struct canary c = { 0 };
	int64_t end;

	helper_begin();
	c.pace_ns = SECOND_NS / (argc > 1 ? atoi(argv[1]) : PER_SECOND);
	c.listener = client(&c, "canary-listens");
	c.singer = client(&c, "canary-sings");
	if (umbel_subscribe(c.listener, TOPIC, on_song, &c, NULL, NULL) < 0 ||
	    umbel_connect(c.listener, LAST_MS) < 0 ||
	    umbel_connect(c.singer, LAST_MS) < 0)
		return 1;

	c.begun_ns = helper_now_ns();
	while (!helper_is_over) {
		sing(&c);
		wait_and_dispatch(&c, c.begun_ns + (int64_t)c.sung * c.pace_ns);
	}
	end = helper_now_ns() + (int64_t)LAST_MS * 1000000;
	while (c.heard < c.sung && helper_now_ns() < end)
		wait_and_dispatch(&c, helper_now_ns() + 10000000);
	report(&c);
	umbel_free(c.singer);
	umbel_free(c.listener);
	free(c.took_us);
	return 0;
}
