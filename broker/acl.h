/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * acl - who may do what: rules, and the one function that every way in asks.
 *
 * A rule allows or denies verbs to whom it names, on the topics that it names.
 * What no rule allows is denied, and a deny wins wherever it stands. Asked
 * about a filter, a rule allows what one of its topics covers, and denies what
 * one of its topics meets: a subscription may not reach what a deny protects.
 *
 * Which rules apply to a client is worked out once, when it comes. Clients to
 * whom the same rules apply are of one class, so that a verdict can be
 * remembered for all of them in one bit.
 */
#ifndef UMBELD_ACL_H
#define UMBELD_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

enum acl_verb {
	ACL_PUBLISH,    /* to a topic */
	ACL_SUBSCRIBE,  /* to a filter */
	ACL_RETAIN,     /* a topic's last value */
	ACL_REPLY,      /* answer requests: publish to others' inboxes */
	ACL_HOLD,       /* hold others up when full, instead of losing */
	ACL_INTROSPECT, /* see what the broker knows of others: $SYS */
	ACL_N_VERBS,
};

/* "publish" ...; ACL_N_VERBS when there is no such word. */
const char *acl_verb_name(enum acl_verb verb);
enum acl_verb acl_verb_parse(const char *word);

/* Is this about topics? The others are rights of a session as a whole. */
static inline bool
acl_verb_has_topic(enum acl_verb verb)
{
	return verb <= ACL_RETAIN;
}

/*
 * The right that this takes, of those who have none by birth: the topics that
 * begin with $ are the broker's. To ask it, and to watch $SYS, is to
 * introspect; to write to an inbox is to reply. ACL_N_VERBS: no right would do,
 * and *why says why; it is NULL otherwise.
 */
enum acl_verb acl_right_for(enum acl_verb verb, const char *topic, size_t len,
                            const char **why);

/*
 * What the kernel shows instead of a user or group that has no number in our
 * user namespace: it may be anybody. What is denied to this number is denied to
 * all who show as it; only everyone and a role allow them anything.
 */
#define ACL_UNMAPPED 65534u

/* Who is asking. All of it is borrowed. */
struct acl_identity {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary */
	size_t n_groups;
	bool groups_unknown; /* then every deny to a group applies */
	const char *role;    /* of the socket it came in by, or NULL */
};

enum acl_who_kind { ACL_EVERYONE, ACL_UIDS, ACL_GROUP, ACL_ROLE };

struct acl_who {
	enum acl_who_kind kind;
	uint32_t min, max; /* uids, or twice the gid */
	char *role;
	unsigned line; /* where it was written */
};

struct acl_rule {
	bool deny;
	unsigned verbs; /* 1u << verb */
	struct acl_who *who;
	size_t n_who;
	char **topics; /* filters; none when the verbs are about no topic */
	size_t n_topics;
	char *file; /* where it was written */
	unsigned line;
};

struct acl {
	struct acl_rule **rules;
	size_t n_rules;
	SLIST_HEAD(, acl_class) classes;
	uint32_t n_classes;
};

/* No rules: nothing is allowed. NULL without memory; acl_free(NULL) is fine. */
struct acl *acl_new(void);
void acl_free(struct acl *acl);

/* A rule at the end, still for nobody and nothing. NULL without memory. */
struct acl_rule *acl_add(struct acl *acl, bool deny, unsigned verbs,
                         const char *file, unsigned line);
/* `who->role` is copied, and so is `topic`, a valid filter. 0 or -ENOMEM. */
int acl_rule_add_who(struct acl_rule *rule, const struct acl_who *who);
int acl_rule_add_topic(struct acl_rule *rule, const char *topic);

struct acl_class {
	SLIST_ENTRY(acl_class) link;
	uint64_t bit; /* its own; 0 when there are more classes than bits */
	uint64_t hash;
	size_t n_rules;
	const struct acl_rule *rules[]; /* that apply, those that deny first */
};

/* The class of a client, valid until acl_free(). NULL without memory. */
const struct acl_class *acl_classify(struct acl *acl,
                                     const struct acl_identity *id);

/*
 * May it? `topic` is the topic or filter in question, "" for the verbs that
 * have none. `*rule` is the rule that decided, NULL when there is none. No
 * class means that there is no ACL: then all is allowed.
 */
bool acl_permits(const struct acl_class *class, enum acl_verb verb,
                 const char *topic, size_t len, const struct acl_rule **rule);

#endif
