/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * rules - parses the rules of an ACL from the form in which people write them.
 *
 *	- allow: [publish, subscribe]
 *	  who: [user door, group home, uid 2000-2999, role local, everyone]
 *	  topics: [door.*, "*.alarm"]
 *
 * Names of users and groups are looked up when the rule is read.
 */
#ifndef UMBELD_RULES_H
#define UMBELD_RULES_H

#include <stdint.h>
#include <stdio.h>

#include "acl.h"
#include "document.h"

/* One rule, in words; libcyaml fills it in. */
struct rule_words {
	char **allow, **deny, **who, **topics;
	uint32_t allow_count, deny_count, who_count, topics_count;
};

/* The schema of one rule in the list. */
extern const cyaml_schema_value_t rules_entry_schema;

/*
 * Add the rule `w`, which stands at `node`. Returns 0, or a negative value
 * after printing the reason to stderr.
 */
int rules_add(struct acl *acl, const struct document *d,
              const struct doc_node *node, const struct rule_words *w);

/* The uid of a name or number. Returns 0 or a negative value. */
int rules_user(const char *name, uid_t *uid);
int rules_group(const char *name, gid_t *gid);

/* A role is a word of letters, digits, - and _. */
bool rules_is_role(const char *name);

/* "rules=3", or words that say what having no ACL means. */
#define RULES_WORDS_MAX 64
const char *rules_in_words(const struct acl *acl, char buf[RULES_WORDS_MAX]);

/* Print a rule as it could be written in a file, indented by two spaces. */
void rules_print(FILE *to, const struct acl_rule *rule);

#endif
