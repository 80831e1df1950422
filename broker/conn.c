/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/publish.h"
#include "command.h"
#include "hangup.h"
#include "hold.h"
#include "proto/message.h"
#include "proto/status.h"
#include "shortage.h"

/* What the kernel may hold for one connection: this, and no more than such a
   part of all memory that it is counted in. */
#define SEND_BUFFER_MAX  (1u << 20)
#define SEND_BUFFER_MIN  (64u << 10)
#define SEND_BUFFER_PART 128u
/* Spans in one system call. */
#define MAX_IOV          64
#define SEND_FLAGS       (MSG_NOSIGNAL | MSG_DONTWAIT)
/* After a batch of this size more is read at once: to send each alone is dear, a
   system call and a wake-up for each subscriber are worth 70 KiB. */
#define LARGE_BATCH      (64u << 10)
/* But no more than this, so that it is in the processor's cache when it is sent;
   nor more than a part of what an outbox may owe, lest it is full for want of
   being sent. */
#define BATCHES_MAX      (3 * SLAB_SIZE)
#define BATCHES_PART     8u
#define RETRY_MS         10u
/* What is looked at, at a time, when memory is short. */
#define PASS_MAX         (16u << 10)
/* Rounds of sending and going on, before others have their turn. */
#define MAX_ROUNDS       4

static struct conn *
conn_of(struct session *s)
{
	return (struct conn *)((char *)s - offsetof(struct conn, session));
}

static struct conns *
conns_of(const struct conn *c)
{
	return (struct conns *)((char *)c->session.ops -
	                        offsetof(struct conns, ops));
}

static struct conn *
conn_of_ready(struct link *l)
{
	return (struct conn *)((char *)l - offsetof(struct conn, ready_link));
}

/* ---- watching ------------------------------------------------------------- */

static bool
answers_are_unread(const struct conn *c)
{
	return c->session.out.answer_bytes >
	       conns_of(c)->broker->limits.answers;
}

/* What it has sent is to lie until something has happened. */
static bool
is_put_off(const struct conn *c)
{
	return session_is_waiting(&c->session) || answers_are_unread(c) ||
	       c->paused;
}

static void
watch_input(struct conn *c)
{
	const struct session *s = &c->session;
	bool want =
		s->state != SESSION_ENDING && !is_put_off(c) && !c->all_read;

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

static void
mark_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	STAILQ_INSERT_TAIL(&conns_of(c)->dirty, c, dirty_link);
}

static void
mark_ready(struct conn *c)
{
	if (c->ready || c->dead)
		return;
	c->ready = true;
	list_append(&conns_of(c)->ready, &c->ready_link);
}

static void
mark_dead(struct conn *c)
{
	if (c->dead)
		return;
	link_leave(&c->ready_link); /* maybe of those whose turn it is */
	c->ready = false;
	c->dead = true;
	list_append(&conns_of(c)->dead, &c->ready_link);
}

/* ---- out ------------------------------------------------------------------ */

static void on_writable(evutil_socket_t fd, short what, void *user);

/* Without memory for that, ask again later. */
static void
watch_output(struct conn *c)
{
	if (event_add(&c->writer->writable, NULL) < 0)
		deadline_set(&conns_of(c)->retries, &c->writer->retry);
}

/* The kernel has no room: wait for it, and count what it holds as ours. */
static void
block(struct conn *c)
{
	if (c->blocked)
		return;
	if (!c->writer) {
		c->writer = calloc(1, sizeof(*c->writer));
		if (!c->writer) {
			/* nobody would ever tell it anything again */
			session_is_deaf(&c->session);
			session_end(&c->session);
			return;
		}
		event_assign(&c->writer->writable, conns_of(c)->base, c->fd,
		             EV_WRITE | EV_PERSIST, on_writable, c);
	}
	c->blocked = true;
	slab_pool_charge(&conns_of(c)->broker->pool, conns_of(c)->send_buffer);
	watch_output(c);
}

static void
unblock(struct conn *c)
{
	if (!c->blocked)
		return;
	c->blocked = false;
	event_del(&c->writer->writable);
	deadline_clear(&c->writer->retry);
	slab_pool_uncharge(&conns_of(c)->broker->pool,
	                   conns_of(c)->send_buffer);
}

/* No memory in the kernel: it will not tell when there is, so ask again. */
static void
retry_later(struct conn *c)
{
	block(c);
	if (!c->blocked)
		return;
	event_del(&c->writer->writable);
	deadline_set(&conns_of(c)->retries, &c->writer->retry);
}

static void
on_retry(struct deadline *d, void *all)
{
	struct conn_writer *w =
		(struct conn_writer *)((char *)d -
	                               offsetof(struct conn_writer, retry));

	(void)all;
	watch_output(event_get_callback_arg(&w->writable));
}

/*
 * The other end takes nothing any more, but what it sent before may still be
 * read: only writing is over.
 */
static void
become_deaf(struct conn *c)
{
	unblock(c);
	session_is_deaf(&c->session);
}

static void
after_sending(struct conn *c)
{
	struct session *s = &c->session;

	if (outbox_is_empty(&s->out)) {
		unblock(c);
		if (s->state == SESSION_ENDING)
			mark_dead(c);
	}
	if (!c->reading && s->state != SESSION_ENDING)
		mark_ready(c); /* it may have been its answers that it owed */
}

/* Mostly it is one span, and then the kernel need not copy in a header and a
   list: that is a tenth of what a short message takes. */
static ssize_t
offer(const struct conn *c, struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };

	if (n == 1)
		return send(c->fd, iov->iov_base, iov->iov_len, SEND_FLAGS);
	return sendmsg(c->fd, &msg, SEND_FLAGS);
}

/* Offer the outbox to the kernel. Did it take a byte? */
static bool
flush(struct conn *c)
{
	struct outbox *o = &c->session.out;
	bool progress = false;

	while (!outbox_is_empty(o)) {
		struct iovec iov[MAX_IOV];
		int n_iov = outbox_iov(o, iov, MAX_IOV);
		size_t offered = 0;
		ssize_t n;

		for (int i = 0; i < n_iov; i++)
			offered += iov[i].iov_len;
		n = offer(c, iov, n_iov);
		if (n > 0) {
			progress = true;
			outbox_sent(o, (size_t)n);
			if ((size_t)n == offered)
				continue;
			block(c);
			break;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOBUFS || errno == ENOMEM))
			retry_later(c);
		else if (n < 0 && errno == EAGAIN)
			block(c);
		else
			become_deaf(c);
		break;
	}
	outbox_pack(o);
	if (progress)
		hold_progress(&c->session);
	after_sending(c);
	return progress;
}

static void
on_writable(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	flush(user);
}

static void
flush_dirty(struct conns *all)
{
	struct conn *c;

	while ((c = STAILQ_FIRST(&all->dirty))) {
		STAILQ_REMOVE_HEAD(&all->dirty, dirty_link);
		c->dirty = false;
		outbox_sleep(&c->session.out);
		if (c->blocked)
			outbox_pack(&c->session.out);
		else
			flush(c);
	}
}

/* ---- in ------------------------------------------------------------------- */

/*
 * Memory is short: what has only begun gives way to what can be taken. Who
 * waits is left alone, since its hold remembers where its message lies.
 */
static bool
squeeze_all(struct conns *all)
{
	struct session *s;
	bool any = false;

	TAILQ_FOREACH (s, &all->broker->sessions, link) {
		if (!session_is_waiting(s))
			any |= s->ops->squeeze(s);
	}
	return any;
}

/* Read once. False when there is no memory for that. */
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

/* It goes on when others had their turn. */
static void
pause_taking(struct conn *c)
{
	c->paused = true;
	mark_ready(c);
}

/* Carry out what has come whole. How many frames that was, 0 or more. */
static unsigned
take_frames(struct conn *c)
{
	struct session *s = &c->session;
	unsigned taken = 0;

	while (s->state != SESSION_ENDING && !answers_are_unread(c)) {
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

/* A frame that has begun has to end in time, and so has the handshake. */
static void
watch_time(struct conn *c, unsigned taken)
{
	struct session *s = &c->session;

	if (s->state == SESSION_NEW)
		return; /* the time for HELLO runs from the start */
	assert(s->state == SESSION_OPEN); /* later it is for its leave */
	/* while we do not read it, it cannot be late */
	if (is_put_off(c) || input_length(&c->input) == 0)
		deadline_clear(&c->due);
	else if (taken > 0 || !deadline_is_set(&c->due))
		deadline_set(&conns_of(c)->frames, &c->due);
}

/* So many frames were taken, and what is left is not to be taken now. */
static void
have_taken(struct conn *c, unsigned taken)
{
	struct session *s = &c->session;

	if (s->state == SESSION_ENDING) {
		input_drop(&c->input);
	} else {
		if (taken > 0 || input_length(&c->input) == 0)
			shortage_is_over(s);
		if (c->all_read && !is_put_off(c))
			session_end(s);
		else
			watch_time(c, taken);
		input_rest(&c->input);
		if (s->put_off) /* what it waits for may be what it has */
			input_squeeze(&c->input, &s->broker->pool);
	}
	watch_input(c);
}

static void
take_input(struct conn *c)
{
	if (!session_is_waiting(&c->session))
		have_taken(c, take_frames(c));
}

/* ---- in, when memory is short --------------------------------------------- */

/* See what has come; the kernel keeps it. False when nothing has. */
static bool
look(struct conn *c)
{
	struct slab *slab =
		slab_new_small(&conns_of(c)->broker->pool, PASS_MAX);
	ssize_t n = -1;

	if (slab)
		n = recv(c->fd, slab->data, PASS_MAX - 1,
		         MSG_PEEK | MSG_DONTWAIT);
	c->all_read |= n == 0;
	c->input =
		(struct input){ .slab = slab, .end = n > 0 ? (uint32_t)n : 0 };
	if (n <= 0)
		input_drop(&c->input);
	return n >= 0;
}

/* The kernel need not keep what was taken, and keeps the rest. */
static void
let_go(struct conn *c)
{
	uint8_t taken[PASS_MAX];
	size_t left = c->input.at;

	while (left > 0 && !c->all_read) {
		ssize_t n = recv(c->fd, taken, left, MSG_DONTWAIT);

		if (n > 0)
			left -= (size_t)n;
		else if (n == 0 || errno != EINTR)
			c->all_read = true; /* what never happens */
	}
	input_drop(&c->input);
}

/*
 * What has come passes through, as far as nothing of it stays; see conn.h. False
 * when nothing did: the session is to wait for memory.
 */
static bool
pass(struct conn *c)
{
	struct broker *b = conns_of(c)->broker;
	struct session *s = &c->session;
	unsigned taken;

	flush_dirty(conns_of(c)); /* so that who owes anything is behind */
	if (c->input.slab || outbox_is_behind(&s->out) || !look(c))
		return false;
	broker_lets_pass(b, true);
	taken = take_frames(c);
	broker_lets_pass(b, false);
	let_go(c);
	if (taken == 0 && s->state != SESSION_ENDING && !c->all_read &&
	    !session_is_waiting(s))
		return false;
	have_taken(c, taken);
	flush_dirty(conns_of(c));
	return true;
}

static void
wait_for_memory(struct conn *c)
{
	shortage_wait(&c->session);
	if (c->session.state == SESSION_ENDING)
		return; /* it was to lose messages, and could not even that */
	watch_time(c, 0);
	watch_input(c);
}

/* ---- in, always ------------------------------------------------------------- */

/* Read once, and take what is whole. Returns how much has come. */
static size_t
take_batch(struct conn *c)
{
	size_t before = input_length(&c->input), received;

	if (!receive(c)) {
		if (pass(c))
			return 0;
		if (!squeeze_all(conns_of(c)) || !receive(c)) {
			wait_for_memory(c);
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

static void
on_readable(evutil_socket_t fd, short what, void *user)
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
		flush_dirty(conns_of(c));
}

/* Who has waited for memory has it, and would have to give it back if it did not
   read now. */
static void
go_on(struct conn *c)
{
	bool served = c->served;

	c->served = false;
	if (served && c->session.state != SESSION_ENDING && !is_put_off(c))
		take_batch(c);
	else
		take_input(c);
}

static void
take_ready(struct conns *all)
{
	struct link ready, *l;

	/* who becomes ready meanwhile has its turn after the next flush */
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

/* ---- what the session asks for -------------------------------------------- */

static void
on_wake(struct session *s)
{
	mark_dirty(conn_of(s));
}

static void
on_resume(struct session *s)
{
	mark_ready(conn_of(s));
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
	watch_input(c);
	mark_dirty(c); /* even if nothing waits: then it is over at once */
}

static bool
on_try_send(struct session *s)
{
	return flush(conn_of(s));
}

static void
on_abandon(struct session *s)
{
	mark_dead(conn_of(s));
}

static size_t
on_input_memory(const struct session *s)
{
	const struct conn *c =
		(const struct conn *)((const char *)s -
	                              offsetof(struct conn, session));

	return c->input.slab ? c->input.slab->charged : 0;
}

static bool
on_squeeze(struct session *s)
{
	return input_squeeze(&conn_of(s)->input, &s->broker->pool);
}

/* ---- life ----------------------------------------------------------------- */

/* Who is let in begins here. */
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
	/* how much the kernel takes at a time; it works with less, too */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->fd = fd;
	event_assign(&c->readable, all->base, fd, EV_READ | EV_PERSIST,
	             on_readable, c);
	deadline_set(&all->handshakes, &c->due);
	all->n++;
	watch_input(c);
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
	c->dirty = true;          /* nobody puts it there again */
	hold_forget(&c->session); /* what it gives back is for others */
	deadline_clear(&c->due);
	unblock(c);
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

bool
conns_end_turn(struct conns *all)
{
	bool idle = false;

	for (int i = 0; i < MAX_ROUNDS && !idle; i++) {
		take_ready(all);
		publish_posted(all->broker);
		flush_dirty(all);
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

/* ---- time ----------------------------------------------------------------- */

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
	mark_dead(conn_of_due(d));
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
	const struct config *config = broker->config;

	*all = (struct conns){
		.ops = { .wake = on_wake,
		         .resume = on_resume,
		         .take_memory = on_take_memory,
		         .ending = on_ending,
		         .try_send = on_try_send,
		         .abandon = on_abandon,
		         .input_memory = on_input_memory,
		         .squeeze = on_squeeze },
		.base = base,
		.broker = broker,
		.send_buffer = choose_send_buffer(config->memory_max),
	};
	STAILQ_INIT(&all->dirty);
	list_init(&all->ready);
	list_init(&all->dead);
	broker_begin_turn(broker);
	deadline_queue_init(&all->handshakes, config->handshake_ms,
	                    on_handshake_late, all);
	deadline_queue_init(&all->frames, config->frame_ms, on_frame_late, all);
	deadline_queue_init(&all->leaves, config->linger_ms, on_leave_late,
	                    all);
	deadline_queue_init(&all->retries, RETRY_MS, on_retry, all);
}

uint64_t
conns_next_deadline(const struct conns *all)
{
	const struct deadline_queue *queues[] = {
		&all->handshakes,
		&all->frames,
		&all->leaves,
		&all->retries,
	};
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		uint64_t at = deadline_queue_next(queues[i]);

		if (at < first)
			first = at;
	}
	return first;
}

void
conns_run_deadlines(struct conns *all, uint64_t now_ms)
{
	deadline_queue_run(&all->handshakes, now_ms);
	deadline_queue_run(&all->frames, now_ms);
	deadline_queue_run(&all->leaves, now_ms);
	deadline_queue_run(&all->retries, now_ms);
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
		mark_dead(conn_of(s));
		free_dead(all);
	}
}
