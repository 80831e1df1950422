/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/session.h"

#include "broker/publish.h"
#include "capture.h"
#include "sessions.h"

static struct text
text(const char *s)
{
	return (struct text){ s, (uint32_t)strlen(s) };
}

TEST(sessions_are_numbered_from_1_and_never_twice)
{
	struct client *a, *b;
	struct rig r;

	rig_init(&r);
	a = client_new(&r, 1);
	b = client_new(&r, 1);
	assert_int_equal(a->session.id, 1);
	assert_int_equal(b->session.id, 2);
	assert_int_equal(r.broker.n_sessions, 2);
	client_free(b);
	client_free(a);
	a = client_new(&r, 1);
	assert_int_equal(a->session.id, 3);
	client_free(a);
	rig_fini(&r);
}

TEST(an_inbox_is_the_brokers_random_and_the_sessions_number)
{
	char inbox[INBOX_MAX], want[INBOX_MAX];
	struct client *c;
	struct rig r, other;
	int hex = 0;

	rig_init(&r);
	rig_init(&other);
	c = client_new(&r, 1);
	assert_int_equal(
		sscanf(r.broker.inbox_root, "$inbox.%*16[0-9a-f]%n", &hex), 0);
	assert_int_equal(hex, 23);
	assert_string_not_equal(r.broker.inbox_root, other.broker.inbox_root);
	snprintf(want, sizeof(want), "%s.1", r.broker.inbox_root);
	assert_int_equal(session_inbox(&c->session, inbox), strlen(want));
	assert_string_equal(inbox, want);
	c->session.id = SESSION_LAST;
	assert_int_equal(session_inbox(&c->session, inbox), 23 + 1 + 10);
	client_free(c);
	rig_fini(&r);
	rig_fini(&other);
}

TEST(its_words_name_it_and_cannot_be_forged)
{
	char words[SESSION_WORDS_MAX];
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_new(&r, 1000);
	assert_string_equal(session_words(&c->session, words),
	                    "session=1 name=\"\" pid=77 command=\"test\" "
	                    "uid=1000");
	client_free(c);
	c = client_open(&r, "u\"i uid=0", 1000);
	strcpy(c->session.peer.command, "a\nb");
	assert_string_equal(session_words(&c->session, words),
	                    "session=2 name=\"u\\\"i uid=0\" pid=77 "
	                    "command=\"a\\u000ab\" uid=1000");
	client_free(c);
	rig_fini(&r);
}

TEST(the_longest_name_and_command_leave_room_for_the_uid)
{
	char words[SESSION_WORDS_MAX], name[65];
	struct client *c;
	struct rig r;

	rig_init(&r);
	memset(name, '"', 64);
	name[64] = '\0';
	c = client_open(&r, name, (uid_t)4294967294);
	memset(c->session.peer.command, 1, 15);
	c->session.peer.command[15] = '\0';
	session_words(&c->session, words);
	assert_string_equal(words + strlen(words) - 15, " uid=4294967294");
	client_free(c);
	rig_fini(&r);
}

TEST(a_failure_is_told_behind_what_waits_and_ends_the_session)
{
	struct client *c, *pub;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	pub = client_open(&r, "pub", 1);
	client_publishes(pub, "a", 10);
	session_fail(&c->session, STATUS_BAD_FRAME, "because %d", 5);
	assert_int_equal(c->session.state, SESSION_ENDING);
	assert_int_equal(c->endings, 1);
	client_publishes(pub, "a", 10); /* not for it any more */
	client_next(c, TYPE_PUBLISH);
	client_expect_error(c, STATUS_BAD_FRAME, true, 0, "because 5");
	client_expect_nothing(c);
	session_end(&c->session); /* once is enough */
	assert_int_equal(c->endings, 1);
	assert_int_equal(pub->session.unmatched, 1);
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

/* Its words are cut between characters, or no client could read them. */
TEST(a_text_that_is_too_long_is_cut_and_stays_utf8)
{
	char words[700];

	for (size_t shift = 0; shift < 4; shift++) {
		struct client *c;
		struct message m;
		struct rig r;
		size_t len = shift;

		memset(words, 'x', shift);
		while (len + 4 < sizeof(words)) {
			memcpy(words + len, "\xf0\x9f\x8c\xbc", 4);
			len += 4;
		}
		words[len] = '\0';
		rig_init(&r);
		c = client_open(&r, "c", 1);
		session_refuse(&c->session, STATUS_DENIED, 9, text("a"), "%s",
		               words);
		m = client_next(c, TYPE_ERROR);
		assert_in_range(m.error.text.len, 390, 400);
		assert_int_equal((m.error.text.len - shift) % 4, 0);
		assert_memory_equal(m.error.text.at, words, m.error.text.len);
		client_free(c);
		rig_fini(&r);
	}
}

TEST(one_that_is_deaf_takes_nothing_but_is_still_heard)
{
	struct client *c, *other;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	other = client_open_on(&r, "other", "**");
	session_is_deaf(&c->session);
	assert_int_equal(c->session.state, SESSION_OPEN);
	client_publishes(other, "a", 10);
	assert_int_equal(client_publishes(c, "b", 10), COMMAND_TAKEN);
	client_says_hex(c, "92 0a 01");
	assert_int_equal(c->session.out.bytes, 0);
	client_next(other, TYPE_PUBLISH);
	client_next(other, TYPE_PUBLISH);
	client_expect_nothing(other);
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(one_that_is_deaf_joins_nothing_and_keeps_nobody_from_his_share)
{
	struct client *c, *other;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	other = client_open(&r, "other", 2);
	session_is_deaf(&c->session);
	client_says_hex(c, "95 04 01 01 a1 61 80"); /* a */
	client_says_hex(c, "95 04 02 02 a1 61 81 a5 67 72 6f 75 70 a1 67");
	client_publishes(other, "a", 10); /* to nobody, and it comes back */
	assert_int_equal(other->session.unmatched, 1);
	client_says_hex(other, "95 04 01 01 a1 61 81 a5 67 72 6f 75 70 a1 67");
	client_next(other, TYPE_OK);
	client_publishes(other, "a", 10);
	client_publishes(other, "a", 10);
	client_next(other, TYPE_DELIVER);
	client_next(other, TYPE_DELIVER);
	client_expect_nothing(other);
	client_free(c);
	client_free(other);
	rig_fini(&r);
}

TEST(an_eviction_of_one_that_owes_nothing_has_no_gap)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open_on(&r, "c", "a");
	session_evict(&c->session, "too %s", "slow");
	client_expect_error(c, STATUS_SLOW_CONSUMER, true, 0, "too slow");
	client_expect_nothing(c);
	session_evict(&c->session, "again");
	client_expect_nothing(c);
	client_free(c);
	rig_fini(&r);
}

TEST(an_eviction_is_logged_by_name_with_what_was_lost)
{
	static struct capture err;
	struct client *c, *pub;
	struct rig r;
	const char *log;

	rig_init(&r);
	r.broker.log.level = LOG_INFO;
	c = client_open_on(&r, "ui", "a");
	pub = client_open(&r, "pub", 1);
	client_publishes(pub, "a", 10);
	client_publishes(pub, "a", 10);
	capture_begin(&err, stderr);
	session_evict(&c->session, "took no byte for %d ms", 2000);
	log = capture_end(&err);
	assert_non_null(strstr(log, "evicted session=1 name=\"ui\" pid=77 "
	                            "command=\"test\" uid=1000: took no byte "
	                            "for 2000 ms; lost messages=2 bytes=68"));
	client_free(c);
	client_free(pub);
	rig_fini(&r);
}

/* ---- subscriptions ------------------------------------------------------------ */

TEST(its_subscriptions_end_with_it)
{
	const struct options options = { 0 };
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	for (uint32_t i = 0; i < 50; i++) {
		char filter[32];

		snprintf(filter, sizeof(filter), "a.%u.*", i);
		assert_int_equal(session_subscribe(&c->session, i, text(filter),
		                                   &options),
		                 0);
	}
	assert_int_equal(r.broker.router.trie.n_entries, 50);
	assert_true(session_unsubscribe(&c->session, 7));
	assert_false(session_unsubscribe(&c->session, 7));
	assert_int_equal(r.broker.router.trie.n_entries, 49);
	session_end(&c->session);
	assert_int_equal(r.broker.router.trie.n_entries, 0);
	client_free(c);
	rig_fini(&r);
}

/* ---- leaving -------------------------------------------------------------- */

TEST(after_goaway_a_session_is_drained_by_its_ping_and_pong_or_its_end)
{
	struct client *a, *b, *fresh;
	struct message m;
	struct rig r;

	rig_init(&r);
	a = client_open(&r, "a", 1);
	b = client_open(&r, "b", 1);
	fresh = client_new(&r, 1);
	broker_drain(&r.broker);
	m = client_next(a, TYPE_GOAWAY);
	assert_true(m.goaway.delay_ms > 0);
	assert_int_equal(client_next(a, TYPE_PING).ping.token, 1);
	client_next(b, TYPE_GOAWAY);
	client_next(b, TYPE_PING);
	client_expect_nothing(fresh);
	assert_int_equal(r.broker.n_undrained, 2);
	/* this PING may have been on its way before it read GOAWAY */
	client_says_hex(a, "92 0a 05");
	assert_int_equal(client_next(a, TYPE_PONG).pong.token, 5);
	assert_int_equal(r.broker.n_undrained, 2);
	client_says_hex(a, "92 0b 02"); /* nobody asked for that */
	assert_int_equal(r.broker.n_undrained, 2);
	client_says_hex(a, "92 0b 01");
	assert_int_equal(r.broker.n_undrained, 1);
	client_says_hex(a, "92 0a 06");
	client_says_hex(a, "92 0b 01");
	assert_int_equal(r.broker.n_undrained, 1);
	/* the other way round */
	client_says_hex(b, "92 0b 02");
	assert_int_equal(r.broker.n_undrained, 1);
	client_says_hex(b, "92 0a 07");
	assert_int_equal(r.broker.n_undrained, 0);

	/* who says HELLO now is sent away as well */
	client_says_hex(fresh, "94 01 01 a0 80");
	client_next(fresh, TYPE_WELCOME);
	client_next(fresh, TYPE_GOAWAY);
	client_next(fresh, TYPE_PING);
	assert_int_equal(r.broker.n_undrained, 1);
	client_free(fresh);
	assert_int_equal(r.broker.n_undrained, 0);
	client_free(a);
	client_free(b);
	rig_fini(&r);
}

/* ---- wills ----------------------------------------------------------------- */

/* A session whose will is `len` bytes on the topic "will". */
static struct client *
open_with_will(struct rig *r, uint8_t flags, size_t len)
{
	struct client *c = client_new(r, 70000);
	uint8_t *payload = calloc(1, len + 1);
	struct bytes will = { 0 };

	assert_non_null(payload);
	put_publish_with(&will, flags, "will", NULL, payload, len);
	put_hex(&c->said, "94 01 01 a3 61 62 63 81 a4 77 69 6c 6c");
	put_bin(&c->said, will.at + 5, will.len - 5);
	put_prefix_before(&c->said, 0);
	client_goes_on(c);
	bytes_free(&will);
	free(payload);
	return c;
}

static void
expect_will_of(struct client *heir, const struct client *c)
{
	publish_posted(&heir->rig->broker);
	client_next(heir, TYPE_PUBLISH);
	assert_int_equal(heir->frame.at[13], c->session.id);
	assert_memory_equal(heir->frame.at + 14, "\0\x01\x11\x70", 4);
}

static void
expect_no_will(struct client *heir)
{
	publish_posted(&heir->rig->broker);
	client_expect_nothing(heir);
}

TEST(a_will_is_published_in_the_name_of_who_vanishes_once)
{
	struct client *heir, *c;
	struct rig r;

	rig_init(&r);
	heir = client_open_on(&r, "heir", "will");
	c = open_with_will(&r, 0, 5);
	assert_true(r.broker.pool.used > 0);
	expect_no_will(heir);
	session_end(&c->session);
	expect_will_of(heir, c);
	client_free(c);
	expect_no_will(heir);
	assert_int_equal(r.broker.will_bytes, 0);

	c = open_with_will(&r, 0, 5);
	client_says_hex(c, "c0");
	expect_will_of(heir, c);
	client_free(c);

	c = open_with_will(&r, 0, 5);
	session_evict(&c->session, "test");
	expect_will_of(heir, c);
	client_free(c);
	client_free(heir);
	rig_fini(&r);
}

TEST(a_will_comes_behind_what_its_client_sent)
{
	struct client *heir, *c;
	struct rig r;

	rig_init(&r);
	heir = client_open_on(&r, "heir", "*");
	c = open_with_will(&r, 0, 1);
	client_publishes(c, "last.words", 1);
	client_publishes(c, "lastwords", 20);
	session_end(&c->session);
	client_next(heir, TYPE_PUBLISH);
	assert_int_equal(heir->frame.at[heir->frame.len - 22], 0xc4);
	expect_will_of(heir, c);
	client_free(c);
	client_free(heir);
	rig_fini(&r);
}

TEST(a_will_to_be_retained_is_kept)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = open_with_will(&r, 1, 5);
	assert_null(retained_find(&r.broker.retained, "will", 4));
	session_end(&c->session);
	publish_posted(&r.broker);
	assert_non_null(retained_find(&r.broker.retained, "will", 4));
	client_free(c);
	rig_fini(&r);
}

TEST(there_is_no_will_of_who_leaves_in_order_or_when_the_broker_stops)
{
	struct client *heir, *c;
	struct rig r;

	rig_init(&r);
	heir = client_open_on(&r, "heir", "will");
	c = open_with_will(&r, 0, 5);
	client_says_hex(c, "93 0c a0 00");
	expect_no_will(heir);
	client_free(c);

	c = open_with_will(&r, 0, 5);
	client_free(c); /* the broker's own end */
	expect_no_will(heir);

	c = open_with_will(&r, 0, 5);
	broker_drain(&r.broker);
	client_next(heir, TYPE_GOAWAY);
	client_next(heir, TYPE_PING);
	session_end(&c->session);
	expect_no_will(heir);
	client_free(c);
	assert_int_equal(r.broker.will_bytes, 0);
	client_free(heir);
	rig_fini(&r);
}

TEST(wills_are_bounded_each_and_all_together)
{
	struct config config = some_config();
	struct client *c, *others[8];
	struct rig r;

	config.memory_max = 1u << 20; /* an eighth: 128 KiB */
	rig_init_with(&r, config);
	c = open_with_will(&r, 0, 16384); /* and its head */
	client_expect_error(c, STATUS_FRAME_TOO_BIG, true, 0, "(limit 16384)");
	client_free(c);
	for (size_t i = 0; i < COUNT(others); i++) {
		others[i] = open_with_will(&r, 0, 16000);
		client_next(others[i], TYPE_WELCOME);
	}
	c = open_with_will(&r, 0, 16000);
	client_expect_error(c, STATUS_NO_MEMORY, true, 0,
	                    "take 128224 already (limit 131072, an eighth");
	client_free(c);
	client_free(others[0]);
	c = open_with_will(&r, 0, 16000);
	client_next(c, TYPE_WELCOME);
	client_free(c);
	for (size_t i = 1; i < COUNT(others); i++)
		client_free(others[i]);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_numbered_from_1_and_never_twice),
		cmocka_unit_test(
			an_inbox_is_the_brokers_random_and_the_sessions_number),
		cmocka_unit_test(its_words_name_it_and_cannot_be_forged),
		cmocka_unit_test(
			the_longest_name_and_command_leave_room_for_the_uid),
		cmocka_unit_test(
			a_failure_is_told_behind_what_waits_and_ends_the_session),
		cmocka_unit_test(a_text_that_is_too_long_is_cut_and_stays_utf8),
		cmocka_unit_test(
			one_that_is_deaf_takes_nothing_but_is_still_heard),
		cmocka_unit_test(
			one_that_is_deaf_joins_nothing_and_keeps_nobody_from_his_share),
		cmocka_unit_test(
			an_eviction_of_one_that_owes_nothing_has_no_gap),
		cmocka_unit_test(
			an_eviction_is_logged_by_name_with_what_was_lost),
		cmocka_unit_test(its_subscriptions_end_with_it),
		cmocka_unit_test(
			after_goaway_a_session_is_drained_by_its_ping_and_pong_or_its_end),
		cmocka_unit_test(
			a_will_is_published_in_the_name_of_who_vanishes_once),
		cmocka_unit_test(a_will_comes_behind_what_its_client_sent),
		cmocka_unit_test(a_will_to_be_retained_is_kept),
		cmocka_unit_test(
			there_is_no_will_of_who_leaves_in_order_or_when_the_broker_stops),
		cmocka_unit_test(wills_are_bounded_each_and_all_together),
	};

	return RUN(tests);
}
