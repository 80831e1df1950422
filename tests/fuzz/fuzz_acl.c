/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Rules, people, and what they may: the verdicts of acl.c and its classes
 * against the meaning of a rule, written down as obviously as can be.
 *
 * The input, byte by byte: rules, each with people and filters; identities;
 * then questions, as long as there is any of it left.
 */
#include "broker/acl.h"

#include "fuzz.h"
#include "reference.h"

#define MAX_RULES   12u
#define MAX_WHO     3u
#define MAX_TOPICS  3u
#define MAX_PEOPLE  6u
#define MAX_TOKENS  5u
#define SMALL       5u /* uids and gids below this, so that they meet */
#define FILTER_SIZE 64u

struct plain_rule {
	bool deny;
	unsigned verbs;
	struct acl_who who[MAX_WHO];
	unsigned n_who;
	char topics[MAX_TOPICS][FILTER_SIZE];
	unsigned n_topics;
};

struct person {
	struct acl_identity id;
	gid_t groups[3];
	const struct acl_class *class;
};

struct world {
	struct feed *feed;
	struct acl *acl;
	struct plain_rule rules[MAX_RULES];
	unsigned n_rules;
	struct person people[MAX_PEOPLE];
	unsigned n_people;
};

/* ---- made of the input ---------------------------------------------------- */

static const char *const roles[] = { NULL, "local", "admin" };

static uint32_t
some_number(struct feed *f)
{
	uint8_t b = feed_byte(f);

	return b == 0xff ? ACL_UNMAPPED : b % SMALL;
}

/* A filter; or without wildcards a topic. */
static void
some_filter(struct feed *f, bool wildcards, char out[FILTER_SIZE])
{
	static const char *const tokens[] = { "a", "b",  "ab",       "$a",
		                              "$", "aa", "\xc3\xa9", "c" };
	unsigned n = 1 + feed_byte(f) % MAX_TOKENS;

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		uint8_t b = feed_byte(f);

		if (i > 0)
			strcat(out, ".");
		if (wildcards && b >= 224 && i + 1 == n)
			strcat(out, "**");
		else if (wildcards && b >= 160)
			strcat(out, "*");
		else
			strcat(out, tokens[b % 8]);
	}
	CHECK(reference_is_valid(out, strlen(out), wildcards));
}

static void
some_who(struct feed *f, struct acl_who *who)
{
	*who = (struct acl_who){ .kind = feed_byte(f) % 4 };
	who->min = who->max = some_number(f);
	if (who->kind == ACL_UIDS)
		who->max = some_number(f);
	if (who->kind == ACL_ROLE)
		who->role = (char *)(uintptr_t)roles[1 + feed_byte(f) % 2];
}

static void
make_rule(struct world *w)
{
	struct plain_rule *r = &w->rules[w->n_rules++];
	uint8_t how = feed_byte(w->feed), much = feed_byte(w->feed);
	struct acl_rule *made;

	*r = (struct plain_rule){
		.deny = how & 1,
		.verbs = (how >> 1) % (1u << ACL_N_VERBS),
		.n_who = much % (MAX_WHO + 1),
		.n_topics = (much >> 4) % (MAX_TOPICS + 1),
	};
	made = acl_add(w->acl, r->deny, r->verbs, "rules", w->n_rules);
	CHECK(made);
	for (unsigned i = 0; i < r->n_who; i++) {
		some_who(w->feed, &r->who[i]);
		CHECK(acl_rule_add_who(made, &r->who[i]) == 0);
	}
	for (unsigned i = 0; i < r->n_topics; i++) {
		some_filter(w->feed, true, r->topics[i]);
		CHECK(acl_rule_add_topic(made, r->topics[i]) == 0);
	}
}

static void
make_person(struct world *w)
{
	struct person *p = &w->people[w->n_people++];
	uint8_t how;

	*p = (struct person){ .id.uid = some_number(w->feed) };
	p->id.gid = some_number(w->feed);
	how = feed_byte(w->feed);
	p->id.groups = p->groups;
	p->id.n_groups = how % 4;
	p->id.groups_unknown = how & 4;
	p->id.role = roles[(how >> 3) % 3];
	for (size_t i = 0; i < p->id.n_groups; i++)
		p->groups[i] = some_number(w->feed);
	p->class = acl_classify(w->acl, &p->id);
	CHECK(p->class);
}

/* ---- what a rule means ---------------------------------------------------- */

/*
 * umbeld.yaml(5): "user, uid and group in a deny hold for whoever shows as a
 * number that they name. In an allow they never hold for 65534".
 */
static bool
names_number(const struct acl_who *who, uint32_t shown, bool deny)
{
	if (!deny && shown == 65534)
		return false;
	return who->min <= shown && shown <= who->max;
}

static bool
names(const struct acl_who *who, const struct acl_identity *id, bool deny)
{
	bool named;

	if (who->kind == ACL_EVERYONE)
		return true;
	if (who->kind == ACL_ROLE)
		return id->role && strcmp(who->role, id->role) == 0;
	if (who->kind == ACL_UIDS)
		return names_number(who, id->uid, deny);
	/* groups that are unknown may be any */
	named = names_number(who, id->gid, deny) ||
	        (deny && id->groups_unknown);
	for (size_t i = 0; i < id->n_groups; i++)
		named |= names_number(who, id->groups[i], deny);
	return named;
}

static bool
applies(const struct plain_rule *r, const struct acl_identity *id)
{
	bool any = false;

	for (unsigned i = 0; i < r->n_who; i++)
		any |= names(&r->who[i], id, r->deny);
	return any;
}

/* Does it speak of this verb and topic? */
static bool
concerns(const struct plain_rule *r, enum acl_verb verb, const char *asked)
{
	bool any = false;

	if (!(r->verbs >> verb & 1))
		return false;
	if (verb > ACL_RETAIN)
		return true;
	for (unsigned i = 0; i < r->n_topics; i++)
		any |= r->deny ? reference_meets(r->topics[i], asked)
		               : reference_covers(r->topics[i], asked);
	return any;
}

static bool
verdict(const struct world *w, const struct person *p, enum acl_verb verb,
        const char *asked)
{
	bool allowed = false, denied = false;

	for (unsigned i = 0; i < w->n_rules; i++) {
		const struct plain_rule *r = &w->rules[i];

		if (!applies(r, &p->id) || !concerns(r, verb, asked))
			continue;
		allowed |= !r->deny;
		denied |= r->deny;
	}
	return allowed && !denied;
}

/* ---- questions ------------------------------------------------------------ */

static void
check_rule(const struct world *w, const struct person *p, enum acl_verb verb,
           const char *asked, bool ok, const struct acl_rule *rule)
{
	const struct plain_rule *r;

	CHECK(!ok || rule);
	if (!rule)
		return;
	CHECK(rule->line >= 1 && rule->line <= w->n_rules);
	CHECK(rule == w->acl->rules[rule->line - 1]);
	r = &w->rules[rule->line - 1];
	CHECK(r->deny == !ok);
	CHECK(applies(r, &p->id) && concerns(r, verb, asked));
}

static void
ask(struct world *w)
{
	const struct person *p = &w->people[feed_byte(w->feed) % w->n_people];
	enum acl_verb verb = feed_byte(w->feed) % ACL_N_VERBS;
	const struct acl_rule *rule;
	char asked[FILTER_SIZE] = "";
	bool ok;

	if (acl_verb_has_topic(verb))
		some_filter(w->feed, verb == ACL_SUBSCRIBE, asked);
	ok = acl_permits(p->class, verb, asked, strlen(asked), &rule);
	CHECK(ok == verdict(w, p, verb, asked));
	check_rule(w, p, verb, asked, ok, rule);
}

/* Those to whom the same rules apply, and no others, are of one class. */
static void
check_classes(const struct world *w)
{
	for (unsigned i = 0; i < w->n_people; i++) {
		const struct person *a = &w->people[i];

		for (unsigned k = 0; k < i; k++) {
			const struct person *b = &w->people[k];
			bool same = true;

			for (unsigned n = 0; n < w->n_rules; n++)
				same &= applies(&w->rules[n], &a->id) ==
				        applies(&w->rules[n], &b->id);
			CHECK(same == (a->class == b->class));
			CHECK(same == (a->class->bit == b->class->bit));
		}
		CHECK(a->class->bit != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct feed feed = { data, len };
	struct world *w = calloc(1, sizeof(*w));
	unsigned n_rules, n_people;

	CHECK(w);
	w->feed = &feed;
	w->acl = acl_new();
	CHECK(w->acl);
	n_rules = feed_byte(&feed) % (MAX_RULES + 1);
	n_people = 1 + feed_byte(&feed) % MAX_PEOPLE;
	while (w->n_rules < n_rules)
		make_rule(w);
	while (w->n_people < n_people)
		make_person(w);
	check_classes(w);
	while (feed.left > 0)
		ask(w);
	acl_free(w->acl);
	free(w);
	return 0;
}
