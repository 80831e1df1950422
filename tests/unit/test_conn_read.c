/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "conns.h"

TEST(a_message_goes_from_socket_to_socket_and_nothing_is_held_when_idle)
{
	struct bytes b = { 0 };
	struct end a, c;
	struct rig r;

	rig_init(&r, some_config());
	a = open_end(&r);
	c = open_end_on_all(&r);
	put_publish(&b, "x", NULL, "hi", 2);
	say_bytes(&r, &a, &b);
	expect(&r, &c, TYPE_PUBLISH);
	assert_int_equal(c.frame.len, b.len);
	assert_memory_equal(c.frame.at + c.frame.len - 2, "hi", 2);
	expect_nothing(&r, &a);
	assert_int_equal(r.broker.pool.used, 0);
	bytes_free(&b);
	end_free(&a);
	end_free(&c);
	turn(&r);
	assert_int_equal(r.all.n, 0);
	rig_fini(&r);
}

TEST(any_cutting_of_the_stream_means_the_same)
{
	struct bytes b = { 0 };
	struct rig r;

	put_frame(&b, "94 01 01 a1 78 80");
	put_frame(&b, "95 04 01 01 a2 2a 2a 80");
	put_publish(&b, "x", NULL, "hi", 2);
	put_frame(&b, "92 0a 05");
	rig_init(&r, some_config());
	for (size_t cut = 0; cut <= b.len; cut++) {
		struct end e = connect_end(&r);
		struct bytes first = b, second = b;

		first.len = cut;
		second.at += cut;
		second.len -= cut;
		say_bytes(&r, &e, &first);
		say_bytes(&r, &e, &second);
		expect(&r, &e, TYPE_WELCOME);
		expect(&r, &e, TYPE_OK);
		expect(&r, &e, TYPE_PUBLISH);
		assert_int_equal(expect(&r, &e, TYPE_PONG).pong.token, 5);
		expect_nothing(&r, &e);
		end_free(&e);
	}
	bytes_free(&b);
	rig_fini(&r);
}

TEST(what_was_sent_is_routed_even_if_its_sender_reads_nothing_and_is_gone)
{
	struct bytes b = { 0 };
	struct end c, e;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	e = connect_end(&r);
	put_frame(&b, "94 01 01 a1 78 80");
	for (int i = 0; i < 10; i++) {
		put_publish(&b, "x", NULL, "1", 1);
		put_frame(&b, "92 0a 05"); /* answers that nobody reads */
	}
	assert_int_equal(say_some(&e, &b, 0), b.len);
	close(e.fd);
	e.fd = -1;
	for (int i = 0; i < 10; i++)
		expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	assert_int_equal(r.all.n, 1);
	bytes_free(&b);
	end_free(&e);
	end_free(&c);
	rig_fini(&r);
}

TEST(a_fault_ends_its_own_connection_with_an_error_and_no_other)
{
	static const struct {
		const char *bytes;
		enum status status;
	} faults[] = {
		{ "47 45 54 20 2f", STATUS_BAD_MAGIC },
		{ "00", STATUS_BAD_MAGIC },
		{ "ce 00 10 00 01", STATUS_FRAME_TOO_BIG },
		{ "ce ff ff ff ff", STATUS_FRAME_TOO_BIG },
		{ "ce 00 00 00 01 c0", STATUS_BAD_FRAME },
		{ "ce 00 00 00 02 91 0e", STATUS_UNKNOWN_TYPE },
	};
	struct end c;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct end e = open_end(&r);
		struct bytes b = { 0 };

		put_hex(&b, faults[i].bytes);
		put_publish(&b, "x", NULL, "no", 2);
		say_bytes(&r, &e, &b);
		expect_error_and_end(&r, &e, faults[i].status);
		bytes_free(&b);
		end_free(&e);
	}
	expect_nothing(&r, &c);
	assert_int_equal(r.all.n, 1);
	end_free(&c);
	rig_fini(&r);
}

TEST(before_welcome_a_body_is_at_most_32768_bytes)
{
	struct rig r;
	struct end e;
	struct bytes b = { 0 };

	rig_init(&r, some_config());
	e = connect_end(&r);
	put_hex(&b, "ce 00 00 80 01");
	say_bytes(&r, &e, &b);
	expect_error_and_end(&r, &e, STATUS_FRAME_TOO_BIG);
	end_free(&e);
	/* but what is pipelined behind HELLO may be longer */
	e = connect_end(&r);
	b.len = 0;
	put_frame(&b, "94 01 01 a1 78 80");
	put_hex(&b, "ce 00 00 80 06 92 cc 80 c5 80 00");
	put_fill(&b, 0, 32768);
	say_bytes(&r, &e, &b);
	expect(&r, &e, TYPE_WELCOME);
	expect_nothing(&r, &e);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

TEST(who_does_not_read_its_answers_is_not_read)
{
	struct bytes b = { 0 };
	struct end e;
	unsigned pongs = 0;
	size_t said = 0;
	struct rig r;

	rig_init(&r, some_config());
	e = open_end(&r);
	for (int i = 0; i < 400000; i++)
		put_hex(&b, "ce 00 00 00 03 92 0a 05");
	for (int i = 0; i < 300; i++) {
		said += say_some(&e, &b, said);
		turn(&r);
	}
	assert_true(said < b.len);
	assert_true(r.broker.pool.used < 4 << 20);
	/* a frame that is not read is not late */
	step(&r, 60000);
	while (pongs < 400000) {
		if (listen_some(&e, SIZE_MAX) == 0)
			assert_false(e.eof);
		said += said < b.len ? say_some(&e, &b, said) : 0;
		turn(&r);
		/* 95 0b 05 and three counts of 0 */
		for (; e.got.len >= 11; pongs++) {
			size_t n = e.got.len / 11;

			for (size_t i = 0; i < n; i++)
				assert_memory_equal(e.got.at + 11 * i,
				                    "\xce\0\0\0\6\x95\x0b\5",
				                    8);
			pongs += (unsigned)n - 1;
			memmove(e.got.at, e.got.at + 11 * n,
			        e.got.len -= 11 * n);
		}
	}
	assert_int_equal(pongs, 400000);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_message_goes_from_socket_to_socket_and_nothing_is_held_when_idle),
		cmocka_unit_test(any_cutting_of_the_stream_means_the_same),
		cmocka_unit_test(
			what_was_sent_is_routed_even_if_its_sender_reads_nothing_and_is_gone),
		cmocka_unit_test(
			a_fault_ends_its_own_connection_with_an_error_and_no_other),
		cmocka_unit_test(before_welcome_a_body_is_at_most_32768_bytes),
		cmocka_unit_test(who_does_not_read_its_answers_is_not_read),
	};

	return RUN(tests);
}
