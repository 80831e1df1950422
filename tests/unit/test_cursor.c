/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/cursor.h"

#include <msgpack.h>

#include "bytes.h"

static bool
check(const struct bytes *b, uint32_t *type)
{
	/* an exact copy, so that a sanitizer sees a byte too far */
	uint8_t *copy = malloc(b->len ? b->len : 1);
	bool ok;

	assert_non_null(copy);
	if (b->len > 0)
		memcpy(copy, b->at, b->len);
	ok = cursor_check_body(copy, b->len, type);
	free(copy);
	return ok;
}

static bool
check_hex(const char *hex)
{
	struct bytes b = { 0 };
	uint32_t type;
	bool ok;

	put_hex(&b, hex);
	ok = check(&b, &type);
	bytes_free(&b);
	return ok;
}

static struct cursor_item
item_of(const char *hex)
{
	static struct bytes b; /* the item's data lie in it */
	struct cursor_item item = { 0 };
	struct cursor c;

	b.len = 0;
	put_hex(&b, hex);
	c = cursor_over(b.at, b.len);
	assert_true(cursor_next(&c, &item));
	assert_ptr_equal(c.at, c.end);
	return item;
}

static void
expect_uint(const char *hex, uint64_t want)
{
	struct cursor_item item = item_of(hex);

	assert_int_equal(item.kind, CURSOR_UINT);
	assert_true(item.value.u == want);
}

static void
expect_int(const char *hex, int64_t want)
{
	struct cursor_item item = item_of(hex);

	assert_int_equal(item.kind, CURSOR_INT);
	assert_true(item.value.i == want);
}

static void
expect_float(const char *hex, double want)
{
	struct cursor_item item = item_of(hex);

	assert_int_equal(item.kind, CURSOR_FLOAT);
	assert_true(item.value.f >= want && item.value.f <= want);
}

static void
expect_content(const char *hex, enum cursor_kind kind, const char *content)
{
	struct cursor_item item = item_of(hex);
	struct bytes want = { 0 };

	put_hex(&want, content);
	assert_int_equal(item.kind, kind);
	assert_int_equal(item.len, want.len);
	assert_non_null(item.data);
	if (want.len > 0)
		assert_memory_equal(item.data, want.at, want.len);
	bytes_free(&want);
}

TEST(integers_are_read_whatever_their_encoding)
{
	expect_uint("00", 0);
	expect_uint("7f", 127);
	expect_uint("cc ff", 255);
	expect_uint("cd 01 00", 256);
	expect_uint("ce 80 00 00 01", 2147483649);
	expect_uint("cf ff ff ff ff ff ff ff ff", UINT64_MAX);
	expect_uint("cf 00 00 00 00 00 00 00 01", 1);
	expect_uint("d0 7f", 127);
	expect_uint("d1 01 00", 256);
	expect_uint("d2 7f ff ff ff", 2147483647);
	expect_uint("d3 7f ff ff ff ff ff ff ff", INT64_MAX);
	expect_uint("d0 00", 0);
	expect_int("ff", -1);
	expect_int("e0", -32);
	expect_int("d0 80", -128);
	expect_int("d1 ff fe", -2);
	expect_int("d2 80 00 00 00", -2147483648LL);
	expect_int("d3 ff ff ff ff ff ff ff fd", -3);
	expect_int("d3 80 00 00 00 00 00 00 00", INT64_MIN);
}

TEST(nil_bools_and_floats_are_read)
{
	assert_int_equal(item_of("c0").kind, CURSOR_NIL);
	assert_int_equal(item_of("c2").kind, CURSOR_BOOL);
	assert_false(item_of("c2").value.b);
	assert_int_equal(item_of("c3").kind, CURSOR_BOOL);
	assert_true(item_of("c3").value.b);
	expect_float("ca 3f 00 00 00", 0.5);
	expect_float("ca c0 20 00 00", -2.5);
	expect_float("cb 3f e0 00 00 00 00 00 00", 0.5);
	expect_float("cb c0 59 00 00 00 00 00 00", -100.0);
}

TEST(strings_bins_and_exts_are_borrowed_whole)
{
	expect_content("a0", CURSOR_STR, "");
	expect_content("a2 68 69", CURSOR_STR, "68 69");
	expect_content("d9 02 68 69", CURSOR_STR, "68 69");
	expect_content("da 00 02 68 69", CURSOR_STR, "68 69");
	expect_content("db 00 00 00 02 68 69", CURSOR_STR, "68 69");
	expect_content("c4 00", CURSOR_BIN, "");
	expect_content("c4 01 ff", CURSOR_BIN, "ff");
	expect_content("c5 00 01 ff", CURSOR_BIN, "ff");
	expect_content("c6 00 00 00 01 ff", CURSOR_BIN, "ff");
	/* an ext's type byte counts as content */
	expect_content("d4 05 01", CURSOR_EXT, "05 01");
	expect_content("d5 05 01 02", CURSOR_EXT, "05 01 02");
	expect_content("d6 05 01 02 03 04", CURSOR_EXT, "05 01 02 03 04");
	expect_content("d7 ff 01 02 03 04 05 06 07 08", CURSOR_EXT,
	               "ff 01 02 03 04 05 06 07 08");
	expect_content("c7 00 05", CURSOR_EXT, "05");
	expect_content("c7 01 05 aa", CURSOR_EXT, "05 aa");
	expect_content("c8 00 01 05 aa", CURSOR_EXT, "05 aa");
	expect_content("c9 00 00 00 01 05 aa", CURSOR_EXT, "05 aa");
	expect_content("d8 01 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
	               CURSOR_EXT,
	               "01 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f");
}

TEST(of_arrays_and_maps_only_the_head_is_read)
{
	static const struct {
		const char *hex;
		enum cursor_kind kind;
		uint32_t len;
		size_t head;
	} heads[] = {
		{ "90", CURSOR_ARRAY, 0, 1 },
		{ "92 c0 c0", CURSOR_ARRAY, 2, 1 },
		{ "dc 00 02 c0 c0", CURSOR_ARRAY, 2, 3 },
		{ "dd 00 00 00 02 c0 c0", CURSOR_ARRAY, 2, 5 },
		{ "80", CURSOR_MAP, 0, 1 },
		{ "81 c0 c0", CURSOR_MAP, 1, 1 },
		{ "de 00 01 c0 c0", CURSOR_MAP, 1, 3 },
		{ "df 00 00 00 01 c0 c0", CURSOR_MAP, 1, 5 },
	};

	for (size_t i = 0; i < COUNT(heads); i++) {
		struct bytes b = { 0 };
		struct cursor_item item;
		struct cursor c;

		put_hex(&b, heads[i].hex);
		c = cursor_over(b.at, b.len);
		assert_true(cursor_next(&c, &item));
		assert_int_equal(item.kind, heads[i].kind);
		assert_int_equal(item.len, heads[i].len);
		assert_int_equal(c.at - b.at, heads[i].head);
		bytes_free(&b);
	}
}

/* How many bytes a head of this first byte has, and what it then says. */
static size_t
head_size(uint8_t first)
{
	static const uint8_t behind[32] = {
		/* c0 */ 0, 0, 0, 0, 1, 2, 4, 1,
		2,          4, 4, 8, 1, 2, 4, 8,
		/* d0 */ 1, 2, 4, 8, 0, 0, 0, 0,
		0,          1, 2, 4, 2, 4, 2, 4,
	};

	return first < 0xc0 || first >= 0xe0 ? 1 : 1u + behind[first - 0xc0];
}

TEST(every_first_byte_is_read_or_refused_and_cut_off_ones_always_are)
{
	for (unsigned first = 0; first < 256; first++) {
		/* all counts and lengths in it are small */
		uint8_t room[64] = { (uint8_t)first };
		size_t head = head_size((uint8_t)first);
		struct cursor_item item;
		struct cursor c = cursor_over(room, sizeof(room));

		assert_int_equal(cursor_next(&c, &item), first != 0xc1);
		for (size_t cut = 0; cut < head; cut++) {
			uint8_t *exact = malloc(cut ? cut : 1);

			assert_non_null(exact);
			memcpy(exact, room, cut);
			c = cursor_over(exact, cut);
			assert_false(cursor_next(&c, &item));
			free(exact);
		}
	}
}

TEST(a_count_that_cannot_fit_is_refused_at_once)
{
	static const char *const lies[] = {
		"9f",
		"dc ff ff",
		"dd ff ff ff ff",
		"8f",
		"de ff ff",
		"df ff ff ff ff",
		"df 80 00 00 00", /* twice that is no u32 */
		"a1",
		"d9 01",
		"da 00 01",
		"db ff ff ff ff",
		"c4 01",
		"c5 00 01",
		"c6 ff ff ff ff",
		"c7 00",
		"c8 00 00",
		"c9 ff ff ff ff", /* plus its type that is 2^32 */
		"c9 ff ff ff fe",
		"d4 05",
		"82 c0 c0 c0",
		"92 c0",
	};

	for (size_t i = 0; i < COUNT(lies); i++) {
		struct bytes b = { 0 };
		struct cursor_item item;
		struct cursor c;

		put_hex(&b, lies[i]);
		c = cursor_over(b.at, b.len);
		assert_false(cursor_next(&c, &item));
		bytes_free(&b);
	}
}

TEST(a_body_is_one_array_that_begins_with_an_unsigned_integer)
{
	uint32_t type = 0;
	struct bytes b = { 0 };

	assert_false(check_hex(""));
	assert_false(check_hex("90"));
	assert_false(check_hex("c0"));
	assert_false(check_hex("01"));
	assert_false(check_hex("81 01 01"));
	assert_false(check_hex("a1 01"));
	assert_false(check_hex("91 c0"));
	assert_false(check_hex("91 ff"));
	assert_false(check_hex("91 a1 31"));
	assert_false(check_hex("91 ca 3f 80 00 00"));
	assert_false(check_hex("91 01 c0")); /* something behind it */
	assert_false(check_hex("91 91 01"));
	assert_true(check_hex("91 01"));
	assert_true(check_hex("91 d0 01"));

	put_hex(&b, "93 cd 01 2c c0 81 a1 61 90");
	assert_true(check(&b, &type));
	assert_int_equal(type, 300);
	b.len = 0;
	put_hex(&b, "91 cf 00 00 00 01 00 00 00 03");
	assert_true(check(&b, &type));
	assert_true(type == UINT32_MAX); /* and not 3 */
	b.len = 0;
	put_hex(&b, "91 ce ff ff ff fe");
	assert_true(check(&b, &type));
	assert_true(type == UINT32_MAX - 1);
	bytes_free(&b);
}

TEST(eight_arrays_and_maps_within_each_other_are_enough)
{
	/* the frame's own is the first of them */
	assert_true(check_hex("92 01 91 91 91 91 91 91 91 05"));
	assert_true(check_hex("92 01 91 91 91 91 91 91 90"));
	assert_false(check_hex("92 01 91 91 91 91 91 91 91 90"));
	assert_false(check_hex("92 01 91 91 91 91 91 91 91 80"));
	assert_true(check_hex("92 01 81 c0 81 c0 81 c0 81 c0 81 c0 81 c0 90"));
	assert_false(check_hex(
		"92 01 81 c0 81 c0 81 c0 81 c0 81 c0 81 c0 81 c0 90"));
	/* beside each other there may be any number */
	assert_true(check_hex("9a 01 90 90 90 90 90 90 90 90 90"));
}

TEST(any_depth_is_refused_without_recursion)
{
	struct bytes b = { 0 };
	uint32_t type;

	put_fill(&b, 0x91, 4000000);
	put_hex(&b, "01");
	assert_false(check(&b, &type));
	bytes_free(&b);
}

TEST(strict_asks_for_utf8_str_keys_and_no_ext)
{
	static const struct {
		const char *hex;
		bool any, strict;
	} values[] = {
		{ "a2 c3 a9", true, true },
		{ "a1 c3", true, false },
		{ "c4 01 ff", true, true },
		{ "81 a1 6b c0", true, true },
		{ "81 01 c0", true, false },
		{ "81 c4 01 6b c0", true, false },
		{ "81 c0 c0", true, false },
		{ "82 a1 6b c0 01 c0", true, false },
		{ "81 a1 6b 01", true, true },
		{ "81 a1 6b 92 01 02", true, true },
		{ "81 a1 6b 81 01 02", true, false },
		{ "92 81 a1 6b 01 81 01 01", true, false },
		{ "92 c0 a1 ff", true, false },
		{ "d4 01 00", true, false },
		{ "91 c7 00 05", true, false },
		{ "81 a1 ff 01", true, false },
		{ "81 a1 6b a1 ff", true, false },
		{ "c1", false, false },
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		struct bytes b = { 0 };
		struct cursor c;

		put_hex(&b, values[i].hex);
		c = cursor_over(b.at, b.len);
		assert_int_equal(cursor_skip(&c, 8, CURSOR_ANY), values[i].any);
		c = cursor_over(b.at, b.len);
		assert_int_equal(cursor_skip(&c, 8, CURSOR_STRICT),
		                 values[i].strict);
		if (values[i].strict)
			assert_ptr_equal(c.at, c.end);
		bytes_free(&b);
	}
}

TEST(a_skip_takes_one_value_and_at_most_the_depth_it_was_given)
{
	struct bytes b = { 0 };
	struct cursor c;

	put_hex(&b, "91 90 05");
	c = cursor_over(b.at, b.len);
	assert_true(cursor_skip(&c, 2, CURSOR_ANY));
	assert_ptr_equal(c.at, b.at + 2);
	assert_true(cursor_skip(&c, 0, CURSOR_ANY)); /* a scalar needs none */
	assert_ptr_equal(c.at, c.end);
	assert_false(cursor_skip(&c, 8, CURSOR_ANY));
	c = cursor_over(b.at, b.len);
	assert_false(cursor_skip(&c, 1, CURSOR_ANY));
	bytes_free(&b);
}

/* ---- the same verdicts as msgpack-c ----------------------------------- */

static unsigned
depth_of(const msgpack_object *o)
{
	unsigned deepest = 0;

	if (o->type == MSGPACK_OBJECT_ARRAY) {
		for (uint32_t i = 0; i < o->via.array.size; i++) {
			unsigned d = depth_of(&o->via.array.ptr[i]);

			deepest = d > deepest ? d : deepest;
		}
		return deepest + 1;
	}
	if (o->type == MSGPACK_OBJECT_MAP) {
		for (uint32_t i = 0; i < o->via.map.size; i++) {
			unsigned k = depth_of(&o->via.map.ptr[i].key);
			unsigned v = depth_of(&o->via.map.ptr[i].val);

			k = k > v ? k : v;
			deepest = k > deepest ? k : deepest;
		}
		return deepest + 1;
	}
	return 0;
}

/* What cursor_check_body() should say, in msgpack-c's words. */
static bool
msgpack_says(const uint8_t *body, size_t len, uint32_t *type)
{
	msgpack_unpacked u;
	size_t off = 0;
	bool ok = false;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, (const char *)body, len, &off) ==
	            MSGPACK_UNPACK_SUCCESS &&
	    off == len && u.data.type == MSGPACK_OBJECT_ARRAY &&
	    u.data.via.array.size > 0) {
		const msgpack_object *first = u.data.via.array.ptr;

		ok = first->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
		     depth_of(&u.data) <= CURSOR_MAX_DEPTH;
		if (ok)
			*type = first->via.u64 < UINT32_MAX
			                ? (uint32_t)first->via.u64
			                : UINT32_MAX;
	}
	msgpack_unpacked_destroy(&u);
	return ok;
}

/* msgpack-c allocates what is claimed: keep liars from it. */
static bool
claims_much(const struct bytes *b)
{
	for (size_t i = 0; i + 4 < b->len; i++) {
		if ((b->at[i] == 0xdd || b->at[i] == 0xdf) &&
		    (b->at[i + 1] || b->at[i + 2] > 1))
			return true;
	}
	return false;
}

static void
compare(const struct bytes *b, unsigned *n_good)
{
	uint32_t type = 1, want_type = 1;
	bool ok = check(b, &type);

	if (claims_much(b) && !ok)
		return;
	if (ok != msgpack_says(b->at, b->len, &want_type) ||
	    type != want_type) {
		for (size_t i = 0; i < b->len; i++)
			print_message("%02x ", b->at[i]);
		fail_msg("cursor says %d, type %u; msgpack-c not", ok, type);
	}
	*n_good += ok;
}

static void put_value(struct bytes *b, struct chance *c, unsigned depth);

static void
put_container(struct bytes *b, struct chance *c, unsigned depth)
{
	bool map = chance_one_in(c, 2);
	uint32_t n = chance_below(c, 5), form = chance_below(c, 4);

	if (form < 2)
		put_be(b, (map ? 0x80u : 0x90u) | n, 1);
	else
		put_be(b, (map ? 0xdeu : 0xdcu) + (form - 2), 1);
	if (form >= 2)
		put_be(b, n, form == 2 ? 2 : 4);
	for (uint32_t i = 0; i < (map ? 2 * n : n); i++)
		put_value(b, c, depth - 1);
}

static void
put_bytes_of(struct bytes *b, struct chance *c, uint32_t first, bool ext)
{
	uint32_t width = chance_below(c, 3), n = chance_below(c, 9);

	put_be(b, first + width, 1);
	put_be(b, n, 1u << width);
	for (uint32_t i = 0; i < n + ext; i++)
		put_be(b, chance_any(c), 1);
}

static void
put_number(struct bytes *b, struct chance *c)
{
	uint32_t first = 0xca + chance_below(c, 10);

	put_be(b, first, 1);
	put_be(b, chance_any(c) >> chance_below(c, 64),
	       (unsigned)head_size((uint8_t)first) - 1);
}

static void
put_value(struct bytes *b, struct chance *c, unsigned depth)
{
	static const uint8_t plain[] = { 0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xe0,
		                         0xff, 0x80, 0x90, 0xa0, 0x05 };
	uint32_t k;

	switch (chance_below(c, depth > 0 ? 7 : 5)) {
	case 0:
		put_bytes_of(b, c, 0xd9, false);
		break;
	case 1:
		put_bytes_of(b, c, 0xc4, false);
		break;
	case 2:
		if (chance_one_in(c, 2)) {
			put_bytes_of(b, c, 0xc7, true);
			break;
		}
		k = chance_below(c, 5);
		put_be(b, 0xd4 + k, 1);
		put_fill(b, 0x11, 1 + ((size_t)1 << k));
		break;
	case 3:
		put_number(b, c);
		break;
	case 4:
		put_be(b, plain[chance_below(c, COUNT(plain))], 1);
		break;
	default:
		put_container(b, c, depth);
		break;
	}
}

static void
put_body(struct bytes *b, struct chance *c)
{
	uint32_t n = 1 + chance_below(c, 6);

	b->len = 0;
	put_be(b, 0x90 | n, 1);
	if (chance_one_in(c, 8))
		put_number(b, c);
	else
		put_be(b, chance_below(c, 128), 1);
	for (uint32_t i = 1; i < n; i++)
		put_value(b, c, chance_below(c, 10));
}

static void
mutate(struct bytes *b, struct chance *c)
{
	for (unsigned k = 1 + chance_below(c, 3); k > 0 && b->len > 0; k--) {
		uint32_t at = chance_below(c, (uint32_t)b->len);

		switch (chance_below(c, 4)) {
		case 0:
			b->at[at] = (uint8_t)chance_any(c);
			break;
		case 1:
			b->at[at] ^= (uint8_t)(1u << chance_below(c, 8));
			break;
		case 2:
			b->len = at; /* cut off */
			break;
		default: /* one taken out */
			memmove(b->at + at, b->at + at + 1, b->len - at - 1);
			b->len--;
			break;
		}
	}
}

TEST(random_bodies_get_the_verdict_of_msgpack_c)
{
	struct chance c = chance_new("cursor");
	struct bytes b = { 0 };
	unsigned n = 300000, good = 0;

	for (unsigned i = 0; i < n; i++) {
		put_body(&b, &c);
		if (i % 3 > 0)
			mutate(&b, &c);
		compare(&b, &good);
	}
	print_message("%u bodies, %u of them well-formed\n", n, good);
	assert_in_range(good, n / 5, n * 4 / 5);
	bytes_free(&b);
}

TEST(bytes_at_random_get_the_verdict_of_msgpack_c)
{
	struct chance c = chance_new("bytes");
	struct bytes b = { 0 };
	unsigned good = 0;

	for (unsigned i = 0; i < 200000; i++) {
		uint32_t n = chance_below(&c, 12);

		b.len = 0;
		if (n > 0)
			put_be(&b, 0x91 + chance_below(&c, 5), 1);
		while (n-- > 1)
			put_be(&b, chance_any(&c), 1);
		compare(&b, &good);
	}
	assert_true(good > 1000);
	bytes_free(&b);
}

TEST(every_truncation_of_a_body_is_refused)
{
	struct chance c = chance_new("truncation");
	struct bytes b = { 0 };
	unsigned good = 0;

	for (unsigned i = 0; i < 3000; i++) {
		size_t whole;

		put_body(&b, &c);
		whole = b.len;
		for (size_t cut = 0; cut < whole; cut++) {
			uint32_t type;

			b.len = cut;
			assert_false(check(&b, &type));
		}
		b.len = whole;
		compare(&b, &good);
	}
	assert_true(good > 1000);
	bytes_free(&b);
}

TEST(every_byte_in_every_place_gets_the_verdict_of_msgpack_c)
{
	static const char *const corpus[] = {
		"95 04 01 01 ab 68 6f 73 74 2e 2a 2e 6c 6f 61 64 80",
		"97 03 00 c4 02 00 00 a1 61 c0 81 a1 6b c3 c4 01 31",
		"93 cc 80 c7 03 05 01 02 03 dc 00 01 de 00 01 a0 cb 00 00 00 "
		"00 00 00 00 00",
	};
	struct bytes b = { 0 };
	unsigned good = 0;

	for (size_t i = 0; i < COUNT(corpus); i++) {
		b.len = 0;
		put_hex(&b, corpus[i]);
		for (size_t at = 0; at < b.len; at++) {
			uint8_t was = b.at[at];

			for (unsigned v = 0; v < 256; v++) {
				b.at[at] = (uint8_t)v;
				compare(&b, &good);
			}
			b.at[at] = was;
		}
	}
	assert_true(good > 1000);
	bytes_free(&b);
}

TEST(bombs_are_refused_before_msgpack_c_could_allocate_for_them)
{
	static const char *const bombs[] = {
		"dd ff ff ff ff 01",
		"df ff ff ff ff 01 01",
		"92 01 dd 7f ff ff ff",
		"92 01 df 7f ff ff ff c0 c0",
		"92 01 db ff ff ff ff",
		"92 01 c6 7f ff ff ff 00",
		"92 01 c9 ff ff ff ff 00",
		"93 01 dd 00 ff ff ff dd 00 ff ff ff",
	};

	for (size_t i = 0; i < COUNT(bombs); i++)
		assert_false(check_hex(bombs[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_read_whatever_their_encoding),
		cmocka_unit_test(nil_bools_and_floats_are_read),
		cmocka_unit_test(strings_bins_and_exts_are_borrowed_whole),
		cmocka_unit_test(of_arrays_and_maps_only_the_head_is_read),
		cmocka_unit_test(
			every_first_byte_is_read_or_refused_and_cut_off_ones_always_are),
		cmocka_unit_test(a_count_that_cannot_fit_is_refused_at_once),
		cmocka_unit_test(
			a_body_is_one_array_that_begins_with_an_unsigned_integer),
		cmocka_unit_test(
			eight_arrays_and_maps_within_each_other_are_enough),
		cmocka_unit_test(any_depth_is_refused_without_recursion),
		cmocka_unit_test(strict_asks_for_utf8_str_keys_and_no_ext),
		cmocka_unit_test(
			a_skip_takes_one_value_and_at_most_the_depth_it_was_given),
		cmocka_unit_test(random_bodies_get_the_verdict_of_msgpack_c),
		cmocka_unit_test(bytes_at_random_get_the_verdict_of_msgpack_c),
		cmocka_unit_test(every_truncation_of_a_body_is_refused),
		cmocka_unit_test(
			every_byte_in_every_place_gets_the_verdict_of_msgpack_c),
		cmocka_unit_test(
			bombs_are_refused_before_msgpack_c_could_allocate_for_them),
	};

	return RUN(tests);
}
