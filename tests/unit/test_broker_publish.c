/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* The way of a PUBLISH through the broker; its shape is in test_publish.c */

#include "broker/publish.h"

#include "sessions.h"

static void
expect_frame_stamped(struct client *c, const struct bytes *sent,
                     size_t stamp_at, uint32_t session, uint32_t uid)
{
	struct bytes want = { 0 }, stamp = { 0 };

	put(&want, sent->at, sent->len);
	put_be(&stamp, session, 4);
	put_be(&stamp, uid, 4);
	memcpy(want.at + stamp_at, stamp.at, 8);
	assert_true(client_next_frame(c));
	assert_int_equal(c->frame.len, want.len);
	assert_memory_equal(c->frame.at, want.at, want.len);
	bytes_free(&want);
	bytes_free(&stamp);
}

TEST(only_the_stamp_is_changed_whatever_the_frame_is_made_of)
{
	/* and where the stamp is, in the frame */
	static const struct {
		const char *body;
		size_t stamp_at;
	} frames[] = {
		{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 c4 02 "
		  "68 69",
		  10 },
		{ "97 03 7f c4 08 ff ff ff ff ff ff ff ff a1 61 c0 c0 c5 00 "
		  "02 68 69",
		  10 },
		{ "dc 00 07 cc 03 00 c4 08 01 02 03 04 05 06 07 08 a1 61 c0 "
		  "c0 c4 00",
		  13 },
		{ "99 03 00 c4 08 00 00 00 00 00 00 00 00 d9 01 61 a1 62 81 "
		  "a1 6b c3 c4 01 31 93 01 02 c0 c0",
		  10 },
		{ "97 d3 00 00 00 00 00 00 00 03 01 c4 08 00 00 00 00 00 00 "
		  "00 00 a1 61 c0 80 c4 00",
		  18 },
	};
	struct client *c, *pub;
	struct bytes b = { 0 };
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "**");
	pub = client_open(&r, "pub", 70000);
	for (size_t round = 0; round < 2; round++) { /* known and unknown */
		for (size_t i = 0; i < COUNT(frames); i++) {
			b.len = 0;
			put_frame(&b, frames[i].body);
			assert_int_equal(client_says(pub, &b), COMMAND_TAKEN);
			expect_frame_stamped(c, &b, frames[i].stamp_at,
			                     pub->session.id, 70000);
		}
	}
	client_expect_nothing(pub);
	bytes_free(&b);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(a_run_of_one_topic_is_one_span_and_ends_where_the_topic_changes)
{
	struct bytes b = { 0 };
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a.*");
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 500; i++)
		put_publish(&b, "a.b", NULL, "hello", 5);
	put_publish(&b, "x", NULL, "hello", 5);
	for (int i = 0; i < 300; i++)
		put_publish(&b, "a.c", NULL, "hello", 5);
	assert_int_equal(client_says(pub, &b), COMMAND_TAKEN);
	assert_int_equal(c->session.out.spans.n, 2);
	assert_int_equal(pub->session.accepted, 801);
	assert_int_equal(pub->session.unmatched, 1);
	for (int i = 0; i < 800; i++) {
		client_next(c, TYPE_PUBLISH);
		/* each is stamped, not only the first of the run */
		assert_int_equal(c->frame.at[13], pub->session.id);
	}
	client_expect_nothing(c);
	bytes_free(&b);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

/* Topics in turn that lead to one, to the other, to both, or to nobody. */
static void
put_changing(struct bytes *b, uint8_t n)
{
	static const char *const topics[] = { "a.1", "a.2",  "b.1",
		                              "b.2", "both", "x",
		                              "y",   "both", "a.3" };

	for (uint8_t i = 0; i < n; i++)
		put_publish(b, topics[i % COUNT(topics)], NULL, &i, 1);
}

/* Those with these payloads, stamped, and no others. */
static void
expect_changing(struct client *c, const struct client *pub, const char *hex)
{
	struct bytes want = { 0 };

	put_hex(&want, hex);
	for (size_t i = 0; i < want.len; i++) {
		client_next(c, TYPE_PUBLISH);
		assert_int_equal(c->frame.at[13], pub->session.id);
		assert_int_equal(c->frame.at[c->frame.len - 1], want.at[i]);
	}
	client_expect_nothing(c);
	bytes_free(&want);
}

TEST(messages_on_changing_topics_reach_who_they_are_for_in_order)
{
	struct client *a, *b, *pub;
	struct bytes said = { 0 };
	struct rig r;

	rig_init(&r);
	a = client_open_on(&r, "a", "a.*");
	b = client_open_on(&r, "b", "b.*");
	client_subscribes(a, 2, "both");
	client_next(a, TYPE_OK);
	client_subscribes(b, 2, "both");
	client_next(b, TYPE_OK);
	pub = client_open(&r, "pub", 1);
	put_changing(&said, 20);
	for (unsigned round = 1; round <= 3; round++) { /* unknown, known */
		assert_int_equal(client_says(pub, &said), COMMAND_TAKEN);
		expect_changing(a, pub, "00 01 04 07 08 09 0a 0d 10 11 12 13");
		expect_changing(b, pub, "02 03 04 07 0b 0c 0d 10");
		assert_int_equal(pub->session.accepted, 20 * round);
		assert_int_equal(pub->session.unmatched, 4 * round);
	}
	client_expect_nothing(pub);
	bytes_free(&said);
	client_free(a);
	client_free(b);
	client_free(pub);
	rig_fini(&r);
}

TEST(of_changing_topics_the_first_that_leads_to_one_who_is_full_waits)
{
	struct client *a, *b, *pub;
	struct bytes said = { 0 };
	struct rig r;

	rig_init(&r);
	a = client_open_on(&r, "a", "a.*");
	b = client_open_on(&r, "b", "b.*");
	pub = client_open(&r, "pub", 1);
	put_changing(&said, 4);
	assert_int_equal(client_says(pub, &said), COMMAND_TAKEN);
	while (a->session.out.bytes < r.config.outbox_high)
		client_publishes(pub, "a.1", 5000);
	assert_int_equal(client_count(b, TYPE_PUBLISH), 2);
	said.len = 0;
	put_publish(&said, "b.1", NULL, "1", 1);
	put_publish(&said, "b.2", NULL, "2", 1);
	put_publish(&said, "a.1", NULL, "3", 1);
	put_publish(&said, "b.1", NULL, "4", 1);
	assert_int_equal(client_says(pub, &said), COMMAND_WAITS);
	assert_int_equal(client_count(b, TYPE_PUBLISH), 2);
	client_reads_all(a);
	rig_turn(&r);
	assert_int_equal(client_count(b, TYPE_PUBLISH), 1);
	bytes_free(&said);
	client_free(a);
	client_free(b);
	client_free(pub);
	rig_fini(&r);
}

TEST(a_fault_in_a_run_costs_only_what_comes_from_it_on)
{
	struct bytes b = { 0 };
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "**");
	pub = client_open(&r, "pub", 1);
	for (int i = 0; i < 5; i++)
		put_publish(&b, "a", NULL, "hello", 5);
	put_frame(&b, "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 a0");
	put_publish(&b, "a", NULL, "hello", 5);
	assert_int_equal(client_says(pub, &b), COMMAND_LAST);
	for (int i = 0; i < 5; i++)
		client_next(c, TYPE_PUBLISH);
	client_expect_nothing(c);
	client_expect_error(pub, STATUS_BAD_FRAME, true, 0, "PUBLISH");
	bytes_free(&b);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

TEST(faults_have_their_errors)
{
	static const struct {
		const char *body;
		enum status status;
	} faults[] = {
		{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a0 c0 c0 c4 00",
		  STATUS_BAD_TOPIC },
		{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 2a c0 c0 c4 00",
		  STATUS_BAD_TOPIC },
		{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a2 61 0a c0 c0 c4 "
		  "00",
		  STATUS_BAD_TOPIC },
		{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 a2 61 2e c0 "
		  "c4 00",
		  STATUS_BAD_REPLY },
		{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 ff c0 c0 c4 00",
		  STATUS_BAD_FRAME },
		{ "97 03 80 c4 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 c4 00",
		  STATUS_BAD_FRAME },
		{ "97 03", STATUS_BAD_FRAME },
		{ "91 03", STATUS_BAD_FRAME },
		{ "92 03 00", STATUS_BAD_FRAME },
	};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct client *pub = client_open(&r, "pub", 1);

		assert_int_equal(client_says_hex(pub, faults[i].body),
		                 COMMAND_LAST);
		client_expect_error(pub, faults[i].status, true, 0, "PUBLISH");
		client_expect_nothing(pub);
		client_free(pub);
	}
	rig_fini(&r);
}

/* What a topic is made of must not matter to those who are told of it. */
TEST(the_error_of_a_bad_topic_is_text)
{
	for (size_t shift = 0; shift < 4; shift++) {
		struct client *pub;
		struct message m;
		struct rig r;

		rig_init(&r);
		pub = client_open(&r, "pub", 1);
		pub->said.len = pub->n_received = 0;
		put_hex(&pub->said, "97 03 00 c4 08 00 00 00 00 00 00 00 00 "
		                    "da");
		put_be(&pub->said, shift + 4000, 2);
		put_fill(&pub->said, 0x1b, shift);
		for (int i = 0; i < 1000; i++)
			put(&pub->said, "\xf0\x9f\x8c\xbc", 4);
		put_hex(&pub->said, "c0 c0 c4 00");
		put_prefix_before(&pub->said, 0);
		client_goes_on(pub);
		m = client_next(pub, TYPE_ERROR);
		assert_int_equal(m.error.code, STATUS_BAD_TOPIC);
		for (uint32_t i = 0; i < m.error.text.len; i++)
			assert_true((uint8_t)m.error.text.at[i] >= 0x20);
		/* whole characters: a four-byte one ends with 0xbc */
		for (uint32_t i = 0; i < m.error.text.len; i++) {
			if ((uint8_t)m.error.text.at[i] != 0xf0)
				continue;
			assert_true(i + 3 < m.error.text.len);
			assert_int_equal((uint8_t)m.error.text.at[i + 3], 0xbc);
		}
		client_free(pub);
		rig_fini(&r);
	}
}

/* ---- what may be published -------------------------------------------------- */

static void
publish(struct client *c, const char *topic, const char *reply)
{
	struct bytes b = { 0 };

	put_publish(&b, topic, reply, "", 0);
	assert_int_equal(client_says(c, &b), COMMAND_TAKEN);
	bytes_free(&b);
	rig_step(c->rig, 1000); /* the next refusal is told at once again */
}

TEST(topics_with_a_dollar_are_the_brokers_but_for_its_inboxes)
{
	char own[INBOX_MAX], others[INBOX_MAX], topic[128];
	struct client *c, *other;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	other = client_open(&r, "other", 2);
	session_inbox(&c->session, own);
	session_inbox(&other->session, others);
	snprintf(topic, sizeof(topic), "%s.deep.er", others);
	client_subscribes(other, 1, others);
	snprintf(topic, sizeof(topic), "%s.**", others);
	client_subscribes(other, 2, topic);
	client_next(other, TYPE_OK);
	client_next(other, TYPE_OK);

	publish(c, own, NULL);
	publish(c, others, NULL);
	client_next(other, TYPE_PUBLISH);
	snprintf(topic, sizeof(topic), "%s.deep.er", others);
	publish(c, topic, NULL);
	client_next(other, TYPE_PUBLISH);
	client_expect_nothing(c);
	assert_int_equal(c->session.accepted, 3);

	publish(c, "$sys.load", NULL);
	client_expect_denied(c, "$sys.load");
	publish(c, "$inbox", NULL);
	client_expect_denied(c, "$inbox");
	publish(c, "$inbox.0123456789abcdef.1", NULL); /* of another broker */
	client_expect_denied(c, "$inbox.0123456789abcdef.1");
	publish(c, r.broker.inbox_root, NULL);
	client_expect_denied(c, r.broker.inbox_root);
	snprintf(topic, sizeof(topic), "%s0.1", r.broker.inbox_root);
	publish(c, topic, NULL);
	client_expect_denied(c, topic);
	publish(c, "$sys.load", "a"); /* about its reply, if it has one */
	client_expect_denied(c, "a");
	assert_int_equal(c->session.accepted, 3);
	assert_int_equal(c->session.refused, 6);
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(a_reply_lies_in_ones_own_inbox_or_outside_of_all)
{
	char own[INBOX_MAX], others[INBOX_MAX], deep[128];
	struct client *c, *other;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	for (int i = 0; i < 9; i++) /* so that 1 is a prefix of its number */
		client_free(client_new(&r, 1));
	other = client_open_on(&r, "other", "a");
	assert_int_equal(c->session.id, 1);
	assert_int_equal(other->session.id, 11);
	session_inbox(&c->session, own);
	session_inbox(&other->session, others);
	snprintf(deep, sizeof(deep), "%s.req.1", own);

	publish(c, "a", own);
	publish(c, "a", deep);
	publish(c, "a", "some.where");
	client_expect_nothing(c);
	for (int i = 0; i < 3; i++)
		client_next(other, TYPE_PUBLISH);

	publish(c, "a", others); /* no confused deputies */
	client_expect_denied(c, others);
	publish(c, "a", "$sys.x");
	client_expect_denied(c, "$sys.x");
	publish(c, "a", "$inbox");
	client_expect_denied(c, "$inbox");
	client_expect_nothing(other);
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(a_request_that_nobody_can_answer_is_told_about_its_reply)
{
	struct client *c, *monitor, *responder;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	monitor = client_open(&r, "monitor", 1);
	client_says_hex(monitor, "95 04 01 01 a2 2a 2a 81 "
	                         "a7 6d 6f 6e 69 74 6f 72 c3");
	client_next(monitor, TYPE_OK);
	for (int i = 0; i < 3; i++) { /* for each message, not each second */
		struct message m;
		struct bytes b = { 0 };

		put_publish(&b, "a.b", "r", "", 0);
		client_says(c, &b);
		bytes_free(&b);
		m = client_next(c, TYPE_ERROR);
		assert_int_equal(m.error.code, STATUS_NO_RESPONDER);
		assert_false(m.error.fatal);
		assert_int_equal(m.error.request, 0);
		assert_true(text_equals(m.error.about, "r"));
		client_expect_nothing(c);
		client_next(monitor, TYPE_PUBLISH);
	}
	assert_int_equal(c->session.accepted, 3);
	assert_int_equal(c->session.unmatched, 0);
	responder = client_open_on(&r, "responder", "a.*");
	publish(c, "a.b", "r");
	client_expect_nothing(c);
	client_next(responder, TYPE_PUBLISH);
	client_free(c);
	client_free(monitor);
	client_free(responder);
	rig_fini(&r);
}

TEST(while_the_broker_settles_publishers_wait_and_others_do_not)
{
	struct client *c, *a, *b;
	struct rig r;

	rig_init(&r);
	r.broker.settling = r.broker.gated = true;
	a = client_open(&r, "a", 1);
	b = client_open(&r, "b", 1);
	assert_int_equal(client_publishes(a, "x", 1), COMMAND_WAITS);
	assert_int_equal(client_publishes(b, "x", 2), COMMAND_WAITS);
	c = client_open_on(&r, "c", "x");
	rig_step(&r, 60000); /* no clock of a hold runs */
	broker_settle(&r.broker);
	rig_turn(&r);
	client_next(c, TYPE_PUBLISH);
	assert_int_equal(c->frame.at[c->frame.len - 2], 1);
	client_next(c, TYPE_PUBLISH);
	assert_int_equal(c->frame.at[c->frame.len - 3], 2);
	assert_int_equal(client_publishes(a, "x", 1), COMMAND_TAKEN);
	client_free(a);
	client_free(b);
	client_free(c);
	rig_fini(&r);
}

TEST(members_answer_and_none_of_them_is_a_monitor)
{
	struct client *c, *member;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	member = client_open(&r, "member", 1);
	client_says_hex(member, "95 04 01 01 a1 61 82 "
	                        "a7 6d 6f 6e 69 74 6f 72 c3 "
	                        "a5 67 72 6f 75 70 a1 67");
	client_expect_error(member, STATUS_UNSUPPORTED, false, 1, "monitor");
	publish(c, "a", "r");
	client_expect_error(c, STATUS_NO_RESPONDER, false, 0, "a");
	client_joins(member, 2, "g", "a");
	client_next(member, TYPE_OK);
	publish(c, "a", "r");
	client_expect_nothing(c);
	client_next(member, TYPE_DELIVER);
	client_free(member);
	publish(c, "a", "r");
	client_expect_error(c, STATUS_NO_RESPONDER, false, 0, "a");
	assert_int_equal(c->session.accepted, 3);
	assert_int_equal(c->session.unmatched, 2);
	client_free(c);
	rig_fini(&r);
}

/* Everything that one publisher says, in whatever pieces it is received. */
TEST(what_arrives_is_the_same_however_it_was_cut)
{
	static const char *const topics[] = { "a", "a.b", "b.c.d", "$x", "a" };
	struct chance c = chance_new("publish");
	struct bytes stream = { 0 }, whole = { 0 };

	for (int i = 0; i < 120; i++) {
		static char payload[5000];

		put_publish(&stream, topics[chance_below(&c, COUNT(topics))],
		            chance_one_in(&c, 10) ? "r" : NULL, payload,
		            chance_one_in(&c, 5) ? chance_below(&c, 5000)
		                                 : chance_below(&c, 50));
		if (chance_one_in(&c, 10))
			put_frame(&stream, "92 0a 05");
		if (chance_one_in(&c, 10))
			put_frame(&stream, "92 cc 99 c0");
	}
	for (unsigned round = 0; round < rounds(200); round++) {
		struct client *sub, *pub;
		struct rig r;
		size_t at = 0;

		rig_init(&r);
		sub = client_open_on(&r, "sub", "**");
		pub = client_open(&r, "pub", 1);
		while (at < stream.len) {
			struct bytes piece = stream;

			piece.at += at;
			piece.len = round == 0   ? stream.len
			            : round == 1 ? 1
			                         : 1 + chance_below(&c, 4000);
			if (piece.len > stream.len - at)
				piece.len = stream.len - at;
			client_says(pub, &piece);
			client_takes(sub, chance_below(&c, 6000));
			rig_turn(&r);
			at += piece.len;
		}
		client_reads_all(sub);
		if (round == 0)
			put(&whole, sub->got.at, sub->got.len);
		assert_int_equal(sub->got.len, whole.len);
		assert_memory_equal(sub->got.at, whole.at, whole.len);
		client_free(sub);
		client_free(pub);
		rig_fini(&r);
	}
	assert_true(whole.len > 20000);
	bytes_free(&stream);
	bytes_free(&whole);
}

/* ---- what comes from elsewhere --------------------------------------------- */

static uint32_t
inject(struct rig *r, uint8_t flags, const char *topic, size_t len)
{
	uint8_t *payload = calloc(1, len + 1);
	struct bytes b = { 0 };
	struct slab *slab;
	uint32_t n;

	assert_non_null(payload);
	put_publish_with(&b, flags, topic, NULL, payload, len);
	slab = slab_new_small(&r->broker.pool, (uint32_t)b.len + 3);
	memcpy(slab->data + 3, b.at, b.len);
	n = publish_inject(&r->broker, slab, 3, (uint32_t)b.len);
	slab_unref(slab);
	bytes_free(&b);
	free(payload);
	return n;
}

TEST(what_is_injected_goes_to_all_as_it_is_and_is_counted)
{
	struct client *a, *b;
	struct rig r;

	rig_init(&r);
	assert_int_equal(inject(&r, 0, "a", 5), 0);
	a = client_open_on(&r, "a", "a");
	b = client_open_on(&r, "b", "*");
	assert_int_equal(inject(&r, 0, "a", 5), 2);
	assert_int_equal(inject(&r, 1, "b", 5), 1);
	client_next(a, TYPE_PUBLISH);
	assert_int_equal(a->frame.at[13], 0); /* nobody stamps it here */
	client_expect_nothing(a);
	client_next(b, TYPE_PUBLISH);
	client_next(b, TYPE_PUBLISH);
	assert_null(rig_kept(&r, "a"));
	assert_non_null(rig_kept(&r, "b"));
	assert_int_equal(inject(&r, 1, "b", 0), 1);
	assert_null(rig_kept(&r, "b"));
	client_free(a);
	client_free(b);
	rig_fini(&r);
}

TEST(what_is_injected_waits_for_nobody_and_beyond_twice_the_mark_is_a_gap)
{
	struct client *c, *other;
	unsigned sent = 0, got = 0;
	uint64_t lost = 0;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	other = client_open_on(&r, "other", "a");
	while (c->session.out.bytes < 2 * r.config.outbox_high) {
		inject(&r, 0, "a", 5000);
		client_reads_all(other);
		sent++;
	}
	for (int i = 0; i < 3; i++, sent++)
		assert_int_equal(inject(&r, 0, "a", 5000), 2);
	while (client_next_frame(c)) {
		struct message m;

		if (c->frame.at[6] == TYPE_PUBLISH) {
			got++;
			continue;
		}
		message_decode(c->frame.at + 5, c->frame.len - 5, &m);
		assert_int_equal(m.type, TYPE_GAP);
		lost += m.gap.frames;
	}
	assert_int_equal(lost, 3);
	assert_int_equal(got + lost, sent);
	for (unsigned i = 0; i < sent; i++)
		client_next(other, TYPE_PUBLISH);
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(one_that_is_injected_and_cannot_be_kept_is_delivered_all_the_same)
{
	struct config config = some_config();
	struct client *c;
	struct rig r;

	config.retained_max = 0;
	rig_init_with(&r, config);
	c = client_open_on(&r, "c", "a");
	assert_int_equal(inject(&r, 1, "a", 5), 1);
	client_next(c, TYPE_PUBLISH);
	assert_null(rig_kept(&r, "a"));
	client_free(c);
	rig_fini(&r);
}

TEST(what_is_posted_is_routed_in_order_and_later)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	for (uint8_t i = 0; i < 3; i++) {
		struct bytes b = { 0 };
		struct letter *letter;

		put_publish(&b, "a", NULL, &i, 1);
		letter = letter_new(&r.broker.pool, (uint32_t)b.len);
		memcpy(letter->frame->data, b.at, b.len);
		broker_post(&r.broker, letter);
		bytes_free(&b);
	}
	client_expect_nothing(c);
	publish_posted(&r.broker);
	for (uint8_t i = 0; i < 3; i++) {
		client_next(c, TYPE_PUBLISH);
		assert_int_equal(c->frame.at[c->frame.len - 1], i);
	}
	publish_posted(&r.broker);
	client_expect_nothing(c);
	client_free(c);
	rig_fini(&r);
}

TEST(when_memory_is_short_who_may_publish_nothing_makes_no_routes)
{
	struct acl *acl = acl_new(); /* of no rules: nobody may */
	struct client *c;
	struct rig r;

	rig_init(&r);
	assert_non_null(acl);
	r.broker.acl = acl;
	c = client_open(&r, "c", 1000);
	broker_lets_pass(&r.broker, true);
	assert_int_equal(client_publishes(c, "a.b", 1), COMMAND_TAKEN);
	broker_lets_pass(&r.broker, false);
	client_expect_error(c, STATUS_DENIED, false, 0, "publish");
	assert_int_equal(r.broker.router.routes.n_routes, 0);
	client_free(c);
	rig_fini(&r);
	acl_free(acl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			when_memory_is_short_who_may_publish_nothing_makes_no_routes),
		cmocka_unit_test(
			only_the_stamp_is_changed_whatever_the_frame_is_made_of),
		cmocka_unit_test(
			a_run_of_one_topic_is_one_span_and_ends_where_the_topic_changes),
		cmocka_unit_test(
			messages_on_changing_topics_reach_who_they_are_for_in_order),
		cmocka_unit_test(
			of_changing_topics_the_first_that_leads_to_one_who_is_full_waits),
		cmocka_unit_test(
			a_fault_in_a_run_costs_only_what_comes_from_it_on),
		cmocka_unit_test(faults_have_their_errors),
		cmocka_unit_test(the_error_of_a_bad_topic_is_text),
		cmocka_unit_test(
			topics_with_a_dollar_are_the_brokers_but_for_its_inboxes),
		cmocka_unit_test(
			a_reply_lies_in_ones_own_inbox_or_outside_of_all),
		cmocka_unit_test(
			a_request_that_nobody_can_answer_is_told_about_its_reply),
		cmocka_unit_test(
			while_the_broker_settles_publishers_wait_and_others_do_not),
		cmocka_unit_test(members_answer_and_none_of_them_is_a_monitor),
		cmocka_unit_test(what_arrives_is_the_same_however_it_was_cut),
		cmocka_unit_test(
			what_is_injected_goes_to_all_as_it_is_and_is_counted),
		cmocka_unit_test(
			what_is_injected_waits_for_nobody_and_beyond_twice_the_mark_is_a_gap),
		cmocka_unit_test(
			one_that_is_injected_and_cannot_be_kept_is_delivered_all_the_same),
		cmocka_unit_test(what_is_posted_is_routed_in_order_and_later),
	};

	return RUN(tests);
}
