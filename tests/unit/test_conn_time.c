/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "conns.h"

TEST(hello_has_10_s_from_the_connection_on)
{
	struct bytes b = { 0 };
	struct end e;
	struct rig r;

	rig_init(&r, some_config());
	e = connect_end(&r);
	step(&r, 9000);
	put_hex(&b, "ce"); /* a byte is not enough */
	say_bytes(&r, &e, &b);
	step(&r, 999);
	expect_nothing(&r, &e);
	step(&r, 1);
	expect_error_and_end(&r, &e, STATUS_TIMEOUT);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

TEST(a_frame_that_has_begun_has_30_s_and_an_idle_session_all_the_time)
{
	struct bytes b = { 0 };
	struct end e;
	struct rig r;

	rig_init(&r, some_config());
	e = open_end(&r);
	step(&r, 1000000);
	put_hex(&b, "ce 00 00 00");
	say_bytes(&r, &e, &b);
	step(&r, 29000);
	b.len = 0;
	put_hex(&b, "02 91"); /* more of it is no new frame */
	say_bytes(&r, &e, &b);
	step(&r, 999);
	expect_nothing(&r, &e);
	step(&r, 1);
	expect_error_and_end(&r, &e, STATUS_TIMEOUT);
	end_free(&e);

	/* each frame has its own time */
	e = open_end(&r);
	for (int i = 0; i < 5; i++) {
		b.len = 0;
		put_hex(&b, i == 0 ? "ce 00 00 00 03 92"
		                   : "0a 05 ce 00 00 00 03 92");
		say_bytes(&r, &e, &b);
		step(&r, 20000);
	}
	for (int i = 0; i < 4; i++)
		expect(&r, &e, TYPE_PONG);
	expect_nothing(&r, &e);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

TEST(a_session_that_the_broker_does_not_read_is_not_late)
{
	struct bytes b = { 0 };
	struct end e;
	struct rig r;

	rig_init(&r, some_config());
	r.broker.settling = true;
	e = open_end(&r);
	put_publish(&b, "x", NULL, "1", 1);
	say_bytes(&r, &e, &b);
	turn(&r);
	clock_step(100000);
	deadlines_run(&r.broker.deadlines, stepped_ms);
	expect_nothing(&r, &e);
	r.broker.settling = false;
	broker_settle(&r.broker);
	say(&r, &e, "92 0a 05");
	assert_int_equal(expect(&r, &e, TYPE_PONG).pong.accepted.value, 1);
	bytes_free(&b);
	end_free(&e);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_has_10_s_from_the_connection_on),
		cmocka_unit_test(
			a_frame_that_has_begun_has_30_s_and_an_idle_session_all_the_time),
		cmocka_unit_test(
			a_session_that_the_broker_does_not_read_is_not_late),
	};

	return RUN(tests);
}
