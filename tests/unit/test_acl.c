/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/acl.h"

#include <string.h>

#include "match.h"
#include "unit.h"

#define PUBLISH   (1u << ACL_PUBLISH)
#define SUBSCRIBE (1u << ACL_SUBSCRIBE)
#define ALL       ((1u << ACL_N_VERBS) - 1)

static const struct acl_who everyone = { .kind = ACL_EVERYONE };

static struct acl_who
uids(uint32_t min, uint32_t max)
{
	return (struct acl_who){ .kind = ACL_UIDS, .min = min, .max = max };
}

static struct acl_who
group(uint32_t gid)
{
	return (struct acl_who){ .kind = ACL_GROUP, .min = gid, .max = gid };
}

static struct acl_who
role(const char *name)
{
	return (struct acl_who){ .kind = ACL_ROLE,
		                 .role = (char *)(uintptr_t)name };
}

/* A rule for one subject and at most one topic, in the line of its number. */
static struct acl_rule *
add(struct acl *acl, bool deny, unsigned verbs, struct acl_who who,
    const char *topic)
{
	struct acl_rule *rule =
		acl_add(acl, deny, verbs, "rules", (unsigned)acl->n_rules + 1);

	assert_non_null(rule);
	assert_int_equal(acl_rule_add_who(rule, &who), 0);
	if (topic)
		assert_int_equal(acl_rule_add_topic(rule, topic), 0);
	return rule;
}

static struct acl *
some_acl(void)
{
	struct acl *acl = acl_new();

	assert_non_null(acl);
	return acl;
}

static const struct acl_class *
class_of(struct acl *acl, const struct acl_identity *id)
{
	const struct acl_class *class = acl_classify(acl, id);

	assert_non_null(class);
	return class;
}

static const struct acl_class *
class_of_uid(struct acl *acl, uid_t uid)
{
	return class_of(acl, &(struct acl_identity){ .uid = uid, .gid = uid });
}

/* The line of the rule that decided: positive allowed, negative denied, 0 for
   denied by none. */
static int
verdict(const struct acl_class *class, enum acl_verb verb, const char *topic)
{
	const struct acl_rule *rule;
	bool ok = acl_permits(class, verb, topic, strlen(topic), &rule);

	if (!rule) {
		assert_false(ok);
		return 0;
	}
	assert_int_equal(ok, !rule->deny);
	return ok ? (int)rule->line : -(int)rule->line;
}

TEST(without_an_acl_all_is_allowed)
{
	const struct acl_rule *rule;

	for (unsigned v = 0; v < ACL_N_VERBS; v++)
		assert_true(acl_permits(NULL, (enum acl_verb)v, "a", 1, &rule));
	assert_null(rule);
}

TEST(an_acl_without_rules_denies_everything_to_everybody)
{
	struct acl *acl = some_acl();

	for (unsigned v = 0; v < ACL_N_VERBS; v++)
		assert_int_equal(verdict(class_of_uid(acl, 0), (enum acl_verb)v,
		                         "a"),
		                 0);
	acl_free(acl);
}

TEST(a_rule_is_about_its_verbs_topics_and_people_alone)
{
	struct acl *acl = some_acl();
	const struct acl_class *in, *out;

	add(acl, false, PUBLISH, uids(1000, 1001), "a.*");
	in = class_of_uid(acl, 1001);
	out = class_of_uid(acl, 1002);
	assert_int_equal(verdict(in, ACL_PUBLISH, "a.b"), 1);
	assert_int_equal(verdict(in, ACL_PUBLISH, "a.b.c"), 0);
	assert_int_equal(verdict(in, ACL_SUBSCRIBE, "a.b"), 0);
	assert_int_equal(verdict(in, ACL_RETAIN, "a.b"), 0);
	assert_int_equal(verdict(out, ACL_PUBLISH, "a.b"), 0);
	assert_int_equal(verdict(class_of_uid(acl, 999), ACL_PUBLISH, "a.b"),
	                 0);
	acl_free(acl);
}

TEST(a_deny_wins_wherever_it_stands)
{
	struct acl *acl = some_acl();
	const struct acl_class *c;

	add(acl, false, PUBLISH, everyone, "a.**");
	add(acl, true, PUBLISH, everyone, "a.b");
	add(acl, false, PUBLISH, everyone, "a.b");
	c = class_of_uid(acl, 7);
	assert_int_equal(verdict(c, ACL_PUBLISH, "a.b"), -2);
	assert_int_equal(verdict(c, ACL_PUBLISH, "a.c"), 1);
	acl_free(acl);
}

TEST(a_subscription_is_covered_by_an_allow_and_meets_no_deny)
{
	struct acl *acl = some_acl();
	const struct acl_class *c;

	add(acl, false, SUBSCRIBE, everyone, "a.**");
	add(acl, true, SUBSCRIBE, everyone, "*.secret");
	c = class_of_uid(acl, 7);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "a.b"), 1);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "a.b.*"), 1);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "a.*"), -2);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "a.**"), -2);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "a.*.**"), 1);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "*.b"), 0);
	assert_int_equal(verdict(c, ACL_SUBSCRIBE, "a"), 0);
	acl_free(acl);
}

TEST(rights_of_a_session_have_no_topic)
{
	struct acl *acl = some_acl();
	const struct acl_class *c;

	add(acl, false, 1u << ACL_HOLD | 1u << ACL_REPLY, everyone, NULL);
	add(acl, true, 1u << ACL_HOLD, uids(5, 5), NULL);
	c = class_of_uid(acl, 4);
	assert_int_equal(verdict(c, ACL_HOLD, ""), 1);
	assert_int_equal(verdict(c, ACL_REPLY, ""), 1);
	assert_int_equal(verdict(c, ACL_INTROSPECT, ""), 0);
	assert_int_equal(verdict(class_of_uid(acl, 5), ACL_HOLD, ""), -2);
	acl_free(acl);
}

TEST(groups_are_the_primary_one_and_the_supplementary_ones)
{
	const gid_t groups[] = { 50, 60 };
	struct acl *acl = some_acl();
	struct acl_identity id = { .uid = 1, .gid = 40 };

	add(acl, false, PUBLISH, group(40), "a");
	add(acl, false, PUBLISH, group(60), "b");
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), 1);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "b"), 0);
	id.groups = groups;
	id.n_groups = 2;
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "b"), 2);
	acl_free(acl);
}

TEST(with_groups_unknown_every_deny_to_a_group_applies)
{
	struct acl *acl = some_acl();
	struct acl_identity id = { .uid = 1, .gid = 40 };

	add(acl, false, PUBLISH, everyone, "**");
	add(acl, true, PUBLISH, group(99), "a");
	add(acl, false, PUBLISH, group(99), "$x");
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), 1);
	id.groups_unknown = true;
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), -2);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "b"), 1);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "$x"), 0);
	acl_free(acl);
}

TEST(who_has_no_number_here_is_everyone_and_nobody_else)
{
	const gid_t groups[] = { ACL_UNMAPPED };
	struct acl_identity id = { .uid = ACL_UNMAPPED,
		                   .gid = ACL_UNMAPPED,
		                   .groups = groups,
		                   .n_groups = 1,
		                   .role = "guest" };
	struct acl *acl = some_acl();

	add(acl, false, PUBLISH, uids(0, UINT32_MAX), "a");
	add(acl, false, PUBLISH, group(ACL_UNMAPPED), "b");
	add(acl, false, PUBLISH, everyone, "c");
	add(acl, false, PUBLISH, role("guest"), "d");
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), 0);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "b"), 0);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "c"), 3);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "d"), 4);
	acl_free(acl);
}

TEST(what_is_denied_to_a_number_is_denied_to_all_who_show_as_it)
{
	const gid_t groups[] = { 7, ACL_UNMAPPED };
	struct acl_identity id = { .uid = ACL_UNMAPPED, .gid = 5 };
	struct acl *acl = some_acl();

	add(acl, false, PUBLISH, everyone, "**");
	add(acl, true, PUBLISH, uids(ACL_UNMAPPED, ACL_UNMAPPED), "a");
	add(acl, true, PUBLISH, uids(65530, 65540), "b");
	add(acl, true, PUBLISH, group(ACL_UNMAPPED), "c");
	add(acl, true, PUBLISH, uids(65535, 65540), "d");
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), -2);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "b"), -3);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "c"), 1);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "d"), 1);
	id = (struct acl_identity){ .uid = 5, .gid = ACL_UNMAPPED };
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "b"), 1);
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "c"), -4);
	id = (struct acl_identity){ .gid = 5, .groups = groups, .n_groups = 2 };
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "c"), -4);
	acl_free(acl);
}

TEST(a_role_is_that_of_the_socket)
{
	struct acl *acl = some_acl();
	struct acl_identity id = { .uid = 1 };

	add(acl, false, PUBLISH, role("local"), "a");
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), 0);
	id.role = "remote";
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), 0);
	id.role = "local";
	assert_int_equal(verdict(class_of(acl, &id), ACL_PUBLISH, "a"), 1);
	acl_free(acl);
}

TEST(clients_with_the_same_rules_share_a_class_and_its_bit)
{
	struct acl *acl = some_acl();
	uint64_t seen = 0;

	for (uint32_t i = 0; i < 70; i++)
		add(acl, false, ALL, uids(i, i), "a");
	for (uint32_t i = 0; i < 70; i++) {
		const struct acl_class *c = class_of_uid(acl, i);

		assert_ptr_equal(c, class_of_uid(acl, i));
		assert_int_equal(c->bit != 0, i < 64);
		assert_true((seen & c->bit) == 0);
		seen |= c->bit;
	}
	assert_true(seen == UINT64_MAX);
	/* to all of these no rule applies */
	assert_ptr_equal(class_of_uid(acl, 100), class_of_uid(acl, 200));
	assert_int_equal(acl->n_classes, 71);
	acl_free(acl);
}

static void
expect_right(enum acl_verb verb, const char *topic, enum acl_verb right)
{
	const char *why;

	assert_int_equal(acl_right_for(verb, topic, strlen(topic), &why),
	                 right);
	assert_int_equal(why == NULL, right != ACL_N_VERBS);
}

TEST(the_brokers_own_topics_have_rights_of_their_own_or_none)
{
	for (unsigned v = 0; v < ACL_N_VERBS; v++) {
		expect_right((enum acl_verb)v, "a.$SYS", (enum acl_verb)v);
		expect_right((enum acl_verb)v, "", (enum acl_verb)v);
	}
	expect_right(ACL_PUBLISH, "$inbox.1.2", ACL_REPLY);
	expect_right(ACL_PUBLISH, "$SYS.broker.info", ACL_INTROSPECT);
	expect_right(ACL_SUBSCRIBE, "$SYS", ACL_INTROSPECT);
	expect_right(ACL_SUBSCRIBE, "$SYS.**", ACL_INTROSPECT);
	expect_right(ACL_SUBSCRIBE, "$SYSTEM", ACL_SUBSCRIBE);
	expect_right(ACL_SUBSCRIBE, "$inbox.**", ACL_N_VERBS);
	expect_right(ACL_PUBLISH, "$inbox", ACL_N_VERBS);
	expect_right(ACL_PUBLISH, "$SYS.client.held", ACL_N_VERBS);
	expect_right(ACL_PUBLISH, "$SYS.broker.nonsense", ACL_N_VERBS);
	expect_right(ACL_PUBLISH, "$", ACL_N_VERBS);
	expect_right(ACL_RETAIN, "$inbox.1.2", ACL_N_VERBS);
	expect_right(ACL_RETAIN, "$SYS.broker.info", ACL_N_VERBS);
}

TEST(verbs_have_names)
{
	for (unsigned v = 0; v < ACL_N_VERBS; v++)
		assert_int_equal(
			acl_verb_parse(acl_verb_name((enum acl_verb)v)), v);
	assert_int_equal(acl_verb_parse("dance"), ACL_N_VERBS);
	assert_int_equal(acl_verb_parse(""), ACL_N_VERBS);
}

/* ---- the reference -------------------------------------------------------- */

/*
 * The rules once more, as plain data, and what they mean in the words of the
 * manual: by trying every topic that there could be, and every rule in turn.
 */
struct plain_rule {
	bool deny;
	unsigned verbs;
	unsigned n_who;
	struct acl_who who[2];
	unsigned n_topics;
	char topics[2][256];
};

struct plain {
	unsigned n;
	struct plain_rule rules[6];
};

static const gid_t some_groups[] = { 10, 11, 12, ACL_UNMAPPED };
static const char *const some_roles[] = { "local", "guest" };

/* Topics that tell apart what some_small_filter() can make. */
static char universe[1364][16];
static unsigned n_universe;

static void
fill_universe(const char *base, unsigned depth)
{
	static const char *const words[] = { "a", "b", "$c", "z" };

	for (unsigned i = 0; i < COUNT(words); i++) {
		char *t = universe[n_universe++];

		snprintf(t, sizeof(universe[0]), "%s%s%s", base,
		         *base ? "." : "", words[i]);
		if (depth < 5)
			fill_universe(t, depth + 1);
	}
}

static void
some_small_filter(struct chance *c, bool wild, char out[256])
{
	static const char *const words[] = { "a", "b", "$c", "*" };
	unsigned n = 1 + chance_below(c, 4);

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		bool last = i + 1 == n;

		if (i > 0)
			strcat(out, ".");
		if (wild && last && chance_one_in(c, 3))
			strcat(out, "**");
		else
			strcat(out, words[chance_below(c, wild ? 4 : 3)]);
	}
}

static struct acl_who
some_who(struct chance *c)
{
	uint32_t a = chance_below(c, 5), b = a + chance_below(c, 3);

	switch (chance_below(c, 5)) {
	case 0:
		return everyone;
	case 1:
		return group(some_groups[chance_below(c, 4)]);
	case 2:
		return role(some_roles[chance_below(c, 2)]);
	case 3:
		return uids(ACL_UNMAPPED - a, ACL_UNMAPPED + b);
	default:
		return uids(a, b);
	}
}

static struct plain
some_plain(struct chance *c)
{
	struct plain p = { .n = chance_below(c, 7) };

	for (unsigned i = 0; i < p.n; i++) {
		struct plain_rule *r = &p.rules[i];

		r->deny = chance_one_in(c, 3);
		r->verbs = 1 + chance_below(c, ALL);
		r->n_who = 1 + chance_below(c, 2);
		r->n_topics = 1 + chance_below(c, 2);
		for (unsigned k = 0; k < r->n_who; k++)
			r->who[k] = some_who(c);
		for (unsigned k = 0; k < r->n_topics; k++)
			some_small_filter(c, true, r->topics[k]);
	}
	return p;
}

static struct acl *
acl_from(const struct plain *p)
{
	struct acl *acl = some_acl();

	for (unsigned i = 0; i < p->n; i++) {
		const struct plain_rule *from = &p->rules[i];
		struct acl_rule *to =
			acl_add(acl, from->deny, from->verbs, "rules", i + 1);

		assert_non_null(to);
		for (unsigned k = 0; k < from->n_who; k++)
			assert_int_equal(acl_rule_add_who(to, &from->who[k]),
			                 0);
		for (unsigned k = 0; k < from->n_topics; k++)
			assert_int_equal(
				acl_rule_add_topic(to, from->topics[k]), 0);
	}
	return acl;
}

/*
 * umbeld.yaml(5): "user, uid and group in a deny hold for whoever shows as a
 * number that they name. In an allow they never hold for 65534". And groups
 * that are unknown may be any.
 */
static bool
reference_names(const struct acl_who *w, const struct acl_identity *id,
                bool deny)
{
	uint32_t shown[8] = { id->uid };
	unsigned n = 1;

	if (w->kind == ACL_EVERYONE)
		return true;
	if (w->kind == ACL_ROLE)
		return id->role && strcmp(id->role, w->role) == 0;
	if (w->kind == ACL_GROUP) {
		shown[0] = id->gid;
		for (size_t i = 0; i < id->n_groups; i++)
			shown[n++] = id->groups[i];
		if (deny && id->groups_unknown)
			return true;
	}
	while (n-- > 0) {
		bool named = w->min <= shown[n] && shown[n] <= w->max;

		if (named && (deny || shown[n] != 65534))
			return true;
	}
	return false;
}

/* Of the topics that `asked` matches: does the rule's match one, or all? */
static bool
reference_topics(const struct plain_rule *r, const char *asked)
{
	for (unsigned k = 0; k < r->n_topics; k++) {
		bool one = false, all = true;

		for (unsigned t = 0; t < n_universe; t++) {
			bool hit;

			if (!reference_matches(asked, universe[t]))
				continue;
			hit = reference_matches(r->topics[k], universe[t]);
			one |= hit;
			all &= hit;
		}
		if (r->deny ? one : all)
			return true;
	}
	return false;
}

static int
reference_verdict(const struct plain *p, const struct acl_identity *id,
                  enum acl_verb verb, const char *asked)
{
	int allowed = 0;

	for (unsigned i = 0; i < p->n; i++) {
		const struct plain_rule *r = &p->rules[i];
		bool named = false;

		for (unsigned k = 0; k < r->n_who; k++)
			named |= reference_names(&r->who[k], id, r->deny);
		if (!named || !(r->verbs >> verb & 1))
			continue;
		if (verb <= ACL_RETAIN && !reference_topics(r, asked))
			continue;
		if (r->deny)
			return -(int)(i + 1);
		if (allowed == 0)
			allowed = (int)i + 1;
	}
	return allowed;
}

TEST(random_rules_mean_what_the_reference_says)
{
	struct chance c = chance_new("rules against the reference");
	unsigned n = 0, tally[3] = { 0 };

	n_universe = 0;
	fill_universe("", 1);
	while (n < 10000) {
		struct plain p = some_plain(&c);
		struct acl *acl = acl_from(&p);

		for (unsigned i = 0; i < 10; i++, n++) {
			struct acl_identity id = {
				.uid = chance_one_in(&c, 6)
				               ? ACL_UNMAPPED
				               : chance_below(&c, 7),
				.gid = 10 + chance_below(&c, 4),
				.groups = some_groups + chance_below(&c, 3),
				.n_groups = chance_below(&c, 3),
				.groups_unknown = chance_one_in(&c, 5),
				.role = chance_one_in(&c, 2)
				                ? some_roles[chance_below(&c,
				                                          2)]
				                : NULL,
			};
			enum acl_verb verb =
				(enum acl_verb)chance_below(&c, ACL_N_VERBS);
			char asked[256];
			int got, want;

			some_small_filter(&c, verb == ACL_SUBSCRIBE, asked);
			got = verdict(class_of(acl, &id), verb, asked);
			want = reference_verdict(&p, &id, verb, asked);
			if (got != want)
				fail_msg("%s %s: rule %d, not %d",
				         acl_verb_name(verb), asked, got, want);
			tally[got > 0 ? 2 : got < 0]++;
		}
		acl_free(acl);
	}
	print_message("%u by no rule, %u denied, %u allowed\n", tally[0],
	              tally[1], tally[2]);
	for (unsigned i = 0; i < 3; i++)
		assert_true(tally[i] >= 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_acl_all_is_allowed),
		cmocka_unit_test(
			an_acl_without_rules_denies_everything_to_everybody),
		cmocka_unit_test(
			a_rule_is_about_its_verbs_topics_and_people_alone),
		cmocka_unit_test(a_deny_wins_wherever_it_stands),
		cmocka_unit_test(
			a_subscription_is_covered_by_an_allow_and_meets_no_deny),
		cmocka_unit_test(rights_of_a_session_have_no_topic),
		cmocka_unit_test(
			groups_are_the_primary_one_and_the_supplementary_ones),
		cmocka_unit_test(
			with_groups_unknown_every_deny_to_a_group_applies),
		cmocka_unit_test(
			who_has_no_number_here_is_everyone_and_nobody_else),
		cmocka_unit_test(
			what_is_denied_to_a_number_is_denied_to_all_who_show_as_it),
		cmocka_unit_test(a_role_is_that_of_the_socket),
		cmocka_unit_test(
			clients_with_the_same_rules_share_a_class_and_its_bit),
		cmocka_unit_test(
			the_brokers_own_topics_have_rights_of_their_own_or_none),
		cmocka_unit_test(verbs_have_names),
		cmocka_unit_test(random_rules_mean_what_the_reference_says),
	};

	return RUN(tests);
}
