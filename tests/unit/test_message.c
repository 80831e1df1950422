/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/message.h"

#include <msgpack.h>

#include "proto/cursor.h"
#include "proto/deliver.h"
#include "proto/frame.h"
#include "proto/publish.h"
#include "proto/status.h"
#include "vectors.h"

static struct text
text(const char *s)
{
	return (struct text){ s, (uint32_t)strlen(s) };
}

/* ---- encode: bytes written out by hand ---------------------------------- */

static void
expect_encoded(const struct message *m, const char *body)
{
	struct bytes want = { 0 };
	uint8_t buf[MESSAGE_MAX];
	size_t len;

	put_frame(&want, body);
	memset(buf, 0xee, sizeof(buf));
	len = message_encode(m, buf, sizeof(buf));
	assert_int_equal(len, want.len);
	assert_memory_equal(buf, want.at, want.len);
	assert_int_equal(buf[len], 0xee);

	/* no room for the last byte: no frame at all */
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(message_encode(m, buf, cap), 0);
	assert_int_equal(message_encode(m, buf, len), len);
	bytes_free(&want);
}

TEST(what_the_broker_says_is_these_bytes)
{
	struct message m = { .type = TYPE_WELCOME };

	m.welcome.version = 1;
	m.welcome.session = 70000;
	m.welcome.uid = 1000;
	m.welcome.limits.max_frame = 4194304;
	m.welcome.limits.overflow = text("block");
	m.welcome.limits.inbox = text("$inbox.x.7");
	expect_encoded(&m, "95 02 01 ce 00 01 11 70 cd 03 e8 83"
	                   "a8 6f 76 65 72 66 6c 6f 77 a5 62 6c 6f 63 6b"
	                   "a5 69 6e 62 6f 78 aa 24 69 6e 62 6f 78 2e 78 2e 37"
	                   "a9 6d 61 78 5f 66 72 61 6d 65 ce 00 40 00 00");

	m = (struct message){ .type = TYPE_OK, .ok.request = UINT32_MAX };
	expect_encoded(&m, "92 08 ce ff ff ff ff");
	m.ok.n = (struct last_u64){ .value = 300, .given = true };
	expect_encoded(&m, "93 08 ce ff ff ff ff cd 01 2c");
	m.ok.n.value = 0;
	expect_encoded(&m, "93 08 ce ff ff ff ff 00");

	m = (struct message){ .type = TYPE_ERROR };
	m.error.code = 35;
	m.error.text = text("no");
	m.error.request = 0;
	m.error.fatal = false;
	m.error.about = text("a.b");
	expect_encoded(&m, "96 09 23 a2 6e 6f 00 c2 a3 61 2e 62");
	m.error.fatal = true;
	m.error.request = 200;
	m.error.about = (struct text){ NULL, 0 };
	expect_encoded(&m, "96 09 23 a2 6e 6f cc c8 c3 c0");

	m = (struct message){ .type = TYPE_PONG };
	m.pong.token = (UINT64_C(1) << 53) - 1;
	m.pong.accepted = (struct last_u64){ 300, true };
	m.pong.unmatched = (struct last_u64){ 2, true };
	m.pong.refused = (struct last_u64){ UINT64_MAX, true };
	expect_encoded(&m, "95 0b cf 00 1f ff ff ff ff ff ff cd 01 2c 02 "
	                   "cf ff ff ff ff ff ff ff ff");

	m = (struct message){ .type = TYPE_GOAWAY };
	m.goaway.reason = text("bye");
	m.goaway.delay_ms = 10;
	expect_encoded(&m, "93 0c a3 62 79 65 0a");

	m = (struct message){ .type = TYPE_HOLD };
	m.hold.on = true;
	m.hold.session = 9;
	m.hold.name = text("");
	m.hold.topic = text("a");
	expect_encoded(&m, "95 0d c3 09 a0 a1 61");
}

TEST(what_a_client_says_is_these_bytes)
{
	struct message m = { .type = TYPE_HELLO };

	m.hello.version = 1;
	m.hello.name = text("ui");
	expect_encoded(&m, "94 01 01 a2 75 69 80");
	m.hello.options.overflow = text("drop-oldest");
	m.hello.options.will = (struct text){ "\x97\x03", 2 };
	expect_encoded(&m, "94 01 01 a2 75 69 82 "
	                   "a8 6f 76 65 72 66 6c 6f 77 "
	                   "ab 64 72 6f 70 2d 6f 6c 64 65 73 74 "
	                   "a4 77 69 6c 6c c4 02 97 03");

	m = (struct message){ .type = TYPE_SUBSCRIBE };
	m.subscribe.request = 1;
	m.subscribe.sub = 256;
	m.subscribe.filter = text("a.*");
	expect_encoded(&m, "95 04 01 cd 01 00 a3 61 2e 2a 80");
	m.subscribe.options.group = text("g");
	m.subscribe.options.retained = true;
	m.subscribe.options.monitor = true;
	expect_encoded(&m, "95 04 01 cd 01 00 a3 61 2e 2a 83 "
	                   "a5 67 72 6f 75 70 a1 67 "
	                   "a8 72 65 74 61 69 6e 65 64 c3 "
	                   "a7 6d 6f 6e 69 74 6f 72 c3");

	m = (struct message){ .type = TYPE_UNSUBSCRIBE };
	m.unsubscribe.request = 128;
	m.unsubscribe.sub = 0;
	expect_encoded(&m, "93 05 cc 80 00");

	m = (struct message){ .type = TYPE_PING, .ping.token = 65536 };
	expect_encoded(&m, "92 0a ce 00 01 00 00");

	m = (struct message){ .type = TYPE_PONG, .pong.token = 7 };
	expect_encoded(&m, "92 0b 07");
}

TEST(a_gap_has_the_same_length_whatever_its_counts)
{
	struct message m = { .type = TYPE_GAP };

	m.gap.reason = text("full");
	expect_encoded(&m, "94 07 cf 00 00 00 00 00 00 00 00 "
	                   "cf 00 00 00 00 00 00 00 00 a4 66 75 6c 6c");
	m.gap.frames = 1;
	m.gap.bytes = UINT64_MAX;
	expect_encoded(&m, "94 07 cf 00 00 00 00 00 00 00 01 "
	                   "cf ff ff ff ff ff ff ff ff a4 66 75 6c 6c");
}

TEST(a_publish_is_none_of_its_business)
{
	struct message m = { .type = TYPE_PUBLISH };
	uint8_t buf[64];

	assert_int_equal(message_encode(&m, buf, sizeof(buf)), 0);
	m.type = TYPE_DELIVER;
	assert_int_equal(message_encode(&m, buf, sizeof(buf)), 0);
}

/* ---- decode: every position, every type --------------------------------- */

/*
 * A frame's fields in one letter each: u a u32, t below 2^53, U any uint, b
 * bool, s str, n str or nil, o options, m a uint that may be missing or
 * anything else.
 */
struct shape {
	uint8_t type;
	const char *fields;
	const char *elements[8];
};

static const struct shape shapes[] = {
	{ 1, "uso", { "01", "a2 75 69", "80" } },
	{ 2, "uuuo", { "01", "07", "cd 03 e8", "80" } },
	{ 4, "uuso", { "01", "02", "a1 61", "80" } },
	{ 5, "uu", { "01", "02" } },
	{ 7, "UUs", { "01", "02", "a1 61" } },
	{ 8, "u", { "01" } },
	{ 9, "usubn", { "01", "a1 61", "00", "c3", "c0" } },
	{ 10, "t", { "01" } },
	{ 11, "tmmm", { "01", "02", "03", "04" } },
	{ 12, "su", { "a1 61", "0a" } },
	{ 13, "buss", { "c2", "01", "a1 61", "a1 62" } },
};

/* Values to put anywhere, each with the letters of the fields that take it. */
static const struct {
	const char *hex;
	const char *fits;
} values[] = {
	{ "c0", "nm" },
	{ "c2", "bm" },
	{ "c3", "bm" },
	{ "00", "utUm" },
	{ "7f", "utUm" },
	{ "cc 07", "utUm" },
	{ "d3 00 00 00 00 00 00 00 07", "utUm" },
	{ "ce ff ff ff ff", "utUm" },
	{ "cf 00 00 00 01 00 00 00 00", "tUm" },
	{ "cf 00 1f ff ff ff ff ff ff", "tUm" },
	{ "cf 00 20 00 00 00 00 00 00", "Um" },
	{ "cf ff ff ff ff ff ff ff ff", "Um" },
	{ "ff", "m" },
	{ "d0 80", "m" },
	{ "ca 3f 80 00 00", "m" },
	{ "cb 00 00 00 00 00 00 00 00", "m" },
	{ "a0", "snm" },
	{ "a1 61", "snm" },
	{ "d9 01 61", "snm" },
	{ "db 00 00 00 01 61", "snm" },
	{ "c4 00", "m" },
	{ "c4 01 61", "m" },
	{ "90", "m" },
	{ "80", "om" },
	{ "df 00 00 00 00", "om" },
	{ "d4 05 00", "m" },
	{ "c7 00 05", "m" },
};

static enum message_result
decode_shape(const struct shape *s, size_t n, size_t changed, const char *hex,
             unsigned more)
{
	struct bytes b = { 0 };
	enum message_result r;
	struct message m;

	put_be(&b, 0x90 | (n + 1 + more), 1);
	put_be(&b, s->type, 1);
	for (size_t i = 0; i < n; i++)
		put_hex(&b, i == changed ? hex : s->elements[i]);
	for (unsigned i = 0; i < more; i++)
		put_hex(&b, i == 1 ? "93 c0 81 01 02 c7 01 05 00" : "c3");
	r = message_decode(b.at, b.len, &m);
	if (r == MESSAGE_OK)
		assert_int_equal(m.type, s->type);
	bytes_free(&b);
	return r;
}

TEST(every_element_takes_its_own_type_and_no_other)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		const struct shape *s = &shapes[i];
		size_t n = strlen(s->fields);

		for (size_t at = 0; at < n; at++) {
			for (size_t v = 0; v < COUNT(values); v++) {
				bool fits = strchr(values[v].fits,
				                   s->fields[at]) != NULL;

				if ((decode_shape(s, n, at, values[v].hex, 0) ==
				     MESSAGE_OK) != fits)
					fail_msg("type %u, element %zu, %s",
					         s->type, at, values[v].hex);
			}
		}
	}
}

TEST(no_element_may_be_missing)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		const struct shape *s = &shapes[i];
		size_t needed = strcspn(s->fields, "m");

		for (size_t n = 0; n <= strlen(s->fields); n++)
			assert_int_equal(decode_shape(s, n, SIZE_MAX, "", 0),
			                 n >= needed ? MESSAGE_OK
			                             : MESSAGE_BAD);
	}
}

TEST(more_elements_are_ignored)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		for (unsigned more = 1; more < 5; more++)
			assert_int_equal(decode_shape(&shapes[i],
			                              strlen(shapes[i].fields),
			                              SIZE_MAX, "", more),
			                 MESSAGE_OK);
	}
}

static enum message_result
decode_hex(const char *hex, struct message *m)
{
	static struct bytes b; /* the texts point into it */

	b.len = 0;
	put_hex(&b, hex);
	return message_decode(b.at, b.len, m);
}

TEST(options_have_their_types_and_unknown_ones_are_ignored)
{
	static const struct {
		const char *hex;
		bool ok;
	} maps[] = {
		{ "81 a8 6f 76 65 72 66 6c 6f 77 a1 78", true },
		{ "81 a8 6f 76 65 72 66 6c 6f 77 c4 01 78", false },
		{ "81 a8 6f 76 65 72 66 6c 6f 77 c0", false },
		{ "81 a4 77 69 6c 6c c4 01 78", true },
		{ "81 a4 77 69 6c 6c a1 78", false },
		{ "81 a5 69 6e 62 6f 78 a1 78", true },
		{ "81 a5 69 6e 62 6f 78 01", false },
		{ "81 a5 67 72 6f 75 70 a1 78", true },
		{ "81 a5 67 72 6f 75 70 c3", false },
		{ "81 a9 6d 61 78 5f 66 72 61 6d 65 ce ff ff ff ff", true },
		{ "81 a9 6d 61 78 5f 66 72 61 6d 65 "
		  "cf 00 00 00 01 00 00 00 00",
		  false },
		{ "81 a9 6d 61 78 5f 66 72 61 6d 65 ff", false },
		{ "81 a8 72 65 74 61 69 6e 65 64 c2", true },
		{ "81 a8 72 65 74 61 69 6e 65 64 01", false },
		{ "81 a7 6d 6f 6e 69 74 6f 72 c3", true },
		{ "81 a7 6d 6f 6e 69 74 6f 72 c0", false },
		{ "81 a7 6d 6f 6e 69 74 6f 78 c0", true }, /* monitox */
		{ "81 a6 6d 6f 6e 69 74 6f c0", true },    /* monito */
		{ "81 a0 93 01 02 03", true },
		{ "81 01 c3", false }, /* keys are str */
		{ "81 c4 01 78 c3", false },
		{ "81 c0 c3", false },
	};

	for (size_t i = 0; i < COUNT(maps); i++) {
		struct message m;
		char hex[256];

		snprintf(hex, sizeof(hex), "94 01 01 a0 %s", maps[i].hex);
		if ((decode_hex(hex, &m) == MESSAGE_OK) != maps[i].ok)
			fail_msg("%s", maps[i].hex);
	}
}

TEST(options_that_are_absent_are_nil_false_and_zero)
{
	struct message m;

	memset(&m, 0xff, sizeof(m));
	assert_int_equal(decode_hex("95 04 01 02 a1 61 81 a1 78 01", &m),
	                 MESSAGE_OK);
	assert_null(m.subscribe.options.overflow.at);
	assert_null(m.subscribe.options.will.at);
	assert_null(m.subscribe.options.inbox.at);
	assert_null(m.subscribe.options.group.at);
	assert_int_equal(m.subscribe.options.max_frame, 0);
	assert_false(m.subscribe.options.retained);
	assert_false(m.subscribe.options.monitor);
}

TEST(an_empty_text_is_not_nil)
{
	struct message m;

	assert_int_equal(decode_hex("96 09 01 a0 00 c2 a0", &m), MESSAGE_OK);
	assert_non_null(m.error.text.at);
	assert_int_equal(m.error.text.len, 0);
	assert_non_null(m.error.about.at);
	assert_int_equal(m.error.about.len, 0);
	assert_int_equal(decode_hex("96 09 01 a0 00 c2 c0", &m), MESSAGE_OK);
	assert_null(m.error.about.at);
	assert_int_equal(decode_hex("94 01 01 a0 81 a4 77 69 6c 6c c4 00", &m),
	                 MESSAGE_OK);
	assert_non_null(m.hello.options.will.at);
}

TEST(texts_lie_in_the_body_and_outlive_the_decoder)
{
	struct bytes b = { 0 };
	struct message m;

	put_hex(&b, "95 04 01 02 a3 61 2e 62 80");
	assert_int_equal(message_decode(b.at, b.len, &m), MESSAGE_OK);
	assert_ptr_equal(m.subscribe.filter.at, (char *)b.at + 5);
	assert_int_equal(m.subscribe.filter.len, 3);
	bytes_free(&b);
}

TEST(only_the_frames_of_the_table_are_decoded)
{
	static const bool in_table[16] = {
		[1] = 1, [2] = 1,  [4] = 1,  [5] = 1,  [7] = 1, [8] = 1,
		[9] = 1, [10] = 1, [11] = 1, [12] = 1, [13] = 1
	};

	for (unsigned type = 0; type < 300; type++) {
		bool known = type < 16 && in_table[type];
		struct bytes b = { 0 };
		struct message m;

		put_hex(&b, "91 cd");
		put_be(&b, type, 2);
		assert_int_equal(message_ways(type) != 0, known);
		if (!known)
			assert_int_equal(message_decode(b.at, b.len, &m),
			                 MESSAGE_BAD);
		bytes_free(&b);
	}
}

/* The table of section 1: | n | frame | way | array | */
TEST(names_and_ways_are_those_of_the_table_in_protocol_md)
{
	FILE *f = fopen(UMBEL_SOURCE_DIR "/proto/PROTOCOL.md", "re");
	char line[4096];
	unsigned rows = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char name[16], way[32], array[128];
		unsigned type, want = 0;

		if (sscanf(line, "| %u | %15[A-Z] | %31[^|] | `%127[^`]`",
		           &type, name, way, array) != 4)
			continue;
		rows++;
		assert_string_equal(message_name(type), name);
		if (type == TYPE_PUBLISH || type == TYPE_DELIVER) {
			assert_int_equal(message_ways(type), 0);
			continue;
		}
		if (strstr(way, "client \xe2\x86\x92 broker"))
			want = WAY_TO_BROKER;
		else if (strstr(way, "broker \xe2\x86\x92 client"))
			want = WAY_TO_CLIENT;
		else if (strstr(way, "both"))
			want = WAY_BOTH_WAYS;
		assert_int_equal(message_ways(type), want);
	}
	fclose(f);
	assert_int_equal(rows, 13);
	assert_string_equal(message_name(0), "?");
	assert_string_equal(message_name(14), "?");
}

TEST(texts_are_compared_whole_and_nil_equals_nothing)
{
	assert_true(text_equals(text("block"), "block"));
	assert_false(text_equals(text("blocks"), "block"));
	assert_false(text_equals(text("bloc"), "block"));
	assert_false(text_equals(text("BLOCK"), "block"));
	assert_true(text_equals(text(""), ""));
	assert_false(text_equals((struct text){ NULL, 0 }, ""));
	assert_null(text_from(NULL).at);
	assert_int_equal(text_from("abc").len, 3);
}

TEST(what_is_encoded_decodes_to_the_same)
{
	struct message m = { .type = TYPE_SUBSCRIBE }, got;
	uint8_t buf[MESSAGE_MAX];
	size_t len;

	m.subscribe.request = 70000;
	m.subscribe.sub = 3;
	m.subscribe.filter = text("host.*.load");
	m.subscribe.options.monitor = true;
	len = message_encode(&m, buf, sizeof(buf));
	assert_true(len > 5);
	assert_int_equal(message_decode(buf + 5, len - 5, &got), MESSAGE_OK);
	assert_int_equal(got.subscribe.request, 70000);
	assert_int_equal(got.subscribe.sub, 3);
	assert_true(text_equals(got.subscribe.filter, "host.*.load"));
	assert_true(got.subscribe.options.monitor);
	assert_false(got.subscribe.options.retained);
}

/* ---- golden frames ------------------------------------------------------ */

static void
expect_uint(const json_t *decoded, size_t i, uint64_t got)
{
	assert_true(json_to_u64(json_array_get(decoded, i)) == got);
}

static void
expect_bool(const json_t *decoded, size_t i, bool got)
{
	assert_int_equal(json_is_true(json_array_get(decoded, i)), got);
}

/* str, {"bin": hex}, or null */
static void
expect_text(const json_t *j, struct text got)
{
	struct bytes want = { 0 };

	if (!j || json_is_null(j)) {
		assert_null(got.at);
		return;
	}
	if (json_is_object(j))
		put_json_hex(&want, json_object_get(j, "bin"));
	else
		put(&want, json_string_value(j), json_string_length(j));
	assert_non_null(got.at);
	assert_int_equal(got.len, want.len);
	if (want.len > 0)
		assert_memory_equal(got.at, want.at, want.len);
	bytes_free(&want);
}

static const json_t *
option(const json_t *options, const char *key)
{
	const json_t *pairs = json_object_get(options, "map");
	const json_t *found = NULL;
	json_t *pair;
	size_t i;

	json_array_foreach (pairs, i, pair) {
		const char *k = json_string_value(json_array_get(pair, 0));

		if (k && strcmp(k, key) == 0)
			found = json_array_get(pair, 1);
	}
	return found;
}

static void
expect_options(const json_t *decoded, size_t i, const struct options *got)
{
	const json_t *o = json_array_get(decoded, i);
	const json_t *max = option(o, "max_frame");

	expect_text(option(o, "overflow"), got->overflow);
	expect_text(option(o, "will"), got->will);
	expect_text(option(o, "inbox"), got->inbox);
	expect_text(option(o, "group"), got->group);
	assert_true((max ? json_to_u64(max) : 0) == got->max_frame);
	assert_int_equal(json_is_true(option(o, "retained")), got->retained);
	assert_int_equal(json_is_true(option(o, "monitor")), got->monitor);
}

static void
expect_str(const json_t *decoded, size_t i, struct text got)
{
	expect_text(json_array_get(decoded, i), got);
}

static void
expect_pong(const json_t *d, const char *way, const struct message_pong *m)
{
	expect_uint(d, 1, m->token);
	if (strcmp(way, "to_broker") == 0)
		return; /* what follows is nothing */
	expect_uint(d, 2, m->accepted.value);
	expect_uint(d, 3, m->unmatched.value);
	expect_uint(d, 4, m->refused.value);
}

static void
expect_message(const struct vector *v, const struct message *m)
{
	const json_t *d = v->decoded;

	switch (m->type) {
	case TYPE_HELLO:
		expect_uint(d, 1, m->hello.version);
		expect_str(d, 2, m->hello.name);
		expect_options(d, 3, &m->hello.options);
		break;
	case TYPE_WELCOME:
		expect_uint(d, 1, m->welcome.version);
		expect_uint(d, 2, m->welcome.session);
		expect_uint(d, 3, m->welcome.uid);
		expect_options(d, 4, &m->welcome.limits);
		break;
	case TYPE_SUBSCRIBE:
		expect_uint(d, 1, m->subscribe.request);
		expect_uint(d, 2, m->subscribe.sub);
		expect_str(d, 3, m->subscribe.filter);
		expect_options(d, 4, &m->subscribe.options);
		break;
	case TYPE_UNSUBSCRIBE:
		expect_uint(d, 1, m->unsubscribe.request);
		expect_uint(d, 2, m->unsubscribe.sub);
		break;
	case TYPE_GAP:
		expect_uint(d, 1, m->gap.frames);
		expect_uint(d, 2, m->gap.bytes);
		expect_str(d, 3, m->gap.reason);
		break;
	case TYPE_OK:
		expect_uint(d, 1, m->ok.request);
		assert_int_equal(m->ok.n.given, json_array_size(d) > 2);
		if (m->ok.n.given)
			expect_uint(d, 2, m->ok.n.value);
		break;
	case TYPE_ERROR:
		expect_uint(d, 1, m->error.code);
		expect_str(d, 2, m->error.text);
		expect_uint(d, 3, m->error.request);
		expect_bool(d, 4, m->error.fatal);
		expect_str(d, 5, m->error.about);
		break;
	case TYPE_PING:
		expect_uint(d, 1, m->ping.token);
		break;
	case TYPE_PONG:
		expect_pong(d, v->way, &m->pong);
		break;
	case TYPE_GOAWAY:
		expect_str(d, 1, m->goaway.reason);
		expect_uint(d, 2, m->goaway.delay_ms);
		break;
	case TYPE_HOLD:
		expect_bool(d, 1, m->hold.on);
		expect_uint(d, 2, m->hold.session);
		expect_str(d, 3, m->hold.name);
		expect_str(d, 4, m->hold.topic);
		break;
	case TYPE_PUBLISH:
	case TYPE_DELIVER:
		fail_msg("%s is no message of message.def", v->name);
	}
}

/* Does `o` say what `j` says? For the headers, and for vectors themselves. */
static void
expect_same(const json_t *j, const msgpack_object *o)
{
	const json_t *pairs = json_object_get(j, "map");
	struct bytes want = { 0 };

	if (json_is_object(j) && json_object_get(j, "float")) {
		assert_true(o->type == MSGPACK_OBJECT_FLOAT32 ||
		            o->type == MSGPACK_OBJECT_FLOAT64);
	} else if (json_is_object(j) && json_object_get(j, "ext")) {
		const json_t *ext = json_object_get(j, "ext");

		assert_int_equal(o->type, MSGPACK_OBJECT_EXT);
		assert_int_equal(o->via.ext.type,
		                 json_integer_value(json_array_get(ext, 0)));
		put_json_hex(&want, json_array_get(ext, 1));
		assert_int_equal(o->via.ext.size, want.len);
	} else if (pairs) {
		assert_int_equal(o->type, MSGPACK_OBJECT_MAP);
		assert_int_equal(o->via.map.size, json_array_size(pairs));
		for (uint32_t i = 0; i < o->via.map.size; i++) {
			const json_t *pair = json_array_get(pairs, i);

			expect_same(json_array_get(pair, 0),
			            &o->via.map.ptr[i].key);
			expect_same(json_array_get(pair, 1),
			            &o->via.map.ptr[i].val);
		}
	} else if (json_is_array(j)) {
		assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
		assert_int_equal(o->via.array.size, json_array_size(j));
		for (uint32_t i = 0; i < o->via.array.size; i++)
			expect_same(json_array_get(j, i), &o->via.array.ptr[i]);
	} else if (json_is_null(j)) {
		assert_int_equal(o->type, MSGPACK_OBJECT_NIL);
	} else if (json_is_boolean(j)) {
		assert_int_equal(o->type, MSGPACK_OBJECT_BOOLEAN);
		assert_int_equal(o->via.boolean, json_is_true(j));
	} else if (json_is_integer(j) && json_integer_value(j) < 0) {
		assert_int_equal(o->type, MSGPACK_OBJECT_NEGATIVE_INTEGER);
		assert_true(o->via.i64 == json_integer_value(j));
	} else if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
		assert_true(o->via.u64 == json_to_u64(j));
	} else if (o->type == MSGPACK_OBJECT_BIN) {
		expect_text(j,
		            (struct text){ o->via.bin.ptr ? o->via.bin.ptr : "",
		                           o->via.bin.size });
	} else {
		assert_int_equal(o->type, MSGPACK_OBJECT_STR);
		expect_text(j,
		            (struct text){ o->via.str.ptr ? o->via.str.ptr : "",
		                           o->via.str.size });
	}
	bytes_free(&want);
}

static void
expect_same_bytes(const json_t *j, const uint8_t *at, size_t len)
{
	msgpack_unpacked u;
	size_t off = 0;

	msgpack_unpacked_init(&u);
	assert_int_equal(msgpack_unpack_next(&u, (const char *)at, len, &off),
	                 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(off, len);
	expect_same(j, &u.data);
	msgpack_unpacked_destroy(&u);
}

static void
expect_publish(const json_t *d, const uint8_t *body, const struct publish *p)
{
	const json_t *headers = json_array_get(d, 5);

	expect_uint(d, 1, p->flags);
	expect_str(d, 2,
	           (struct text){ (const char *)body + p->stamp_offset,
	                          PUBLISH_STAMP_SIZE });
	expect_str(d, 3, (struct text){ p->topic, p->topic_len });
	expect_str(d, 4, (struct text){ p->reply, p->reply_len });
	if (json_is_null(headers))
		assert_null(p->headers);
	else
		expect_same_bytes(headers, p->headers, p->headers_len);
	expect_str(d, 6,
	           (struct text){ (const char *)p->payload, p->payload_len });
}

static const char *
judge_publish(const struct vector *v, const json_t *decoded,
              const uint8_t *body, uint32_t len)
{
	struct publish p;

	switch (publish_read(body, len, &p)) {
	case PUBLISH_OK:
		if (v->ok)
			expect_publish(decoded, body, &p);
		return NULL;
	case PUBLISH_BAD_TOPIC:
		return "bad_topic";
	case PUBLISH_BAD_REPLY:
		return "bad_reply";
	case PUBLISH_BAD_FRAME:
		break;
	}
	return "bad_frame";
}

static const char *
judge_deliver(const struct vector *v, const uint8_t *body, uint32_t len)
{
	const json_t *info = v->ok ? json_array_get(v->decoded, 2) : NULL;
	struct deliver d;

	if (!deliver_read(body, len, &d))
		return "bad_frame";
	if (v->ok) {
		expect_same_bytes(v->decoded, body, len);
		expect_uint(v->decoded, 1, d.sub);
		assert_int_equal(d.retained, !json_is_null(info));
	}
	return judge_publish(v, v->ok ? json_array_get(v->decoded, 3) : NULL,
	                     d.publish, d.publish_len);
}

/* What a decoder without a session makes of a frame: an error, or NULL. */
static const char *
judge(const struct vector *v)
{
	uint32_t max = strcmp(v->way, "to_client") == 0
	                       ? FRAME_MAX_DEFAULT + FRAME_BROKER_EXTRA
	                       : FRAME_MAX_DEFAULT;
	const uint8_t *body = v->frame.at + FRAME_PREFIX_SIZE;
	struct message m;
	uint32_t len, type;

	switch (frame_peek(v->frame.at, v->frame.len, max, &len)) {
	case FRAME_OK:
		break;
	case FRAME_BAD_MAGIC:
		return "bad_magic";
	case FRAME_TOO_BIG:
		return "frame_too_big";
	case FRAME_SHORT:
		return "short";
	}
	assert_int_equal(v->frame.len, FRAME_PREFIX_SIZE + len);
	/* one level deeper than any other */
	if (strstr(v->name, "_deliver_"))
		return judge_deliver(v, body, len);
	if (!cursor_check_body(body, len, &type))
		return "bad_frame";
	if (v->ok)
		expect_same_bytes(v->decoded, body, len);
	if (type >= TYPE_EXTENSION)
		return NULL;
	if (type == TYPE_PUBLISH)
		return judge_publish(v, v->decoded, body, len);
	if (message_ways(type) == 0)
		return "unknown_type";
	if (message_decode(body, len, &m) != MESSAGE_OK)
		return "bad_frame";
	if (v->ok)
		expect_message(v, &m);
	return NULL;
}

/* What is wrong with these is not their shape: whoever takes them must see. */
static bool
is_left_to_the_caller(const char *name)
{
	static const char *const parts[] = { "bad_hello_name_6",
		                             "bad_hello_name_c1",
		                             "bad_hello_name_delete",
		                             "bad_hello_name_escape",
		                             "bad_hello_name_n",
		                             "bad_hello_name_surrogate",
		                             "request_0",
		                             "bad_pong_count_",
		                             "bad_pong_no_counts" };

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (strstr(name, parts[i]))
			return true;
	}
	return false;
}

static void
judge_vector(struct vector *v, void *user)
{
	const char *got = judge(v);
	unsigned *left = user;

	if (v->ok && got)
		fail_msg("%s: %s", v->name, got);
	if (!v->ok && !got) {
		if (!is_left_to_the_caller(v->name))
			fail_msg("%s was taken", v->name);
		(*left)++;
	}
	if (!v->ok && got && strcmp(got, v->error) != 0)
		fail_msg("%s: %s", v->name, got);
}

TEST(golden_frames_get_their_verdict_and_mean_what_they_say)
{
	unsigned left = 0, n = vectors_each(judge_vector, &left);

	print_message("%u vectors, %u of them left to the caller\n", n, left);
	assert_true(n > 350);
	assert_true(left < 20);
}

static void
check_word(struct vector *v, void *user)
{
	(void)user;
	for (unsigned code = 1; v->error && code < 64; code++) {
		if (strcmp(status_name(code), v->error) == 0)
			return;
	}
	assert_true(v->ok);
}

TEST(golden_frames_name_errors_that_exist)
{
	assert_true(vectors_each(check_word, NULL) > 350);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_broker_says_is_these_bytes),
		cmocka_unit_test(what_a_client_says_is_these_bytes),
		cmocka_unit_test(a_gap_has_the_same_length_whatever_its_counts),
		cmocka_unit_test(a_publish_is_none_of_its_business),
		cmocka_unit_test(every_element_takes_its_own_type_and_no_other),
		cmocka_unit_test(no_element_may_be_missing),
		cmocka_unit_test(more_elements_are_ignored),
		cmocka_unit_test(
			options_have_their_types_and_unknown_ones_are_ignored),
		cmocka_unit_test(
			options_that_are_absent_are_nil_false_and_zero),
		cmocka_unit_test(an_empty_text_is_not_nil),
		cmocka_unit_test(texts_lie_in_the_body_and_outlive_the_decoder),
		cmocka_unit_test(only_the_frames_of_the_table_are_decoded),
		cmocka_unit_test(
			names_and_ways_are_those_of_the_table_in_protocol_md),
		cmocka_unit_test(
			texts_are_compared_whole_and_nil_equals_nothing),
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(
			golden_frames_get_their_verdict_and_mean_what_they_say),
		cmocka_unit_test(golden_frames_name_errors_that_exist),
	};

	return RUN(tests);
}
