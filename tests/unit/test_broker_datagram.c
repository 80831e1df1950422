/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/datagram.h"

#include <sys/socket.h>
#include <unistd.h>

#include "sessions.h"

struct post {
	struct rig rig;
	struct datagrams datagrams;
	int fds[2]; /* ours and the senders' */
};

static void
post_init(struct post *p, uint32_t rate)
{
	struct config config = some_config();
	int size = 1 << 20;

	config.datagram_rate = rate;
	rig_init_with(&p->rig, config);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, p->fds), 0);
	setsockopt(p->fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (peer_ask_for_credentials(p->fds[0]) < 0)
		skip();
	datagrams_init(&p->datagrams, &p->rig.broker, p->fds[0]);
}

static void
post_fini(struct post *p)
{
	datagrams_fini(&p->datagrams);
	rig_fini(&p->rig);
	close(p->fds[0]);
	close(p->fds[1]);
}

/* Send one, and have it taken. */
static void
post_bytes(struct post *p, const void *data, size_t len)
{
	assert_int_equal(send(p->fds[1], data, len, 0), (ssize_t)len);
	datagrams_take(&p->datagrams);
}

static void
post_text(struct post *p, const char *text)
{
	post_bytes(p, text, strlen(text));
}

static uint64_t
fate(const struct post *p, enum datagram_fate which)
{
	return p->rig.broker.datagrams[which];
}

/* The next thing that came is this, from a datagram of ours. */
static void
expect_message(struct client *c, const char *topic, const char *payload)
{
	struct bytes want = { 0 };

	client_next(c, TYPE_PUBLISH);
	put_publish(&want, topic, NULL, payload, strlen(payload));
	memset(want.at + 10, 0xff, 4);
	store_be32(want.at + 14, (uint32_t)geteuid());
	assert_int_equal(c->frame.len, want.len);
	assert_memory_equal(c->frame.at, want.at, want.len);
	bytes_free(&want);
}

TEST(a_text_and_a_frame_reach_subscribers_with_the_senders_uid)
{
	struct bytes frame = { 0 };
	struct client *reader;
	struct post p;

	post_init(&p, 100);
	reader = client_open_on(&p.rig, "reader", "door.*");
	post_text(&p, "door.open front\n");
	expect_message(reader, "door.open", "front");
	put_publish(&frame, "door.shut", NULL, "back", 4);
	post_bytes(&p, frame.at, frame.len);
	expect_message(reader, "door.shut", "back");
	post_text(&p, "window.open");
	client_expect_nothing(reader);
	assert_int_equal(fate(&p, DATAGRAM_TAKEN), 3);
	bytes_free(&frame);
	client_free(reader);
	post_fini(&p);
}

TEST(the_inbox_that_would_have_their_number_is_not_theirs)
{
	struct acl *acl = acl_new(); /* of no rules: nobody may do anything */
	char text[100];
	struct post p;

	post_init(&p, 100);
	assert_non_null(acl);
	p.rig.broker.acl = acl;
	snprintf(text, sizeof(text), "%s.4294967295 x",
	         p.rig.broker.inbox_root);
	post_text(&p, text);
	assert_int_equal(fate(&p, DATAGRAM_DENIED), 1);
	assert_int_equal(fate(&p, DATAGRAM_TAKEN), 0);
	post_fini(&p);
	acl_free(acl);
}

TEST(those_that_come_together_arrive_in_order)
{
	struct client *reader;
	struct post p;
	char text[300];

	post_init(&p, 100000);
	reader = client_open_on(&p.rig, "reader", "**");
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 5; i++) {
			snprintf(text, sizeof(text), "t %d %0*d", round,
			         i * 60 + 1, i);
			assert_true(send(p.fds[1], text, strlen(text), 0) > 0);
		}
		assert_false(datagrams_take(&p.datagrams));
		for (int i = 0; i < 5; i++) {
			snprintf(text, sizeof(text), "%d %0*d", round,
			         i * 60 + 1, i);
			expect_message(reader, "t", text);
		}
	}
	client_free(reader);
	post_fini(&p);
}

/* More than a slab holds, and more than the reader takes. */
TEST(large_ones_go_through_many_slabs_and_what_is_too_much_is_a_gap)
{
	static char text[DATAGRAM_MAX];
	struct client *reader;
	uint64_t lost = 0;
	unsigned got = 0;
	struct post p;

	post_init(&p, 100000);
	reader = client_open_on(&p.rig, "reader", "**");
	memset(text, 'x', sizeof(text));
	text[1] = ' ';
	for (int i = 0; i < 20; i++)
		post_bytes(&p, text, sizeof(text));
	while (client_next_frame(reader)) {
		struct message m;

		if (reader->frame.at[6] == TYPE_PUBLISH) {
			got++;
			continue;
		}
		assert_int_equal(message_decode(reader->frame.at + 5,
		                                reader->frame.len - 5, &m),
		                 MESSAGE_OK);
		assert_int_equal(m.type, TYPE_GAP);
		lost += m.gap.frames;
	}
	assert_true(got >= 2 && lost > 0);
	assert_int_equal(got + lost, 20);
	assert_int_equal(reader->session.state, SESSION_OPEN);
	client_free(reader);
	post_fini(&p);
}

TEST(what_is_refused_is_counted_by_cause_and_reaches_nobody)
{
	static char big[DATAGRAM_MAX + 1];
	struct bytes frame = { 0 };
	struct client *reader, *spy;
	char inbox[INBOX_MAX], text[INBOX_MAX + 20];
	struct post p;

	post_init(&p, 100);
	reader = client_open_on(&p.rig, "reader", "**");
	spy = client_open_on(&p.rig, "spy", "$SYS.**");
	post_text(&p, "a..b x");
	post_text(&p, "");
	assert_int_equal(fate(&p, DATAGRAM_MALFORMED), 2);

	memset(big, 'x', sizeof(big));
	big[1] = ' ';
	post_bytes(&p, big, sizeof(big));
	assert_int_equal(fate(&p, DATAGRAM_TOO_BIG), 1);
	assert_string_equal(p.datagrams.reports[DATAGRAM_TOO_BIG].why,
	                    "65537 bytes (limit 65536, of any datagram)");

	post_text(&p, "$SYS.client.connected me");
	post_text(&p, "$inbox.0123456789abcdef.1 x"); /* of another life */
	session_inbox(&reader->session, inbox);
	put_publish(&frame, "a", inbox, "", 0); /* a reply for another */
	post_bytes(&p, frame.at, frame.len);
	assert_int_equal(fate(&p, DATAGRAM_DENIED), 3);
	client_expect_nothing(reader);
	client_expect_nothing(spy);
	assert_int_equal(fate(&p, DATAGRAM_TAKEN), 0);

	/* but anybody may be written to */
	client_subscribes(reader, 2, inbox);
	client_next(reader, TYPE_OK);
	snprintf(text, sizeof(text), "%s hello", inbox);
	post_text(&p, text);
	expect_message(reader, inbox, "hello");
	bytes_free(&frame);
	client_free(reader);
	client_free(spy);
	post_fini(&p);
}

TEST(more_of_one_user_than_the_rate_in_one_second_are_dropped)
{
	struct client *reader;
	struct post p;

	post_init(&p, 3);
	reader = client_open_on(&p.rig, "reader", "**");
	rig_step(&p.rig, 1000 - stepped_ms % 1000);
	for (int second = 0; second < 3; second++) {
		for (int i = 0; i < 5; i++)
			post_text(&p, "a b");
		for (int i = 0; i < 3; i++)
			expect_message(reader, "a", "b");
		client_expect_nothing(reader);
		assert_int_equal(fate(&p, DATAGRAM_TOO_MANY), 2 * (second + 1));
		rig_step(&p.rig, 1000);
	}
	client_free(reader);
	post_fini(&p);
}

TEST(without_memory_they_are_dropped_and_then_taken_again)
{
	enum { N = 600 };
	static struct slab *slabs[N];
	struct client *reader;
	struct post p;
	size_t n = 0;

	post_init(&p, 100);
	reader = client_open_on(&p.rig, "reader", "**");
	while (n < N && (slabs[n] = slab_new(&p.rig.broker.pool)))
		n++;
	post_text(&p, "a 1");
	assert_int_equal(fate(&p, DATAGRAM_NO_MEMORY), 1);
	while (n > 0)
		slab_unref(slabs[--n]);
	post_text(&p, "a 2");
	expect_message(reader, "a", "2");
	client_expect_nothing(reader);
	client_free(reader);
	post_fini(&p);
}

TEST(a_cause_is_logged_at_once_and_then_once_a_second)
{
	struct post p;

	post_init(&p, 100);
	assert_true(deadline_queue_next(&p.datagrams.seconds) == UINT64_MAX);
	post_text(&p, "..");
	assert_int_equal(p.datagrams.reports[DATAGRAM_MALFORMED].n, 0);
	post_text(&p, "..");
	post_text(&p, "..");
	assert_int_equal(p.datagrams.reports[DATAGRAM_MALFORMED].n, 2);
	clock_step(1000);
	deadlines_run(&p.rig.broker.deadlines, stepped_ms);
	assert_int_equal(p.datagrams.reports[DATAGRAM_MALFORMED].n, 0);
	/* the next second was quiet: nothing is to be done any more */
	clock_step(1000);
	deadlines_run(&p.rig.broker.deadlines, stepped_ms);
	assert_true(deadline_queue_next(&p.datagrams.seconds) == UINT64_MAX);
	post_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_text_and_a_frame_reach_subscribers_with_the_senders_uid),
		cmocka_unit_test(
			the_inbox_that_would_have_their_number_is_not_theirs),
		cmocka_unit_test(those_that_come_together_arrive_in_order),
		cmocka_unit_test(
			large_ones_go_through_many_slabs_and_what_is_too_much_is_a_gap),
		cmocka_unit_test(
			what_is_refused_is_counted_by_cause_and_reaches_nobody),
		cmocka_unit_test(
			more_of_one_user_than_the_rate_in_one_second_are_dropped),
		cmocka_unit_test(
			without_memory_they_are_dropped_and_then_taken_again),
		cmocka_unit_test(
			a_cause_is_logged_at_once_and_then_once_a_second),
	};

	return RUN(tests);
}
