/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/cli/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Two sessions of one process, one of another. */
#define SESSIONS                                                        \
	"[{\"session\":1,\"uid\":54321,\"pid\":70,\"command\":\"one\"," \
	"\"name\":\"ui\",\"subscriptions\":2,\"queued_bytes\":20000},"  \
	"{\"session\":2,\"uid\":54321,\"pid\":80,\"command\":\"two\","  \
	"\"name\":\"\",\"subscriptions\":0,\"queued_bytes\":5},"        \
	"{\"session\":3,\"uid\":54321,\"pid\":70,\"command\":\"one\","  \
	"\"name\":\"db\",\"subscriptions\":5,\"dropped\":9,\"held_by\":1}]"
#define SUBSCRIPTIONS                                                        \
	"[{\"session\":1,\"filter\":\"$inbox.x.1.*\"},"                      \
	"{\"session\":1,\"filter\":\"a.*\"},"                                \
	"{\"session\":3,\"filter\":\"b\"},{\"session\":3,\"filter\":\"c\"}," \
	"{\"session\":3,\"filter\":\"d\"},{\"session\":3,\"filter\":\"e\"}]"
#define TOPICS                                                    \
	"[{\"topic\":\"b\",\"receivers\":2},"                     \
	"{\"topic\":\"a\",\"receivers\":1,\"retained_bytes\":30," \
	"\"age_ms\":5000},{\"topic\":\"b\",\"receivers\":2}]"

struct scene {
	json_t *sessions;
	json_t *subscriptions;
	json_t *topics;
	struct rates rates;
	struct tally tally;
	struct sightings seen;
	struct views_rows rows;
};

static void
scene_init(struct scene *s)
{
	*s = (struct scene){
		.sessions = json_loads(SESSIONS, 0, NULL),
		.subscriptions = json_loads(SUBSCRIPTIONS, 0, NULL),
		.topics = json_loads(TOPICS, 0, NULL),
	};
	assert_true(s->sessions && s->subscriptions && s->topics);
	s->seen = (struct sightings){ s->sessions, s->subscriptions, s->topics,
		                      &s->rates, &s->tally };
	for (uint64_t second = 0; second < 2; second++) {
		rates_begin(&s->rates, (int64_t)second * 1000000);
		for (uint64_t id = 1; id <= 3; id++)
			rates_add(&s->rates, id, (uint64_t[]){ id * second, 0 },
			          2);
	}
}

static void
scene_fini(struct scene *s)
{
	views_free(&s->rows);
	rates_free(&s->rates);
	tally_free(&s->tally);
	json_decref(s->sessions);
	json_decref(s->subscriptions);
	json_decref(s->topics);
}

static void
expect_table(struct scene *s, const struct view *view, const char *column,
             bool reverse, const char *text)
{
	size_t by = views_find_column(view, column);
	struct buf out = { 0 };

	assert_true(by < view->n_columns);
	views_collect(&s->rows, view, &s->seen);
	views_sort(&s->rows, view, by, reverse);
	views_append_table(&out, view, &s->rows,
	                   &(struct views_part){ .n = 10 }, &s->seen);
	assert_string_equal(buf_text(&out), text);
	buf_free(&out);
}

static void
sessions_have_rates_and_filters_but_no_inboxes(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	expect_table(&s, &view_sessions, "in", false,
	             "SESSION  USER   PID  NAME   IN/S  OUT/S  QUEUED  DROPPED"
	             "  HELD BY  SUBSCRIBES\n"
	             "      3  54321   70  db      3.0      0       0        9"
	             "        1  b c d +1\n"
	             "      2  54321   80  two     2.0      0       5\n"
	             "      1  54321   70  ui      1.0      0     20k"
	             "                    a.*\n");
	scene_fini(&s);
}

static void
a_process_is_the_sum_of_its_sessions(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	expect_table(
		&s, &view_processes, "command", false,
		"PID  USER   COMMAND  SESSIONS   SUBS   IN/S  OUT/S  QUEUED"
		"  DROPPED  HELD\n"
		" 70  54321  one             2      7    4.0      0     20k"
		"        9     1\n"
		" 80  54321  two             1      0    2.0      0       5\n");
	scene_fini(&s);
}

static void
topics_are_those_that_are_known_and_those_that_were_seen(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	tally_count(&s.tally, "a", 1, 100);
	tally_count(&s.tally, "z", 9, 1);
	tally_count(&s.tally, "z", 2, 1);
	tally_turn(&s.tally, 1000000);
	expect_table(
		&s, &view_topics, "rate", false,
		"TOPIC  RECEIVERS  MSGS/S  BYTES/S  FROM     RETAINED  AGE\n"
		"z              0     2.0      2.0  several\n"
		"a              1     1.0      100  ui             30   5s\n"
		"b              2       0        0\n");
	scene_fini(&s);
}

static void
the_order_may_be_reversed_and_ties_keep_theirs(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	views_collect(&s.rows, &view_sessions, &s.seen);
	views_sort(&s.rows, &view_sessions, 6, true); /* queued */
	assert_true(s.rows.at[0].cells[0].number == 3);
	assert_true(s.rows.at[2].cells[0].number == 1);
	views_sort(&s.rows, &view_sessions, 1, false); /* all one user's */
	assert_true(s.rows.at[0].cells[0].number == 1);
	assert_true(s.rows.at[2].cells[0].number == 3);
	views_sort(&s.rows, &view_sessions, 3, true); /* name */
	assert_string_equal(s.rows.at[0].cells[3].text, "ui");
	assert_int_equal(views_find_column(&view_sessions, "none"),
	                 view_sessions.n_columns);
	scene_fini(&s);
}

static void
programs_get_all_of_it(void **state)
{
	struct scene s;
	json_t *all, *row;

	(void)state;
	scene_init(&s);
	views_collect(&s.rows, &view_sessions, &s.seen);
	all = views_json(&view_sessions, &s.rows, &s.seen);
	row = json_array_get(all, 2);
	assert_int_equal(json_array_size(all), 3);
	assert_int_equal(json_integer_value(json_object_get(row, "held_by")),
	                 1);
	assert_true(json_real_value(json_object_get(row, "in_per_second")) ==
	            3);
	assert_int_equal(json_array_size(json_object_get(row, "subscribes")),
	                 4);
	json_decref(all);
	scene_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			sessions_have_rates_and_filters_but_no_inboxes),
		cmocka_unit_test(a_process_is_the_sum_of_its_sessions),
		cmocka_unit_test(
			topics_are_those_that_are_known_and_those_that_were_seen),
		cmocka_unit_test(
			the_order_may_be_reversed_and_ties_keep_theirs),
		cmocka_unit_test(programs_get_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
