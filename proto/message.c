/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "message.h"

#include <msgpack.h>
#include <string.h>

#include "frame.h"

struct text
text_from(const char *s)
{
	return (struct text){ .at = s, .len = s ? (uint32_t)strlen(s) : 0 };
}

bool
text_equals(struct text text, const char *s)
{
	return text.at && text.len == strlen(s) &&
	       memcmp(text.at, s, text.len) == 0;
}

unsigned
message_ways(uint32_t type)
{
	switch (type) {
#define MESSAGE(number, NAME, name, way, fields) \
	case number:                             \
		return WAY_##way;
#include "message.def"
	default:
		return 0;
	}
}

const char *
message_name(uint32_t type)
{
	switch (type) {
	case TYPE_PUBLISH:
		return "PUBLISH";
	case TYPE_DELIVER:
		return "DELIVER";
#define MESSAGE(number, NAME, name, way, fields) \
	case number:                             \
		return #NAME;
#include "message.def"
	default:
		return "?";
	}
}

/* ---- decode: one taker per kind of field ----------------------------- */

struct elements {
	const msgpack_object *at;
	const msgpack_object *end;
	struct message *message; /* the message they belong to */
};

static bool
take_uint(struct elements *f, uint64_t max, uint64_t *out)
{
	if (f->at == f->end || f->at->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    f->at->via.u64 > max)
		return false;
	*out = f->at++->via.u64;
	return true;
}

static bool
take_u32(struct elements *f, uint32_t *out)
{
	uint64_t v;

	if (!take_uint(f, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool
take_last_u64(struct elements *f, struct last_u64 *out)
{
	out->given = take_uint(f, UINT64_MAX, &out->value);
	if (!out->given)
		out->value = 0;
	return true;
}

static bool
to_bool(const msgpack_object *o, bool *out)
{
	if (o->type != MSGPACK_OBJECT_BOOLEAN)
		return false;
	*out = o->via.boolean;
	return true;
}

static bool
take_bool(struct elements *f, bool *out)
{
	return f->at < f->end && to_bool(f->at++, out);
}

static bool
to_str(const msgpack_object *o, struct text *out)
{
	if (o->type != MSGPACK_OBJECT_STR)
		return false;
	out->at = o->via.str.ptr ? o->via.str.ptr : "";
	out->len = o->via.str.size;
	return true;
}

static bool
take_str(struct elements *f, struct text *out)
{
	return f->at < f->end && to_str(f->at++, out);
}

static bool
take_str_or_nil(struct elements *f, struct text *out)
{
	*out = (struct text){ NULL, 0 };
	if (f->at < f->end && f->at->type == MSGPACK_OBJECT_NIL) {
		f->at++;
		return true;
	}
	return take_str(f, out);
}

static bool
to_bin(const msgpack_object *o, struct text *out)
{
	if (o->type != MSGPACK_OBJECT_BIN)
		return false;
	out->at = o->via.bin.ptr ? o->via.bin.ptr : "";
	out->len = o->via.bin.size;
	return true;
}

static bool
to_u32(const msgpack_object *o, uint32_t *out)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    o->via.u64 > UINT32_MAX)
		return false;
	*out = (uint32_t)o->via.u64;
	return true;
}

/* Set an option. Returns the type that the value of a known key must have, if
   it has another one; else NULL. */
static const char *
option_set(struct options *out, struct text key, const msgpack_object *value)
{
	if (text_equals(key, "overflow"))
		return to_str(value, &out->overflow) ? NULL : "a str";
	if (text_equals(key, "will"))
		return to_bin(value, &out->will) ? NULL : "a bin";
	if (text_equals(key, "inbox"))
		return to_str(value, &out->inbox) ? NULL : "a str";
	if (text_equals(key, "group"))
		return to_str(value, &out->group) ? NULL : "a str";
	if (text_equals(key, "max_frame"))
		return to_u32(value, &out->max_frame) ? NULL : "a u32";
	if (text_equals(key, "retained"))
		return to_bool(value, &out->retained) ? NULL : "a bool";
	if (text_equals(key, "monitor"))
		return to_bool(value, &out->monitor) ? NULL : "a bool";
	return NULL;
}

static bool
take_options(struct elements *f, struct options *out)
{
	struct message *m = f->message;

	*out = (struct options){ 0 };
	if (f->at == f->end || f->at->type != MSGPACK_OBJECT_MAP)
		return false;
	for (uint32_t i = 0; i < f->at->via.map.size; i++) {
		const msgpack_object_kv *pair = &f->at->via.map.ptr[i];

		m->option = (struct text){ NULL, 0 };
		m->option_wanted =
			to_str(&pair->key, &m->option)
				? option_set(out, m->option, &pair->val)
				: "a str";
		if (m->option_wanted)
			return false;
	}
	f->at++;
	return true;
}

#define U32(field)        &&take_u32(&f, &m->field)
#define U53(field)        &&take_uint(&f, (UINT64_C(1) << 53) - 1, &m->field)
#define U64(field)        &&take_uint(&f, UINT64_MAX, &m->field)
#define LAST_U64(field)   &&take_last_u64(&f, &m->field)
#define BOOL(field)       &&take_bool(&f, &m->field)
#define STR(field)        &&take_str(&f, &m->field)
#define STR_OR_NIL(field) &&take_str_or_nil(&f, &m->field)
#define OPTIONS(field)    &&take_options(&f, &m->field)
#define MESSAGE(number, NAME, name, way, fields)                               \
	static bool decode_##name(struct elements f, struct message_##name *m) \
	{                                                                      \
		return true fields;                                            \
	}
#include "message.def"

static bool
decode_fields(const msgpack_object *array, struct message *out)
{
	struct elements f = { array->via.array.ptr,
		              array->via.array.ptr + array->via.array.size,
		              out };
	uint32_t type;

	if (!take_u32(&f, &type))
		return false;
	out->type = (enum frame_type)type;
	switch (type) {
#define MESSAGE(number, NAME, name, way, fields) \
	case number:                             \
		return decode_##name(f, &out->name);
#include "message.def"
	default:
		return false;
	}
}

enum message_result
message_decode(const uint8_t *body, size_t len, struct message *out)
{
	enum message_result result = MESSAGE_BAD;
	msgpack_unpacked unpacked;
	size_t off = 0;

	out->option_wanted = NULL;
	msgpack_unpacked_init(&unpacked);
	switch (msgpack_unpack_next(&unpacked, (const char *)body, len, &off)) {
	case MSGPACK_UNPACK_SUCCESS:
	case MSGPACK_UNPACK_EXTRA_BYTES:
		if (unpacked.data.type == MSGPACK_OBJECT_ARRAY &&
		    decode_fields(&unpacked.data, out))
			result = MESSAGE_OK;
		break;
	case MSGPACK_UNPACK_NOMEM_ERROR:
		result = MESSAGE_NO_MEMORY;
		break;
	case MSGPACK_UNPACK_CONTINUE:
	case MSGPACK_UNPACK_PARSE_ERROR:
		break;
	}
	/* the texts remain valid: they point into the body */
	msgpack_unpacked_destroy(&unpacked);
	return result;
}

/* ---- encode ----------------------------------------------------------- */

struct buffer {
	uint8_t *at;
	size_t len;
	size_t cap;
};

static int
buffer_write(void *data, const char *bytes, size_t len)
{
	struct buffer *b = data;

	if (len > b->cap - b->len)
		return -1;
	if (len > 0)
		memcpy(b->at + b->len, bytes, len);
	b->len += len;
	return 0;
}

static bool
put_text(msgpack_packer *pk, struct text text)
{
	if (!text.at)
		return msgpack_pack_nil(pk) == 0;
	return msgpack_pack_str(pk, text.len) == 0 &&
	       msgpack_pack_str_body(pk, text.at, text.len) == 0;
}

static bool
put_bin(msgpack_packer *pk, struct text bin)
{
	return msgpack_pack_bin(pk, bin.len) == 0 &&
	       msgpack_pack_bin_body(pk, bin.at, bin.len) == 0;
}

static bool
put_bool(msgpack_packer *pk, bool b)
{
	return (b ? msgpack_pack_true(pk) : msgpack_pack_false(pk)) == 0;
}

static bool
put_key(msgpack_packer *pk, const char *key)
{
	return put_text(pk, text_from(key));
}

static bool
put_options(msgpack_packer *pk, const struct options *o)
{
	int pairs = !!o->overflow.at + !!o->will.at + !!o->inbox.at +
	            !!o->group.at + !!o->max_frame + o->retained + o->monitor;

	return msgpack_pack_map(pk, (size_t)pairs) == 0 &&
	       (!o->overflow.at ||
	        (put_key(pk, "overflow") && put_text(pk, o->overflow))) &&
	       (!o->will.at || (put_key(pk, "will") && put_bin(pk, o->will))) &&
	       (!o->inbox.at ||
	        (put_key(pk, "inbox") && put_text(pk, o->inbox))) &&
	       (!o->group.at ||
	        (put_key(pk, "group") && put_text(pk, o->group))) &&
	       (!o->max_frame ||
	        (put_key(pk, "max_frame") &&
	         msgpack_pack_uint32(pk, o->max_frame) == 0)) &&
	       (!o->retained ||
	        (put_key(pk, "retained") && put_bool(pk, true))) &&
	       (!o->monitor || (put_key(pk, "monitor") && put_bool(pk, true)));
}

static bool
put_last_u64(msgpack_packer *pk, struct last_u64 last)
{
	return !last.given || msgpack_pack_uint64(pk, last.value) == 0;
}

#define U32(field)        +1
#define U53(field)        +1
#define U64(field)        +1
#define LAST_U64(field)   +m->field.given
#define BOOL(field)       +1
#define STR(field)        +1
#define STR_OR_NIL(field) +1
#define OPTIONS(field)    +1
#define MESSAGE(number, NAME, name, way, fields)                        \
	static size_t n_elements_##name(const struct message_##name *m) \
	{                                                               \
		(void)m;                                                \
		return 1u fields;                                       \
	}
#include "message.def"

#define U32(field)        &&msgpack_pack_uint32(pk, m->field) == 0
#define U53(field)        &&msgpack_pack_uint64(pk, m->field) == 0
#define U64(field)        &&msgpack_pack_fix_uint64(pk, m->field) == 0
#define LAST_U64(field)   &&put_last_u64(pk, m->field)
#define BOOL(field)       &&put_bool(pk, m->field)
#define STR(field)        &&put_text(pk, m->field)
#define STR_OR_NIL(field) &&put_text(pk, m->field)
#define OPTIONS(field)    &&put_options(pk, &m->field)
#define MESSAGE(number, NAME, name, way, fields)                            \
	static bool encode_##name(msgpack_packer *pk,                       \
	                          const struct message_##name *m)           \
	{                                                                   \
		return msgpack_pack_array(pk, n_elements_##name(m)) == 0 && \
		       msgpack_pack_uint32(pk, number) == 0 fields;         \
	}
#include "message.def"

size_t
message_encode(const struct message *m, uint8_t *buf, size_t cap)
{
	struct buffer b = { .at = buf, .len = FRAME_PREFIX_SIZE, .cap = cap };
	msgpack_packer pk;
	bool ok = false;

	if (cap < FRAME_PREFIX_SIZE)
		return 0;
	msgpack_packer_init(&pk, &b, buffer_write);
	switch (m->type) {
#define MESSAGE(number, NAME, name, way, fields)   \
	case TYPE_##NAME:                          \
		ok = encode_##name(&pk, &m->name); \
		break;
#include "message.def"
	case TYPE_PUBLISH:
	case TYPE_DELIVER:
		break;
	}
	if (!ok)
		return 0;
	frame_put_prefix(buf, (uint32_t)(b.len - FRAME_PREFIX_SIZE));
	return b.len;
}
