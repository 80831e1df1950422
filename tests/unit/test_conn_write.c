/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "conns.h"

TEST(a_slow_reader_slows_its_publisher_and_loses_nothing)
{
	enum { N = 3000, SIZE = 1000 };
	struct bytes b = { 0 };
	struct end slow, pub;
	unsigned got = 0;
	size_t said = 0;
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	pub = open_end(&r);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t payload[SIZE] = { 0 };

		memcpy(payload, &i, sizeof(i));
		put_publish(&b, "x", NULL, payload, SIZE);
	}
	for (int i = 0; i < 200; i++) {
		said += say_some(&pub, &b, said);
		turn(&r);
	}
	/* outbox, a slab, and the kernel's buffers: then it is held */
	assert_true(said < b.len);
	assert_true(r.broker.pool.used < 3 << 20);
	while (got < N) {
		listen_some(&slow, 20000);
		said += say_some(&pub, &b, said);
		turn(&r);
		while (slow.got.len >= 5) {
			uint32_t size = 5 + 13 + 2 + 2 + 3 + SIZE, number;

			if (slow.got.len < size)
				break;
			memcpy(&number, slow.got.at + size - SIZE, 4);
			assert_int_equal(number, got);
			got++;
			slow.got.len -= size;
			memmove(slow.got.at, slow.got.at + size, slow.got.len);
		}
	}
	assert_int_equal(said, b.len);
	expect_nothing(&r, &slow);
	say(&r, &pub, "92 0a 05");
	assert_int_equal(expect(&r, &pub, TYPE_PONG).pong.accepted.value, N);
	bytes_free(&b);
	end_free(&slow);
	end_free(&pub);
	rig_fini(&r);
}

TEST(a_stopped_reader_is_evicted_and_gone_after_its_last_words)
{
	struct bytes b = { 0 };
	struct end slow, pub;
	size_t said = 0;
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	pub = open_end(&r);
	for (int i = 0; i < 80000; i++)
		put_publish(&b, "x", NULL, "0123456789", 10);
	for (int i = 0; i < 100; i++) {
		said += say_some(&pub, &b, said);
		turn(&r);
	}
	assert_true(said < b.len);
	step(&r, 100);
	expect(&r, &pub, TYPE_HOLD);
	step(&r, 1900);
	assert_false(expect(&r, &pub, TYPE_HOLD).hold.on);
	assert_int_equal(r.all.n, 2); /* it may still read its last words */
	while (said < b.len) {
		said += say_some(&pub, &b, said);
		turn(&r);
	}
	step(&r, 4999);
	assert_int_equal(r.all.n, 2);
	step(&r, 1);
	assert_int_equal(r.all.n, 1);
	assert_int_equal(r.broker.pool.used, 0);
	bytes_free(&b);
	end_free(&slow);
	end_free(&pub);
	rig_fini(&r);
}

TEST(what_a_held_publisher_sent_before_it_left_is_routed_when_there_is_room)
{
	enum { N = 40, SIZE = 50000 };
	static const uint8_t payload[SIZE];
	struct bytes b = { 0 };
	struct end slow, pub;
	size_t got = 0, said = 0;
	struct session *s;
	struct rig r;

	rig_init(&r, some_config());
	slow = open_end_on_all(&r);
	for (int i = 0; i < N; i++)
		put_publish(&b, "x", NULL, payload, SIZE);
	pub = open_end(&r);
	do {
		said += say_some(&pub, &b, said);
		turn(&r);
		s = TAILQ_NEXT(TAILQ_FIRST(&r.broker.sessions), link);
	} while (!s->hold);
	said += say_some(&pub, &b, said);
	close(pub.fd);
	pub.fd = -1;
	turn(&r);
	assert_int_equal(r.all.n, 2);
	while (next_frame(&r, &slow))
		got++;
	assert_int_equal(got, said / (b.len / N)); /* all that came whole */
	assert_int_equal(r.all.n, 1);
	bytes_free(&b);
	end_free(&slow);
	end_free(&pub);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_slow_reader_slows_its_publisher_and_loses_nothing),
		cmocka_unit_test(
			a_stopped_reader_is_evicted_and_gone_after_its_last_words),
		cmocka_unit_test(
			what_a_held_publisher_sent_before_it_left_is_routed_when_there_is_room),
	};

	return RUN(tests);
}
