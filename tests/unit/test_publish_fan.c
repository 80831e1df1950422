/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/publish.h"

#include "sessions.h"

TEST(a_member_gets_the_publish_as_it_came_behind_a_head_of_its_own)
{
	static const size_t lens[] = { 0, 5, 1000, 1100, 70000 };
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	client_joins(c, 0x01020304, "g", "a.*");
	client_next(c, TYPE_OK);
	pub = client_open(&r, "pub", 70000);
	for (size_t i = 0; i < COUNT(lens); i++) {
		struct bytes sent = { 0 }, want = { 0 };
		uint8_t *payload = calloc(1, lens[i] + 1);

		put_publish(&sent, "a.b", NULL, payload, lens[i]);
		client_says(pub, &sent);
		put_hex(&want, "94 06 ce 01 02 03 04 c0");
		put(&want, sent.at + 5, sent.len - 5);
		put_prefix_before(&want, 0);
		assert_true(client_next_frame(c));
		assert_int_equal(c->frame.len, want.len);
		/* the stamp apart */
		assert_int_equal(c->frame.at[13 + 8], pub->session.id);
		memset(c->frame.at + 13 + 5, 0, 8);
		assert_memory_equal(c->frame.at, want.at, want.len);
		free(payload);
		bytes_free(&sent);
		bytes_free(&want);
	}
	client_expect_nothing(c);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(each_message_of_a_run_goes_to_one_member_in_turn_and_in_order)
{
	struct client *c[3], *pub;
	struct bytes b = { 0 };
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 3; i++)
		c[i] = client_open_in(&r, "c", "g", "a");
	pub = client_open(&r, "pub", 1);
	for (uint8_t i = 0; i < 90; i++)
		put_publish(&b, "a", NULL, &i, 1);
	client_says(pub, &b);
	assert_int_equal(pub->session.accepted, 90);
	assert_int_equal(pub->session.unmatched, 0);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = i; k < 90; k += 3) {
			client_next(c[i], TYPE_DELIVER);
			assert_int_equal(c[i]->frame.at[c[i]->frame.len - 1],
			                 k);
		}
		client_expect_nothing(c[i]);
		client_free(c[i]);
	}
	bytes_free(&b);
	client_free(pub);
	rig_fini(&r);
}

TEST(a_session_that_is_subscribed_plainly_and_in_groups_gets_one_of_each)
{
	struct client *c, *other, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a.*");
	client_subscribes(c, 2, "a.b");
	client_joins(c, 3, "g", "a.b");
	client_joins(c, 4, "h", "a.b"); /* another name */
	client_joins(c, 5, "g", "**");  /* another filter */
	client_joins(c, 6, "g", "a.c"); /* that does not match */
	assert_int_equal(client_count(c, TYPE_OK), 5);
	other = client_open_on(&r, "other", "**");
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 3; i++) {
		bool seen[7] = { 0 };

		client_publishes(pub, "a.b", 10);
		client_next(c, TYPE_PUBLISH);
		for (int k = 0; k < 3; k++) {
			client_next(c, TYPE_DELIVER);
			seen[c->frame.at[11]] = true;
		}
		assert_true(seen[3] && seen[4] && seen[5]);
		client_expect_nothing(c);
		client_next(other, TYPE_PUBLISH);
		client_expect_nothing(other);
	}
	client_free(c);
	client_free(other);
	client_free(pub);
	rig_fini(&r);
}

TEST(a_member_that_reads_less_gets_less_and_one_that_is_full_nothing)
{
	struct client *slow, *fast, *pub;
	struct rig r;
	unsigned n = 0;

	rig_init(&r);
	slow = client_open_in(&r, "slow", "g", "a");
	fast = client_open_in(&r, "fast", "g", "a");
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 1000; i++) {
		client_publishes(pub, "a", 1000);
		n += client_count(fast, TYPE_DELIVER);
		assert_false(session_is_waiting(&pub->session));
	}
	/* the first went to the slow one: then it was never the least again */
	assert_int_equal(n, 999);
	assert_int_equal(client_count(slow, TYPE_DELIVER), 1);
	client_free(slow);
	client_free(fast);
	client_free(pub);
	rig_fini(&r);
}

TEST(what_a_member_publishes_itself_is_dealt_out_like_any_other)
{
	struct client *a, *b;
	struct rig r;

	rig_init(&r);
	a = client_open_in(&r, "a", "g", "**");
	b = client_open_in(&r, "b", "g", "**");
	for (int i = 0; i < 10; i++)
		client_publishes(a, "x", 10);
	assert_int_equal(client_count(a, TYPE_DELIVER), 5);
	assert_int_equal(client_count(b, TYPE_DELIVER), 5);
	client_free(a);
	client_free(b);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_member_gets_the_publish_as_it_came_behind_a_head_of_its_own),
		cmocka_unit_test(
			each_message_of_a_run_goes_to_one_member_in_turn_and_in_order),
		cmocka_unit_test(
			a_session_that_is_subscribed_plainly_and_in_groups_gets_one_of_each),
		cmocka_unit_test(
			a_member_that_reads_less_gets_less_and_one_that_is_full_nothing),
		cmocka_unit_test(
			what_a_member_publishes_itself_is_dealt_out_like_any_other),
	};

	return RUN(tests);
}
