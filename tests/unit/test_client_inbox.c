/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "client/inbox.h"

#include <string.h>

#include "unit.h"

static struct inbox
inbox_of(const char *name)
{
	struct inbox inbox = { .len = 0 };

	assert_true(inbox_take(&inbox, text_from(name)));
	return inbox;
}

static uint64_t
number_of(const struct inbox *inbox, const char *topic)
{
	return inbox_number(inbox, topic, strlen(topic));
}

TEST(each_number_has_a_topic_and_each_such_topic_its_number)
{
	static const struct {
		uint64_t number;
		const char *topic;
	} all[] = {
		{ 1, "$inbox.r.7.1" },
		{ 15, "$inbox.r.7.f" },
		{ 16, "$inbox.r.7.10" },
		{ 0xabcdef, "$inbox.r.7.abcdef" },
		{ UINT64_MAX, "$inbox.r.7.ffffffffffffffff" },
	};
	struct inbox inbox = inbox_of("$inbox.r.7");
	char topic[TOPIC_MAX + 1];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(inbox_topic(&inbox, all[i].number, topic),
		                 strlen(all[i].topic));
		assert_string_equal(topic, all[i].topic);
		assert_true(number_of(&inbox, topic) == all[i].number);
	}
	inbox_filter(&inbox, topic);
	assert_string_equal(topic, "$inbox.r.7.*");
}

TEST(other_topics_have_no_number)
{
	static const char *const others[] = {
		"$inbox.r.7.",
		"$inbox.r.7",
		"$inbox.r.8.1",
		"$inbox.r.7.A",
		"$inbox.r.7.g",
		"$inbox.r.7.1.2",
		"$inbox.r.7.-1",
		"$inbox.r.7.0",
		"a",
		"$inbox.r.7.00000000000000001",
	};
	struct inbox inbox = inbox_of("$inbox.r.7");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(number_of(&inbox, others[i]), 0);
}

TEST(what_is_no_inbox_is_not_taken)
{
	struct inbox inbox = inbox_of("$inbox.r.7");
	char longest[INBOX_MAX + 2] = "$inbox.";
	char topic[TOPIC_MAX + 1];

	assert_false(inbox_take(&inbox, (struct text){ NULL, 0 }));
	assert_false(inbox_take(&inbox, text_from("")));
	assert_false(inbox_take(&inbox, text_from("$inbox.")));
	assert_false(inbox_take(&inbox, text_from("inbox.r.7")));
	assert_false(inbox_take(&inbox, text_from("$inbox.a..b")));
	assert_false(inbox_take(&inbox, text_from("$inbox.*")));
	memset(longest + 7, 'x', sizeof(longest) - 8);
	assert_false(inbox_take(&inbox, text_from(longest)));
	assert_int_equal(number_of(&inbox, "$inbox.r.7.9"), 9);

	longest[INBOX_MAX] = '\0';
	assert_true(inbox_take(&inbox, text_from(longest)));
	assert_in_range(inbox_topic(&inbox, UINT64_MAX, topic), 1, TOPIC_MAX);
}

TEST(all_sessions_of_a_broker_share_a_part)
{
	struct inbox one = inbox_of("$inbox.r.7"),
		     other = inbox_of("$inbox.r.12");

	assert_int_equal(inbox_broker_len(&one), strlen("$inbox.r."));
	assert_int_equal(inbox_broker_len(&other), strlen("$inbox.r."));
}

TEST(without_one_no_topic_of_a_broker_has_a_number)
{
	struct inbox inbox;
	char topic[TOPIC_MAX + 1];

	inbox_init(&inbox);
	inbox_topic(&inbox, 3, topic);
	assert_int_equal(number_of(&inbox, topic), 3);
	assert_int_equal(number_of(&inbox, "$inbox.r.7.3"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_number_has_a_topic_and_each_such_topic_its_number),
		cmocka_unit_test(other_topics_have_no_number),
		cmocka_unit_test(what_is_no_inbox_is_not_taken),
		cmocka_unit_test(all_sessions_of_a_broker_share_a_part),
		cmocka_unit_test(without_one_no_topic_of_a_broker_has_a_number),
	};

	return RUN(tests);
}
