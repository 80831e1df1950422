/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/snapshot.h"

#include "broker/publish.h"
#include "sessions.h"

static void
put_subscribe(struct bytes *b, uint32_t sub, const char *filter)
{
	size_t start = b->len;

	put_hex(b, "95 04 07 ce");
	put_be(b, sub, 4);
	put_str(b, filter);
	put_hex(b, "81 a8 72 65 74 61 69 6e 65 64 c3");
	put_prefix_before(b, start);
}

static enum command_outcome
subscribe(struct client *c, uint32_t sub, const char *filter)
{
	put_subscribe(&c->said, sub, filter);
	return client_goes_on(c);
}

static void
retain(struct client *c, const char *topic, size_t len)
{
	uint8_t *payload = calloc(1, len + 1);
	struct bytes b = { 0 };

	assert_non_null(payload);
	put_publish_with(&b, 1, topic, NULL, payload, len);
	assert_int_equal(client_says(c, &b), COMMAND_TAKEN);
	bytes_free(&b);
	free(payload);
}

static void
expect_granted(struct client *c, uint64_t n)
{
	struct message m = client_next(c, TYPE_OK);

	assert_int_equal(m.ok.request, 7);
	assert_true(m.ok.n.given);
	assert_int_equal(m.ok.n.value, n);
}

/* The next frame: a retained value for this sub; what it says is in *p. */
static uint64_t
expect_value_of(struct client *c, uint32_t sub, const char *topic,
                struct publish *p)
{
	const uint8_t *at;
	uint64_t age;

	assert_true(client_next_frame(c));
	at = c->frame.at;
	assert_int_equal(at[6], TYPE_DELIVER);
	assert_int_equal(deliver_sub(at), sub);
	assert_int_equal(at[DELIVER_INFO_AT], 0x82);
	age = load_be64(at + DELIVER_HEAD_MAX - 8);
	assert_int_equal(publish_read(at + DELIVER_HEAD_MAX,
	                              c->frame.len - DELIVER_HEAD_MAX, p),
	                 PUBLISH_OK);
	assert_int_equal(p->topic_len, strlen(topic));
	assert_memory_equal(p->topic, topic, p->topic_len);
	return age;
}

TEST(first_the_count_then_each_value_with_its_age_then_what_is_live)
{
	struct client *c, *pub;
	struct publish p;
	struct rig r;

	rig_init(&r);
	pub = client_open(&r, "pub", 70000);
	c = client_open(&r, "c", 1);
	retain(pub, "b.2", 2);
	clock_step(1000);
	retain(pub, "a", 5);
	retain(pub, "b.1", 3000);
	clock_step(500);
	assert_int_equal(subscribe(c, 9, "b.*"), COMMAND_TAKEN);
	retain(pub, "b.2", 1);
	client_publishes(pub, "b.3", 1);
	expect_granted(c, 2);
	assert_int_equal(expect_value_of(c, 9, "b.1", &p), 500);
	assert_int_equal(p.payload_len, 3000);
	assert_int_equal(expect_value_of(c, 9, "b.2", &p), 1500);
	assert_int_equal(p.payload_len, 2);
	assert_int_equal(p.flags, 1);
	/* the stamp is the one of then */
	assert_int_equal(c->frame.at[DELIVER_HEAD_MAX + p.stamp_offset + 3],
	                 pub->session.id);
	client_next(c, TYPE_PUBLISH);
	client_next(c, TYPE_PUBLISH);
	client_expect_nothing(c);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(without_values_the_count_is_0)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	subscribe(c, 1, "a");
	expect_granted(c, 0);
	client_expect_nothing(c);
	client_free(c);
	rig_fini(&r);
}

TEST(what_is_refused_comes_without_values)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	retain(c, "a", 1);
	subscribe(c, 1, "a**");
	client_expect_error(c, STATUS_BAD_FILTER, false, 7, "");
	subscribe(c, 1, "b");
	expect_granted(c, 0);
	subscribe(c, 1, "a");
	client_expect_error(c, STATUS_SUB_IN_USE, false, 7, "");
	client_expect_nothing(c);
	client_free(c);
	rig_fini(&r);
}

TEST(each_subscription_gets_values_of_its_own)
{
	struct client *c;
	struct publish p;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	retain(c, "a", 1);
	for (uint32_t sub = 0; sub < 3; sub++) {
		subscribe(c, sub, "*");
		expect_granted(c, 1);
		expect_value_of(c, sub, "a", &p);
	}
	client_expect_nothing(c);
	client_free(c);
	rig_fini(&r);
}

/* Twice the values that an outbox may hold come, and publishers are let on as
   soon as they are read. */
TEST(a_snapshot_may_exceed_the_mark_but_a_second_one_has_to_wait)
{
	struct client *c, *pub;
	struct publish p;
	char topic[16];
	struct rig r;

	rig_init(&r);
	pub = client_open(&r, "pub", 1);
	c = client_open(&r, "c", 1);
	for (int i = 0; i < 16; i++) {
		snprintf(topic, sizeof(topic), "t.%02d", i);
		retain(pub, topic, r.config.outbox_high / 8);
	}
	assert_int_equal(subscribe(c, 1, "t.*"), COMMAND_TAKEN);
	assert_true(c->session.out.bytes > 2 * r.config.outbox_high);
	assert_int_equal(subscribe(c, 2, "t.00"), COMMAND_WAITS);
	assert_int_equal(client_goes_on(c), COMMAND_TAKEN); /* nothing new */
	assert_int_equal(c->session.subs.n, 1);
	rig_step(&r, 60000); /* that alone is no reason to evict */
	client_takes(c, 3 * r.config.outbox_high / 2);
	client_goes_on(c);
	assert_int_equal(c->session.subs.n, 2);
	expect_granted(c, 16);
	for (int i = 0; i < 16; i++) {
		snprintf(topic, sizeof(topic), "t.%02d", i);
		expect_value_of(c, 1, topic, &p);
	}
	expect_granted(c, 1);
	expect_value_of(c, 2, "t.00", &p);
	client_expect_nothing(c);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

/* Each is copied for who asks, and the copies are the broker's memory, too. */
TEST(snapshots_for_those_who_do_not_read_stay_within_the_memory)
{
	enum { VALUES = 400, SIZE = 1000, ALL = 20 };
	struct client *pub, *c[ALL];
	unsigned n_granted = 0;
	struct config config = some_config();
	struct rig r;
	/* what outboxes write themselves, and a ring of spans that grows to hold
	   two for each value */
	const size_t most =
		(2u << 20) + (64u << 10) + (512 + 1024) * sizeof(struct span);

	config.memory_max = 2u << 20;
	rig_init_with(&r, config);
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < VALUES; i++) {
		char topic[16];

		snprintf(topic, sizeof(topic), "t.%03d", i);
		retain(pub, topic, SIZE);
	}
	for (unsigned i = 0; i < ALL; i++)
		c[i] = client_open(&r, "c", 1);
	for (unsigned i = 0; i < ALL; i++) {
		subscribe(c[i], 1, "t.*");
		n_granted += c[i]->session.subs.n;
	}
	assert_in_range(n_granted, 2, ALL - 1);
	assert_true(r.broker.pool.peak <= most);
	/* they go on when others read */
	for (unsigned turns = 0; n_granted < ALL && turns < ALL; turns++) {
		n_granted = 0;
		for (unsigned i = 0; i < ALL; i++) {
			client_takes(c[i], SIZE_MAX);
			n_granted += c[i]->session.subs.n;
		}
		rig_turn(&r);
	}
	for (unsigned i = 0; i < ALL; i++) {
		expect_granted(c[i], VALUES);
		assert_int_equal(client_count(c[i], TYPE_DELIVER), VALUES);
		client_free(c[i]);
	}
	assert_true(r.broker.pool.peak <= most);
	client_free(pub);
	rig_fini(&r);
}

/* It was asked for, and is no sign of being slow. */
TEST(a_snapshot_costs_nobody_messages_or_the_connection)
{
	static const enum overflow policies[] = { OVERFLOW_DROP_OLDEST,
		                                  OVERFLOW_DISCONNECT };
	struct client *pub;
	struct publish p;
	char topic[16];
	struct rig r;

	rig_init(&r);
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 16; i++) {
		snprintf(topic, sizeof(topic), "t.%02d", i);
		retain(pub, topic, r.config.outbox_high / 8);
	}
	for (size_t k = 0; k < COUNT(policies); k++) {
		struct client *c = client_open(&r, "c", 1);

		c->session.out.policy = policies[k];
		assert_int_equal(subscribe(c, 1, "t.*"), COMMAND_TAKEN);
		assert_int_equal(client_publishes(pub, "t.x", 1000),
		                 COMMAND_TAKEN);
		rig_step(&r, 60000);
		expect_granted(c, 16);
		for (int i = 0; i < 16; i++) {
			snprintf(topic, sizeof(topic), "t.%02d", i);
			expect_value_of(c, 1, topic, &p);
		}
		client_next(c, TYPE_PUBLISH);
		client_expect_nothing(c);
		client_free(c);
	}
	client_free(pub);
	rig_fini(&r);
}

TEST(a_value_that_is_replaced_on_its_way_arrives_as_it_was)
{
	struct client *c, *pub;
	struct publish p;
	struct rig r;

	rig_init(&r);
	pub = client_open(&r, "pub", 1);
	c = client_open(&r, "c", 1);
	retain(pub, "a", 5000);
	subscribe(c, 1, "a");
	retain(pub, "a", 6000);
	retain(pub, "a", 0);
	expect_granted(c, 1);
	expect_value_of(c, 1, "a", &p);
	assert_int_equal(p.payload_len, 5000);
	client_next(c, TYPE_PUBLISH);
	client_next(c, TYPE_PUBLISH);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

/*
 * One publisher counts up on a few topics and another clears them now and
 * then; subscribers come at any moment. What each has seen of a topic, the
 * snapshot first, is every value from some point on, each once.
 */
TEST(no_value_is_missed_and_none_comes_twice)
{
	enum { N = 8, SUBSCRIBERS = 10 };
	struct chance chance = chance_new("snapshot");
	uint8_t last[N] = { 0 };
	bool kept[N] = { false };
	struct rig r;
	struct client *pub;

	rig_init(&r);
	pub = client_open(&r, "pub", 1);
	for (unsigned round = 0; round < rounds(100); round++) {
		struct client *c[SUBSCRIBERS];
		uint8_t seen[SUBSCRIBERS][N];

		for (unsigned i = 0; i < SUBSCRIBERS; i++) {
			uint64_t n = 0;

			for (unsigned k = chance_below(&chance, 20); k; k--) {
				uint32_t t = chance_below(&chance, N);
				char topic[2] = { (char)('a' + t), 0 };
				bool clears = chance_one_in(&chance, 4);
				struct bytes b = { 0 };

				last[t] += !clears;
				kept[t] = !clears;
				put_publish_with(&b, 1, topic, NULL, &last[t],
				                 !clears);
				client_says(pub, &b);
				bytes_free(&b);
			}
			c[i] = client_open(&r, "c", 1);
			subscribe(c[i], 1, "*");
			for (uint32_t t = 0; t < N; t++)
				n += kept[t];
			expect_granted(c[i], n);
			for (uint32_t t = 0; t < N; t++) {
				char topic[2] = { (char)('a' + t), 0 };
				struct publish p;

				seen[i][t] = last[t];
				if (!kept[t])
					continue;
				expect_value_of(c[i], 1, topic, &p);
				assert_int_equal(p.payload[0], last[t]);
			}
		}
		for (unsigned i = 0; i < SUBSCRIBERS; i++) {
			while (client_next_frame(c[i])) {
				struct publish p;
				uint8_t *of;

				publish_read(c[i]->frame.at + 5,
				             c[i]->frame.len - 5, &p);
				of = &seen[i][p.topic[0] - 'a'];
				if (p.payload_len > 0)
					assert_int_equal(p.payload[0],
					                 (uint8_t)(*of + 1));
				*of = (uint8_t)(*of + (p.payload_len > 0));
			}
			assert_memory_equal(seen[i], last, N);
			client_free(c[i]);
		}
	}
	client_free(pub);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			first_the_count_then_each_value_with_its_age_then_what_is_live),
		cmocka_unit_test(without_values_the_count_is_0),
		cmocka_unit_test(what_is_refused_comes_without_values),
		cmocka_unit_test(each_subscription_gets_values_of_its_own),
		cmocka_unit_test(
			a_snapshot_may_exceed_the_mark_but_a_second_one_has_to_wait),
		cmocka_unit_test(
			snapshots_for_those_who_do_not_read_stay_within_the_memory),
		cmocka_unit_test(
			a_snapshot_costs_nobody_messages_or_the_connection),
		cmocka_unit_test(
			a_value_that_is_replaced_on_its_way_arrives_as_it_was),
		cmocka_unit_test(no_value_is_missed_and_none_comes_twice),
	};

	return RUN(tests);
}
