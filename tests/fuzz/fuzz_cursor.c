/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The cursor, msgpack-c and a reference give every body the same verdict, and
 * what the cursor reads is what msgpack-c reads. The input is a body.
 */
#include "proto/cursor.h"

#include <msgpack.h>

#include "fuzz.h"
#include "reference.h"

/* msgpack-c gives up below 32 levels */
#define DEEPEST 24u

static bool
is_strict(const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_EXT)
		return false;
	if (o->type == MSGPACK_OBJECT_STR)
		return reference_is_utf8(o->via.str.ptr, o->via.str.size);
	if (o->type == MSGPACK_OBJECT_ARRAY) {
		for (uint32_t i = 0; i < o->via.array.size; i++) {
			if (!is_strict(&o->via.array.ptr[i]))
				return false;
		}
	}
	if (o->type == MSGPACK_OBJECT_MAP) {
		for (uint32_t i = 0; i < o->via.map.size; i++) {
			const msgpack_object_kv *pair = &o->via.map.ptr[i];

			if (pair->key.type != MSGPACK_OBJECT_STR ||
			    !is_strict(&pair->key) || !is_strict(&pair->val))
				return false;
		}
	}
	return true;
}

static void
check_bytes(const struct cursor_item *item, const char *at, uint32_t len)
{
	CHECK(item->len == len);
	CHECK(len == 0 || (const char *)item->data == at);
}

/* The next items of the cursor are this object. */
static void
check_same(struct cursor *c, const msgpack_object *o)
{
	struct cursor_item item;

	CHECK(cursor_next(c, &item));
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		CHECK(item.kind == CURSOR_NIL);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		CHECK(item.kind == CURSOR_BOOL);
		CHECK(item.value.b == o->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		CHECK(item.kind == CURSOR_UINT);
		CHECK(item.value.u == o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		CHECK(item.kind == CURSOR_INT);
		CHECK(item.value.i == o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		CHECK(item.kind == CURSOR_FLOAT);
		CHECK(item.value.f == o->via.f64 ||
		      (item.value.f != item.value.f && /* both NaN */
		       o->via.f64 != o->via.f64));
		break;
	case MSGPACK_OBJECT_STR:
		CHECK(item.kind == CURSOR_STR);
		check_bytes(&item, o->via.str.ptr, o->via.str.size);
		break;
	case MSGPACK_OBJECT_BIN:
		CHECK(item.kind == CURSOR_BIN);
		check_bytes(&item, o->via.bin.ptr, o->via.bin.size);
		break;
	case MSGPACK_OBJECT_EXT: /* ours has the type byte in front */
		CHECK(item.kind == CURSOR_EXT);
		CHECK(item.len == o->via.ext.size + 1);
		CHECK((int8_t)item.data[0] == o->via.ext.type);
		break;
	case MSGPACK_OBJECT_ARRAY:
		CHECK(item.kind == CURSOR_ARRAY);
		CHECK(item.len == o->via.array.size);
		for (uint32_t i = 0; i < item.len; i++)
			check_same(c, &o->via.array.ptr[i]);
		break;
	case MSGPACK_OBJECT_MAP:
		CHECK(item.kind == CURSOR_MAP);
		CHECK(item.len == o->via.map.size);
		for (uint32_t i = 0; i < item.len; i++) {
			check_same(c, &o->via.map.ptr[i].key);
			check_same(c, &o->via.map.ptr[i].val);
		}
		break;
	}
}

static void
check_skip(const uint8_t *body, size_t len, enum cursor_rules rules, bool ok,
           size_t size)
{
	struct cursor c = cursor_over(body, len);

	CHECK(cursor_skip(&c, CURSOR_MAX_DEPTH, rules) == ok);
	CHECK(!ok || (size_t)(c.at - body) == size);
}

/* What msgpack-c makes of a value that keeps what it claims. */
static void
check_against_msgpack(const uint8_t *body, size_t len,
                      const struct reference_value *whole)
{
	bool fits = whole->depth <= CURSOR_MAX_DEPTH;
	struct cursor c = cursor_over(body, len);
	const msgpack_object *first = NULL;
	uint32_t type = 0;
	msgpack_unpacked u;
	size_t off = 0;
	bool is_body;
	int r;

	msgpack_unpacked_init(&u);
	r = msgpack_unpack_next(&u, (const char *)body, len, &off);
	CHECK(r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES);
	CHECK(off == whole->size);
	check_same(&c, &u.data);
	CHECK((size_t)(c.at - body) == off);
	check_skip(body, len, CURSOR_ANY, fits, off);
	check_skip(body, len, CURSOR_STRICT, fits && is_strict(&u.data), off);

	if (u.data.type == MSGPACK_OBJECT_ARRAY && u.data.via.array.size > 0)
		first = u.data.via.array.ptr;
	is_body = fits && off == len && first &&
	          first->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
	CHECK(cursor_check_body(body, len, &type) == is_body);
	if (is_body)
		CHECK(type == (first->via.u64 < UINT32_MAX
		                       ? (uint32_t)first->via.u64
		                       : UINT32_MAX));
	msgpack_unpacked_destroy(&u);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reference_value whole = reference_value_at(data, len, DEEPEST);
	uint32_t type;

	if (whole.size > 0) {
		check_against_msgpack(data, len, &whole);
		return 0;
	}
	check_skip(data, len, CURSOR_ANY, false, 0);
	check_skip(data, len, CURSOR_STRICT, false, 0);
	CHECK(!cursor_check_body(data, len, &type));
	return 0;
}
