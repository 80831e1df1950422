/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Input: what has come is read, and its frames are carried out where they lie.
 * After a large batch more is read, and then everything is sent at once, while
 * it is in the CPU cache.
 */
#include "conn_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "command.h"
#include "shortage.h"

/*
 * After a batch of at least this size more is read at once, because sending
 * each batch alone is expensive: a system call and a wake-up for each
 * subscriber cost as much as 70 KiB.
 */
#define LARGE_BATCH  (64u << 10)
/*
 * Read at most this much before sending, so that it is still in the CPU cache;
 * and at most a part of what an outbox may owe, so that no outbox becomes full
 * only because it was not flushed.
 */
#define BATCHES_MAX  (3 * SLAB_SIZE)
#define BATCHES_PART 8u

void
conn_watch_input(struct conn *c)
{
	const struct session *s = &c->session;
	bool want = s->state != SESSION_ENDING && !conn_is_put_off(c) &&
	            !c->all_read;

	unread_look(&c->session);
	if (want == c->reading)
		return;
	c->reading = want;
	if (!want) {
		event_del(&c->readable);
	} else if (event_add(&c->readable, NULL) < 0) {
		c->reading = false;
		session_fail(&c->session, STATUS_NO_MEMORY,
		             "no memory to watch its socket");
	}
}

/* ---- frames -------------------------------------------------------------- */

static void
fault(struct conn *c, enum frame_result what, uint32_t body_len)
{
	struct session *s = &c->session;
	uint8_t first = input_frame(&c->input)[0];

	if (what == FRAME_BAD_MAGIC)
		session_fail(s, STATUS_BAD_MAGIC,
		             "a frame begins with 0xce, not 0x%02x", first);
	else
		session_fail(
			s, STATUS_FRAME_TOO_BIG,
			"a body of %" PRIu32 " bytes (limit %" PRIu32 ", %s)",
			body_len, command_max_body(s),
			s->state == SESSION_NEW ? "before HELLO" : "max-frame");
}

/* Go on after the other connections have had their turn. */
static void
pause_taking(struct conn *c)
{
	c->paused = true;
	conn_mark_ready(c);
}

unsigned
conn_take_frames(struct conn *c)
{
	struct session *s = &c->session;
	unsigned taken = 0;

	while (s->state != SESSION_ENDING && !conn_answers_are_unread(c)) {
		uint32_t body_len = 0;
		enum command_outcome outcome;
		enum frame_result r =
			input_peek(&c->input, command_max_body(s), &body_len);

		if (r == FRAME_SHORT)
			break;
		if (r != FRAME_OK) {
			fault(c, r, body_len);
			break;
		}
		outcome = command_take(s, &c->input, body_len);
		if (outcome == COMMAND_TAKEN) {
			taken++;
			continue;
		}
		if (outcome == COMMAND_PAUSES) {
			taken++;
			pause_taking(c);
		}
		break;
	}
	return taken;
}

void
conn_have_taken(struct conn *c, unsigned taken)
{
	struct session *s = &c->session;

	if (s->state == SESSION_ENDING) {
		input_drop(&c->input);
	} else {
		if (taken > 0 || input_length(&c->input) == 0)
			shortage_is_over(s);
		if (c->all_read && !conn_is_put_off(c))
			session_end(s);
		else
			conn_watch_time(c, taken);
		input_rest(&c->input);
		/* it may be waiting for the memory that it holds itself */
		if (s->put_off)
			input_squeeze(&c->input, &s->broker->pool);
	}
	conn_watch_input(c);
}

static void
take_input(struct conn *c)
{
	if (!session_is_waiting(&c->session))
		conn_have_taken(c, conn_take_frames(c));
}

/* ---- batches ------------------------------------------------------------- */

/* Read once. False when there is no memory to read into. */
static bool
receive(struct conn *c)
{
	struct slab_pool *pool = &conns_of(c)->broker->pool;
	uint8_t *at;
	size_t room;
	ssize_t n;

	if (!input_room(&c->input, pool, &at, &room))
		return false;
	n = recv(c->fd, at, room, MSG_DONTWAIT);
	if (n > 0)
		input_received(&c->input, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->all_read = true;
	return true;
}

/* Read once, and take complete frames. Returns how many bytes have come. */
static size_t
take_batch(struct conn *c)
{
	size_t before = input_length(&c->input), received;

	if (!receive(c)) {
		if (conn_pass(c))
			return 0;
		if (!shortage_squeeze(c->session.broker) || !receive(c)) {
			conn_wait_for_memory(c);
			return 0;
		}
	}
	received = input_length(&c->input) - before;
	take_input(c);
	return received;
}

static size_t
batches_max(const struct conns *all)
{
	size_t part = all->broker->limits.high / BATCHES_PART;

	return part < BATCHES_MAX ? part : BATCHES_MAX;
}

void
conn_on_readable(evutil_socket_t fd, short what, void *user)
{
	struct conn *c = user;
	size_t most = batches_max(conns_of(c));
	size_t received, sum = 0;

	(void)fd;
	(void)what;
	do {
		if (!c->reading)
			break;
		received = take_batch(c);
		sum += received;
	} while (received >= LARGE_BATCH && sum + SLAB_SIZE <= most);
	if (sum >= LARGE_BATCH)
		conns_flush_dirty(conns_of(c));
}

/* ---- resume ------------------------------------------------------------- */

/* A connection that has waited for memory has it now, and must read now or it
   would have to give it back. */
static void
go_on(struct conn *c)
{
	bool served = c->served;

	c->served = false;
	if (served && c->session.state != SESSION_ENDING && !conn_is_put_off(c))
		take_batch(c);
	else
		take_input(c);
}

void
conns_take_ready(struct conns *all)
{
	struct link ready, *l;

	/* a connection that becomes ready meanwhile has its turn after the next
	   flush */
	list_init(&ready);
	while ((l = list_take_first(&all->ready)))
		list_append(&ready, l);
	while ((l = list_take_first(&ready))) {
		struct conn *c = conn_of_ready(l);

		c->ready = false;
		c->paused = false;
		go_on(c);
	}
}
