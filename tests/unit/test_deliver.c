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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_s_message_has_nil_for_info),
		cmocka_unit_test(a_retained_value_has_its_age),
	};

	return RUN(tests);
}
