/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "acl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/filter.h"
#include "proto/hash.h"
#include "proto/topic.h"
#include "question.h"

static const char *const verb_names[ACL_N_VERBS] = {
	[ACL_PUBLISH] = "publish", [ACL_SUBSCRIBE] = "subscribe",
	[ACL_RETAIN] = "retain",   [ACL_REPLY] = "reply",
	[ACL_HOLD] = "hold",       [ACL_INTROSPECT] = "introspect",
};

const char *
acl_verb_name(enum acl_verb verb)
{
	return verb < ACL_N_VERBS ? verb_names[verb] : "unknown";
}

enum acl_verb
acl_verb_parse(const char *word)
{
	unsigned verb = 0;

	while (verb < ACL_N_VERBS && strcmp(word, verb_names[verb]) != 0)
		verb++;
	return (enum acl_verb)verb;
}

static bool
is_below(const char *topic, size_t len, const char *prefix)
{
	return topic_is_below(topic, len, prefix, strlen(prefix));
}

enum acl_verb
acl_right_for(enum acl_verb verb, const char *topic, size_t len,
              const char **why)
{
	bool in_inbox = is_below(topic, len, "$inbox");

	*why = NULL;
	if (!acl_verb_has_topic(verb) || len == 0 || topic[0] != '$')
		return verb;
	if (verb == ACL_PUBLISH && in_inbox && len > strlen("$inbox"))
		return ACL_REPLY;
	if (verb == ACL_PUBLISH && question_of_topic(topic, len) != N_QUESTIONS)
		return ACL_INTROSPECT;
	if (verb == ACL_SUBSCRIBE && is_below(topic, len, "$SYS"))
		return ACL_INTROSPECT;
	if (verb == ACL_SUBSCRIBE && !in_inbox)
		return ACL_SUBSCRIBE;
	if (verb == ACL_SUBSCRIBE)
		*why = "this is not your inbox";
	else if (verb == ACL_RETAIN && in_inbox)
		*why = "nothing is retained for an inbox";
	else
		*why = "topics that begin with $ belong to the broker";
	return ACL_N_VERBS;
}

/* ---- rules ---------------------------------------------------------------- */

struct acl *
acl_new(void)
{
	struct acl *acl = calloc(1, sizeof(*acl));

	if (acl)
		SLIST_INIT(&acl->classes);
	return acl;
}

static void
rule_free(struct acl_rule *rule)
{
	for (size_t i = 0; i < rule->n_who; i++)
		free(rule->who[i].role);
	for (size_t i = 0; i < rule->n_topics; i++)
		free(rule->topics[i]);
	free(rule->who);
	free(rule->topics);
	free(rule->file);
	free(rule);
}

void
acl_free(struct acl *acl)
{
	struct acl_class *class;

	if (!acl)
		return;
	while ((class = SLIST_FIRST(&acl->classes))) {
		SLIST_REMOVE_HEAD(&acl->classes, link);
		free(class);
	}
	for (size_t i = 0; i < acl->n_rules; i++)
		rule_free(acl->rules[i]);
	free(acl->rules);
	free(acl);
}

/* Return the array with room for one more element of `size` bytes. */
static void *
grown(void *array, size_t n, size_t size)
{
	return reallocarray(array, n + 1, size);
}

struct acl_rule *
acl_add(struct acl *acl, bool deny, unsigned verbs, const char *file,
        unsigned line)
{
	struct acl_rule *rule = calloc(1, sizeof(*rule));
	struct acl_rule **rules =
		grown(acl->rules, acl->n_rules, sizeof(*rules));

	if (rules)
		acl->rules = rules;
	if (rule)
		rule->file = strdup(file);
	if (!rules || !rule || !rule->file) {
		if (rule)
			rule_free(rule);
		return NULL;
	}
	rule->deny = deny;
	rule->verbs = verbs;
	rule->line = line;
	acl->rules[acl->n_rules++] = rule;
	return rule;
}

int
acl_rule_add_who(struct acl_rule *rule, const struct acl_who *who)
{
	struct acl_who *all = grown(rule->who, rule->n_who, sizeof(*all));
	char *role = who->role ? strdup(who->role) : NULL;

	if (all)
		rule->who = all;
	if (!all || (who->role && !role)) {
		free(role);
		return -ENOMEM;
	}
	all[rule->n_who] = *who;
	all[rule->n_who++].role = role;
	return 0;
}

int
acl_rule_add_topic(struct acl_rule *rule, const char *topic)
{
	char **all = grown(rule->topics, rule->n_topics, sizeof(*all));
	char *copy = strdup(topic);

	if (all)
		rule->topics = all;
	if (!all || !copy) {
		free(copy);
		return -ENOMEM;
	}
	all[rule->n_topics++] = copy;
	return 0;
}

/* ---- the clients that rules apply to -------------------------------------- */

static bool
has_group(const struct acl_identity *id, gid_t gid)
{
	if (id->gid == gid)
		return true;
	for (size_t i = 0; i < id->n_groups; i++) {
		if (id->groups[i] == gid)
			return true;
	}
	return false;
}

static bool
is_meant(const struct acl_who *who, const struct acl_identity *id, bool deny)
{
	switch (who->kind) {
	case ACL_EVERYONE:
		return true;
	case ACL_UIDS:
		return (deny || id->uid != ACL_UNMAPPED) &&
		       id->uid >= who->min && id->uid <= who->max;
	case ACL_GROUP:
		if (!deny)
			return who->min != ACL_UNMAPPED &&
			       has_group(id, who->min);
		return id->groups_unknown || has_group(id, who->min);
	case ACL_ROLE:
		return id->role && strcmp(id->role, who->role) == 0;
	}
	return false;
}

static bool
applies(const struct acl_rule *rule, const struct acl_identity *id)
{
	for (size_t i = 0; i < rule->n_who; i++) {
		if (is_meant(&rule->who[i], id, rule->deny))
			return true;
	}
	return false;
}

/* Append the rules of one kind that apply. `class` has room for all rules. */
static void
collect(struct acl_class *class, const struct acl *acl,
        const struct acl_identity *id, bool deny)
{
	for (size_t i = 0; i < acl->n_rules; i++) {
		const struct acl_rule *rule = acl->rules[i];

		if (rule->deny == deny && applies(rule, id))
			class->rules[class->n_rules++] = rule;
	}
}

static const struct acl_class *
find_equal(const struct acl *acl, const struct acl_class *wanted)
{
	const struct acl_class *class;

	SLIST_FOREACH (class, &acl->classes, link) {
		if (class->hash == wanted->hash &&
		    class->n_rules == wanted->n_rules &&
		    memcmp(class->rules, wanted->rules,
		           class->n_rules * sizeof(class->rules[0])) == 0)
			return class;
	}
	return NULL;
}

const struct acl_class *
acl_classify(struct acl *acl, const struct acl_identity *id)
{
	size_t size = acl->n_rules * sizeof(const struct acl_rule *);
	struct acl_class *class = calloc(1, sizeof(*class) + size);
	const struct acl_class *known;

	if (!class)
		return NULL;
	collect(class, acl, id, true);
	collect(class, acl, id, false);
	class->hash = hash_bytes(0, class->rules,
	                         class->n_rules * sizeof(class->rules[0]));
	known = find_equal(acl, class);
	if (known) {
		free(class);
		return known;
	}
	class->bit = acl->n_classes < 64 ? UINT64_C(1) << acl->n_classes : 0;
	acl->n_classes++;
	SLIST_INSERT_HEAD(&acl->classes, class, link);
	return class;
}

/* ---- the verdict ---------------------------------------------------------- */

static bool
speaks_of(const struct acl_rule *rule, const char *topic, size_t len)
{
	for (size_t i = 0; i < rule->n_topics; i++) {
		const char *t = rule->topics[i];
		bool hit = rule->deny
		                   ? filter_intersects(t, strlen(t), topic, len)
		                   : filter_covers(t, strlen(t), topic, len);

		if (hit)
			return true;
	}
	return false;
}

bool
acl_permits(const struct acl_class *class, enum acl_verb verb,
            const char *topic, size_t len, const struct acl_rule **rule)
{
	*rule = NULL;
	if (!class)
		return true;
	for (size_t i = 0; i < class->n_rules; i++) {
		const struct acl_rule *r = class->rules[i];

		if (!(r->verbs & 1u << verb) ||
		    (acl_verb_has_topic(verb) && !speaks_of(r, topic, len)))
			continue;
		*rule = r;
		return !r->deny;
	}
	return false;
}
