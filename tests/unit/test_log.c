/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/log.h"

#include "capture.h"
#include "stepped_clock.h"

static void
expect_text(const char *bytes, size_t len, const char *want)
{
	char buf[LOG_TEXT_MAX];

	assert_ptr_equal(log_text(buf, bytes, len), buf);
	assert_string_equal(buf, want);
}

#define EXPECT_TEXT(bytes, want) expect_text(bytes, sizeof(bytes) - 1, want)

TEST(text_is_quoted_and_what_could_forge_a_line_is_escaped)
{
	EXPECT_TEXT("", "\"\"");
	EXPECT_TEXT("ui 2", "\"ui 2\"");
	EXPECT_TEXT("\xc3\xa9\xe2\x82\xac", "\"\xc3\xa9\xe2\x82\xac\"");
	EXPECT_TEXT("a\"b\\c", "\"a\\\"b\\\\c\"");
	EXPECT_TEXT("a\nb\x1b\x7f", "\"a\\u000ab\\u001b\\u007f\"");
	EXPECT_TEXT("a\0b", "\"a\\u0000b\"");
	EXPECT_TEXT("\xc2\x85", "\"\\u0085\"");
	EXPECT_TEXT("a\xff\xc3", "\"a\\xff\\xc3\"");
	EXPECT_TEXT("\xed\xa0\x80", "\"\\xed\\xa0\\x80\"");
}

TEST(long_text_is_cut_and_says_so_and_always_fits)
{
	static const char *const pieces[] = { "x", "\n", "\xff", "\"",
		                              "\xf0\x9f\x8c\xbc" };
	char text[2000], buf[LOG_TEXT_MAX + 8];

	for (size_t p = 0; p < COUNT(pieces); p++) {
		size_t len = 0;

		while (len + strlen(pieces[p]) < sizeof(text)) {
			memcpy(text + len, pieces[p], strlen(pieces[p]));
			len += strlen(pieces[p]);
			memset(buf, 0x7e, sizeof(buf));
			log_text(buf, text, len);
			assert_int_equal(buf[LOG_TEXT_MAX], 0x7e);
			assert_true(strlen(buf) < LOG_TEXT_MAX);
			assert_int_equal(buf[strlen(buf) - 1], '"');
		}
		assert_string_equal(buf + strlen(buf) - 4, "...\"");
	}
}

TEST(an_event_is_one_line_with_its_level)
{
	struct log log = { .level = LOG_INFO };
	static struct capture c;

	capture_begin(&c, stderr);
	log_event(&log, LOG_INFO, LOG_LIFE, "listening n=%d", 5);
	log_event(&log, LOG_ERROR, LOG_LIFE, "oh");
	log_event(&log, LOG_WARN, LOG_FAULT, "hm");
	log_event(&log, LOG_DEBUG, LOG_LIFE, "not this");
	assert_string_equal(capture_end(&c), "umbeld: info: listening n=5\n"
	                                     "umbeld: error: oh\n"
	                                     "umbeld: warn: hm\n");
}

static unsigned
count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

TEST(a_cause_that_repeats_is_left_out_and_counted_and_others_are_not)
{
	struct log log = { .level = LOG_INFO };
	static struct capture c;
	const char *text;

	stepped_ms = 5000000;
	capture_begin(&c, stderr);
	for (int i = 0; i < 70; i++)
		log_event(&log, LOG_WARN, LOG_FAULT, "fault");
	log_event(&log, LOG_WARN, LOG_HELD, "held");
	for (int i = 0; i < 30; i++)
		log_event(&log, LOG_INFO, LOG_LIFE, "life");
	text = capture_end(&c);
	assert_int_equal(count_lines(text), 20 + 1 + 30);
	assert_non_null(strstr(text, "held\n"));

	clock_step(1000);
	capture_begin(&c, stderr);
	log_event(&log, LOG_WARN, LOG_FAULT, "fault");
	log_event(&log, LOG_WARN, LOG_FAULT, "fault");
	assert_string_equal(capture_end(&c),
	                    "umbeld: warn: fault (50 like it left out)\n"
	                    "umbeld: warn: fault\n");
}

TEST(what_was_left_out_is_told_behind_the_next_line_of_another_cause)
{
	struct log log = { .level = LOG_INFO };
	static struct capture c;

	stepped_ms = 5000000;
	capture_begin(&c, stderr);
	for (int i = 0; i < 40; i++)
		log_event(&log, LOG_WARN, LOG_EVICTED, "evicted");
	log_event(&log, LOG_INFO, LOG_HELD, "too early");
	assert_int_equal(count_lines(capture_end(&c)), 21);
	clock_step(1000);
	capture_begin(&c, stderr);
	log_event(&log, LOG_INFO, LOG_HELD, "released");
	assert_string_equal(capture_end(&c),
	                    "umbeld: info: released\n"
	                    "umbeld: warn: left out lines=20 about=evicted\n");
}

TEST(levels_are_parsed_by_name)
{
	enum log_level level = LOG_INFO;

	assert_int_equal(log_level_parse("error", &level), 0);
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_WARN);
	assert_int_equal(log_level_parse("info", &level), 0);
	assert_int_equal(level, LOG_INFO);
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_DEBUG);
	assert_true(log_level_parse("", &level) < 0);
	assert_true(log_level_parse("Debug", &level) < 0);
	assert_true(log_level_parse("debugs", &level) < 0);
	assert_int_equal(level, LOG_DEBUG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			text_is_quoted_and_what_could_forge_a_line_is_escaped),
		cmocka_unit_test(long_text_is_cut_and_says_so_and_always_fits),
		cmocka_unit_test(an_event_is_one_line_with_its_level),
		cmocka_unit_test(
			a_cause_that_repeats_is_left_out_and_counted_and_others_are_not),
		cmocka_unit_test(
			what_was_left_out_is_told_behind_the_next_line_of_another_cause),
		cmocka_unit_test(levels_are_parsed_by_name),
	};

	return RUN(tests);
}
