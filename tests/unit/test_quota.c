/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/quota.h"

#include "unit.h"

TEST(connections_are_counted_by_user_and_in_all)
{
	struct quota q;
	struct quota_user *a, *a2, *b;

	quota_init(&q);
	a = quota_join(&q, 1000);
	a2 = quota_join(&q, 1000);
	b = quota_join(&q, 0);
	assert_non_null(a);
	assert_ptr_equal(a, a2);
	assert_ptr_not_equal(a, b);
	assert_int_equal(q.connections, 3);
	assert_int_equal(quota_connections(&q, 1000), 2);
	assert_int_equal(quota_connections(&q, 0), 1);
	assert_int_equal(quota_connections(&q, 7), 0);

	quota_leave(&q, a);
	assert_int_equal(quota_connections(&q, 1000), 1);
	quota_leave(&q, a2);
	quota_leave(&q, b);
	assert_int_equal(q.connections, 0);
	assert_int_equal(quota_connections(&q, 1000), 0);
	quota_fini(&q);
}

TEST(subscriptions_are_those_of_the_user)
{
	struct quota q;
	struct quota_user *a, *a2, *b;

	quota_init(&q);
	a = quota_join(&q, 1000);
	a2 = quota_join(&q, 1000);
	b = quota_join(&q, 1001);
	*quota_subscriptions(a) += 2;
	++*quota_subscriptions(a2);
	assert_int_equal(*quota_subscriptions(a), 3);
	assert_int_equal(*quota_subscriptions(b), 0);
	*quota_subscriptions(a) -= 3;
	quota_leave(&q, a);
	quota_leave(&q, a2);
	quota_leave(&q, b);
	quota_fini(&q);
}

TEST(there_may_be_many_users)
{
	enum { N = 5000 };
	static struct quota_user *users[N];
	struct quota q;

	quota_init(&q);
	for (uid_t uid = 0; uid < N; uid++) {
		users[uid] = quota_join(&q, uid);
		assert_non_null(users[uid]);
	}
	for (uid_t uid = 0; uid < N; uid++)
		assert_int_equal(quota_connections(&q, uid), 1);
	for (uid_t uid = 0; uid < N; uid++)
		quota_leave(&q, users[uid]);
	quota_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_counted_by_user_and_in_all),
		cmocka_unit_test(subscriptions_are_those_of_the_user),
		cmocka_unit_test(there_may_be_many_users),
	};

	return RUN(tests);
}
