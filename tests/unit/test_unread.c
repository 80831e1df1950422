/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/unread.h"

#include "broker/publish.h"
#include "capture.h"
#include "sessions.h"

/* One that asks and does not read, and one that watches. */
struct scene {
	struct rig rig;
	struct client *asks;
	struct client *watcher;
	struct capture err;
};

static void
scene_init(struct scene *s)
{
	rig_init_with(&s->rig, some_config());
	s->rig.broker.log.level = LOG_INFO;
	s->rig.broker.limits.answers = 100;
	s->asks = client_open(&s->rig, "asks", 1000);
	s->watcher = client_open_on(&s->rig, "watcher", "$SYS.client.held");
}

static void
scene_fini(struct scene *s)
{
	client_free(s->watcher);
	rig_fini(&s->rig);
}

static void
owe_answers(struct client *c)
{
	const struct message pong = { .type = TYPE_PONG };

	while (!unread_is_too_much(&c->session))
		session_answer(&c->session, &pong);
	unread_look(&c->session);
}

static void
read_answers(struct client *c)
{
	client_takes(c, SIZE_MAX);
	bytes_free(&c->got);
	unread_look(&c->session);
}

static void
step(struct scene *s, uint64_t ms)
{
	rig_step(&s->rig, ms);
	publish_posted(&s->rig.broker);
}

TEST(who_does_not_read_its_answers_for_100_ms_is_named_and_gets_no_hold)
{
	struct scene s;
	size_t owed;

	scene_init(&s);
	owe_answers(s.asks);
	owed = s.asks->session.out.bytes;
	capture_begin(&s.err, stderr);
	step(&s, 99);
	client_expect_nothing(s.watcher);
	step(&s, 1);
	client_next(s.watcher, TYPE_PUBLISH);
	step(&s, 500);
	client_expect_nothing(s.watcher); /* once is enough */
	assert_int_equal(s.asks->session.out.bytes, owed);
	read_answers(s.asks);
	publish_posted(&s.rig.broker);
	client_next(s.watcher, TYPE_PUBLISH);
	assert_non_null(strstr(capture_end(&s.err),
	                       "held by itself session=1 name=\"asks\" "));
	assert_non_null(strstr(s.err.text, " limit=100 of=unread-answers"));
	assert_non_null(strstr(s.err.text, "released held_ms=600 session=1 "));
	client_free(s.asks);
	publish_posted(&s.rig.broker);
	client_expect_nothing(s.watcher);
	scene_fini(&s);
}

TEST(who_reads_in_time_is_not_named)
{
	struct scene s;

	scene_init(&s);
	for (unsigned i = 0; i < 5; i++) {
		owe_answers(s.asks);
		step(&s, 99);
		read_answers(s.asks);
	}
	step(&s, 500);
	client_expect_nothing(s.watcher);
	client_free(s.asks);
	scene_fini(&s);
}

TEST(who_ends_with_answers_unread_is_told_of_as_well)
{
	struct scene s;

	scene_init(&s);
	owe_answers(s.asks);
	step(&s, 100);
	client_next(s.watcher, TYPE_PUBLISH);
	session_end(&s.asks->session);
	unread_look(&s.asks->session); /* it is not read any more anyway */
	publish_posted(&s.rig.broker);
	client_next(s.watcher, TYPE_PUBLISH);
	step(&s, 500);
	client_expect_nothing(s.watcher);
	client_free(s.asks);
	scene_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			who_does_not_read_its_answers_for_100_ms_is_named_and_gets_no_hold),
		cmocka_unit_test(who_reads_in_time_is_not_named),
		cmocka_unit_test(
			who_ends_with_answers_unread_is_told_of_as_well),
	};

	return RUN(tests);
}
