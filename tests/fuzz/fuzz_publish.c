/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A PUBLISH body: the verdict of publish_read() against the rules once more,
 * on what msgpack-c decodes, and the two short cuts against publish_read().
 *
 * The input: a byte n, a body, and the other body's tail, n bytes of it; the
 * other body begins like the first. So bodies that repeat each other are found
 * by changing little.
 */
#include "proto/publish.h"

#include <msgpack.h>

#include "fuzz.h"
#include "reference.h"

#define MOST_ELEMENTS 7
#define DEEPEST       8u

/* ---- the rules ------------------------------------------------------------ */

/* One element of the array: as it was written, and as msgpack-c reads it. */
struct element {
	const uint8_t *at;
	size_t size;
	const msgpack_object *is;
};

struct body {
	struct element elements[MOST_ELEMENTS];
	const msgpack_object *array;
};

static bool
is_clean(const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_EXT:
		return false;
	case MSGPACK_OBJECT_STR:
		return reference_is_utf8(o->via.str.ptr, o->via.str.size);
	case MSGPACK_OBJECT_ARRAY:
		for (uint32_t i = 0; i < o->via.array.size; i++) {
			if (!is_clean(&o->via.array.ptr[i]))
				return false;
		}
		return true;
	case MSGPACK_OBJECT_MAP:
		for (uint32_t i = 0; i < o->via.map.size; i++) {
			const msgpack_object_kv *pair = &o->via.map.ptr[i];

			if (pair->key.type != MSGPACK_OBJECT_STR ||
			    !is_clean(&pair->key) || !is_clean(&pair->val))
				return false;
		}
		return true;
	case MSGPACK_OBJECT_NIL:
	case MSGPACK_OBJECT_BOOLEAN:
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
	case MSGPACK_OBJECT_BIN:
		break;
	}
	return true;
}

static bool
headers_are_flat(const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_NIL)
		return true;
	if (o->type != MSGPACK_OBJECT_MAP)
		return false;
	for (uint32_t i = 0; i < o->via.map.size; i++) {
		msgpack_object_type type = o->via.map.ptr[i].val.type;

		if (type == MSGPACK_OBJECT_ARRAY || type == MSGPACK_OBJECT_MAP)
			return false;
	}
	return true;
}

static bool
is_type(const struct element *e, msgpack_object_type type)
{
	return e->is->type == type;
}

/* Everything but the grammar of topic and reply. */
static bool
shape_is_right(const struct body *b)
{
	const struct element *e = b->elements;

	return is_clean(b->array) &&
	       is_type(&e[0], MSGPACK_OBJECT_POSITIVE_INTEGER) &&
	       e[0].is->via.u64 == 3 && e[1].size == 1 && e[1].at[0] < 0x80 &&
	       e[2].size == 10 && e[2].at[0] == 0xc4 && e[2].at[1] == 8 &&
	       is_type(&e[3], MSGPACK_OBJECT_STR) &&
	       (is_type(&e[4], MSGPACK_OBJECT_STR) ||
	        is_type(&e[4], MSGPACK_OBJECT_NIL)) &&
	       headers_are_flat(e[5].is) && is_type(&e[6], MSGPACK_OBJECT_BIN);
}

static bool
topic_is_right(const struct element *e)
{
	return reference_is_valid(e->is->via.str.ptr, e->is->via.str.size,
	                          false);
}

static enum publish_result
judge(const struct body *b)
{
	if (!shape_is_right(b))
		return PUBLISH_BAD_FRAME;
	if (!topic_is_right(&b->elements[3]))
		return PUBLISH_BAD_TOPIC;
	if (is_type(&b->elements[4], MSGPACK_OBJECT_STR) &&
	    !topic_is_right(&b->elements[4]))
		return PUBLISH_BAD_REPLY;
	return PUBLISH_OK;
}

/* ---- what was read -------------------------------------------------------- */

static void
check_fields(const uint8_t *body, const struct publish *p, const struct body *b)
{
	const struct element *e = b->elements;

	CHECK(p->flags == e[1].at[0]);
	CHECK(body + p->stamp_offset == e[2].at + 2);
	CHECK(p->topic == e[3].is->via.str.ptr);
	CHECK(p->topic_len == e[3].is->via.str.size);
	if (is_type(&e[4], MSGPACK_OBJECT_NIL)) {
		CHECK(!p->reply);
	} else {
		CHECK(p->reply == e[4].is->via.str.ptr);
		CHECK(p->reply_len == e[4].is->via.str.size);
	}
	if (is_type(&e[5], MSGPACK_OBJECT_NIL)) {
		CHECK(p->headers_len == 0);
	} else {
		CHECK(p->headers == e[5].at);
		CHECK(p->headers_len == e[5].size);
	}
	CHECK(p->payload_len == e[6].is->via.bin.size);
	CHECK(p->payload_len == 0 ||
	      p->payload == (const uint8_t *)e[6].is->via.bin.ptr);
}

/* 97 03 flags without retain, c4 08 stamp, a short topic, c0 c0, payload */
static bool
is_plain(const uint8_t *body, const struct body *b)
{
	const struct element *e = b->elements;

	return body[0] == 0x97 && e[0].size == 1 && shape_is_right(b) &&
	       !(e[1].at[0] & PUBLISH_FLAG_RETAIN) &&
	       (e[3].at[0] < 0xc0 || e[3].at[0] == 0xd9) &&
	       e[3].is->via.str.size > 0 && e[4].size == 1 &&
	       is_type(&e[4], MSGPACK_OBJECT_NIL) && e[5].size == 1 &&
	       is_type(&e[5], MSGPACK_OBJECT_NIL);
}

static void
check_body(const uint8_t *data, size_t len, const struct body *b)
{
	struct publish p, plain;
	enum publish_result r = publish_read(data, len, &p);
	bool short_cut = publish_read_plain(data, len, &plain);

	CHECK(r == judge(b));
	if (r == PUBLISH_OK)
		check_fields(data, &p, b);
	/* text that is none is found by publish_read(), later */
	if (is_plain(data, b))
		CHECK(short_cut);
	if (short_cut) {
		check_fields(data, &plain, b);
		CHECK((const uint8_t *)plain.repeat == b->elements[3].at);
		CHECK(plain.repeat_len == b->elements[3].size + 2);
		CHECK(r != PUBLISH_OK || p.repeat == plain.repeat);
	} else {
		CHECK(r != PUBLISH_OK || !p.repeat);
	}
}

/* The first elements of an array that msgpack-c has decoded. */
static void
find_elements(struct body *b, const uint8_t *data, size_t len)
{
	struct reference_head h;
	const uint8_t *at;
	size_t n;

	CHECK(reference_read_head(data[0], &h, &n));
	at = data + 1 + h.width;
	for (int i = 0; i < MOST_ELEMENTS; i++) {
		struct element *e = &b->elements[i];

		e->at = at;
		e->size = reference_value_at(at, len - (size_t)(at - data),
		                             DEEPEST)
		                  .size;
		e->is = &b->array->via.array.ptr[i];
		at += e->size;
	}
}

static void
check_verdict(const uint8_t *data, size_t len)
{
	struct reference_value whole = reference_value_at(data, len, DEEPEST);
	struct publish p;
	struct body b = { .array = NULL };
	msgpack_unpacked u;
	size_t off = 0;

	if (whole.size == 0 || whole.size != len) {
		CHECK(publish_read(data, len, &p) == PUBLISH_BAD_FRAME);
		CHECK(!publish_read_plain(data, len, &p));
		return;
	}
	msgpack_unpacked_init(&u);
	CHECK(msgpack_unpack_next(&u, (const char *)data, len, &off) ==
	      MSGPACK_UNPACK_SUCCESS);
	b.array = &u.data;
	if (u.data.type == MSGPACK_OBJECT_ARRAY &&
	    u.data.via.array.size >= MOST_ELEMENTS) {
		find_elements(&b, data, len);
		check_body(data, len, &b);
	} else {
		CHECK(publish_read(data, len, &p) == PUBLISH_BAD_FRAME);
		CHECK(!publish_read_plain(data, len, &p));
	}
	msgpack_unpacked_destroy(&u);
}

/* ---- the message behind it ------------------------------------------------ */

static void
check_repeats(const uint8_t *first, size_t first_len, const uint8_t *body,
              size_t len)
{
	struct publish a, b;
	uint32_t head = 0;
	bool repeats, alike;

	if (publish_read(first, first_len, &a) != PUBLISH_OK || !a.repeat)
		return;
	repeats = publish_repeats(&a, body, len, &head);
	alike = publish_read_plain(body, len, &b) &&
	        b.repeat_len == a.repeat_len &&
	        memcmp(b.repeat, a.repeat, a.repeat_len) == 0;
	CHECK(repeats == alike);
	if (!repeats)
		return;
	CHECK(publish_read(body, len, &b) == PUBLISH_OK);
	CHECK(b.payload == body + PUBLISH_PLAIN_TOPIC + a.repeat_len + head);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t tail, head;
	uint8_t *other;

	if (len < 1)
		return 0;
	tail = data[0] < len ? data[0] : len - 1;
	data++;
	len -= 1 + tail;
	head = len > tail ? len - tail : 0;
	other = malloc(head + tail + 1);
	CHECK(other);
	memcpy(other, data, head);
	memcpy(other + head, data + len, tail);

	check_verdict(data, len);
	check_verdict(other, head + tail);
	check_repeats(data, len, other, head + tail);
	free(other);
	return 0;
}
