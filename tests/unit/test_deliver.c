/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "proto/deliver.h"

#include "bytes.h"

static void
expect_head(uint32_t sub, const struct deliver_info *info, uint32_t publish_len,
            const char *hex)
{
	uint8_t head[DELIVER_HEAD_MAX];
	struct bytes b = { 0 };

	size_t len = deliver_put_head(head, sub, info, publish_len);

	put(&b, head, len);
	assert_bytes_are(&b, hex);
	assert_int_equal(deliver_sub(b.at), sub);
	bytes_free(&b);
}

TEST(a_group_s_message_has_nil_for_info)
{
	expect_head(7, NULL, 100, "ce 00 00 00 6c 94 06 ce 00 00 00 07 c0");
	expect_head(UINT32_MAX, NULL, 4 << 20,
	            "ce 00 40 00 08 94 06 ce ff ff ff ff c0");
}

TEST(a_retained_value_has_its_age)
{
	static const struct deliver_info old = { UINT64_C(0x0102030405060708) };
	static const struct deliver_info new = { 0 };

	expect_head(1, &old, 1,
	            "ce 00 00 00 23 94 06 ce 00 00 00 01"
	            "82 a8 72 65 74 61 69 6e 65 64 c3 a6 61 67 65 5f 6d 73"
	            "cf 01 02 03 04 05 06 07 08");
	expect_head(1, &new, 1,
	            "ce 00 00 00 23 94 06 ce 00 00 00 01"
	            "82 a8 72 65 74 61 69 6e 65 64 c3 a6 61 67 65 5f 6d 73"
	            "cf 00 00 00 00 00 00 00 00");
}

/* ---- reading ------------------------------------------------------------------ */

static bool
read_hex(struct bytes *b, const char *hex, struct deliver *out)
{
	b->len = 0;
	put_hex(b, hex);
	return deliver_read(b->at, b->len, out);
}

TEST(what_was_written_is_read_back)
{
	static const struct deliver_info info = { 12345 };
	struct bytes b = { 0 };
	struct deliver d;

	read_hex(&b, "94 06 ce 00 00 00 07 c0 91 03", &d);
	assert_int_equal(d.sub, 7);
	assert_false(d.retained);
	assert_ptr_equal(d.publish, b.at + 8);
	assert_int_equal(d.publish_len, 2);
	for (int i = 0; i < 2; i++) {
		uint8_t head[DELIVER_HEAD_MAX];
		size_t n = deliver_put_head(head, 9, i ? &info : NULL, 2);

		b.len = 0;
		put(&b, head + 5, n - 5);
		put_hex(&b, "91 03");
		assert_true(deliver_read(b.at, b.len, &d));
		assert_int_equal(d.sub, 9);
		assert_int_equal(d.retained, i);
		assert_int_equal(d.age_ms, i * 12345);
		assert_int_equal(d.publish_len, 2);
	}
	bytes_free(&b);
}

TEST(any_encoding_is_read_and_elements_to_come_are_ignored)
{
	struct bytes b = { 0 };
	struct deliver d;

	assert_true(read_hex(&b,
	                     "dc 00 06 cc 06 cd 00 07"
	                     "de 00 03 a1 78 81 a1 79 91 c0"
	                     "d9 06 61 67 65 5f 6d 73 05"
	                     "a8 72 65 74 61 69 6e 65 64 c2"
	                     "92 03 01 c0 81 a1 7a 01",
	                     &d));
	assert_int_equal(d.sub, 7);
	assert_int_equal(d.age_ms, 5);
	assert_false(d.retained);
	assert_int_equal(d.publish_len, 3);
	assert_memory_equal(d.publish, "\x92\3\1", 3);
	bytes_free(&b);
}

TEST(what_is_no_deliver_is_not_taken_for_one)
{
	static const char *const wrong[] = {
		"c0",
		"94",
		"94 06 07 c0",
		"93 06 07 c0",
		"94 05 07 c0 91 03",
		"94 06 ff c0 91 03",
		"94 06 cf 00 00 00 01 00 00 00 00 c0 91 03",
		"94 06 07 01 91 03",
		"94 06 07 81 01 01 91 03",
		"94 06 07 81 a1 78 91 03",
		"94 06 07 81 a8 72 65 74 61 69 6e 65 64 01 91 03",
		"94 06 07 81 a6 61 67 65 5f 6d 73 ff 91 03",
		"94 06 07 df ff ff ff ff 91 03",
		"94 06 07 c0 91",
		"94 06 07 c0 91 03 00",
		"95 06 07 c0 91 03",
	};
	struct bytes b = { 0 };
	struct deliver d;

	for (size_t i = 0; i < COUNT(wrong); i++)
		if (read_hex(&b, wrong[i], &d))
			fail_msg("%s was taken", wrong[i]);
	bytes_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_s_message_has_nil_for_info),
		cmocka_unit_test(a_retained_value_has_its_age),
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(
			any_encoding_is_read_and_elements_to_come_are_ignored),
		cmocka_unit_test(what_is_no_deliver_is_not_taken_for_one),
	};

	return RUN(tests);
}
