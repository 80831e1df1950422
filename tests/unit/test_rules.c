/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* What rules in a file mean is in test_configfile.c */

#include "broker/rules.h"

#include "capture.h"

TEST(users_and_groups_are_names_or_numbers)
{
	uid_t uid = 7;
	gid_t gid = 7;

	assert_int_equal(rules_user("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(rules_user("4000000000", &uid), 0);
	assert_int_equal(uid, 4000000000);
	assert_int_equal(rules_group("12", &gid), 0);
	assert_int_equal(gid, 12);
	assert_true(rules_user("no-such-user", &uid) < 0);
	assert_true(rules_user("", &uid) < 0);
	assert_true(rules_user("-1", &uid) < 0);
	assert_true(rules_user("4294967295", &uid) < 0); /* nobody's */
	assert_true(rules_user("99999999999999999999", &uid) < 0);
	assert_true(rules_group("no-such-group", &gid) < 0);
	assert_int_equal(gid, 12);
}

TEST(a_role_is_a_word)
{
	assert_true(rules_is_role("local"));
	assert_true(rules_is_role("A-1_b"));
	assert_false(rules_is_role(""));
	assert_false(rules_is_role("a b"));
	assert_false(rules_is_role("a'b"));
	assert_false(rules_is_role("\xc3\xa9"));
}

TEST(a_rule_is_printed_as_it_could_be_written)
{
	const struct acl_who who[] = {
		{ .kind = ACL_EVERYONE },
		{ .kind = ACL_UIDS, .min = 5, .max = 5 },
		{ .kind = ACL_UIDS, .min = 5, .max = 7 },
		{ .kind = ACL_GROUP, .min = 9, .max = 9 },
		{ .kind = ACL_ROLE, .role = (char *)(uintptr_t) "local" },
	};
	struct acl *acl = acl_new();
	struct acl_rule *rule;
	struct capture out;

	assert_non_null(acl);
	rule = acl_add(acl, true, 1u << ACL_PUBLISH | 1u << ACL_RETAIN, "F", 3);
	assert_non_null(rule);
	for (size_t i = 0; i < COUNT(who); i++)
		assert_int_equal(acl_rule_add_who(rule, &who[i]), 0);
	assert_int_equal(acl_rule_add_topic(rule, "*.it's"), 0);
	assert_int_equal(acl_rule_add_topic(rule, "a"), 0);
	capture_begin(&out, stdout);
	rules_print(stdout, rule);
	capture_end(&out);
	assert_string_equal(out.text,
	                    "  - deny: [publish, retain]  # F:3\n"
	                    "    who: [everyone, uid 5, uid 5-7, group 9, "
	                    "role local]\n"
	                    "    topics: ['*.it''s', 'a']\n");
	acl_free(acl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_groups_are_names_or_numbers),
		cmocka_unit_test(a_role_is_a_word),
		cmocka_unit_test(a_rule_is_printed_as_it_could_be_written),
	};

	return RUN(tests);
}
