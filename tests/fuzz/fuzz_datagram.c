/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A datagram, in either of its forms: what is made of it against what
 * PROTOCOL.md says, and not a byte beyond it touched. That a frame's body is a
 * PUBLISH is publish_read()'s word, which has a target of its own.
 *
 * The input: a byte that chooses the longest body, and the datagram.
 */
#include "proto/datagram.h"

#include "fuzz.h"
#include "proto/bytes.h"
#include "proto/frame.h"
#include "reference.h"

/* A line of text, cut into what it stands for. */
struct line {
	const char *topic;
	size_t topic_len;
	const uint8_t *payload;
	size_t payload_len;
};

static struct line
cut(const uint8_t *at, size_t len)
{
	struct line l = { .topic = (const char *)at };
	size_t i;

	if (len > 0 && at[len - 1] == '\n')
		len--;
	while (l.topic_len < len && at[l.topic_len] != ' ' &&
	       at[l.topic_len] != '\t')
		l.topic_len++;
	i = l.topic_len < len ? l.topic_len + 1 : len;
	l.payload = at + i;
	l.payload_len = len - i;
	return l;
}

static enum datagram_fate
fate_of(uint32_t body_len, uint32_t max_frame)
{
	return body_len > max_frame ? DATAGRAM_TOO_BIG : DATAGRAM_TAKEN;
}

static void
check_frame(const uint8_t *data, size_t len, uint32_t max_frame,
            const uint8_t *at, enum datagram_fate fate,
            const struct datagram *d)
{
	struct publish p;
	bool good = len > FRAME_PREFIX_SIZE && load_be32(data + 1) == len - 5 &&
	            publish_read(data + 5, (uint32_t)len - 5, &p) == PUBLISH_OK;

	CHECK(memcmp(at, data, len) == 0);
	if (!good) {
		CHECK(fate == DATAGRAM_MALFORMED);
		return;
	}
	CHECK(fate == fate_of((uint32_t)len - 5, max_frame));
	CHECK(d->frame == at && d->len == len);
	CHECK(d->publish.topic_len == p.topic_len);
}

static void
check_text(const uint8_t *data, size_t len, uint32_t max_frame,
           const uint8_t *at, enum datagram_fate fate, const struct datagram *d)
{
	static const uint8_t zeros[PUBLISH_STAMP_SIZE];
	struct line l = cut(data, len);
	const struct publish *p = &d->publish;
	struct publish again;

	if (!reference_is_valid(l.topic, l.topic_len, false)) {
		CHECK(fate == DATAGRAM_MALFORMED);
		return;
	}
	CHECK(fate == fate_of(d->len - FRAME_PREFIX_SIZE, max_frame));
	CHECK(d->frame >= at - DATAGRAM_HEAD_MAX);
	CHECK(d->frame[0] == FRAME_MAGIC);
	CHECK(load_be32(d->frame + 1) == d->len - FRAME_PREFIX_SIZE);
	CHECK(publish_read(d->frame + FRAME_PREFIX_SIZE,
	                   d->len - FRAME_PREFIX_SIZE, &again) == PUBLISH_OK);
	CHECK(p->flags == 0 && !p->reply && p->headers_len == 0);
	CHECK(memcmp(d->frame + FRAME_PREFIX_SIZE + p->stamp_offset, zeros,
	             sizeof(zeros)) == 0);
	CHECK(p->topic_len == l.topic_len);
	CHECK(memcmp(p->topic, l.topic, l.topic_len) == 0);
	/* the payload has not moved */
	CHECK(p->payload_len == l.payload_len);
	CHECK(p->payload == at + (l.payload - data));
	CHECK(memcmp(p->payload, l.payload, l.payload_len) == 0);
	CHECK(d->frame + d->len == p->payload + p->payload_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint32_t max_frame;
	struct datagram d;
	enum datagram_fate fate;
	uint8_t *room, *at;

	if (len < 1)
		return 0;
	max_frame = data[0] < 128 ? 4u << 20 : data[0];
	data++;
	len--;
	room = malloc(DATAGRAM_HEAD_MAX + len);
	CHECK(room);
	at = room + DATAGRAM_HEAD_MAX;
	memcpy(at, data, len);
	fate = datagram_read(at, len, max_frame, &d);
	CHECK((fate == DATAGRAM_MALFORMED) == (d.fault != NULL));
	if (len >= 2 && data[0] == 0xce && data[1] == 0)
		check_frame(data, len, max_frame, at, fate, &d);
	else
		check_text(data, len, max_frame, at, fate, &d);
	free(room);
	return 0;
}
