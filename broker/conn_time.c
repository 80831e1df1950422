/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Timeouts: for HELLO, for the rest of a frame, for reading the last frames. */
#include "conn_inside.h"

#include <assert.h>
#include <inttypes.h>

#include "proto/status.h"

/* After the kernel was out of memory, ask again: it does not report when it has
   some. */
#define RETRY_MS 10u

void
conn_watch_time(struct conn *c, unsigned taken)
{
	struct session *s = &c->session;

	if (s->state == SESSION_NEW)
		return; /* the time for HELLO runs from the start */
	assert(s->state == SESSION_OPEN); /* later `due` is for the end */
	/* a client that is not read cannot be late */
	if (conn_is_put_off(c) || input_length(&c->input) == 0)
		deadline_clear(&c->due);
	else if (taken > 0 || !deadline_is_set(&c->due))
		deadline_set(&conns_of(c)->frames, &c->due);
}

static struct conn *
conn_of_due(struct deadline *d)
{
	return (struct conn *)((char *)d - offsetof(struct conn, due));
}

static void
on_handshake_late(struct deadline *d, void *all)
{
	struct conn *c = conn_of_due(d);

	(void)all;
	session_fail(&c->session, STATUS_TIMEOUT,
	             "no HELLO (limit %" PRIu32 " ms, handshake-ms)",
	             conns_of(c)->handshakes.after_ms);
}

static void
on_frame_late(struct deadline *d, void *all)
{
	struct conn *c = conn_of_due(d);

	(void)all;
	session_fail(
		&c->session, STATUS_TIMEOUT,
		"a frame is not complete, %zu bytes of it have come (limit "
		"%" PRIu32 " ms, frame-ms)",
		input_length(&c->input), conns_of(c)->frames.after_ms);
}

static void
on_leave_late(struct deadline *d, void *all)
{
	(void)all;
	conn_mark_dead(conn_of_due(d));
}

void
conns_init_deadlines(struct conns *all)
{
	const struct config *config = all->broker->config;
	struct deadlines *of = &all->broker->deadlines;

	deadline_queue_init(&all->handshakes, of, config->handshake_ms,
	                    on_handshake_late, all);
	deadline_queue_init(&all->frames, of, config->frame_ms, on_frame_late,
	                    all);
	deadline_queue_init(&all->leaves, of, config->linger_ms, on_leave_late,
	                    all);
	deadline_queue_init(&all->retries, of, RETRY_MS, conn_on_retry, all);
}
