/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/explain.h"

#include "answers.h"

#define ABOUT_A_B_AND_SESSION(hex) \
	"82 a5 74 6f 70 69 63 a3 61 2e 62 a7 73 65 73 73 69 6f 6e " hex

TEST(explain_tells_the_verdict_on_each)
{
	struct client *asker, *one;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	one = client_open_on(&r, "one", "a.*");
	client_subscribes(one, 2, "a.c");
	client_next(one, TYPE_OK);

	a = ask(asker, "explain", TOPIC_A_B);
	all = list(&a, "candidates");
	assert_int_equal(number(&a.unpacked.data, "receivers"), 1);
	assert_int_equal(all->size, 1);
	assert_true(is_text(&all->ptr[0], "verdict", "delivered"));
	assert_null(find(&all->ptr[0], "token"));
	answer_fini(&a);

	a = ask(asker, "explain",
	        "82 a7 73 65 73 73 69 6f 6e 02 a5 74 6f 70 69 63 a3 61 2e 62");
	all = list(&a, "candidates");
	assert_int_equal(all->size, 2);
	for (uint32_t i = 0; i < 2; i++) {
		if (number(&all->ptr[i], "sub") != 2)
			continue;
		assert_true(is_text(&all->ptr[i], "verdict", "differs"));
		assert_int_equal(number(&all->ptr[i], "token"), 1);
	}
	assert_int_equal(list(&a, "rights")->size, 1);
	answer_fini(&a);
	a = ask(asker, "explain", "");
	assert_true(a.is_error);
	answer_fini(&a);
	client_free(one);
	client_free(asker);
	rig_fini(&r);
}

/* Six filters at distances 1 to 6, put in in a mixed order. */
TEST(explain_tells_the_five_nearest_filters_the_nearest_first)
{
	static const char *const filters[] = {
		"abcdefghijkl.xxxx12",  "abcdefghijkl.xxxx123456",
		"abcdefghijkl.xxxx1",   "abcdefghijkl.xxxx1234",
		"abcdefghijkl.xxxx123", "abcdefghijkl.xxxx12345",
	};
	struct client *asker, *one;
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	one = client_open_on(&r, "one", "$SYS.**");
	for (uint32_t i = 0; i < COUNT(filters); i++) {
		client_subscribes(one, 2 + i, filters[i]);
		client_next(one, TYPE_OK);
	}
	/* topic: "abcdefghijkl.xxxx" */
	a = ask(asker, "explain",
	        "81 a5 74 6f 70 69 63 b1 61 62 63 64 65 66 67 68 69 6a 6b 6c "
	        "2e 78 78 78 78");
	all = list(&a, "nearest");
	assert_int_equal(all->size, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(number(&all->ptr[i], "distance"), i + 1);
	assert_true(is_text(&all->ptr[4], "filter", filters[5]));
	assert_int_equal(number(&a.unpacked.data, "compared"), 7);
	answer_fini(&a);
	client_free(one);
	client_free(asker);
	rig_fini(&r);
}

TEST(every_member_of_a_group_is_a_candidate)
{
	struct client *asker, *members[2];
	const msgpack_object_array *all;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r);
	members[0] = client_open_in(&r, "one", "g", "a.*");
	members[1] = client_open_in(&r, "two", "g", "a.*");
	a = ask(asker, "explain", TOPIC_A_B);
	assert_int_equal(number(&a.unpacked.data, "receivers"), 1);
	assert_int_equal(number(&a.unpacked.data, "unlisted"), 0);
	all = list(&a, "candidates");
	assert_int_equal(all->size, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(is_text(&all->ptr[i], "verdict", "member"));
		assert_true(is_text(&all->ptr[i], "group", "g"));
		assert_int_equal(number(&all->ptr[i], "members"), 2);
		assert_true(is_text(&all->ptr[i], "name", i ? "two" : "one"));
	}
	answer_fini(&a);
	client_free(members[0]);
	client_free(members[1]);
	client_free(asker);
	rig_fini(&r);
}

TEST(rights_are_told_with_the_rule_that_decides)
{
	const struct acl_who who = { .kind = ACL_UIDS, .min = 0, .max = 5000 };
	struct client *asker, *one;
	const msgpack_object_array *all;
	struct acl_rule *rule;
	struct answer a;
	struct rig r;

	rig_init(&r);
	r.broker.acl = acl_new();
	rule = acl_add(r.broker.acl, false,
	               1u << ACL_PUBLISH | 1u << ACL_INTROSPECT, "rules", 7);
	assert_int_equal(acl_rule_add_who(rule, &who), 0);
	assert_int_equal(acl_rule_add_topic(rule, "a.*"), 0);
	asker = open_asker(&r);
	one = client_open(&r, "one", 1000);
	a = ask(asker, "explain", ABOUT_A_B_AND_SESSION("02"));
	all = list(&a, "rights");
	assert_int_equal(all->size, 1);
	assert_int_equal(number(&all->ptr[0], "session"), 2);
	assert_true(find(&all->ptr[0], "publish")->via.boolean);
	assert_true(is_text(&all->ptr[0], "publish_rule", "rules:7"));
	assert_false(find(&all->ptr[0], "subscribe")->via.boolean);
	assert_true(is_text(&all->ptr[0], "subscribe_rule", ""));
	answer_fini(&a);
	client_free(one);
	client_free(asker);
	acl_free(r.broker.acl);
	r.broker.acl = NULL;
	rig_fini(&r);
}

TEST(inboxes_of_others_are_not_near_to_anything)
{
	struct client *asker;
	struct answer a;
	struct rig r;

	rig_init(&r);
	asker = open_asker(&r); /* it subscribes to its own */
	a = ask(asker, "explain", TOPIC_A_B);
	assert_int_equal(list(&a, "nearest")->size, 0);
	assert_int_equal(number(&a.unpacked.data, "compared"), 0);
	assert_null(find(&a.unpacked.data, "next"));
	answer_fini(&a);
	client_free(asker);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explain_tells_the_verdict_on_each),
		cmocka_unit_test(
			explain_tells_the_five_nearest_filters_the_nearest_first),
		cmocka_unit_test(every_member_of_a_group_is_a_candidate),
		cmocka_unit_test(rights_are_told_with_the_rule_that_decides),
		cmocka_unit_test(inboxes_of_others_are_not_near_to_anything),
	};

	return RUN(tests);
}
