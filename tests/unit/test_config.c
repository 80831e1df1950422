/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/config.h"

#include <getopt.h>

#include "capture.h"

static struct capture out, err;

/* Up to three arguments; what is printed is in `out` and `err`. */
static enum config_result
parse(struct config *c, const char *a, const char *b, const char *d)
{
	char *argv[5] = { (char *)(uintptr_t) "umbeld", (char *)(uintptr_t)a,
		          (char *)(uintptr_t)b, (char *)(uintptr_t)d, NULL };
	enum config_result r;
	int argc = 1;

	while (argc < 4 && argv[argc])
		argc++;
	optind = 0; /* getopt_long: all anew */
	capture_begin(&out, stdout);
	capture_begin(&err, stderr);
	r = config_parse(c, argc, argv);
	capture_end(&err);
	capture_end(&out);
	if (r == CONFIG_BAD)
		assert_true(strlen(err.text) > 10);
	else
		assert_string_equal(err.text, "");
	return r;
}

TEST(without_flags_the_defaults_hold)
{
	struct config c;

	assert_int_equal(parse(&c, "--socket", "/tmp/x", NULL), CONFIG_OK);
	assert_string_equal(c.socket_path, "/tmp/x");
	assert_int_equal(c.mode, 0600);
	assert_int_equal(c.ready_fd, -1);
	assert_int_equal(c.log_level, LOG_INFO);
	assert_in_range(c.memory_max, 1 << 20, 256 << 20);
	assert_int_equal(c.max_frame, 4 << 20);
	assert_int_equal(c.outbox_high, 8 << 20);
	assert_int_equal(c.max_subscriptions, 200000);
	assert_int_equal(c.retained_max, 100000);
	assert_int_equal(c.retained_bytes, 64 << 20);
	assert_int_equal(c.handshake_ms, 10000);
	assert_int_equal(c.frame_ms, 30000);
	assert_int_equal(c.stall_ms, 2000);
	assert_int_equal(c.hold_max_ms, 10000);
	assert_int_equal(c.hold_notice_ms, 100);
	assert_int_equal(c.linger_ms, 5000);
	assert_int_equal(c.settle_ms, 200);
	assert_int_equal(c.drain_ms, 3000);
	assert_int_equal(c.give_back_ms, 5000);
	config_fini(&c);
	assert_null(c.socket_path);
	config_fini(&c);
}

/* Every flag of a number, and where it goes. */
static const struct {
	const char *flag;
	size_t at;
	size_t size;
} numbers[] = {
#define NUMBER(flag, member)                                    \
	{                                                       \
		"--" flag, offsetof(struct config, member),     \
			sizeof(((struct config *)NULL)->member) \
	}
	NUMBER("memory-max", memory_max),
	NUMBER("max-frame", max_frame),
	NUMBER("outbox-high", outbox_high),
	NUMBER("max-subscriptions", max_subscriptions),
	NUMBER("retained-max", retained_max),
	NUMBER("retained-bytes", retained_bytes),
	NUMBER("handshake-ms", handshake_ms),
	NUMBER("frame-ms", frame_ms),
	NUMBER("stall-ms", stall_ms),
	NUMBER("hold-max-ms", hold_max_ms),
	NUMBER("hold-notice-ms", hold_notice_ms),
	NUMBER("linger-ms", linger_ms),
	NUMBER("settle-ms", settle_ms),
	NUMBER("drain-ms", drain_ms),
	NUMBER("give-back-ms", give_back_ms),
	NUMBER("ready-fd", ready_fd),
};

static uint64_t
value_at(const struct config *c, size_t i)
{
	const char *at = (const char *)c + numbers[i].at;
	uint32_t small;
	uint64_t large;

	if (numbers[i].size == 4) {
		memcpy(&small, at, sizeof(small));
		return small;
	}
	memcpy(&large, at, sizeof(large));
	return large;
}

TEST(every_number_goes_to_its_place_and_to_no_other)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		bool large = strcmp(numbers[i].flag, "--memory-max") == 0;
		uint64_t want = large ? 1234567 : 54321;
		char text[64];
		struct config c, plain;

		snprintf(text, sizeof(text), "%s=%s", numbers[i].flag,
		         large ? "1234567" : "54321");
		assert_int_equal(parse(&plain, "--socket=/s", NULL, NULL),
		                 CONFIG_OK);
		assert_int_equal(parse(&c, "--socket=/s", text, NULL),
		                 CONFIG_OK);
		for (size_t k = 0; k < COUNT(numbers); k++)
			assert_true(value_at(&c, k) ==
			            (k == i ? want : value_at(&plain, k)));
		config_fini(&c);
		config_fini(&plain);
	}
}

TEST(bytes_may_end_in_k_m_or_g)
{
	static const struct {
		const char *text;
		uint64_t want;
	} sizes[] = {
		{ "1048576", 1048576 },     { "1024K", 1048576 },
		{ "3M", 3145728 },          { "2G", 2147483648 },
		{ "1024G", 1099511627776 },
	};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct config c;

		assert_int_equal(parse(&c, "--socket=/s", "--memory-max",
		                       sizes[i].text),
		                 CONFIG_OK);
		assert_true(c.memory_max == sizes[i].want);
		config_fini(&c);
	}
}

TEST(bad_values_are_refused_and_named)
{
	static const char *const bad[][2] = {
		{ "--memory-max", "1" },
		{ "--memory-max", "1048575" },
		{ "--memory-max", "1025G" },
		{ "--memory-max", "99999999999999999999" },
		{ "--memory-max", "18446744073709551615G" },
		{ "--memory-max", "-1" },
		{ "--memory-max", "+1048576" },
		{ "--memory-max", " 1048576" },
		{ "--memory-max", "" },
		{ "--memory-max", "many" },
		{ "--memory-max", "2MB" },
		{ "--memory-max", "2m" },
		{ "--memory-max", "0x100000" },
		{ "--memory-max", "2.5M" },
		{ "--max-frame", "1023" },
		{ "--max-frame", "65M" },
		{ "--max-frame", "4294967296" },
		{ "--outbox-high", "4095" },
		{ "--max-subscriptions", "0" },
		{ "--stall-ms", "86400001" },
		{ "--stall-ms", "2s" },
		{ "--stall-ms", "0" }, /* nobody could be in time */
		{ "--drain-ms", "-5" },
		{ "--ready-fd", "-1" },
		{ "--ready-fd", "1K" },
		{ "--ready-fd", "4294967297" },
		{ "--mode", "0778" },
		{ "--mode", "01000" },
		{ "--mode", "rw" },
		{ "--mode", "" },
		{ "--mode", "-1" },
		{ "--log-level", "loud" },
		{ "--log-level", "" },
		{ "--socket", "" },
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct config c;

		if (parse(&c, bad[i][0], bad[i][1], NULL) != CONFIG_BAD)
			fail_msg("%s %s was taken", bad[i][0], bad[i][1]);
		assert_non_null(strstr(err.text, bad[i][0]));
		assert_null(c.socket_path);
	}
}

TEST(the_mode_is_octal_and_levels_are_words)
{
	struct config c;

	assert_int_equal(parse(&c, "--socket=/s", "--mode=0660", NULL),
	                 CONFIG_OK);
	assert_int_equal(c.mode, 0660);
	config_fini(&c);
	assert_int_equal(parse(&c, "--socket=/s", "--mode=777",
	                       "--log-level=debug"),
	                 CONFIG_OK);
	assert_int_equal(c.mode, 0777);
	assert_int_equal(c.log_level, LOG_DEBUG);
	config_fini(&c);
}

TEST(the_last_of_several_counts)
{
	struct config c;

	assert_int_equal(parse(&c, "--socket=/a", "--socket=/b", "--socket=/c"),
	                 CONFIG_OK);
	assert_string_equal(c.socket_path, "/c");
	config_fini(&c);
}

TEST(what_is_no_flag_is_refused)
{
	struct config c;

	assert_int_equal(parse(&c, "--nonsense", NULL, NULL), CONFIG_BAD);
	assert_int_equal(parse(&c, "--socket", NULL, NULL), CONFIG_BAD);
	assert_int_equal(parse(&c, "--socket=/s", "more", NULL), CONFIG_BAD);
	assert_non_null(strstr(err.text, "more"));
	assert_int_equal(parse(&c, "-x", NULL, NULL), CONFIG_BAD);
}

TEST(help_names_every_flag_and_version_the_version)
{
	struct config c;

	assert_int_equal(parse(&c, "--help", NULL, NULL), CONFIG_SHOWN);
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_non_null(strstr(out.text, numbers[i].flag));
	assert_non_null(strstr(out.text, "--socket PATH"));
	assert_non_null(strstr(out.text, "--mode OCTAL"));
	assert_non_null(strstr(out.text, "--log-level LEVEL"));
	assert_int_equal(parse(&c, "--version", NULL, NULL), CONFIG_SHOWN);
	assert_string_equal(out.text, "umbeld " UMBEL_VERSION "\n");
}

TEST(help_speaks_of_defaults_as_they_are)
{
	struct config c;
	static const char *const defaults[] = {
		"(default 0600)",   "4 MiB",           "8 MiB",
		"(default 200000)", "(default 10000)", "(default 30000)",
		"(default 2000)",   "(default 100)",   "(default 5000)",
		"(default 200)",    "(default 3000)",
	};

	assert_int_equal(parse(&c, "--help", NULL, NULL), CONFIG_SHOWN);
	for (size_t i = 0; i < COUNT(defaults); i++)
		assert_non_null(strstr(out.text, defaults[i]));
}

TEST(the_socket_is_the_users_unless_it_is_the_systems)
{
	struct config c;
	enum config_result r;

	setenv("XDG_RUNTIME_DIR", "/run/user/77", 1);
	assert_int_equal(parse(&c, NULL, NULL, NULL), CONFIG_OK);
	assert_string_equal(c.socket_path,
	                    geteuid() == 0 ? "/run/umbel/umbel.sock"
	                                   : "/run/user/77/umbel/umbel.sock");
	config_fini(&c);
	unsetenv("XDG_RUNTIME_DIR");
	r = parse(&c, NULL, NULL, NULL);
	assert_int_equal(r, geteuid() == 0 ? CONFIG_OK : CONFIG_BAD);
	config_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_flags_the_defaults_hold),
		cmocka_unit_test(
			every_number_goes_to_its_place_and_to_no_other),
		cmocka_unit_test(bytes_may_end_in_k_m_or_g),
		cmocka_unit_test(bad_values_are_refused_and_named),
		cmocka_unit_test(the_mode_is_octal_and_levels_are_words),
		cmocka_unit_test(the_last_of_several_counts),
		cmocka_unit_test(what_is_no_flag_is_refused),
		cmocka_unit_test(help_names_every_flag_and_version_the_version),
		cmocka_unit_test(help_speaks_of_defaults_as_they_are),
		cmocka_unit_test(
			the_socket_is_the_users_unless_it_is_the_systems),
	};

	return RUN(tests);
}
