/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Life of a connection: its start, the requests of its session, its turn, and
 * its end. The way of a message begins in conn_read.c.
 */
#include "conn_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "broker/publish.h"
#include "hangup.h"
#include "hold.h"
#include "proto/message.h"
#include "proto/status.h"

/* The send buffer of one connection is such a part of all memory, between these
   limits, because it is charged to the pool while it is full. */
#define SEND_BUFFER_MAX  (1u << 20)
#define SEND_BUFFER_MIN  (64u << 10)
#define SEND_BUFFER_PART 128u
/* Rounds of sending and resuming before the event loop gets its turn. */
#define MAX_ROUNDS       4

/* ---- marks -------------------------------------------------------------- */

static void
mark_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	STAILQ_INSERT_TAIL(&conns_of(c)->dirty, c, dirty_link);
}

void
conn_mark_ready(struct conn *c)
{
	if (c->ready || c->dead)
		return;
	c->ready = true;
	list_append(&conns_of(c)->ready, &c->ready_link);
}

void
conn_mark_dead(struct conn *c)
{
	if (c->dead)
		return;
	/* it may be in the local list of conns_take_ready() */
	link_leave(&c->ready_link);
	c->ready = false;
	c->dead = true;
	list_append(&conns_of(c)->dead, &c->ready_link);
}

/* ---- session operations ------------------------------------------------- */

static void
on_wake(struct session *s)
{
	mark_dirty(conn_of(s));
}

static void
on_resume(struct session *s)
{
	conn_mark_ready(conn_of(s));
}

static bool
on_take_memory(struct session *s)
{
	struct conn *c = conn_of(s);
	uint8_t *at;
	size_t room;

	c->served = input_room(&c->input, &s->broker->pool, &at, &room);
	return c->served;
}

static void
on_ending(struct session *s)
{
	struct conn *c = conn_of(s);

	deadline_set(&conns_of(c)->leaves, &c->due);
	conn_watch_input(c);
	mark_dirty(c); /* even if it owes nothing: then it ends at once */
}

static bool
on_try_send(struct session *s)
{
	return conn_flush(conn_of(s));
}

static void
on_abandon(struct session *s)
{
	conn_mark_dead(conn_of(s));
}

static size_t
on_input_memory(const struct session *s)
{
	const struct conn *c = conn_of_const(s);

	return c->input.slab ? c->input.slab->charged : 0;
}

static bool
on_squeeze(struct session *s)
{
	struct conn *c = conn_of(s);

	if (s->state != SESSION_ENDING)
		return input_squeeze(&c->input, &s->broker->pool);
	input_drop(&c->input);
	return true;
}

static size_t
on_begun(const struct session *s)
{
	const struct conn *c = conn_of_const(s);

	return input_missing(&c->input) > 0 ? input_length(&c->input) : 0;
}

static bool
on_is_cut_off(const struct session *s)
{
	return conn_is_cut_off(conn_of_const(s));
}

/* ---- life ---------------------------------------------------------------- */

/* A client that was admitted begins here. */
static int
take(void *conns, int fd, const struct peer *peer)
{
	struct conns *all = conns;
	int size = (int)all->send_buffer;
	struct conn *c = calloc(1, sizeof(*c));
	int r = c ? session_init(&c->session, all->broker, &all->ops, peer)
	          : -ENOMEM;

	if (r < 0) {
		free(c);
		return r;
	}
	/* how much the kernel takes at a time; less works, too */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->fd = fd;
	event_assign(&c->readable, all->base, fd, EV_READ | EV_PERSIST,
	             conn_on_readable, c);
	deadline_set(&all->handshakes, &c->due);
	all->n++;
	conn_watch_input(c);
	return 0;
}

static void
turn_away(int fd, const char *why)
{
	uint8_t frame[MESSAGE_MAX];
	struct message m = {
		.type = TYPE_ERROR,
		.error = { .code = STATUS_LIMIT, .fatal = true },
	};

	m.error.text = text_from(why);
	(void)send(fd, frame, message_encode(&m, frame, sizeof(frame)),
	           MSG_NOSIGNAL | MSG_DONTWAIT);
}

struct carrier
conns_carrier(struct conns *all)
{
	return (struct carrier){ all, take, turn_away };
}

static void
conn_free(struct conns *all, struct conn *c)
{
	if (c->dirty)
		STAILQ_REMOVE(&all->dirty, c, conn, dirty_link);
	c->dirty = true; /* so that mark_dirty() does nothing */
	/* first, so that what it gives back goes to others */
	hold_forget(&c->session);
	deadline_clear(&c->due);
	conn_unblock(c);
	event_del(&c->readable);
	free(c->writer);
	input_drop(&c->input);
	session_fini(&c->session);
	hang_up(c->fd);
	all->n--;
	free(c);
}

static void
free_dead(struct conns *all)
{
	struct link *l;

	while ((l = list_take_first(&all->dead)))
		conn_free(all, conn_of_ready(l));
}

/* ---- all connections ---------------------------------------------------- */

bool
conns_end_turn(struct conns *all)
{
	bool idle = false;

	for (int i = 0; i < MAX_ROUNDS && !idle; i++) {
		conns_take_ready(all);
		publish_posted(all->broker);
		conns_flush_dirty(all);
		free_dead(all);
		idle = list_is_empty(&all->ready) &&
		       STAILQ_EMPTY(&all->dirty) &&
		       STAILQ_EMPTY(&all->broker->letters);
		if (broker_is_spent(all->broker))
			break;
	}
	broker_begin_turn(all->broker);
	return idle;
}

static uint32_t
choose_send_buffer(size_t memory_max)
{
	size_t part = memory_max / SEND_BUFFER_PART;

	if (part > SEND_BUFFER_MAX)
		return SEND_BUFFER_MAX;
	return part < SEND_BUFFER_MIN ? SEND_BUFFER_MIN : (uint32_t)part;
}

void
conns_init(struct conns *all, struct event_base *base, struct broker *broker)
{
	*all = (struct conns){
		.ops = { .wake = on_wake,
		         .resume = on_resume,
		         .take_memory = on_take_memory,
		         .ending = on_ending,
		         .try_send = on_try_send,
		         .abandon = on_abandon,
		         .input_memory = on_input_memory,
		         .squeeze = on_squeeze,
		         .begun = on_begun,
		         .is_cut_off = on_is_cut_off },
		.base = base,
		.broker = broker,
		.send_buffer = choose_send_buffer(broker->config->memory_max),
	};
	STAILQ_INIT(&all->dirty);
	list_init(&all->ready);
	list_init(&all->dead);
	broker_begin_turn(broker);
	conns_init_deadlines(all);
}

bool
conns_are_flushed(const struct conns *all)
{
	const struct session *s;

	TAILQ_FOREACH (s, &all->broker->sessions, link) {
		if (!outbox_is_empty(&s->out))
			return false;
	}
	return true;
}

void
conns_fini(struct conns *all)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&all->broker->sessions))) {
		conn_mark_dead(conn_of(s));
		free_dead(all);
	}
}
