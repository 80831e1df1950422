/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/setting.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static const struct setting *
named(const char *name)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		if (strcmp(s->name, name) == 0)
			return s;
	}
	fail_msg("no setting %s", name);
	return NULL;
}

TEST(no_two_settings_have_one_name_or_one_place)
{
	size_t n = 0;

	while (setting_at(n))
		n++;
	assert_in_range(n, 15, CONFIG_MAX_SETTINGS);
	assert_null(setting_at(n + 1));
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(setting_at(i)->name,
			                        setting_at(k)->name);
			assert_int_not_equal(setting_at(i)->offset,
			                     setting_at(k)->offset);
		}
	}
}

TEST(what_is_shown_can_be_given)
{
	const struct setting *s;
	struct config a = { .log_level = LOG_WARN,
		            .mode = 0640,
		            .memory_max = (size_t)3 << 30 };

	for (size_t i = 0; (s = setting_at(i)); i++) {
		char before[SETTING_WORDS_MAX], after[SETTING_WORDS_MAX];
		const char *value = setting_value(s, &a, before);
		struct config b = { 0 };
		int r = setting_take(s, &b, value);

		if (setting_is_text(s)) {
			assert_string_equal(value, "");
			assert_int_equal(r, -EINVAL);
		} else if (r == 0) {
			assert_string_equal(setting_value(s, &b, after), value);
		} else {
			assert_true(s->min > 0); /* of which 0 is none */
		}
	}
}

TEST(a_path_is_copied_and_freed)
{
	const struct setting *s = named("socket");
	char text[] = "/run/a", words[SETTING_WORDS_MAX];
	struct config c = { 0 };

	assert_int_equal(setting_take(s, &c, text), 0);
	text[5] = 'b';
	assert_string_equal(setting_value(s, &c, words), "/run/a");
	assert_int_equal(setting_take(s, &c, text), 0);
	assert_int_equal(setting_take(s, &c, ""), -EINVAL);
	assert_string_equal(setting_value(s, &c, words), "/run/b");
	setting_free(s, &c);
	assert_null(c.socket_path);
	setting_free(s, &c);
	setting_free(named("mode"), &c);
}

TEST(what_is_refused_changes_nothing_and_is_explained)
{
	char words[SETTING_WORDS_MAX];
	struct config c = { .stall_ms = 7, .mode = 0600 };

	assert_int_equal(setting_take(named("stall-ms"), &c, "0"), -EINVAL);
	assert_int_equal(setting_take(named("stall-ms"), &c, "1x"), -EINVAL);
	assert_int_equal(c.stall_ms, 7);
	assert_string_equal(setting_expected(named("stall-ms"), words),
	                    "a number from 1 to 86400000");
	assert_int_equal(setting_take(named("mode"), &c, "1000"), -EINVAL);
	assert_int_equal(c.mode, 0600);
	assert_string_equal(setting_expected(named("mode"), words),
	                    "an octal mode up to 0777");
	assert_int_equal(setting_take(named("http-role"), &c, "a b"), -EINVAL);
	assert_null(c.http_role);
	assert_string_equal(setting_expected(named("http-role"), words),
	                    "letters, digits, - and _");
	assert_int_equal(setting_take(named("log-level"), &c, ""), -EINVAL);
	assert_string_equal(setting_expected(named("log-level"), words),
	                    "error, warn, info or debug");
}

TEST(a_mode_is_octal)
{
	mode_t mode = 0;

	assert_int_equal(setting_parse_mode("0660", &mode), 0);
	assert_int_equal(mode, 0660);
	assert_int_equal(setting_parse_mode("777", &mode), 0);
	assert_int_equal(mode, 0777);
	assert_int_equal(setting_parse_mode("0o660", &mode), -EINVAL);
	assert_int_equal(setting_parse_mode("888", &mode), -EINVAL);
	assert_int_equal(setting_parse_mode("", &mode), -EINVAL);
	assert_int_equal(mode, 0777);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_settings_have_one_name_or_one_place),
		cmocka_unit_test(what_is_shown_can_be_given),
		cmocka_unit_test(a_path_is_copied_and_freed),
		cmocka_unit_test(
			what_is_refused_changes_nothing_and_is_explained),
		cmocka_unit_test(a_mode_is_octal),
	};

	return RUN(tests);
}
