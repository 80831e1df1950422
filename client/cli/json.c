/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <msgpack.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

/* ---- strings and numbers ------------------------------------------------ */

void
json_append_string(struct buf *b, const char *s, size_t len)
{
	buf_putc(b, '"');
	while (len > 0) {
		uint32_t c;
		size_t n = text_next(s, len, &c);

		if (n == 0) { /* not for us to mend, but never broken JSON */
			buf_puts(b, "\\ufffd");
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_putc(b, '\\');
			buf_putc(b, (char)c);
		} else if (c == '\n') {
			buf_puts(b, "\\n");
		} else if (c == '\t') {
			buf_puts(b, "\\t");
		} else if (text_is_control(c)) {
			buf_printf(b, "\\u%04x", (unsigned)c);
		} else {
			buf_append(b, s, n);
		}
		s += n;
		len -= n;
	}
	buf_putc(b, '"');
}

void
json_append_bytes(struct buf *b, const void *data, size_t len)
{
	buf_puts(b, "{\"base64\":\"");
	buf_base64(b, data, len);
	buf_puts(b, "\"}");
}

void
json_append_number(struct buf *b, double number)
{
	char text[40];

	if (!isfinite(number)) {
		buf_puts(b, "null");
		return;
	}
	/* the shortest spelling that reads back as the same number */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	buf_puts(b, text);
	if (!strpbrk(text, ".e"))
		buf_puts(b, ".0");
}

/* ---- JSON text ---------------------------------------------------------- */

static json_t *
load(const char *text, size_t len, size_t flags, struct buf *why)
{
	json_error_t error;
	json_t *value;

	/* jansson takes one behind a number for the end */
	if (memchr(text, '\0', len)) {
		buf_puts(why, "it has a NUL in it");
		return NULL;
	}
	value = json_loadb(text, len, flags | JSON_DECODE_ANY | JSON_ALLOW_NUL,
	                   &error);
	if (!value) {
		text_append_visible(why, error.text, strlen(error.text), "");
		buf_printf(why, " (line %d, column %d)", error.line,
		           error.column);
	}
	return value;
}

/* Outside of strings only the first two digits of each row: that is neither more
   nor less JSON than it was, and no number is too large. */
static void
append_small_numbers(struct buf *b, const char *text, size_t len)
{
	bool in_string = false;
	size_t n_digits = 0;

	for (size_t i = 0; i < len; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		n_digits = digit && !in_string ? n_digits + 1 : 0;
		if (n_digits > 2)
			continue;
		buf_putc(b, text[i]);
		if (in_string && text[i] == '\\' && i + 1 < len)
			buf_putc(b, text[++i]);
		else if (text[i] == '"')
			in_string = !in_string;
	}
}

bool
json_is_valid(const char *text, size_t len, struct buf *why)
{
	size_t said = why->len;
	struct buf small = { 0 }, ignored = { 0 };
	json_t *value = load(text, len, 0, why);

	if (!value) {
		/* a number may be as large as it likes: nobody looks at it */
		append_small_numbers(&small, text, len);
		buf_text(&small);
		value = load(small.at, small.len, 0, &ignored);
	}
	if (value)
		why->len = said;
	json_decref(value);
	buf_free(&small);
	buf_free(&ignored);
	return value != NULL;
}

void
json_append_squeezed(struct buf *b, const char *text, size_t len)
{
	bool in_string = false;

	while (len > 0) {
		uint32_t c;
		size_t n = text_next(text, len, &c);

		if (n == 0)
			return; /* it was not valid */
		if (in_string && text_is_control(c)) {
			buf_printf(b, "\\u%04x", (unsigned)c);
		} else if (in_string && c == '\\' && len > 1) {
			buf_append(b, text, 2);
			n = 2;
		} else if (in_string || !strchr(" \t\r\n", (int)c)) {
			buf_append(b, text, n);
			in_string ^= c == '"';
		}
		text += n;
		len -= n;
	}
}

/* ---- JSON to msgpack ---------------------------------------------------- */

static int
write_to_buf(void *buf, const char *data, size_t len)
{
	buf_append(buf, data, len);
	return 0;
}

static void
pack_str(msgpack_packer *p, const char *s, size_t len)
{
	msgpack_pack_str(p, len);
	msgpack_pack_str_body(p, s, len);
}

/* jansson bounds the depth of what it loads, and so this recursion. */
static void
pack(msgpack_packer *p, json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		msgpack_pack_map(p, json_object_size(value));
		json_object_foreach (value, key, item) {
			pack_str(p, key, strlen(key));
			pack(p, item);
		}
		break;
	case JSON_ARRAY:
		msgpack_pack_array(p, json_array_size(value));
		json_array_foreach (value, i, item)
			pack(p, item);
		break;
	case JSON_STRING:
		pack_str(p, json_string_value(value),
		         json_string_length(value));
		break;
	case JSON_INTEGER:
		msgpack_pack_int64(p, json_integer_value(value));
		break;
	case JSON_REAL:
		msgpack_pack_double(p, json_real_value(value));
		break;
	case JSON_TRUE:
		msgpack_pack_true(p);
		break;
	case JSON_FALSE:
		msgpack_pack_false(p);
		break;
	case JSON_NULL:
		msgpack_pack_nil(p);
		break;
	}
}

bool
json_to_msgpack(const char *text, size_t len, struct buf *out, struct buf *why)
{
	json_t *value = load(text, len, JSON_REJECT_DUPLICATES, why);
	msgpack_packer packer;

	if (!value)
		return false;
	msgpack_packer_init(&packer, out, write_to_buf);
	pack(&packer, value);
	json_decref(value);
	return true;
}

/* ---- msgpack to JSON ---------------------------------------------------- */

/*
 * Not with msgpack-c: it allocates for as many elements as a header claims,
 * and this is a stranger's word. Writing while reading needs no tree at all.
 */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	struct buf *out;
};

#define DEPTH_MAX 64

static bool append_value(struct reader *r, unsigned depth);

static bool
take_uint(struct reader *r, unsigned width, uint64_t *out)
{
	uint64_t v = 0;

	if ((size_t)(r->end - r->at) < width)
		return false;
	for (unsigned i = 0; i < width; i++)
		v = v << 8 | *r->at++;
	*out = v;
	return true;
}

static bool
take_bytes(struct reader *r, uint64_t len, const char **out)
{
	if (len > (uint64_t)(r->end - r->at))
		return false;
	*out = (const char *)r->at;
	r->at += len;
	return true;
}

static bool
append_str(struct reader *r, uint64_t len)
{
	const char *s;

	if (!take_bytes(r, len, &s))
		return false;
	if (text_is_utf8(s, len))
		json_append_string(r->out, s, len);
	else
		json_append_bytes(r->out, s, len);
	return true;
}

static bool
append_bin(struct reader *r, uint64_t len)
{
	const char *s;

	if (!take_bytes(r, len, &s))
		return false;
	json_append_bytes(r->out, s, len);
	return true;
}

static bool
append_ext(struct reader *r, uint64_t len)
{
	uint64_t type;
	const char *s;

	if (!take_uint(r, 1, &type) || !take_bytes(r, len, &s))
		return false;
	buf_printf(r->out, "{\"ext\":%d,\"base64\":\"", (int)(int8_t)type);
	buf_base64(r->out, s, len);
	buf_puts(r->out, "\"}");
	return true;
}

static bool
append_array(struct reader *r, uint64_t count, unsigned depth)
{
	buf_putc(r->out, '[');
	for (uint64_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(r->out, ',');
		if (!append_value(r, depth + 1))
			return false;
	}
	buf_putc(r->out, ']');
	return true;
}

/* Keys of JSON are strings: a number is put in quotes, and what is no scalar
   cannot be said at all. */
static bool
append_key(struct reader *r, unsigned depth)
{
	size_t start = r->out->len;
	bool quoted;

	if (!append_value(r, depth + 1))
		return false;
	quoted = r->out->at[start] == '"';
	if (r->out->at[start] == '{' || r->out->at[start] == '[')
		return false;
	if (!quoted) {
		buf_putc(r->out, '"');
		memmove(r->out->at + start + 1, r->out->at + start,
		        r->out->len - start - 1);
		r->out->at[start] = '"';
		buf_putc(r->out, '"');
	}
	return true;
}

static bool
append_map(struct reader *r, uint64_t count, unsigned depth)
{
	buf_putc(r->out, '{');
	for (uint64_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(r->out, ',');
		if (!append_key(r, depth))
			return false;
		buf_putc(r->out, ':');
		if (!append_value(r, depth + 1))
			return false;
	}
	buf_putc(r->out, '}');
	return true;
}

static bool
append_int(struct reader *r, unsigned width)
{
	uint64_t v;

	if (!take_uint(r, width, &v))
		return false;
	switch (width) { /* the sign is the highest bit of those that came */
	case 1:
		buf_printf(r->out, "%d", (int)(int8_t)v);
		break;
	case 2:
		buf_printf(r->out, "%d", (int)(int16_t)v);
		break;
	case 4:
		buf_printf(r->out, "%" PRId32, (int32_t)v);
		break;
	default:
		buf_printf(r->out, "%" PRId64, (int64_t)v);
	}
	return true;
}

static bool
append_uint(struct reader *r, unsigned width)
{
	uint64_t v;

	if (!take_uint(r, width, &v))
		return false;
	buf_printf(r->out, "%" PRIu64, v);
	return true;
}

static bool
append_float(struct reader *r, unsigned width)
{
	uint64_t bits;
	uint32_t narrow;
	double wide;
	float f;

	if (!take_uint(r, width, &bits))
		return false;
	if (width == 4) {
		narrow = (uint32_t)bits;
		memcpy(&f, &narrow, sizeof(f));
		wide = (double)f;
	} else {
		memcpy(&wide, &bits, sizeof(wide));
	}
	json_append_number(r->out, wide);
	return true;
}

/* Types whose length or count follows in `width` bytes. */
static bool
append_sized(struct reader *r, uint8_t type, unsigned depth)
{
	static const struct {
		uint8_t type;
		uint8_t width;
		char kind;
	} sized[] = {
		{ 0xc4, 1, 'b' }, { 0xc5, 2, 'b' }, { 0xc6, 4, 'b' },
		{ 0xc7, 1, 'e' }, { 0xc8, 2, 'e' }, { 0xc9, 4, 'e' },
		{ 0xd9, 1, 's' }, { 0xda, 2, 's' }, { 0xdb, 4, 's' },
		{ 0xdc, 2, 'a' }, { 0xdd, 4, 'a' }, { 0xde, 2, 'm' },
		{ 0xdf, 4, 'm' },
	};

	for (size_t i = 0; i < sizeof(sized) / sizeof(sized[0]); i++) {
		uint64_t n;

		if (sized[i].type != type)
			continue;
		if (!take_uint(r, sized[i].width, &n))
			return false;
		switch (sized[i].kind) {
		case 'b':
			return append_bin(r, n);
		case 'e':
			return append_ext(r, n);
		case 's':
			return append_str(r, n);
		case 'a':
			return append_array(r, n, depth);
		default:
			return append_map(r, n, depth);
		}
	}
	return false; /* 0xc1, which msgpack never uses */
}

static bool
append_value(struct reader *r, unsigned depth)
{
	uint64_t type;

	if (depth > DEPTH_MAX || !take_uint(r, 1, &type))
		return false;
	if (type < 0x80 || type >= 0xe0) { /* the number itself */
		buf_printf(r->out, "%d", (int)(int8_t)type);
		return true;
	}
	if (type < 0x90)
		return append_map(r, type & 0x0f, depth);
	if (type < 0xa0)
		return append_array(r, type & 0x0f, depth);
	if (type < 0xc0)
		return append_str(r, type & 0x1f);
	if (type == 0xc0 || type == 0xc2 || type == 0xc3) {
		buf_puts(r->out, type == 0xc0   ? "null"
		                 : type == 0xc2 ? "false"
		                                : "true");
		return true;
	}
	if (type == 0xca || type == 0xcb)
		return append_float(r, type == 0xca ? 4 : 8);
	if (type >= 0xcc && type <= 0xcf)
		return append_uint(r, 1u << (type - 0xcc));
	if (type >= 0xd0 && type <= 0xd3)
		return append_int(r, 1u << (type - 0xd0));
	if (type >= 0xd4 && type <= 0xd8)
		return append_ext(r, UINT64_C(1) << (type - 0xd4));
	return append_sized(r, (uint8_t)type, depth);
}

bool
json_from_msgpack(const void *data, size_t len, struct buf *out)
{
	size_t before = out->len;
	struct reader r = {
		.at = data,
		.end = (const uint8_t *)data + len,
		.out = out,
	};

	if (append_value(&r, 1) && r.at == r.end)
		return true;
	out->len = before;
	return false;
}
