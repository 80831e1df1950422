/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* The message that the broker publishes when this client vanishes. It is
   encoded once, and sent with every HELLO. */
#include "parts.h"

#include <errno.h>
#include <string.h>

#include "encode.h"

/* As in PROTOCOL.md. */
#define WILL_MAX (16u << 10)

static bool
is_of_broker(const char *topic)
{
	return strcmp(topic, "$SYS") == 0 || strncmp(topic, "$SYS.", 5) == 0;
}

static int
too_long(struct umbel *c)
{
	return handle_fail(c, -EMSGSIZE,
	                   "a will of more than %u bytes, encoded", WILL_MAX);
}

int
will_take(struct umbel *c)
{
	const struct umbel_options *o = &c->opt;
	struct umbel_pub_options options;
	size_t len;
	int r;

	if (!o->will_topic && !o->will_options && o->will_len == 0)
		return 0;
	if (!o->will_topic)
		return handle_fail(c, -EINVAL, "a will without will_topic");
	/* no client may publish there, now or after a reload */
	if (!umbel_topic_is_valid(o->will_topic) || is_of_broker(o->will_topic))
		return handle_fail(c, UMBEL_E_TOPIC,
		                   "will_topic %.300s: not a valid topic",
		                   o->will_topic);
	r = encode_take_options(&options, o->will_options);
	if (r < 0)
		return handle_fail(c, r, "will_options: not valid");
	if (options.reply || (!o->will_data && o->will_len > 0))
		return handle_fail(c, -EINVAL,
		                   "a will with a reply, or without data");
	if (o->will_len > WILL_MAX)
		return too_long(c);
	r = encode_frame(&c->will, &len, o->will_topic, o->will_data,
	                 o->will_len, &options);
	if (r < 0)
		return r;
	len -= FRAME_PREFIX_SIZE;
	if (len > WILL_MAX)
		return too_long(c);
	memmove(c->will, c->will + FRAME_PREFIX_SIZE, len);
	c->will_len = (uint32_t)len;
	return 0;
}
