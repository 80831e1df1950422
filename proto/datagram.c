/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "datagram.h"

#include <string.h>

#include "bytes.h"
#include "frame.h"
#include "pack.h"
#include "topic.h"

const char *
datagram_word(enum datagram_fate fate)
{
	switch (fate) {
	case DATAGRAM_TAKEN:
		return "taken";
	case DATAGRAM_MALFORMED:
		return "malformed";
	case DATAGRAM_TOO_BIG:
		return "too_big";
	case DATAGRAM_DENIED:
		return "denied";
	case DATAGRAM_TOO_MANY:
		return "too_many";
	case DATAGRAM_NO_MEMORY:
	case DATAGRAM_N_FATES:
		break;
	}
	return "no_memory";
}

static enum datagram_fate
read_body(struct datagram *d)
{
	switch (publish_read(d->frame + FRAME_PREFIX_SIZE,
	                     d->len - FRAME_PREFIX_SIZE, &d->publish)) {
	case PUBLISH_OK:
		return DATAGRAM_TAKEN;
	case PUBLISH_BAD_FRAME:
		d->fault = "not a PUBLISH";
		break;
	case PUBLISH_BAD_TOPIC:
		d->fault = "not a valid topic";
		break;
	case PUBLISH_BAD_REPLY:
		d->fault = "not a valid reply topic";
		break;
	}
	return DATAGRAM_MALFORMED;
}

static enum datagram_fate
read_frame(uint8_t *at, size_t len, struct datagram *out)
{
	out->frame = at;
	out->len = (uint32_t)len;
	if (len <= FRAME_PREFIX_SIZE ||
	    load_be32(at + 1) != len - FRAME_PREFIX_SIZE) {
		out->fault = "not exactly one frame";
		return DATAGRAM_MALFORMED;
	}
	return read_body(out);
}

/* Write everything of a PUBLISH on this topic that comes before its payload. */
static size_t
write_head(uint8_t head[DATAGRAM_HEAD_MAX], const char *topic, size_t topic_len,
           size_t payload_len)
{
	static const uint8_t stamp[PUBLISH_STAMP_SIZE];
	struct pack p = pack_into(head + FRAME_PREFIX_SIZE,
	                          DATAGRAM_HEAD_MAX - FRAME_PREFIX_SIZE);

	pack_array(&p, 7);
	pack_uint(&p, PUBLISH_TYPE);
	pack_uint(&p, 0);
	pack_bin(&p, stamp, sizeof(stamp));
	pack_str(&p, topic, topic_len);
	pack_nil(&p);
	pack_nil(&p);
	pack_bin_head(&p, payload_len);
	frame_put_prefix(head, (uint32_t)(pack_length(&p) + payload_len));
	return FRAME_PREFIX_SIZE + pack_length(&p);
}

static size_t
topic_length(const uint8_t *at, size_t len)
{
	size_t n = 0;

	while (n < len && at[n] != ' ' && at[n] != '\t')
		n++;
	return n;
}

static enum datagram_fate
read_text(uint8_t *at, size_t len, struct datagram *out)
{
	uint8_t head[DATAGRAM_HEAD_MAX];
	size_t topic_len, skip, head_len;

	if (len > 0 && at[len - 1] == '\n')
		len--;
	topic_len = topic_length(at, len);
	if (!topic_is_valid((const char *)at, topic_len)) {
		out->fault = "does not begin with a valid topic";
		return DATAGRAM_MALFORMED;
	}
	/* the topic and, if present, the separator behind it */
	skip = topic_len < len ? topic_len + 1 : len;
	head_len = write_head(head, (const char *)at, topic_len, len - skip);
	out->frame = at + skip - head_len;
	out->len = (uint32_t)(head_len + len - skip);
	memcpy(out->frame, head, head_len);
	return read_body(out);
}

enum datagram_fate
datagram_read(uint8_t *at, size_t len, uint32_t max_frame, struct datagram *out)
{
	enum datagram_fate fate;

	*out = (struct datagram){ 0 };
	if (len >= 2 && at[0] == FRAME_MAGIC && at[1] == 0)
		fate = read_frame(at, len, out);
	else
		fate = read_text(at, len, out);
	if (fate == DATAGRAM_TAKEN && out->len - FRAME_PREFIX_SIZE > max_frame)
		return DATAGRAM_TOO_BIG;
	return fate;
}
