/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A run: consecutive messages on one topic. The first one is parsed, and its
 * receivers are looked up; the messages that repeat it are recognized by their
 * bytes.
 */
#include "parts.h"

#include <string.h>

/* Is it a reply to one of our requests? Then it has no other receivers. */
static bool
is_reply(struct umbel *c, const char *topic, size_t len)
{
	c->run.request = 0;
	if (likely(len == 0 || topic[0] != '$'))
		return false;
	c->run.request = inbox_number(&c->asking.inbox, topic, len);
	c->run.n = 0;
	return c->run.request != 0;
}

/* Set c->run.to to the receivers of the topic. 0, -ENOMEM, or
   UMBEL_E_PROTOCOL. */
static int
look_up(struct umbel *c, const struct publish *p, bool checked)
{
	const char *topic = p->topic;
	size_t len = p->topic_len;
	struct route *route;
	uint32_t hash;
	int r;

	if (is_reply(c, topic, len))
		return 0;
	hash = routes_hash(&c->routes, topic, len);
	route = routes_find(&c->routes, hash, topic, len);
	if (!route) {
		if (!checked && !topic_is_valid(topic, len))
			return UMBEL_E_PROTOCOL;
		r = sub_match(c, topic, len);
		if (r < 0)
			return r;
		route = routes_put(&c->routes, topic, len, c->matches,
		                   (uint32_t)c->n_matches);
	}
	c->run.to = route ? route->to : c->matches;
	c->run.n = route ? route->n : (uint32_t)c->n_matches;
	return 0;
}

static void
copy_text(char *to, const char *from, size_t len)
{
	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

/* A plain message comes after all last values: if there were fewer values than
   the broker had announced, no more will come. */
static void
end_snapshot(struct umbel *c)
{
	handle_lock(c);
	sub_snapshot_shrinks(c, UINT64_MAX);
	handle_unlock(c);
}

/* A DELIVER names its receiver, so there is nothing to look up. */
static int
lead_to_one(struct umbel *c, const char *topic, size_t len, bool checked)
{
	c->run.request = 0;
	c->run.n = 0;
	return checked || topic_is_valid(topic, len) ? 0 : UMBEL_E_PROTOCOL;
}

int
run_begin(struct umbel *c, const uint8_t *body, uint32_t len,
          struct umbel_sub *only)
{
	struct run *run = &c->run;
	struct publish p;
	bool plain;
	int r;

	run->plain = false;
	run->only = only;
	plain = publish_read_plain(body, len, &p);
	if (!plain && publish_read(body, len, &p) != PUBLISH_OK)
		return UMBEL_E_PROTOCOL;
	if (only)
		r = lead_to_one(c, p.topic, p.topic_len, !plain);
	else
		r = look_up(c, &p, !plain);
	if (r < 0)
		return r;
	if (unlikely(c->snapshot && !only))
		end_snapshot(c);
	copy_text(run->topic, p.topic, p.topic_len);
	copy_text(run->reply, p.reply, p.reply_len);
	run->msg = (struct umbel_msg){
		.topic = run->topic,
		.topic_len = (uint16_t)p.topic_len,
		.reply = p.reply ? run->reply : NULL,
		.reply_len = (uint16_t)p.reply_len,
		.flags = p.flags,
		.stamp = body + p.stamp_offset,
		.payload = p.payload,
		.payload_len = p.payload_len,
		.rx = c->rx,
	};
	if (p.headers) {
		r = msg_headers(c, p.headers, p.headers_len);
		if (r < 0)
			return r;
	}
	if (p.repeat_len > 0) {
		memcpy(run->repeat, p.repeat, p.repeat_len);
		run->first = p;
		run->first.repeat = run->repeat;
		run->plain = true;
	}
	return 0;
}
