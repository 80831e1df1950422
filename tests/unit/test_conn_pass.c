/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "conns.h"

/* All that there may be of it is in use. */
static void
use_up(struct rig *r)
{
	slab_pool_charge(&r->broker.pool, r->config.memory_max);
}

static void
give_back(struct rig *r)
{
	slab_pool_uncharge(&r->broker.pool, r->config.memory_max);
}

/* `n` messages to x, each of so many bytes. */
static struct bytes
messages(unsigned n, size_t size)
{
	static const uint8_t payload[100000];
	struct bytes b = { 0 };

	while (n-- > 0)
		put_publish(&b, "x", NULL, payload, size);
	return b;
}

/* One that has subscribed to x, and is owed more than the kernel takes. */
static struct end
end_behind(struct rig *r)
{
	struct end e = open_end(r), pub = open_end(r);
	struct bytes b = messages(12, 60000);

	say(r, &e, "95 04 01 01 a1 78 80");
	expect(r, &e, TYPE_OK);
	say_bytes(r, &pub, &b);
	say(r, &pub, "92 0a 05");
	expect(r, &pub, TYPE_PONG);
	bytes_free(&b);
	end_free(&pub);
	turn(r);
	return e;
}

TEST(at_the_ceiling_what_is_too_long_to_pass_is_not_read_until_there_is_memory)
{
	struct bytes b = messages(1, 20000);
	struct end c, pub;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	pub = open_end(&r);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	turn(&r);
	expect_nothing(&r, &c);
	give_back(&r);
	expect(&r, &c, TYPE_PUBLISH);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

TEST(at_the_ceiling_messages_pass_to_those_who_keep_up_and_use_no_memory)
{
	struct bytes b = messages(1000, 100);
	struct end c, pub;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	pub = open_end(&r);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	for (unsigned i = 0; i < 1000; i++)
		expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	say(&r, &pub, "92 0a 05");
	assert_int_equal(expect(&r, &pub, TYPE_PONG).pong.accepted.value, 1000);
	assert_int_equal(r.broker.pool.used, r.config.memory_max);
	/* who comes and goes does so, too */
	end_free(&c);
	c = open_end_on_all(&r);
	assert_int_equal(r.all.n, 2);
	give_back(&r);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

TEST(at_the_ceiling_nothing_passes_to_those_who_are_behind)
{
	struct end slow, keen, pub, other;
	struct bytes b = { 0 };
	struct rig r;
	size_t owed;

	rig_init(&r, some_config());
	slow = end_behind(&r);
	keen = open_end(&r);
	say(&r, &keen, "95 04 01 01 a1 79 80");
	expect(&r, &keen, TYPE_OK);
	pub = open_end(&r);
	other = open_end(&r);
	use_up(&r);
	owed = r.broker.pool.used;
	/* what comes before it passes; what comes behind it waits with it */
	put_publish(&b, "y", NULL, "1", 1);
	put_publish(&b, "x", NULL, "2", 1);
	put_publish(&b, "y", NULL, "3", 1);
	say_bytes(&r, &pub, &b);
	expect(&r, &keen, TYPE_PUBLISH);
	assert_memory_equal(keen.frame.at + keen.frame.len - 1, "1", 1);
	expect_nothing(&r, &keen);
	/* that is not for others to wait for */
	b.len = 0;
	put_publish(&b, "y", NULL, "4", 1);
	say_bytes(&r, &other, &b);
	expect(&r, &keen, TYPE_PUBLISH);
	assert_memory_equal(keen.frame.at + keen.frame.len - 1, "4", 1);
	assert_int_equal(r.broker.pool.used, owed);
	/* nor does who owes pass anything */
	b.len = 0;
	put_publish(&b, "y", NULL, "5", 1);
	say_bytes(&r, &slow, &b);
	expect_nothing(&r, &keen);
	give_back(&r);
	for (int i = 0; i < 2; i++)
		expect(&r, &keen, TYPE_PUBLISH);
	expect_nothing(&r, &keen);
	for (int i = 0; i < 13; i++)
		expect(&r, &slow, TYPE_PUBLISH);
	assert_memory_equal(slow.frame.at + slow.frame.len - 1, "2", 1);
	bytes_free(&b);
	end_free(&slow);
	end_free(&keen);
	end_free(&pub);
	end_free(&other);
	rig_fini(&r);
}

TEST(at_the_ceiling_a_group_gets_messages_while_one_of_it_keeps_up)
{
	struct end slow, keen, pub;
	struct bytes b = { 0 };
	struct rig r;

	rig_init(&r, some_config());
	slow = end_behind(&r);
	say(&r, &slow, "95 04 02 02 a1 7a 81 a5 67 72 6f 75 70 a1 67");
	pub = open_end(&r);
	use_up(&r);
	put_publish(&b, "z", NULL, "1", 1);
	say_bytes(&r, &pub, &b);
	keen = open_end(&r);
	expect_nothing(&r, &keen);
	give_back(&r);
	turn(&r);
	say(&r, &keen, "95 04 02 02 a1 7a 81 a5 67 72 6f 75 70 a1 67");
	expect(&r, &keen, TYPE_OK);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	assert_true(next_frame(&r, &keen));
	assert_int_equal(keen.frame.at[6], TYPE_DELIVER);
	give_back(&r);
	bytes_free(&b);
	end_free(&slow);
	end_free(&keen);
	end_free(&pub);
	rig_fini(&r);
}

TEST(at_the_ceiling_what_is_to_be_kept_and_half_a_frame_wait_for_memory)
{
	struct bytes b = messages(1, 10), half;
	struct config config = some_config();
	struct end c, keeps, begins;
	struct rig r;

	config.retained_max = 10;
	config.retained_bytes = 1u << 20;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	keeps = open_end(&r);
	begins = open_end(&r);
	half = b;
	half.len = b.len / 2;
	use_up(&r);
	say_bytes(&r, &begins, &half);
	step(&r, 1000);
	half.at = b.at + half.len;
	half.len = b.len - half.len;
	say_bytes(&r, &begins, &half);
	b.at[7] = 1; /* retain */
	say_bytes(&r, &keeps, &b);
	expect_nothing(&r, &c);
	step(&r, 100000); /* and nobody is late */
	expect_nothing(&r, &c);
	give_back(&r);
	expect(&r, &c, TYPE_PUBLISH);
	expect(&r, &c, TYPE_PUBLISH);
	say(&r, &begins, "92 0a 05");
	assert_int_equal(expect(&r, &begins, TYPE_PONG).pong.accepted.value, 1);
	b.len = 0;
	put_publish(&b, "x", NULL, "", 0);
	b.at[7] = 1; /* keep it no longer */
	say_bytes(&r, &keeps, &b);
	expect(&r, &c, TYPE_PUBLISH);
	bytes_free(&b);
	end_free(&c);
	end_free(&keeps);
	end_free(&begins);
	rig_fini(&r);
}

TEST(at_the_ceiling_faults_limits_and_ends_are_what_they_always_are)
{
	struct bytes b = messages(1, 10);
	struct end c, faulty, gone;
	struct rig r;

	rig_init(&r, some_config());
	c = open_end_on_all(&r);
	faulty = open_end(&r);
	gone = open_end(&r);
	use_up(&r);
	put_hex(&b, "ff");
	say_bytes(&r, &faulty, &b);
	expect(&r, &c, TYPE_PUBLISH);
	expect_error_and_end(&r, &faulty, STATUS_BAD_MAGIC);
	b.len--;
	assert_int_equal(say_some(&gone, &b, 0), b.len);
	close(gone.fd);
	gone.fd = -1;
	expect(&r, &c, TYPE_PUBLISH);
	turn(&r);
	assert_int_equal(r.all.n, 1);
	give_back(&r);
	bytes_free(&b);
	end_free(&c);
	end_free(&faulty);
	end_free(&gone);
	rig_fini(&r);
}

/* How fast one may publish is counted; what was looked at is not remembered. */
TEST(at_the_ceiling_publish_rate_counts)
{
	struct config config = some_config();
	struct bytes b = messages(30, 10);
	struct end c, pub;
	struct message m;
	struct rig r;

	config.publish_rate = 10;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	pub = open_end(&r);
	use_up(&r);
	say_bytes(&r, &pub, &b);
	for (int i = 0; i < 10; i++)
		expect(&r, &c, TYPE_PUBLISH);
	expect_nothing(&r, &c);
	for (int i = 0; i < 40; i++)
		step(&r, 100);
	for (int i = 0; i < 20; i++)
		expect(&r, &c, TYPE_PUBLISH);
	m = expect(&r, &pub, TYPE_HOLD);
	assert_int_equal(m.hold.topic.len, 0);
	give_back(&r);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

/* A byte is no reason to keep others from memory, however often it comes. */
TEST(short_beginnings_of_frames_give_way_to_whole_ones)
{
	enum { N = 30 };
	static const uint8_t first = 0xce;
	struct config config = some_config();
	struct bytes b = { 0 };
	struct end slow[N], c, pub;
	struct rig r;

	config.memory_max = 2u << 20;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	pub = open_end(&r);
	for (int i = 0; i < N; i++) {
		slow[i] = open_end(&r);
		put(&b, &first, 1);
		say_bytes(&r, &slow[i], &b);
		b.len = 0;
	}
	put_publish(&b, "x", NULL, "1", 1);
	say_bytes(&r, &pub, &b);
	expect(&r, &c, TYPE_PUBLISH);
	/* and they may still go on */
	b.len = 0;
	put_hex(&b, "00 00 00 03 92 0a 01");
	for (int i = 0; i < N; i++) {
		say_bytes(&r, &slow[i], &b);
		expect(&r, &slow[i], TYPE_PONG);
		end_free(&slow[i]);
	}
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

/* What it has would be enough for what it waits for. */
TEST(one_that_waits_for_memory_may_be_closed)
{
	struct config config = some_config();
	struct bytes large = { 0 }, other = { 0 };
	struct end c, hog;
	struct rig r;

	config.memory_max = 1u << 20;
	rig_init(&r, config);
	put_hex(&large, "ce 00 09 27 c0 92"); /* 600,000 bytes */
	put_fill(&large, 0, 200000);
	put_hex(&other, "ce 00 04 93 e0 92"); /* 300,000 */
	put_fill(&other, 0, 290000);
	c = open_end(&r);
	hog = open_end(&r);
	say_bytes(&r, &hog, &other);
	say_bytes(&r, &c, &large);
	large.len = 100000;
	say_some(&c, &large, 0);
	turn(&r);
	assert_true(session_is_waiting(TAILQ_FIRST(&r.broker.sessions)));
	end_free(&c);
	end_free(&hog);
	bytes_free(&large);
	bytes_free(&other);
	rig_fini(&r);
}

/* Each of them has begun a frame, and together they have all there is. */
TEST(frames_that_are_never_finished_do_not_stop_the_broker)
{
	enum { N = 8 };
	struct config config = some_config();
	struct bytes b = { 0 };
	struct end hog[N], c, pub;
	unsigned gone = 0;
	struct rig r;

	config.memory_max = 2u << 20;
	rig_init(&r, config);
	c = open_end_on_all(&r);
	pub = open_end(&r);
	put_hex(&b, "ce 00 01 00 00 92"); /* and not all of the rest */
	put_fill(&b, 0, SLAB_SIZE / 8);
	for (int i = 0; i < N; i++) {
		hog[i] = open_end(&r);
		say_bytes(&r, &hog[i], &b);
	}
	assert_true(r.broker.pool.used + SLAB_SIZE > config.memory_max);
	bytes_free(&b);
	b = messages(1, 20000);
	say_bytes(&r, &pub, &b);
	expect_nothing(&r, &c);
	step(&r, 2000);
	expect(&r, &c, TYPE_PUBLISH);
	for (int i = 0; i < N; i++) {
		if (!next_frame(&r, &hog[i]))
			continue;
		gone++;
		assert_true(hog[i].eof);
	}
	assert_int_equal(gone, 1);
	for (int i = 0; i < N; i++)
		end_free(&hog[i]);
	bytes_free(&b);
	end_free(&c);
	end_free(&pub);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			at_the_ceiling_what_is_too_long_to_pass_is_not_read_until_there_is_memory),
		cmocka_unit_test(
			at_the_ceiling_messages_pass_to_those_who_keep_up_and_use_no_memory),
		cmocka_unit_test(
			at_the_ceiling_nothing_passes_to_those_who_are_behind),
		cmocka_unit_test(
			at_the_ceiling_a_group_gets_messages_while_one_of_it_keeps_up),
		cmocka_unit_test(
			at_the_ceiling_what_is_to_be_kept_and_half_a_frame_wait_for_memory),
		cmocka_unit_test(
			at_the_ceiling_faults_limits_and_ends_are_what_they_always_are),
		cmocka_unit_test(at_the_ceiling_publish_rate_counts),
		cmocka_unit_test(
			short_beginnings_of_frames_give_way_to_whole_ones),
		cmocka_unit_test(one_that_waits_for_memory_may_be_closed),
		cmocka_unit_test(
			frames_that_are_never_finished_do_not_stop_the_broker),
	};

	return RUN(tests);
}
