/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * storm - many handles in one process, which lose their broker at one moment
 * and come back as every application does: libumbel alone decides when.
 *
 *	storm N
 *
 * It says "subscribed" when all are connected, "back" with the seconds since
 * the first of them was cut off when all are again, and "heard" when each has
 * got one message on the topic storm. It ends at SIGTERM.
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <umbel.h>

#include "helper.h"

#define TOPIC "storm"
#define MANY  64 /* events at a time */

struct storm;

struct client {
	struct storm *storm;
	struct umbel *handle;
	bool connected, heard;
};

struct storm {
	struct client *clients;
	size_t n, n_connected, n_heard;
	int64_t cut_off_ns; /* when the first was; 0: none was yet */
	int epoll;
};

static void
must(const char *what, int r)
{
	if (r >= 0)
		return;
	printf("%s: %s\n", what, umbel_strerror(r));
	exit(1);
}

static void
come(struct client *c)
{
	struct storm *s = c->storm;

	c->connected = true;
	if (++s->n_connected < s->n)
		return;
	if (s->cut_off_ns == 0)
		puts("subscribed");
	else
		printf("back after %.3f s\n",
		       (double)(helper_now_ns() - s->cut_off_ns) / 1e9);
}

static void
go(struct client *c)
{
	struct storm *s = c->storm;

	if (!c->connected)
		return;
	c->connected = false;
	if (s->n_connected-- == s->n)
		s->cut_off_ns = helper_now_ns();
}

static void
on_state(struct umbel *handle, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	(void)handle;
	if (state == UMBEL_CONNECTED)
		come(user);
	else if (state == UMBEL_DISCONNECTED)
		go(user);
	else if (state == UMBEL_FAILED)
		must("gave up", info->error);
}

static void
on_message(struct umbel *handle, const struct umbel_msg *m, void *user)
{
	struct client *c = user;

	(void)handle;
	(void)m;
	if (c->heard)
		must("the message came twice", -EEXIST);
	c->heard = true;
	if (++c->storm->n_heard == c->storm->n)
		puts("heard");
}

static void
client_init(struct client *c, struct storm *s)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	c->storm = s;
	must("umbel_new",
	     umbel_new(&c->handle,
	               UMBEL_OPTIONS(.name = "storm", .on_state = on_state,
	                             .user = c)));
	must("umbel_subscribe",
	     umbel_subscribe(c->handle, TOPIC, on_message, c, NULL, NULL));
	must("umbel_connect", umbel_connect(c->handle, 0));
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, umbel_fd(c->handle), &e) < 0)
		must("epoll_ctl", -errno);
}

/* SIGTERM comes while it waits, and only then. */
static void
run(struct storm *s)
{
	struct epoll_event events[MANY];
	sigset_t term, before;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	while (!helper_is_over) {
		int n = epoll_pwait(s->epoll, events, MANY, -1, &before);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			must("umbel_dispatch", umbel_dispatch(c->handle, 0));
		}
	}
}

int
main(int argc, char **argv)
{
	struct storm s = { .n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1,
		           .epoll = epoll_create1(EPOLL_CLOEXEC) };

	helper_begin();
	s.clients = calloc(s.n, sizeof(*s.clients));
	if (!s.clients || s.epoll < 0)
		return 1;
	for (size_t i = 0; i < s.n; i++)
		client_init(&s.clients[i], &s);
	run(&s);
	for (size_t i = 0; i < s.n; i++)
		umbel_free(s.clients[i].handle);
	free(s.clients);
	close(s.epoll);
	return 0;
}
