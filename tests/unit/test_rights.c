/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/rights.h"

#include "broker/publish.h"
#include "sessions.h"

/* A rule for uids from `min` to `max`, in the line of its number. */
static void
rule(struct rig *r, bool deny, unsigned verbs, uint32_t min, uint32_t max,
     const char *topic)
{
	const struct acl_who who = { .kind = ACL_UIDS, .min = min, .max = max };
	struct acl_rule *added;

	if (!r->broker.acl)
		r->broker.acl = acl_new();
	assert_non_null(r->broker.acl);
	added = acl_add(r->broker.acl, deny, verbs, "rules",
	                (unsigned)r->broker.acl->n_rules + 1);
	assert_non_null(added);
	assert_int_equal(acl_rule_add_who(added, &who), 0);
	if (topic)
		assert_int_equal(acl_rule_add_topic(added, topic), 0);
}

static void
allow(struct rig *r, enum acl_verb verb, uint32_t uid, const char *topic)
{
	rule(r, false, 1u << verb, uid, uid, topic);
}

static void
end(struct rig *r)
{
	acl_free(r->broker.acl);
	r->broker.acl = NULL;
	rig_fini(r);
}

static void
publish(struct client *c, const char *topic, const char *reply)
{
	struct bytes b = { 0 };

	put_publish(&b, topic, reply, "", 0);
	assert_int_equal(client_says(c, &b), COMMAND_TAKEN);
	bytes_free(&b);
}

static void
expect_denied(struct client *c, const char *words)
{
	client_expect_error(c, STATUS_DENIED, false, 0, words);
	assert_int_equal(c->session.refused, 1);
	c->session.refused = 0;
	rig_step(c->rig, 1000); /* the next one is reported at once again */
	client_expect_nothing(c);
}

TEST(what_is_published_needs_a_rule_and_no_deny)
{
	struct client *sub, *pub;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_SUBSCRIBE, 1000, "**");
	allow(&r, ACL_PUBLISH, 1, "a.**");
	rule(&r, true, 1u << ACL_PUBLISH, 0, 9, "a.secret");
	sub = client_open_on(&r, "sub", "**");
	pub = client_open(&r, "pub", 1);
	publish(pub, "a.b", NULL);
	client_next(sub, TYPE_PUBLISH);
	publish(pub, "b", NULL);
	expect_denied(pub, "publish: no rule allows it");
	publish(pub, "a.secret", NULL);
	expect_denied(pub, "publish: denied by rules:3");
	client_expect_nothing(sub);
	client_free(sub);
	client_free(pub);
	end(&r);
}

TEST(what_one_may_is_not_remembered_for_others)
{
	struct client *sub, *may, *twin, *may_not;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_SUBSCRIBE, 1000, "**");
	rule(&r, false, 1u << ACL_PUBLISH, 1, 2, "a");
	sub = client_open_on(&r, "sub", "**");
	may = client_open(&r, "may", 1);
	twin = client_open(&r, "twin", 2);
	may_not = client_open(&r, "may not", 3);
	assert_ptr_equal(may->session.class, twin->session.class);
	for (int round = 0; round < 2; round++) {
		publish(may, "a", NULL);
		publish(twin, "a", NULL);
		client_next(sub, TYPE_PUBLISH);
		client_next(sub, TYPE_PUBLISH);
		publish(may_not, "a", NULL);
		expect_denied(may_not, "no rule");
		client_expect_nothing(sub);
	}
	client_free(sub);
	client_free(may);
	client_free(twin);
	client_free(may_not);
	end(&r);
}

TEST(a_verdict_is_reached_once_for_a_class_and_a_topic)
{
	struct client *pub;
	struct route *route;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_PUBLISH, 1, "a");
	pub = client_open(&r, "pub", 1);
	publish(pub, "a", NULL);
	route = router_recall(&r.broker.router, "a", 1);
	assert_non_null(route);
	assert_true(route->admits == pub->session.class_bit);
	/* with the rule gone, only the memory can say yes */
	r.broker.acl->rules[0]->topics[0][0] = 'b';
	publish(pub, "a", NULL);
	client_expect_nothing(pub);
	assert_int_equal(pub->session.accepted, 2);
	client_free(pub);
	end(&r);
}

TEST(more_classes_than_bits_are_judged_each_time)
{
	struct client *pub;
	struct rig r;

	rig_init(&r);
	for (uint32_t uid = 0; uid < 66; uid++)
		allow(&r, ACL_PUBLISH, uid, "a");
	for (uint32_t uid = 0; uid < 65; uid++)
		client_free(client_open(&r, "filler", uid));
	pub = client_open(&r, "pub", 65);
	assert_true(pub->session.class_bit == 0);
	publish(pub, "a", NULL);
	publish(pub, "a", NULL);
	client_expect_nothing(pub);
	publish(pub, "b", NULL);
	expect_denied(pub, "no rule");
	client_free(pub);
	end(&r);
}

TEST(a_subscription_reaches_only_what_is_allowed)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_SUBSCRIBE, 1, "a.**");
	rule(&r, true, 1u << ACL_SUBSCRIBE, 1, 1, "a.x");
	c = client_open(&r, "c", 1);
	client_subscribes(c, 1, "a.b.*");
	client_next(c, TYPE_OK);
	client_subscribes(c, 2, "a.*");
	client_expect_error(c, STATUS_DENIED, false, 1,
	                    "subscribe: denied by rules:2");
	client_subscribes(c, 2, "**");
	client_expect_error(c, STATUS_DENIED, false, 1,
	                    "subscribe: denied by rules:2");
	client_subscribes(c, 2, "b");
	client_expect_error(c, STATUS_DENIED, false, 1,
	                    "subscribe: no rule allows it");
	client_subscribes(c, 2, "$SYS.client.**");
	client_expect_error(c, STATUS_DENIED, false, 1,
	                    "introspect: no rule allows it");
	assert_int_equal(c->session.subs.n, 1);
	client_free(c);
	end(&r);
}

static const char *
inbox_of(struct client *c, const char *more, char buf[256])
{
	char inbox[INBOX_MAX];

	session_inbox(&c->session, inbox);
	snprintf(buf, 256, "%s%s", inbox, more);
	return buf;
}

TEST(an_inbox_is_its_owners_and_others_need_the_right_to_reply)
{
	struct client *owner, *may, *may_not;
	char inbox[256], all[256];
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_REPLY, 2, NULL);
	rule(&r, true, (1u << ACL_PUBLISH) | (1u << ACL_SUBSCRIBE), 0, 9, "**");
	owner = client_open(&r, "owner", 1);
	may = client_open(&r, "may", 2);
	may_not = client_open(&r, "may not", 1);
	assert_ptr_equal(owner->session.class, may_not->session.class);
	client_subscribes(owner, 1, inbox_of(owner, ".**", all));
	client_next(owner, TYPE_OK);
	inbox_of(owner, ".1", inbox);
	for (int round = 0; round < 2; round++) {
		publish(owner, inbox, NULL);
		client_next(owner, TYPE_PUBLISH);
		publish(may_not, inbox, NULL);
		expect_denied(may_not, "reply: no rule allows it");
		publish(may, inbox, NULL);
		client_next(owner, TYPE_PUBLISH);
		client_expect_nothing(may);
	}
	client_subscribes(may, 1, all);
	client_expect_error(may, STATUS_DENIED, false, 1, "not your inbox");
	client_free(owner);
	client_free(may);
	client_free(may_not);
	end(&r);
}

/* A service must not be made to answer where the asker may not write. */
TEST(no_deputy_is_confused)
{
	struct client *service, *c;
	char inbox[256];
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_SUBSCRIBE, 1000, "ask");
	allow(&r, ACL_PUBLISH, 1, "ask");
	allow(&r, ACL_PUBLISH, 1, "mine.**");
	rule(&r, true, 1u << ACL_PUBLISH, 1, 1, "mine.not");
	service = client_open_on(&r, "service", "ask");
	c = client_open(&r, "c", 1);
	publish(c, "ask", inbox_of(c, ".7", inbox));
	publish(c, "ask", "mine.a");
	client_next(service, TYPE_PUBLISH);
	client_next(service, TYPE_PUBLISH);
	publish(c, "ask", "theirs");
	expect_denied(c, "publish: no rule allows it");
	publish(c, "ask", "mine.not");
	expect_denied(c, "publish: denied by rules:4");
	publish(c, "ask", inbox_of(service, ".7", inbox));
	expect_denied(c, "reply must be in your own inbox");
	client_expect_nothing(service);
	client_free(service);
	client_free(c);
	end(&r);
}

TEST(to_retain_is_a_right_of_its_own)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_PUBLISH, 1, "**");
	allow(&r, ACL_RETAIN, 1, "a");
	c = client_open(&r, "c", 1);
	client_says_hex(c, "97 03 01 c4 08 00 00 00 00 00 00 00 00 a1 62 c0 c0 "
	                   "c4 00");
	expect_denied(c, "retain: no rule allows it");
	client_says_hex(c, "97 03 01 c4 08 00 00 00 00 00 00 00 00 a1 61 c0 c0 "
	                   "c4 00");
	client_expect_nothing(c);
	client_free(c);
	end(&r);
}

TEST(a_rule_is_named_even_in_a_file_with_a_long_path)
{
	const struct acl_who all = { .kind = ACL_EVERYONE };
	char words[RIGHTS_WORDS_MAX], path[4096], tail[] = "/acl.d/10.yaml";
	struct acl_rule *rule;
	struct verdict v = { .verb = ACL_PUBLISH };
	struct acl *acl = acl_new();

	assert_non_null(acl);
	memset(path, 'd', sizeof(path));
	strcpy(path + sizeof(path) - sizeof(tail), tail);
	rule = acl_add(acl, true, 1u << ACL_PUBLISH, path, 4294967295);
	assert_non_null(rule);
	assert_int_equal(acl_rule_add_who(rule, &all), 0);
	v.rule = rule;
	rights_words(&v, words);
	assert_memory_equal(words, "publish: denied by ...ddd", 25);
	assert_non_null(strstr(words, "ddd/acl.d/10.yaml:4294967295"));
	assert_true(strlen(words) < RIGHTS_WORDS_MAX - 1);
	acl_free(acl);
}

TEST(refusals_are_reported_with_the_rule_and_the_count)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	rule(&r, true, 1u << ACL_PUBLISH, 1, 1, "a");
	c = client_open(&r, "c", 1);
	publish(c, "b", NULL);
	client_expect_error(c, STATUS_DENIED, false, 0, "no rule allows it");
	for (int i = 0; i < 7; i++)
		publish(c, "a", NULL);
	client_expect_nothing(c);
	rig_step(&r, 1000);
	client_expect_error(c, STATUS_DENIED, false, 0, "7 more messages");
	publish(c, "a", NULL);
	rig_step(&r, 1000);
	client_expect_error(c, STATUS_DENIED, false, 0, "denied by rules:1");
	client_free(c);
	rig_step(&r, 1000);
	end(&r);
}

/* ---- other rules ---------------------------------------------------------- */

/* From now on these hold; the ones before are gone. */
static size_t
replace(struct rig *r, struct acl *acl)
{
	struct acl *old = r->broker.acl;
	size_t n = rights_replace(&r->broker, acl);

	acl_free(old);
	return n;
}

/* Rules of a rig of their own. */
static struct acl *
rules_for(enum acl_verb verb, uint32_t uid, const char *topic)
{
	struct rig r = { 0 };

	allow(&r, verb, uid, topic);
	return r.broker.acl;
}

TEST(new_rules_end_subscriptions_that_they_do_not_allow)
{
	struct client *c, *other;
	struct message m;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	other = client_open(&r, "other", 2);
	for (uint32_t i = 1; i <= 20; i++) {
		client_subscribes(c, i, i % 2 ? "a.*" : "a.b");
		client_next(c, TYPE_OK);
	}
	client_subscribes(other, 1, "a.b");
	client_next(other, TYPE_OK);
	assert_int_equal(replace(&r, rules_for(ACL_SUBSCRIBE, 1, "a.b")), 11);
	for (int i = 0; i < 10; i++) {
		m = client_next(c, TYPE_ERROR);
		assert_int_equal(m.error.code, STATUS_REVOKED);
		assert_false(m.error.fatal);
		assert_int_equal(m.error.request, 0);
		assert_int_equal(m.error.about.len, 3);
		assert_memory_equal(m.error.about.at, "a.*", 3);
	}
	client_expect_nothing(c);
	client_expect_error(other, STATUS_REVOKED, false, 0, "no rule");
	assert_int_equal(c->session.subs.n, 10);
	assert_int_equal(other->session.subs.n, 0);
	assert_int_equal(c->session.state, SESSION_OPEN);
	/* without rules all is allowed again, and what has ended stays ended */
	assert_int_equal(replace(&r, NULL), 0);
	client_subscribes(other, 1, "**");
	client_next(other, TYPE_OK);
	client_free(c);
	client_free(other);
	end(&r);
}

TEST(new_rules_hold_for_topics_that_are_remembered)
{
	struct client *sub, *pub;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_SUBSCRIBE, 1000, "**");
	allow(&r, ACL_PUBLISH, 1, "a");
	sub = client_open_on(&r, "sub", "**");
	pub = client_open(&r, "pub", 1);
	publish(pub, "a", NULL);
	client_next(sub, TYPE_PUBLISH);
	replace(&r, rules_for(ACL_PUBLISH, 1, "b"));
	client_expect_error(sub, STATUS_REVOKED, false, 0, "no rule");
	publish(pub, "a", NULL);
	expect_denied(pub, "publish: no rule allows it");
	publish(pub, "b", NULL);
	client_expect_nothing(pub);
	client_free(sub);
	client_free(pub);
	end(&r);
}

/* A session of uid 1 whose will is on the topic "will". */
static struct client *
open_with_will(struct rig *r)
{
	struct client *c = client_new(r, 1);
	struct bytes will = { 0 };

	put_publish(&will, "will", NULL, "", 0);
	put_hex(&c->said, "94 01 01 a3 61 62 63 81 a4 77 69 6c 6c");
	put_bin(&c->said, will.at + 5, will.len - 5);
	put_prefix_before(&c->said, 0);
	client_goes_on(c);
	bytes_free(&will);
	return c;
}

TEST(a_will_that_is_not_allowed_any_more_is_not_left)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_PUBLISH, 1, "will");
	c = open_with_will(&r);
	client_next(c, TYPE_WELCOME);
	replace(&r, rules_for(ACL_PUBLISH, 1, "*"));
	assert_non_null(c->session.will);
	replace(&r, rules_for(ACL_PUBLISH, 1, "other"));
	assert_null(c->session.will);
	assert_int_equal(r.broker.will_bytes, 0);
	client_free(c);
	c = open_with_will(&r);
	client_expect_error(c, STATUS_DENIED, true, 0, "no rule");
	client_free(c);
	publish_posted(&r.broker);
	end(&r);
}

/* Not to be evicted for a full outbox, but not to hold anybody up either. */
TEST(who_may_not_hold_others_up_loses_the_oldest_instead)
{
	struct client *may, *may_not;
	struct rig r;

	rig_init(&r);
	allow(&r, ACL_HOLD, 1, NULL);
	may = client_open(&r, "may", 1);
	may_not = client_open(&r, "may not", 2);
	assert_int_equal(may->session.out.policy, OVERFLOW_BLOCK);
	assert_int_equal(may_not->session.out.policy, OVERFLOW_DROP_OLDEST);
	client_free(may);
	client_free(may_not);
	end(&r);
}

TEST(without_an_acl_there_is_nothing_to_judge)
{
	struct client *c;
	struct rig r;

	rig_init(&r);
	c = client_open(&r, "c", 1);
	assert_null(c->session.class);
	for (unsigned v = 0; v < ACL_N_VERBS; v++)
		assert_true(rights_of(&c->session, (enum acl_verb)v).ok);
	client_subscribes(c, 1, "$SYS.**");
	client_next(c, TYPE_OK);
	client_free(c);
	end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_published_needs_a_rule_and_no_deny),
		cmocka_unit_test(what_one_may_is_not_remembered_for_others),
		cmocka_unit_test(
			a_verdict_is_reached_once_for_a_class_and_a_topic),
		cmocka_unit_test(more_classes_than_bits_are_judged_each_time),
		cmocka_unit_test(a_subscription_reaches_only_what_is_allowed),
		cmocka_unit_test(
			an_inbox_is_its_owners_and_others_need_the_right_to_reply),
		cmocka_unit_test(no_deputy_is_confused),
		cmocka_unit_test(to_retain_is_a_right_of_its_own),
		cmocka_unit_test(
			a_rule_is_named_even_in_a_file_with_a_long_path),
		cmocka_unit_test(
			refusals_are_reported_with_the_rule_and_the_count),
		cmocka_unit_test(
			new_rules_end_subscriptions_that_they_do_not_allow),
		cmocka_unit_test(new_rules_hold_for_topics_that_are_remembered),
		cmocka_unit_test(
			a_will_that_is_not_allowed_any_more_is_not_left),
		cmocka_unit_test(
			who_may_not_hold_others_up_loses_the_oldest_instead),
		cmocka_unit_test(without_an_acl_there_is_nothing_to_judge),
	};

	return RUN(tests);
}
