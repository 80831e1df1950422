/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "doors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

/* Out of descriptors: pause accepting for this long, or until one is free. */
#define ACCEPT_PAUSE_MS 100u
/* The most connections accepted in one turn, so that existing ones get their
   turn. */
#define ACCEPT_BATCH    16u

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *addr,
          int len, void *user)
{
	struct door *door = user;
	struct doors *d = door->doors;
	int r = admission_let_in(d->broker, d->carrier, fd, door->socket->role);

	(void)l;
	(void)addr;
	(void)len;
	if (r < 0) {
		log_event(&d->broker->log, LOG_WARN, LOG_ACCEPT,
		          "cannot serve a new connection: %s", strerror(-r));
		close(fd);
	}
	/* libevent would accept all that are waiting */
	if (++door->accepted == ACCEPT_BATCH)
		evconnlistener_disable(l);
}

/* Out of descriptors or memory: retrying at once would only spin. */
static void
on_accept_error(struct evconnlistener *l, void *user)
{
	struct door *door = user;
	struct doors *d = door->doors;

	log_event(&d->broker->log, LOG_WARN, LOG_ACCEPT,
	          "cannot accept: %s; connections=%zu, others wait",
	          strerror(errno), d->broker->n_sessions);
	evconnlistener_disable(l);
	deadline_set(&d->pauses, &d->pause);
}

static void
on_pause_over(struct deadline *due, void *user)
{
	struct doors *d = user;

	for (size_t i = 0; i < d->n; i++) {
		if (d->all[i].accepting &&
		    evconnlistener_enable(d->all[i].accepting) < 0)
			deadline_set(&d->pauses, due);
	}
}

void
doors_end_turn(struct doors *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct door *door = &d->all[i];
		bool rested = door->accepted >= ACCEPT_BATCH;

		door->accepted = 0;
		/* without descriptors, the pause decides when to continue */
		if (rested && door->accepting && !deadline_is_set(&d->pause) &&
		    evconnlistener_enable(door->accepting) < 0)
			deadline_set(&d->pauses, &d->pause);
	}
}

void
doors_init(struct doors *d, struct broker *b, struct carrier carrier)
{
	*d = (struct doors){ .broker = b, .carrier = carrier };
	deadline_queue_init(&d->pauses, &b->deadlines, ACCEPT_PAUSE_MS,
	                    on_pause_over, d);
}

/* Use the socket that the supervisor passed for this path, or open our own. */
static int
find_socket(struct door *door, const char *flag)
{
	const struct config_socket *s = door->socket;
	const struct access access = {
		.mode = s->mode,
		.owner = s->owner,
		.group = s->group,
	};
	int fd = supervisor_socket(s->path);

	if (fd < 0)
		return listener_open_to(&door->listener, s->path, flag,
		                        &access) < 0
		               ? SAID_WHY
		               : 0;
	door->doors->n_adopted++;
	return listener_adopt(&door->listener, s->path, fd);
}

static int
open_door(struct door *door, struct event_base *base, const char *flag)
{
	int r = find_socket(door, flag);

	if (r < 0)
		return r;
	/* enabled separately: libevent does not report if that fails */
	door->accepting =
		evconnlistener_new(base, on_accept, door,
	                           LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0,
	                           door->listener.fd);
	if (!door->accepting || evconnlistener_enable(door->accepting) < 0)
		return -ENOMEM;
	evconnlistener_set_error_cb(door->accepting, on_accept_error);
	return 0;
}

int
doors_open(struct doors *d, struct event_base *base, const char *flag,
           const struct config_socket *sockets, size_t n)
{
	d->all = calloc(n, sizeof(*d->all));
	if (!d->all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct door *door = &d->all[d->n++];
		int r;

		door->doors = d;
		door->socket = &sockets[i];
		r = open_door(door, base, flag);
		if (r < 0)
			return r;
	}
	return 0;
}

void
doors_stop(struct doors *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct door *door = &d->all[i];

		if (door->accepting)
			evconnlistener_free(door->accepting);
		door->accepting = NULL;
		if (door->listener.path)
			listener_stop(&door->listener);
	}
	deadline_clear(&d->pause);
}

void
doors_close(struct doors *d)
{
	doors_stop(d);
	for (size_t i = 0; i < d->n; i++) {
		if (d->all[i].listener.path)
			listener_close(&d->all[i].listener);
	}
	free(d->all);
	d->all = NULL;
	d->n = 0;
}
