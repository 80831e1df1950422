/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* What the broker is to publish when this client vanishes: encoded once, and
   said with every HELLO. */
#include "conn.h"

#include <errno.h>
#include <string.h>

#include "encode.h"

/* As in PROTOCOL.md. */
#define WILL_MAX (16u << 10)

int
will_take(struct umbel *c)
{
	const struct umbel_options *o = &c->opt;
	struct umbel_pub_options options;
	size_t len;
	int r;

	if (!o->will_topic)
		return o->will_options || o->will_len > 0 ? -EINVAL : 0;
	if (!umbel_topic_is_valid(o->will_topic))
		return UMBEL_E_TOPIC;
	r = encode_take_options(&options, o->will_options);
	if (r < 0)
		return r;
	if (options.reply || (!o->will_data && o->will_len > 0))
		return -EINVAL;
	if (o->will_len > WILL_MAX)
		return -EMSGSIZE;
	r = encode_frame(&c->will, &len, o->will_topic, o->will_data,
	                 o->will_len, &options);
	if (r < 0)
		return r;
	len -= FRAME_PREFIX_SIZE;
	if (len > WILL_MAX)
		return -EMSGSIZE;
	memmove(c->will, c->will + FRAME_PREFIX_SIZE, len);
	c->will_len = (uint32_t)len;
	return 0;
}
