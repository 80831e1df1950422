/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/question.h"

#include <string.h>

#include "unit.h"

static void
expect(const char *topic, enum question question)
{
	assert_int_equal(question_of_topic(topic, strlen(topic)), question);
}

TEST(a_question_is_known_by_its_whole_topic)
{
	expect("$SYS.broker.info", QUESTION_INFO);
	expect("$SYS.broker.sessions", QUESTION_SESSIONS);
	expect("$SYS.broker.subscriptions", QUESTION_SUBSCRIPTIONS);
	expect("$SYS.broker.topics", QUESTION_TOPICS);
	expect("$SYS.broker.explain", QUESTION_EXPLAIN);
	expect("$SYS.broker.metrics", QUESTION_METRICS);
	expect("$SYS.broker.inf", N_QUESTIONS);
	expect("$SYS.broker.info.x", N_QUESTIONS);
	expect("$SYS.broker", N_QUESTIONS);
	expect("", N_QUESTIONS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_known_by_its_whole_topic),
	};

	return RUN(tests);
}
