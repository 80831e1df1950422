/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/publish.h"

#include "sessions.h"

static enum command_outcome
retain(struct client *c, const char *topic, const char *payload)
{
	enum command_outcome outcome;
	struct bytes b = { 0 };

	put_publish_with(&b, 1, topic, NULL, payload, strlen(payload));
	outcome = client_says(c, &b);
	bytes_free(&b);
	return outcome;
}

TEST(what_is_to_be_retained_is_delivered_and_a_copy_of_it_kept)
{
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "**");
	pub = client_open(&r, "pub", 70000);
	for (int round = 0; round < 3; round++) {
		char payload[2] = { (char)('a' + round), 0 };

		clock_step(10);
		assert_int_equal(retain(pub, "a.b", payload), COMMAND_TAKEN);
		assert_int_equal(retain(pub, "nobody", "x"), COMMAND_TAKEN);
		client_next(c, TYPE_PUBLISH);
		/* flag, stamp and all */
		assert_int_equal(rig_kept(&r, "a.b")->slab->cap,
		                 c->frame.len - 5);
		assert_memory_equal(rig_kept(&r, "a.b")->slab->data,
		                    c->frame.at + 5, c->frame.len - 5);
		assert_int_equal(c->frame.at[7], 1);
		assert_int_equal(c->frame.at[13], pub->session.id);
		assert_true(rig_kept(&r, "a.b")->since_ms == stepped_ms);
		client_next(c, TYPE_PUBLISH);
	}
	assert_int_equal(r.broker.retained.n, 2);
	assert_int_equal(pub->session.accepted, 6);
	client_publishes(pub, "a.b", 5); /* without the flag nothing changes */
	assert_int_equal(rig_kept(&r, "a.b")->slab->cap, 13 + 4 + 2 + 3);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(an_empty_one_is_delivered_and_clears)
{
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "**");
	pub = client_open(&r, "pub", 1);
	retain(pub, "a", "x");
	retain(pub, "a", "");
	retain(pub, "b", "");
	for (int i = 0; i < 3; i++)
		client_next(c, TYPE_PUBLISH);
	assert_int_equal(r.broker.retained.n, 0);
	client_expect_nothing(pub);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(one_to_be_retained_is_never_part_of_a_run)
{
	struct bytes b = { 0 };
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 9; i++)
		put_publish_with(&b, i == 4, "a", NULL, "hello", 5);
	assert_int_equal(client_says(pub, &b), COMMAND_TAKEN);
	assert_int_equal(pub->session.accepted, 9);
	for (int i = 0; i < 9; i++) {
		client_next(c, TYPE_PUBLISH);
		assert_int_equal(c->frame.at[7], i == 4);
		assert_int_equal(c->frame.at[13], pub->session.id);
	}
	assert_int_equal(r.broker.retained.n, 1);
	bytes_free(&b);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(what_does_not_fit_is_refused_with_both_numbers_and_reaches_nobody)
{
	struct config config = some_config();
	struct client *c, *pub;
	char big[1000] = "";
	struct rig r;

	config.retained_max = 2;
	config.retained_bytes = 1000;
	rig_init_with(&r, config);
	c = client_open(&r, "c", 1);
	pub = client_open(&r, "pub", 1);
	retain(pub, "a", "1");
	retain(pub, "b", "1");
	client_subscribes(c, 1, "**");
	client_next(c, TYPE_OK);

	assert_int_equal(retain(pub, "c", "1"), COMMAND_TAKEN);
	client_expect_error(pub, STATUS_LIMIT, false, 0,
	                    "2 values are retained already (limit 2, "
	                    "retained-max)");
	memset(big, 'x', sizeof(big) - 1);
	retain(pub, "a", big); /* told with others, in a second */
	client_expect_nothing(pub);
	assert_int_equal(rig_kept(&r, "a")->slab->cap, 13 + 2 + 2 + 3);
	/* for each code by itself */
	assert_int_equal(client_publishes(pub, "$x", 0), COMMAND_TAKEN);
	rig_step(&r, 1000);
	client_expect_error(pub, STATUS_DENIED, false, 0, "$");
	client_expect_error(pub, STATUS_LIMIT, false, 0, "1 more messages");
	client_expect_nothing(c);
	rig_step(&r, 1000);
	retain(pub, "a", big);
	client_expect_error(pub, STATUS_LIMIT, false, 0,
	                    "(limit 1000, retained-bytes)");
	assert_int_equal(pub->session.accepted, 2);
	assert_int_equal(pub->session.refused, 4);
	retain(pub, "b", "");
	retain(pub, "c", "1");
	assert_non_null(rig_kept(&r, "c"));
	rig_step(&r, 1000);
	client_expect_nothing(pub);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(nothing_is_retained_for_an_inbox)
{
	char inbox[INBOX_MAX];
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	session_inbox(&c->session, inbox);
	assert_int_equal(retain(c, inbox, "x"), COMMAND_TAKEN);
	client_expect_denied(c, inbox);
	assert_int_equal(r.broker.retained.n, 0);
	rig_step(&r, 1000);
	client_free(c);
	rig_fini(&r);
}

TEST(what_waits_is_kept_when_it_is_routed)
{
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	pub = client_open(&r, "pub", 1);
	while (c->session.out.bytes < r.config.outbox_high)
		client_publishes(pub, "a", 5000);
	assert_int_equal(retain(pub, "a", "x"), COMMAND_WAITS);
	assert_null(rig_kept(&r, "a"));
	client_reads_all(c);
	rig_turn(&r);
	assert_non_null(rig_kept(&r, "a"));
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_to_be_retained_is_delivered_and_a_copy_of_it_kept),
		cmocka_unit_test(an_empty_one_is_delivered_and_clears),
		cmocka_unit_test(one_to_be_retained_is_never_part_of_a_run),
		cmocka_unit_test(
			what_does_not_fit_is_refused_with_both_numbers_and_reaches_nobody),
		cmocka_unit_test(nothing_is_retained_for_an_inbox),
		cmocka_unit_test(what_waits_is_kept_when_it_is_routed),
	};

	return RUN(tests);
}
