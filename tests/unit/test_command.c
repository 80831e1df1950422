/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/command.h"

#include "sessions.h"

/*
 * Every frame in every state, and what PROTOCOL.md says comes of it: a frame
 * of this type as the answer, nothing, or an error.
 */
#define NOTHING  0
#define ERROR(e) (1000 + (int)(e))

struct row {
	const char *body;
	int as_first; /* before HELLO */
	int later;    /* after it */
};

#define TURN ERROR(STATUS_OUT_OF_TURN)
#define BAD  ERROR(STATUS_BAD_FRAME)

#define WILL "97 03 00 c4 08 00 00 00 00 00 00 00 00"

static const struct row rows[] = {
	/* HELLO */
	{ "94 01 01 a2 75 69 80", TYPE_WELCOME, TURN },
	{ "94 01 ce ff ff ff ff a0 80", TYPE_WELCOME, TURN },
	{ "94 01 00 a0 80", ERROR(STATUS_BAD_VERSION), TURN },
	{ "93 01 01 a0", BAD, BAD },
	{ "94 01 01 a1 0a 80", BAD, TURN }, /* a name with a line feed */
	{ "94 01 01 a1 ff 80", BAD, TURN },
	/* a will: nothing, a good one, and each rule that it can break */
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 00", BAD, TURN },
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 13" WILL "a1 61 c0 c0 c4 00",
	  TYPE_WELCOME, TURN },
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 14" WILL "a1 61 c0 c0 c4 00 c0",
	  BAD, TURN },
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 13" WILL "a1 2a c0 c0 c4 00",
	  ERROR(STATUS_BAD_TOPIC), TURN },
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 14" WILL "a1 61 a1 2a c0 c4 00",
	  ERROR(STATUS_BAD_REPLY), TURN },
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 14" WILL "a1 61 a1 62 c0 c4 00",
	  ERROR(STATUS_BAD_REPLY), TURN },
	{ "94 01 01 a0 81 a4 77 69 6c 6c c4 13" WILL "a1 24 c0 c0 c4 00",
	  ERROR(STATUS_DENIED), TURN },
	{ "94 01 01 a0 81 a8 6f 76 65 72 66 6c 6f 77 ab 64 72 6f 70 2d 6f 6c "
	  "64 65 73 74",
	  TYPE_WELCOME, TURN },
	{ "94 01 01 a0 81 a8 6f 76 65 72 66 6c 6f 77 c3", BAD, TURN },
	{ "95 01 01 a0 80 c0", TYPE_WELCOME, TURN },
	/* what only the broker says */
	{ "95 02 01 01 00 80", TURN, TURN },
	{ "94 06 01 c0 c0", TURN, TURN },
	{ "94 07 01 01 a0", TURN, TURN },
	{ "92 08 01", TURN, TURN },
	{ "96 09 01 a0 00 c2 c0", TURN, TURN },
	{ "95 0d c3 01 a0 a0", TURN, TURN },
	{ "91 02", TURN, TURN }, /* whatever it looks like */
	/* PUBLISH */
	{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 c4 00", TURN,
	  NOTHING },
	{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a2 24 61 c0 c0 c4 00", TURN,
	  ERROR(STATUS_DENIED) },
	{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 61 a1 62 c0 c4 00", TURN,
	  ERROR(STATUS_NO_RESPONDER) },
	{ "97 03 00 c4 08 00 00 00 00 00 00 00 00 a1 2a c0 c0 c4 00", TURN,
	  ERROR(STATUS_BAD_TOPIC) },
	{ "91 03", TURN, BAD },
	/* SUBSCRIBE */
	{ "95 04 01 01 a3 61 2e 2a 80", TURN, TYPE_OK },
	{ "95 04 01 01 a2 2a 2a 81 a7 6d 6f 6e 69 74 6f 72 c3", TURN, TYPE_OK },
	{ "95 04 01 01 a1 61 81 a1 78 05", TURN, TYPE_OK },
	{ "95 04 00 01 a1 61 80", TURN, BAD },
	{ "95 04 01 01 a2 61 2a 80", TURN, ERROR(STATUS_BAD_FILTER) },
	{ "95 04 01 01 a0 80", TURN, ERROR(STATUS_BAD_FILTER) },
	{ "95 04 01 01 a1 ff 80", TURN, ERROR(STATUS_BAD_FILTER) },
	{ "95 04 01 01 a6 24 69 6e 62 6f 78 80", TURN, ERROR(STATUS_DENIED) },
	{ "95 04 01 01 a9 24 69 6e 62 6f 78 2e 2a 2a 80", TURN,
	  ERROR(STATUS_DENIED) },
	{ "95 04 01 01 a1 61 81 a5 67 72 6f 75 70 a1 67", TURN, TYPE_OK },
	{ "95 04 01 01 a1 61 81 a5 67 72 6f 75 70 a0", TURN,
	  ERROR(STATUS_BAD_FILTER) },
	{ "95 04 01 01 a1 61 81 a5 67 72 6f 75 70 a1 0a", TURN,
	  ERROR(STATUS_BAD_FILTER) },
	{ "95 04 01 01 a1 61 82 a5 67 72 6f 75 70 a1 67 "
	  "a8 72 65 74 61 69 6e 65 64 c3",
	  TURN, ERROR(STATUS_UNSUPPORTED) },
	{ "95 04 01 01 a1 61 81 a8 72 65 74 61 69 6e 65 64 c3", TURN, TYPE_OK },
	{ "95 04 01 01 a1 61 81 a8 72 65 74 61 69 6e 65 64 c2", TURN, TYPE_OK },
	{ "94 04 01 01 a1 61", TURN, BAD },
	/* UNSUBSCRIBE */
	{ "93 05 01 01", TURN, ERROR(STATUS_NO_SUB) },
	{ "93 05 00 01", TURN, BAD },
	{ "92 05 01", TURN, BAD },
	/* PING, PONG, GOAWAY */
	{ "92 0a 05", TURN, TYPE_PONG },
	{ "92 0a cf 00 20 00 00 00 00 00 00", TURN, BAD },
	{ "92 0b 05", TURN, NOTHING },
	{ "93 0b 05 a1 78", TURN, NOTHING },
	{ "91 0b", TURN, BAD },
	{ "93 0c a0 00", TURN, NOTHING },
	{ "92 0c a0", TURN, BAD },
	/* what nobody knows */
	{ "91 00", TURN, ERROR(STATUS_UNKNOWN_TYPE) },
	{ "91 0e", TURN, ERROR(STATUS_UNKNOWN_TYPE) },
	{ "91 7f", TURN, ERROR(STATUS_UNKNOWN_TYPE) },
	{ "91 cc 80", TURN, NOTHING },
	{ "92 cf ff ff ff ff ff ff ff ff c7 00 05", TURN, NOTHING },
	/* what is no frame */
	{ "", BAD, BAD },
	{ "90", BAD, BAD },
	{ "c0", BAD, BAD },
	{ "91 a1 31", BAD, BAD },
	{ "91 ff", BAD, BAD },
	{ "92 cc 80", BAD, BAD },
	{ "91 cc 80 c0", BAD, BAD },
	{ "dd ff ff ff ff 0a 05", BAD, BAD },
};

/* A fatal one ends the session, and a refusal does not. */
static void
expect(struct client *c, const struct row *row, int want, const char *when)
{
	enum frame_type type = TYPE_ERROR;
	struct message m;

	if (want == NOTHING) {
		client_expect_nothing(c);
		return;
	}
	if (want < ERROR(0))
		type = (enum frame_type)want;
	if (!client_next_frame(c))
		fail_msg("%s, %s: no answer", row->body, when);
	assert_int_equal(message_decode(c->frame.at + 5, c->frame.len - 5, &m),
	                 MESSAGE_OK);
	if (m.type != type ||
	    (type == TYPE_ERROR && (int)m.error.code != want - ERROR(0)))
		fail_msg("%s, %s: %s, %s", row->body, when,
		         message_name(m.type),
		         m.type == TYPE_ERROR ? status_name(m.error.code) : "");
	client_expect_nothing(c);
	if (type == TYPE_ERROR) {
		/* what a HELLO is not granted ends the session */
		bool hello = strncmp(row->body, "94 01", 5) == 0;
		bool fatal = hello || (m.error.code < 32 &&
		                       m.error.code != STATUS_UNSUPPORTED);

		assert_int_equal(m.error.fatal, fatal);
		assert_int_equal(c->session.state == SESSION_ENDING, fatal);
		assert_true(m.error.text.len > 0);
	}
}

TEST(every_frame_has_its_outcome_in_every_state)
{
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct client *c = client_new(&r, 1000);

		client_says_hex(c, row->body);
		expect(c, row, row->as_first, "as the first");
		client_free(c);

		c = client_open(&r, "c", 1000);
		client_says_hex(c, row->body);
		/* a HELLO that is broken is out of turn as well: either */
		if (row->later == BAD && row->as_first == BAD &&
		    strncmp(row->body, "93 01", 5) == 0)
			expect(c, row, TURN, "later");
		else
			expect(c, row, row->later, "later");
		client_free(c);
	}
	rig_fini(&r);
}

TEST(nothing_is_taken_after_a_fatal_error_or_goaway)
{
	static const char *const lasts[] = { "91 0e", "93 0c a0 00", "c0" };
	struct client *c, *bystander;
	struct rig r;

	rig_init(&r);
	bystander = client_open_on(&r, "bystander", "**");
	for (size_t i = 0; i < COUNT(lasts); i++) {
		struct bytes b = { 0 };

		c = client_open(&r, "c", 1);
		put_frame(&b, lasts[i]);
		put_publish(&b, "a", NULL, "x", 1);
		put_frame(&b, "92 0a 05");
		assert_int_equal(client_says(c, &b), COMMAND_LAST);
		if (i != 1)
			client_next(c, TYPE_ERROR);
		client_expect_nothing(c);
		bytes_free(&b);
		client_free(c);
	}
	client_expect_nothing(bystander);
	assert_int_equal(bystander->session.state, SESSION_OPEN);
	client_free(bystander);
	rig_fini(&r);
}

TEST(a_welcome_says_what_holds_for_this_session)
{
	char inbox[INBOX_MAX];
	struct message m;
	struct client *c;
	struct rig r;

	rig_init(&r);
	client_free(client_new(&r, 1));
	c = client_new(&r, 4000000000u);
	assert_int_equal(command_max_body(&c->session), 32768);
	client_says_hex(c, "94 01 07 a2 75 69 80");
	m = client_next(c, TYPE_WELCOME);
	assert_int_equal(m.welcome.version, 1);
	assert_int_equal(m.welcome.session, 2);
	assert_true(m.welcome.uid == 4000000000u);
	assert_int_equal(m.welcome.limits.max_frame, r.config.max_frame);
	assert_true(text_equals(m.welcome.limits.overflow, "block"));
	session_inbox(&c->session, inbox);
	assert_true(text_equals(m.welcome.limits.inbox, inbox));
	assert_string_equal(session_name(&c->session), "ui");
	assert_int_equal(command_max_body(&c->session), r.config.max_frame);
	client_free(c);
	rig_fini(&r);
}

TEST(a_name_has_at_most_64_bytes)
{
	struct rig r;

	rig_init(&r);
	for (size_t len = 63; len <= 66; len++) {
		struct client *c = client_new(&r, 1);

		put_hex(&c->said, "94 01 01 d9");
		put_be(&c->said, len, 1);
		put_fill(&c->said, 'n', len);
		put_hex(&c->said, "80");
		put_prefix_before(&c->said, 0);
		client_goes_on(c);
		if (len <= 64)
			client_next(c, TYPE_WELCOME);
		else
			client_expect_error(c, STATUS_BAD_FRAME, true, 0,
			                    "name");
		client_free(c);
	}
	rig_fini(&r);
}

TEST(requests_are_answered_in_order_each_with_its_number)
{
	struct bytes b = { 0 };
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	put_frame(&b, "95 04 05 01 a1 61 80");
	put_frame(&b, "95 04 06 01 a1 62 80");    /* in use */
	put_frame(&b, "95 04 07 02 a2 62 2a 80"); /* no filter */
	put_frame(&b, "93 05 08 03");             /* no such */
	put_frame(&b, "93 05 ce ff ff ff ff 01");
	put_frame(&b, "93 05 0a 01");          /* not twice */
	put_frame(&b, "95 04 0b 01 a1 62 80"); /* free again */
	client_says(c, &b);
	assert_int_equal(client_next(c, TYPE_OK).ok.request, 5);
	client_expect_error(c, STATUS_SUB_IN_USE, false, 6, "1");
	client_expect_error(c, STATUS_BAD_FILTER, false, 7, "");
	client_expect_error(c, STATUS_NO_SUB, false, 8, "3");
	assert_true(client_next(c, TYPE_OK).ok.request == UINT32_MAX);
	client_expect_error(c, STATUS_NO_SUB, false, 10, "1");
	assert_int_equal(client_next(c, TYPE_OK).ok.request, 11);
	client_expect_nothing(c);
	assert_int_equal(c->session.subs.n, 1);
	bytes_free(&b);
	client_free(c);
	rig_fini(&r);
}

TEST(a_subscription_begins_and_ends_in_the_order_of_the_stream)
{
	struct bytes b = { 0 };
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	put_publish(&b, "a", NULL, "0", 1);
	put_frame(&b, "95 04 01 01 a1 61 80");
	put_publish(&b, "a", NULL, "1", 1);
	put_frame(&b, "93 05 02 01");
	put_publish(&b, "a", NULL, "2", 1);
	put_frame(&b, "92 0a 07");
	client_says(c, &b);
	client_next(c, TYPE_OK);
	client_next(c, TYPE_PUBLISH);
	assert_int_equal(c->frame.at[c->frame.len - 1], '1');
	client_next(c, TYPE_OK);
	assert_int_equal(client_next(c, TYPE_PONG).pong.unmatched.value, 2);
	client_expect_nothing(c);
	bytes_free(&b);
	client_free(c);
	rig_fini(&r);
}

TEST(an_option_of_the_wrong_type_is_named_and_what_was_expected)
{
	static const struct {
		const char *body;
		const char *words;
	} faults[] = {
		{ "95 04 01 01 a1 61 81 a5 67 72 6f 75 70 01",
		  "SUBSCRIBE: option `group` must be a str" },
		{ "95 04 01 01 a1 61 82 a7 6d 6f 6e 69 74 6f 72 c3"
		  "a8 72 65 74 61 69 6e 65 64 01",
		  "SUBSCRIBE: option `retained` must be a bool" },
		{ "95 04 01 01 a1 61 81 01 01",
		  "SUBSCRIBE: the key of an option must be a str" },
		{ "95 04 01 01 a1 61 c0",
		  "SUBSCRIBE: an element is missing, or of the wrong type" },
		{ "95 04 01 01 01 80",
		  "SUBSCRIBE: an element is missing, or of the wrong type" },
	};

	for (size_t i = 0; i < COUNT(faults); i++) {
		struct client *c;
		struct rig r;

		rig_init(&r);
		c = client_open(&r, "c", 1);
		client_says_hex(c, faults[i].body);
		client_expect_error(c, STATUS_BAD_FRAME, true, 0,
		                    faults[i].words);
		client_free(c);
		c = client_new(&r, 1);
		client_says_hex(c, "94 01 01 a0 81 a8 6f 76 65 72 66 6c 6f 77 "
		                   "c4 00");
		client_expect_error(c, STATUS_BAD_FRAME, true, 0,
		                    "HELLO: option `overflow` must be a str");
		client_free(c);
		rig_fini(&r);
	}
}

TEST(the_limit_of_subscriptions_is_told_with_both_numbers)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	for (uint32_t i = 0; i < 100; i++) {
		client_subscribes(c, i, "a");
		client_next(c, TYPE_OK);
	}
	client_subscribes(c, 100, "a");
	client_expect_error(c, STATUS_LIMIT, false, 1,
	                    "100 subscriptions (limit 100, max-subscriptions)");
	client_unsubscribes(c, 7);
	client_next(c, TYPE_OK);
	client_subscribes(c, 100, "a");
	client_next(c, TYPE_OK);
	client_free(c);
	rig_fini(&r);
}

TEST(a_session_is_in_one_group_so_often_at_most)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	for (uint32_t i = 0; i < GROUP_SESSION_MAX; i++) {
		client_joins(c, i, "g", "a");
		client_next(c, TYPE_OK);
	}
	client_joins(c, 100, "g", "a");
	client_expect_error(c, STATUS_LIMIT, false, 1,
	                    "64 subscriptions in this group (limit 64, ");
	client_joins(c, 101, "g", "b");
	client_next(c, TYPE_OK);
	client_unsubscribes(c, 7);
	client_next(c, TYPE_OK);
	client_joins(c, 100, "g", "a");
	client_next(c, TYPE_OK);
	client_free(c);
	rig_fini(&r);
}

TEST(a_filter_into_the_inboxes_stays_in_ones_own)
{
	static const struct {
		int bytes; /* of the own inbox */
		const char *rest;
		bool allowed;
	} filters[] = {
		{ 99, "", true },    { 99, ".a", true },   { 99, ".*", true },
		{ 99, ".**", true }, { 99, "0", false },   { 99, "0.a", false },
		{ 23, "", false },   { 23, ".*", false },  { 23, ".**", false },
		{ 23, ".2", false }, { 6, ".*.1", false }, { 6, ".**", false },
		{ 6, "", false },    { 5, "", true }, /* $inbo */
		{ 6, "x.**", true },
	};
	char inbox[INBOX_MAX], filter[128];
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	session_inbox(&c->session, inbox);
	for (uint32_t i = 0; i < COUNT(filters); i++) {
		snprintf(filter, sizeof(filter), "%.*s%s", filters[i].bytes,
		         inbox, filters[i].rest);
		client_subscribes(c, i, filter);
		assert_true(client_next_frame(c));
		if ((c->frame.at[6] == TYPE_OK) != filters[i].allowed)
			fail_msg("%s", filter);
	}
	client_free(c);
	rig_fini(&r);
}

TEST(a_pong_counts_since_the_last_ping)
{
	struct message m;
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a.*");
	client_publishes(c, "a.b", 1);
	client_publishes(c, "a.b", 1);
	client_publishes(c, "x", 1);
	client_publishes(c, "$x", 1);
	client_says_hex(c, "92 0a cf 00 1f ff ff ff ff ff ff");
	client_next(c, TYPE_PUBLISH);
	client_next(c, TYPE_PUBLISH);
	client_next(c, TYPE_ERROR);
	m = client_next(c, TYPE_PONG);
	assert_true(m.pong.token == (UINT64_C(1) << 53) - 1);
	assert_int_equal(m.pong.accepted.value, 3);
	assert_int_equal(m.pong.unmatched.value, 1);
	assert_int_equal(m.pong.refused.value, 1);
	client_says_hex(c, "92 0a 01");
	m = client_next(c, TYPE_PONG);
	assert_int_equal(m.pong.accepted.value + m.pong.unmatched.value +
	                         m.pong.refused.value,
	                 0);
	client_free(c);
	rig_fini(&r);
}

/* Its SUBSCRIBE waited until it had read, and was refused then for another
   reason; what it says afterwards does not wait for that. */
TEST(what_comes_behind_a_subscribe_that_waited_is_carried_out_once)
{
	struct config config = some_config();
	struct client *c, *other;
	struct rig r;

	config.max_user_subscriptions = 2;
	rig_init_with(&r, config);
	c = client_open_on(&r, "c", "a");
	other = client_open(&r, "other", 1000);
	client_publishes(other, "a", config.outbox_high);
	assert_int_equal(client_says_hex(c, "95 04 07 02 a1 62 81 a8 72 65 74 "
	                                    "61 69 6e 65 64 c3"),
	                 COMMAND_WAITS);
	client_subscribes(other, 1, "b");
	client_next(c, TYPE_PUBLISH);
	client_goes_on(c);
	client_expect_error(c, STATUS_LIMIT, false, 7,
	                    "(limit 2, max-user-subscriptions)");

	client_publishes(other, "a", config.outbox_high - 32);
	assert_true(c->session.out.bytes < config.outbox_high);
	assert_int_equal(client_says_hex(c, "92 0a 05"), COMMAND_TAKEN);
	assert_true(c->session.out.bytes >= config.outbox_high);
	client_next(c, TYPE_PUBLISH);
	client_next(c, TYPE_PONG);
	client_goes_on(c);
	client_expect_nothing(c);
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(what_was_owed_is_sent_before_the_end_of_who_leaves)
{
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	pub = client_open(&r, "pub", 1);
	client_publishes(pub, "a", 5);
	client_says_hex(c, "92 0a 01");
	assert_int_equal(client_says_hex(c, "93 0c a3 62 79 65 00"),
	                 COMMAND_LAST);
	assert_int_equal(c->endings, 1);
	client_publishes(pub, "a", 5); /* too late */
	client_next(c, TYPE_PUBLISH);
	client_next(c, TYPE_PONG);
	client_expect_nothing(c);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_has_its_outcome_in_every_state),
		cmocka_unit_test(
			nothing_is_taken_after_a_fatal_error_or_goaway),
		cmocka_unit_test(a_welcome_says_what_holds_for_this_session),
		cmocka_unit_test(a_name_has_at_most_64_bytes),
		cmocka_unit_test(
			requests_are_answered_in_order_each_with_its_number),
		cmocka_unit_test(
			a_subscription_begins_and_ends_in_the_order_of_the_stream),
		cmocka_unit_test(
			an_option_of_the_wrong_type_is_named_and_what_was_expected),
		cmocka_unit_test(
			the_limit_of_subscriptions_is_told_with_both_numbers),
		cmocka_unit_test(a_session_is_in_one_group_so_often_at_most),
		cmocka_unit_test(a_filter_into_the_inboxes_stays_in_ones_own),
		cmocka_unit_test(a_pong_counts_since_the_last_ping),
		cmocka_unit_test(
			what_comes_behind_a_subscribe_that_waited_is_carried_out_once),
		cmocka_unit_test(
			what_was_owed_is_sent_before_the_end_of_who_leaves),
	};

	return RUN(tests);
}
