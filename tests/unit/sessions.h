/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * sessions - a broker with sessions but without sockets or a loop: what
 * clients say is put into their inputs by hand, what they are told is taken
 * out of their outboxes by hand, and time stands still between the two.
 *
 * It does what conn.c does, in the order in which that does it.
 */
#ifndef UMBEL_TESTS_SESSIONS_H
#define UMBEL_TESTS_SESSIONS_H

#include "broker/broker.h"
#include "broker/command.h"
#include "broker/hold.h"
#include "broker/session.h"
#include "broker/shortage.h"
#include "bytes.h"
#include "stepped_clock.h"

struct rig {
	struct config config;
	struct broker broker;
	struct client *ready[64]; /* in the order of their resumption */
	unsigned n_ready;
};

struct client {
	struct session session; /* first */
	struct rig *rig;
	struct input input;
	struct bytes said; /* and not received by the broker yet */
	size_t n_received;
	struct bytes got;   /* and not looked at yet */
	struct bytes frame; /* the last that was looked at */
	unsigned wakes, resumes, endings, abandons;
	bool served;     /* has memory to receive into, and has waited for it */
	size_t can_take; /* bytes, when the broker asks */
	bool goes_deaf;  /* it turns out to be gone when the broker asks */
	bool cut_off;    /* what it has begun will never be whole */
};

static inline void
client_on_wake(struct session *s)
{
	((struct client *)s)->wakes++;
}

static inline void
client_on_resume(struct session *s)
{
	struct client *c = (struct client *)s;

	assert_false(session_is_waiting(s));
	assert_true(c->rig->n_ready < COUNT(c->rig->ready));
	c->rig->ready[c->rig->n_ready++] = c;
	c->resumes++;
}

static inline bool
client_on_take_memory(struct session *s)
{
	struct client *c = (struct client *)s;
	uint8_t *at;
	size_t room;

	c->served = input_room(&c->input, &c->rig->broker.pool, &at, &room);
	return c->served;
}

static inline void
client_on_ending(struct session *s)
{
	assert_int_equal(s->state, SESSION_ENDING);
	((struct client *)s)->endings++;
}

static inline size_t client_takes(struct client *c, size_t n);

static inline bool
client_on_try_send(struct session *s)
{
	struct client *c = (struct client *)s;
	size_t n = c->can_take;

	if (c->goes_deaf)
		session_is_deaf(s);
	c->can_take = 0;
	return client_takes(c, n) > 0;
}

static inline void
client_on_abandon(struct session *s)
{
	((struct client *)s)->abandons++;
}

static inline size_t
client_on_input_memory(const struct session *s)
{
	const struct client *c = (const struct client *)s;

	return c->input.slab ? c->input.slab->charged : 0;
}

static inline bool
client_on_squeeze(struct session *s)
{
	if (s->state == SESSION_ENDING)
		input_drop(&((struct client *)s)->input);
	return s->state == SESSION_ENDING;
}

static inline size_t
client_on_begun(const struct session *s)
{
	const struct input *in = &((const struct client *)s)->input;

	return input_missing(in) > 0 ? input_length(in) : 0;
}

static inline bool
client_on_is_cut_off(const struct session *s)
{
	return ((const struct client *)s)->cut_off;
}

/* ---- life ----------------------------------------------------------------- */

static inline struct config
some_config(void)
{
	return (struct config){
		.mode = 0600,
		.ready_fd = -1,
		.log_level = LOG_ERROR,
		.memory_max = 64u << 20,
		.max_frame = 1u << 20,
		.outbox_high = 80000,
		.max_subscriptions = 100,
		.datagram_rate = 10000,
		.retained_max = 1000,
		.retained_bytes = 1u << 20,
		.handshake_ms = 10000,
		.frame_ms = 30000,
		.stall_ms = 2000,
		.hold_max_ms = 10000,
		.hold_notice_ms = 100,
		.linger_ms = 5000,
		.settle_ms = 200,
		.drain_ms = 3000,
	};
}

static inline void
rig_init(struct rig *r)
{
	*r = (struct rig){ .config = some_config() };
	assert_int_equal(broker_init(&r->broker, &r->config), 0);
}

static inline void
rig_init_with(struct rig *r, struct config config)
{
	*r = (struct rig){ .config = config };
	assert_int_equal(broker_init(&r->broker, &r->config), 0);
}

/* What is kept of a topic, or NULL. */
static inline const struct retained_value *
rig_kept(struct rig *r, const char *topic)
{
	return retained_find(&r->broker.retained, topic, strlen(topic));
}

static inline void
rig_fini(struct rig *r)
{
	assert_int_equal(r->broker.n_sessions, 0);
	assert_int_equal(r->broker.router.trie.n_nodes, 0);
	retained_fini(&r->broker.retained);
	assert_int_equal(r->broker.pool.used, 0);
	assert_true(deadlines_next(&r->broker.deadlines) == UINT64_MAX);
	broker_fini(&r->broker);
}

/* A connection of `uid` that has not said HELLO. */
static inline struct client *
client_new(struct rig *r, uid_t uid)
{
	static const struct session_ops ops = {
		.wake = client_on_wake,
		.resume = client_on_resume,
		.take_memory = client_on_take_memory,
		.ending = client_on_ending,
		.try_send = client_on_try_send,
		.abandon = client_on_abandon,
		.input_memory = client_on_input_memory,
		.squeeze = client_on_squeeze,
		.begun = client_on_begun,
		.is_cut_off = client_on_is_cut_off,
	};
	struct peer peer = { .uid = uid, .pid = 77 };
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	strcpy(peer.command, "test");
	assert_int_equal(session_init(&c->session, &r->broker, &ops, &peer), 0);
	c->rig = r;
	return c;
}

static inline void
client_free(struct client *c)
{
	struct rig *r = c->rig;

	for (unsigned i = 0; i < r->n_ready; i++) {
		if (r->ready[i] == c)
			r->ready[i] = NULL;
	}
	input_drop(&c->input);
	session_fini(&c->session);
	for (unsigned i = 0; i < r->n_ready; i++)
		assert_true(r->ready[i] != c);
	bytes_free(&c->said);
	bytes_free(&c->got);
	bytes_free(&c->frame);
	free(c);
}

/* ---- in ------------------------------------------------------------------- */

/* Receive what was said as far as there is room. False when there was none. */
static inline bool
client_receive(struct client *c)
{
	size_t left = c->said.len - c->n_received, room;
	uint8_t *at;

	if (left == 0)
		return false;
	if (!input_room(&c->input, &c->rig->broker.pool, &at, &room)) {
		shortage_wait(&c->session);
		return false;
	}
	left = left < room ? left : room;
	memcpy(at, c->said.at + c->n_received, left);
	input_received(&c->input, left);
	c->n_received += left;
	return true;
}

/* Take its input again. The last outcome, COMMAND_TAKEN if there was none. */
static inline enum command_outcome
client_goes_on(struct client *c)
{
	struct session *s = &c->session;
	enum command_outcome last = COMMAND_TAKEN;

	while (!session_is_waiting(s) && s->state != SESSION_ENDING) {
		uint32_t len = 0;
		enum frame_result r =
			input_peek(&c->input, command_max_body(s), &len);

		if (r == FRAME_SHORT) {
			if (!c->served)
				input_rest(&c->input);
			c->served = false;
			if (!client_receive(c))
				break;
			continue;
		}
		assert_int_equal(r, FRAME_OK);
		last = command_take(s, &c->input, len);
		if (last == COMMAND_TAKEN)
			shortage_is_over(s);
		assert_int_equal(last == COMMAND_WAITS, session_is_waiting(s));
		assert_int_equal(last == COMMAND_LAST,
		                 s->state == SESSION_ENDING);
	}
	if (s->state == SESSION_ENDING)
		input_drop(&c->input);
	else
		input_rest(&c->input);
	if (s->put_off)
		input_squeeze(&c->input, &c->rig->broker.pool);
	return last;
}

static inline enum command_outcome
client_says(struct client *c, const struct bytes *frames)
{
	put(&c->said, frames->at, frames->len);
	return client_goes_on(c);
}

/* A frame whose body is this. */
static inline enum command_outcome
client_says_hex(struct client *c, const char *body)
{
	put_frame(&c->said, body);
	return client_goes_on(c);
}

static inline enum command_outcome
client_publishes(struct client *c, const char *topic, size_t len)
{
	uint8_t *payload = calloc(1, len + 1);

	assert_non_null(payload);
	put_publish(&c->said, topic, NULL, payload, len);
	free(payload);
	return client_goes_on(c);
}

static inline enum command_outcome
client_subscribes(struct client *c, uint32_t sub, const char *filter)
{
	size_t start = c->said.len;

	put_hex(&c->said, "95 04 01 ce");
	put_be(&c->said, sub, 4);
	put_str(&c->said, filter);
	put_hex(&c->said, "80");
	put_prefix_before(&c->said, start);
	return client_goes_on(c);
}

/* As a member of a group. */
static inline enum command_outcome
client_joins(struct client *c, uint32_t sub, const char *group,
             const char *filter)
{
	size_t start = c->said.len;

	put_hex(&c->said, "95 04 01 ce");
	put_be(&c->said, sub, 4);
	put_str(&c->said, filter);
	put_hex(&c->said, "81");
	put_str(&c->said, "group");
	put_str(&c->said, group);
	put_prefix_before(&c->said, start);
	return client_goes_on(c);
}

static inline enum command_outcome
client_unsubscribes(struct client *c, uint32_t sub)
{
	size_t start = c->said.len;

	put_hex(&c->said, "93 05 01 ce");
	put_be(&c->said, sub, 4);
	put_prefix_before(&c->said, start);
	return client_goes_on(c);
}

/* Those who were resumed go on, in turn. */
static inline void
rig_turn(struct rig *r)
{
	struct client *ready[64];
	unsigned n = r->n_ready;

	memcpy(ready, r->ready, sizeof(ready));
	r->n_ready = 0;
	for (unsigned i = 0; i < n; i++) {
		if (ready[i])
			client_goes_on(ready[i]);
	}
}

static inline void
rig_step(struct rig *r, uint64_t ms)
{
	clock_step(ms);
	deadlines_run(&r->broker.deadlines, stepped_ms);
}

/* ---- out ------------------------------------------------------------------ */

/* The kernel takes up to `n` bytes for it. How many those were. */
static inline size_t
client_takes(struct client *c, size_t n)
{
	struct outbox *o = &c->session.out;
	size_t done = 0;

	outbox_sleep(o);
	while (done < n && !outbox_is_empty(o)) {
		struct iovec iov;
		size_t part;

		assert_int_equal(outbox_iov(o, &iov, 1), 1);
		part = iov.iov_len < n - done ? iov.iov_len : n - done;
		put(&c->got, iov.iov_base, part);
		outbox_sent(o, part);
		done += part;
	}
	outbox_pack(o);
	if (done > 0)
		hold_progress(&c->session);
	return done;
}

static inline void
client_reads_all(struct client *c)
{
	client_takes(c, SIZE_MAX);
}

/* The next frame that it got, in c->frame. False when there is none. */
static inline bool
client_next_frame(struct client *c)
{
	size_t size = 0;

	client_reads_all(c);
	if (c->got.len == 0)
		return false;
	assert_true(c->got.len >= 5);
	assert_int_equal(c->got.at[0], 0xce);
	for (int i = 1; i < 5; i++)
		size = size << 8 | c->got.at[i];
	size += 5;
	assert_true(c->got.len >= size);
	c->frame.len = 0;
	put(&c->frame, c->got.at, size);
	c->got.len -= size;
	memmove(c->got.at, c->got.at + size, c->got.len);
	return true;
}

/* The next frame, which must be of this type; of PUBLISH and DELIVER nothing is
   decoded. */
static inline struct message
client_next(struct client *c, enum frame_type type)
{
	struct message m = { 0 };

	if (!client_next_frame(c))
		fail_msg("nothing came, not %s", message_name(type));
	m.type = c->frame.at[6];
	if (m.type != TYPE_PUBLISH && m.type != TYPE_DELIVER)
		assert_int_equal(message_decode(c->frame.at + 5,
		                                c->frame.len - 5, &m),
		                 MESSAGE_OK);
	if (m.type != type)
		fail_msg("%s came, not %s", message_name(m.type),
		         message_name(type));
	return m;
}

static inline void
client_expect_nothing(struct client *c)
{
	if (client_next_frame(c))
		fail_msg("a frame of type %u came", c->frame.at[6]);
}

/* How many frames of this type it has got, and nothing else. */
static inline unsigned
client_count(struct client *c, enum frame_type type)
{
	unsigned n = 0;

	for (; client_next_frame(c); n++) {
		if (c->frame.at[6] != type)
			fail_msg("%s came, not %s",
			         message_name(c->frame.at[6]),
			         message_name(type));
	}
	return n;
}

/* The error, and its fatality; the text has to have `words` in it. */
static inline void
client_expect_error(struct client *c, enum status code, bool fatal,
                    uint32_t request, const char *words)
{
	struct message m = client_next(c, TYPE_ERROR);
	char text[512];

	if (m.error.code != (uint32_t)code)
		fail_msg("error %s, not %s", status_name(m.error.code),
		         status_name((unsigned)code));
	assert_int_equal(m.error.fatal, fatal);
	assert_int_equal(m.error.request, request);
	assert_true(m.error.text.len < sizeof(text));
	memcpy(text, m.error.text.at, m.error.text.len);
	text[m.error.text.len] = '\0';
	if (!strstr(text, words))
		fail_msg("%s: nothing of %s", text, words);
}

static inline void
client_expect_denied(struct client *c, const char *about)
{
	struct message m = client_next(c, TYPE_ERROR);

	assert_int_equal(m.error.code, STATUS_DENIED);
	assert_false(m.error.fatal);
	assert_true(text_equals(m.error.about, about));
	client_expect_nothing(c);
}

/* A session of `uid` that has been welcomed as `name`. */
static inline struct client *
client_open(struct rig *r, const char *name, uid_t uid)
{
	struct client *c = client_new(r, uid);

	put_hex(&c->said, "94 01 01");
	put_str(&c->said, name);
	put_hex(&c->said, "80");
	put_prefix_before(&c->said, 0);
	assert_int_equal(client_goes_on(c), COMMAND_TAKEN);
	client_next(c, TYPE_WELCOME);
	return c;
}

/* One that also has subscribed, as sub 1. */
static inline struct client *
client_open_on(struct rig *r, const char *name, const char *filter)
{
	struct client *c = client_open(r, name, 1000);

	client_subscribes(c, 1, filter);
	client_next(c, TYPE_OK);
	return c;
}

/* One that also is a member, as sub 1. */
static inline struct client *
client_open_in(struct rig *r, const char *name, const char *group,
               const char *filter)
{
	struct client *c = client_open(r, name, 1000);

	client_joins(c, 1, group, filter);
	client_next(c, TYPE_OK);
	return c;
}

#endif
