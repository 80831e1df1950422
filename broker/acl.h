/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * acl - access control: the rules, and the one function that decides.
 *
 * A rule allows or denies verbs to the clients it names, on the topics it
 * names. What no rule allows is denied. A deny wins wherever it stands in the
 * list. When the question is about a filter, an allow rule applies if one of
 * its topics covers the filter, and a deny rule applies if one of its topics
 * intersects it: a subscription may not reach what a deny protects.
 *
 * The rules that apply to a client are determined once, when it connects.
 * Clients to which the same rules apply share a class, so that one bit can
 * remember a verdict for all of them.
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
	ACL_REPLY,      /* answer requests: publish to inboxes of others */
	ACL_HOLD,       /* hold publishers when full instead of losing */
	ACL_INTROSPECT, /* see what the broker knows about others: $SYS */
	ACL_N_VERBS,
};

/* "publish" and so on. ACL_N_VERBS if the word is not a verb. */
const char *acl_verb_name(enum acl_verb verb);
enum acl_verb acl_verb_parse(const char *word);

/* Does this verb apply to topics? The others are rights of a session as a
   whole. */
static inline bool
acl_verb_has_topic(enum acl_verb verb)
{
	return verb <= ACL_RETAIN;
}

/*
 * Return the right that a client needs to do this. Topics that begin with $
 * belong to the broker: to query it and to watch $SYS needs ACL_INTROSPECT, and
 * to write to an inbox needs ACL_REPLY. Returns ACL_N_VERBS if no right is
 * enough; then *why is the reason. Otherwise *why is NULL.
 */
enum acl_verb acl_right_for(enum acl_verb verb, const char *topic, size_t len,
                            const char **why);

/*
 * The id that the kernel reports for a user or group that is not mapped into
 * our user namespace: it may be anybody. A deny to this id applies to everyone
 * who is reported as it. Only rules for everyone or for a role allow them
 * anything.
 */
#define ACL_UNMAPPED 65534u

/* Who is asking. All pointers are borrowed. */
struct acl_identity {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary */
	size_t n_groups;
	bool groups_unknown; /* then every rule that denies a group applies */
	const char *role;    /* of the socket that it connected to, or NULL */
};

enum acl_who_kind { ACL_EVERYONE, ACL_UIDS, ACL_GROUP, ACL_ROLE };

struct acl_who {
	enum acl_who_kind kind;
	uint32_t min, max; /* uids; for a group, both are the gid */
	char *role;
	unsigned line; /* where it was written */
};

struct acl_rule {
	bool deny;
	unsigned verbs; /* 1u << verb */
	struct acl_who *who;
	size_t n_who;
	char **topics; /* filters; none if the verbs do not apply to topics */
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

/* An ACL without rules, which allows nothing. NULL if out of memory.
   acl_free(NULL) is allowed. */
struct acl *acl_new(void);
void acl_free(struct acl *acl);

/* Append a rule that names no clients and no topics yet. NULL if out of
   memory. */
struct acl_rule *acl_add(struct acl *acl, bool deny, unsigned verbs,
                         const char *file, unsigned line);
/* `who->role` and `topic`, a valid filter, are copied. Return 0 or -ENOMEM. */
int acl_rule_add_who(struct acl_rule *rule, const struct acl_who *who);
int acl_rule_add_topic(struct acl_rule *rule, const char *topic);

struct acl_class {
	SLIST_ENTRY(acl_class) link;
	uint64_t bit; /* unique; 0 if there are more classes than bits */
	uint64_t hash;
	size_t n_rules;
	const struct acl_rule *rules[]; /* deny rules first */
};

/* The class of a client, valid until acl_free(). NULL if out of memory. */
const struct acl_class *acl_classify(struct acl *acl,
                                     const struct acl_identity *id);

/*
 * May a client of this class do this? `topic` is the topic or filter in
 * question, or "" for verbs that do not apply to topics. `*rule` is the rule
 * that decided, or NULL if no rule matched. A NULL class means that there is no
 * ACL; then everything is allowed.
 */
bool acl_permits(const struct acl_class *class, enum acl_verb verb,
                 const char *topic, size_t len, const struct acl_rule **rule);

#endif
