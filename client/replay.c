/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel_options.keep_retained: a broker that is not the previous one, as the
 * random part of our inbox shows, gets this client's last values before
 * anything else. The PONG of a PING behind them says that it has them all:
 * until then they are published again on each connection.
 */
#include "parts.h"

#include <errno.h>
#include <string.h>

/* Lock held, as in all of this file. */
static bool
is_known(const struct umbel *c)
{
	size_t len = inbox_broker_len(&c->asking.inbox);

	return len == strlen(c->knows_values) &&
	       memcmp(c->asking.inbox.text, c->knows_values, len) == 0;
}

void
replay_confirmed(struct umbel *c)
{
	size_t len = inbox_broker_len(&c->asking.inbox);

	if (c->link == LINK_DOWN || !c->asking.possible)
		return;
	memcpy(c->knows_values, c->asking.inbox.text, len);
	c->knows_values[len] = '\0';
}

/* If a frame that waits is the last value of its topic, mark the value. */
static bool
mark_value(const uint8_t *frame, size_t size, void *arg)
{
	const struct umbel *c = arg;
	char topic[TOPIC_MAX + 1];
	struct publish p;
	struct kept *kept;

	if (publish_read(frame + FRAME_PREFIX_SIZE, size - FRAME_PREFIX_SIZE,
	                 &p) != PUBLISH_OK ||
	    !(p.flags & PUBLISH_FLAG_RETAIN))
		return true;
	memcpy(topic, p.topic, p.topic_len);
	topic[p.topic_len] = '\0';
	kept = keep_find(&c->keep, topic);
	if (kept)
		kept->waits = true;
	return true;
}

static void
mark_those_that_wait(struct umbel *c)
{
	struct kept *kept;

	TAILQ_FOREACH (kept, &c->keep.all, link)
		kept->waits = false;
	out_filter(&c->out, mark_value, c);
}

/* A value that still waits to be sent needs no replay. One that is too long for
   this broker would end the connection. */
static bool
is_wanted(const struct umbel *c, const struct kept *kept)
{
	return !kept->waits &&
	       kept->frame_len - FRAME_PREFIX_SIZE <= c->max_frame;
}

int
replay_values(struct umbel *c)
{
	struct message ping = { .type = TYPE_PING };
	struct kept *kept;
	bool any = false;

	if (!c->opt.keep_retained || is_known(c))
		return 0;
	mark_those_that_wait(c);
	TAILQ_FOREACH (kept, &c->keep.all, link) {
		if (!is_wanted(c, kept))
			continue;
		if (out_reserve(&c->ctrl, kept->frame_len) < 0)
			return -ENOMEM;
		memcpy(c->ctrl.data + c->ctrl.tail, kept->frame,
		       kept->frame_len);
		c->ctrl.tail += kept->frame_len;
		any = true;
		debug_line(c, "> PUBLISH %s again", kept->topic);
	}
	if (!any) {
		replay_confirmed(c);
		return 0;
	}
	/* its PONG counts these messages, which our stats do not
		   count */
	return send_control_first(c, &ping);
}
