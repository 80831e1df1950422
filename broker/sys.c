/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "proto/frame.h"
#include "proto/pack.h"
#include "proto/publish.h"
#include "proto/topic.h"
#include "proto/utf8.h"

#define CONNECTED    "$SYS.client.connected"
#define DISCONNECTED "$SYS.client.disconnected"
#define HELD         "$SYS.client.held"

/* The maximum size of an event: two clients, a topic, and some numbers. */
#define EVENT_MAX 1024u

/* ---- an event -------------------------------------------------------------- */

struct event {
	uint8_t frame[EVENT_MAX];
	struct pack pack; /* starts after the frame's prefix */
	uint8_t *payload;
};

static void
pack_stamp(struct pack *p)
{
	uint8_t stamp[PUBLISH_STAMP_SIZE];

	store_be32(stamp, 0);
	store_be32(stamp + 4, (uint32_t)geteuid());
	pack_bin(p, stamp, sizeof(stamp));
}

/* Write everything up to the payload, and begin its map of `pairs` pairs. */
static void
begin(struct event *e, const char *topic, uint32_t pairs)
{
	struct pack *p = &e->pack;

	*p = pack_into(e->frame + FRAME_PREFIX_SIZE,
	               sizeof(e->frame) - FRAME_PREFIX_SIZE);
	pack_array(p, 7);
	pack_uint(p, PUBLISH_TYPE);
	pack_uint(p, 0);
	pack_stamp(p);
	pack_text(p, topic);
	pack_nil(p);
	pack_map(p, 1);
	pack_pair_text(p, "content-type", "msgpack");
	e->payload = pack_bin_later(p);
	pack_map(p, pairs);
}

/* Put the frame into a letter. NULL if out of memory. */
static struct letter *
finish(struct event *e, struct broker *b)
{
	uint32_t len = (uint32_t)pack_length(&e->pack);
	struct letter *letter;

	if (e->pack.full)
		return NULL;
	pack_count(e->payload, (uint32_t)(e->pack.at - e->payload) - 5);
	frame_put_prefix(e->frame, len);
	len += FRAME_PREFIX_SIZE;
	letter = letter_new(&b->pool, len);
	if (letter)
		memcpy(letter->frame->data, e->frame, len);
	return letter;
}

static void
publish(struct event *e, struct broker *b)
{
	struct letter *letter = finish(e, b);

	if (letter)
		broker_post(b, letter);
	else
		log_event(&b->log, LOG_WARN, LOG_MEMORY,
		          "no memory to tell who came or went");
}

static bool
anybody_wants(struct broker *b, const char *topic)
{
	return router_leads_anywhere(&b->router, topic, strlen(topic));
}

/* ---- the payload ----------------------------------------------------------- */

/* A command is any bytes that the program chose: bytes that are not UTF-8
   become "?". */
static void
pack_command(struct pack *p, const char *command)
{
	char text[PEER_COMMAND_MAX];
	size_t len = strlen(command);

	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n =
			utf8_decode((const uint8_t *)command + i, len - i, &c);

		memcpy(text + i, n > 0 ? command + i : "?", n > 0 ? n : 1);
		i += n > 0 ? n : 1;
	}
	pack_str(p, text, len);
}

#define CLIENT_PAIRS 5u

static void
pack_client_pairs(struct pack *p, const struct session *s)
{
	pack_pair_uint(p, "session", s->id);
	pack_pair_uint(p, "uid", (uint64_t)s->peer.uid);
	pack_pair_uint(p, "pid", (uint64_t)s->peer.pid);
	pack_text(p, "command");
	pack_command(p, s->peer.command);
	pack_pair_text(p, "name", session_name(s));
}

static void
pack_client(struct pack *p, const char *key, const struct session *s)
{
	pack_text(p, key);
	pack_map(p, CLIENT_PAIRS);
	pack_client_pairs(p, s);
}

static void
connected(struct event *e, const struct session *s)
{
	begin(e, CONNECTED, CLIENT_PAIRS);
	pack_client_pairs(&e->pack, s);
}

void
sys_tell_connected(const struct session *s)
{
	struct event e;

	if (!anybody_wants(s->broker, CONNECTED))
		return;
	connected(&e, s);
	publish(&e, s->broker);
}

void
sys_tell_disconnected(const struct session *s, const char *reason,
                      struct loss lost)
{
	bool lossy = lost.frames > 0;
	struct event e;

	if (!anybody_wants(s->broker, DISCONNECTED))
		return;
	begin(&e, DISCONNECTED, CLIENT_PAIRS + 1 + (lossy ? 2 : 0));
	pack_client_pairs(&e.pack, s);
	pack_pair_text(&e.pack, "reason", reason);
	if (lossy) {
		pack_pair_uint(&e.pack, "lost_frames", lost.frames);
		pack_pair_uint(&e.pack, "lost_bytes", lost.bytes);
	}
	publish(&e, s->broker);
}

static void
pack_amount(struct pack *p, struct text topic, size_t owed, size_t limit,
            bool on)
{
	pack_text(p, "topic");
	pack_str(p, topic.at, topic.len);
	pack_pair_uint(p, "owed", owed);
	pack_pair_uint(p, "limit", limit);
	pack_pair_bool(p, "on", on);
}

void
sys_tell_held(const struct hold *h, bool on)
{
	struct broker *b = h->held->broker;
	struct event e;

	if (!anybody_wants(b, HELD))
		return;
	begin(&e, HELD, 6);
	pack_client(&e.pack, "held", h->held);
	pack_client(&e.pack, "by", h->by);
	pack_amount(&e.pack, h->topic, h->by->out.bytes, b->limits.high, on);
	publish(&e, b);
}

void
sys_tell_unread(const struct session *s, bool on)
{
	struct broker *b = s->broker;
	struct event e;

	if (!anybody_wants(b, HELD))
		return;
	begin(&e, HELD, 6);
	pack_client(&e.pack, "held", s);
	pack_client(&e.pack, "by", s);
	pack_amount(&e.pack, text_from(""), s->out.answer_bytes,
	            b->limits.answers, on);
	publish(&e, b);
}

/* Write the broker itself as the client that holds others. */
static void
pack_broker(struct pack *p, const char *key, const char *name)
{
	pack_text(p, key);
	pack_map(p, CLIENT_PAIRS);
	pack_pair_uint(p, "session", 0);
	pack_pair_uint(p, "uid", (uint64_t)geteuid());
	pack_pair_uint(p, "pid", (uint64_t)getpid());
	pack_pair_text(p, "command", "umbeld");
	pack_pair_text(p, "name", name);
}

void
sys_tell_slowed(const struct session *s, const char *name, struct text topic,
                const struct measured *m, bool on)
{
	struct broker *b = s->broker;
	struct event e;

	if (!anybody_wants(b, HELD))
		return;
	begin(&e, HELD, 6);
	pack_client(&e.pack, "held", s);
	pack_broker(&e.pack, "by", name);
	pack_amount(&e.pack, topic, m->n, m->limit, on);
	publish(&e, b);
}

/* ---- connected clients ----------------------------------------------------- */

bool
sys_lists_clients(struct text filter)
{
	return filter_matches(filter.at, filter.len, CONNECTED,
	                      strlen(CONNECTED));
}

size_t
sys_count_clients(const struct broker *b)
{
	const struct session *s;
	size_t n = 0;

	TAILQ_FOREACH (s, &b->sessions, link)
		n += s->state == SESSION_OPEN;
	return n;
}

static int
send_client(struct session *to, uint32_t sub, const struct session *s)
{
	struct deliver_info info = {
		.age_ms = clock_now_ms() - s->since_ms,
	};
	struct event e;
	struct letter *letter;
	int r;

	connected(&e, s);
	letter = finish(&e, to->broker);
	if (!letter)
		return -ENOMEM;
	r = outbox_deliver(&to->out, sub, &info, letter->frame,
	                   FRAME_PREFIX_SIZE,
	                   letter->frame->cap - FRAME_PREFIX_SIZE);
	letter_free(letter);
	return r;
}

int
sys_send_clients(struct session *to, uint32_t sub)
{
	const struct session *s;

	TAILQ_FOREACH (s, &to->broker->sessions, link) {
		int r = s->state == SESSION_OPEN ? send_client(to, sub, s) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
