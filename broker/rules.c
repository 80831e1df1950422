/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "rules.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "proto/topic.h"

/* ---- the shape ------------------------------------------------------------ */

static const cyaml_schema_value_t word = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

#define WORDS(name)                                                           \
	CYAML_FIELD_SEQUENCE(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
	                     struct rule_words, name, &word, 0,               \
	                     CYAML_UNLIMITED)

static const cyaml_schema_field_t fields[] = {
	WORDS(allow), WORDS(deny), WORDS(who), WORDS(topics), CYAML_FIELD_END,
};

const cyaml_schema_value_t rules_entry_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_words, fields),
};

/* ---- who ------------------------------------------------------------------ */

/* Parse all of `text` as a number below 2^32 - 1, which means nobody. */
static int
parse_id(const char *text, uint32_t *id)
{
	unsigned long long n;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n >= UINT32_MAX)
		return -EINVAL;
	*id = (uint32_t)n;
	return 0;
}

int
rules_user(const char *name, uid_t *uid)
{
	const struct passwd *pw;

	if (parse_id(name, uid) == 0)
		return 0;
	pw = getpwnam(name);
	if (!pw)
		return -ENOENT;
	*uid = pw->pw_uid;
	return 0;
}

int
rules_group(const char *name, gid_t *gid)
{
	const struct group *gr;

	if (parse_id(name, gid) == 0)
		return 0;
	gr = getgrnam(name);
	if (!gr)
		return -ENOENT;
	*gid = gr->gr_gid;
	return 0;
}

bool
rules_is_role(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";

	return *name && name[strspn(name, letters)] == '\0';
}

/* Parse "1000" or "1000-1999". */
static int
parse_range(const char *text, struct acl_who *who)
{
	const char *dash = strchr(text, '-');
	char first[16];
	size_t n = dash ? (size_t)(dash - text) : strlen(text);

	if (n >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	if (parse_id(first, &who->min) < 0 ||
	    parse_id(dash ? dash + 1 : first, &who->max) < 0 ||
	    who->min > who->max)
		return -EINVAL;
	return 0;
}

/* The name after the kind, such as "door" in "user door"; NULL if the kind
   differs. */
static const char *
behind(const char *text, const char *kind)
{
	size_t n = strlen(kind);

	if (strncmp(text, kind, n) != 0 || text[n] != ' ')
		return NULL;
	text += n;
	return text + strspn(text, " ");
}

static int
find_user(const struct document *d, const struct doc_node *node,
          const char *name, struct acl_who *who)
{
	if (rules_user(name, &who->min) < 0)
		return document_complain(
			d, node, "user %s: there is no such user", name);
	who->kind = ACL_UIDS;
	who->max = who->min;
	return 0;
}

static int
find_group(const struct document *d, const struct doc_node *node,
           const char *name, struct acl_who *who)
{
	if (rules_group(name, &who->min) < 0)
		return document_complain(
			d, node, "group %s: there is no such group", name);
	who->kind = ACL_GROUP;
	who->max = who->min;
	return 0;
}

static int
parse_who(const struct document *d, const struct doc_node *node,
          const char *text, struct acl_who *who)
{
	const char *name;

	*who = (struct acl_who){
		.kind = ACL_EVERYONE,
		.line = node ? node->line : 0,
	};
	if (strcmp(text, "everyone") == 0)
		return 0;
	name = behind(text, "user");
	if (name)
		return find_user(d, node, name, who);
	name = behind(text, "group");
	if (name)
		return find_group(d, node, name, who);
	name = behind(text, "role");
	if (name && rules_is_role(name)) {
		who->kind = ACL_ROLE;
		who->role = (char *)(uintptr_t)name; /* copied by acl */
		return 0;
	}
	name = behind(text, "uid");
	who->kind = ACL_UIDS;
	if (name && parse_range(name, who) == 0)
		return 0;
	return document_complain(
		d, node,
		"%s: expected user NAME, group NAME, uid N, uid N-M, role "
		"NAME or everyone",
		text);
}

/* ---- the rule ------------------------------------------------------------- */

static int
parse_verbs(const struct document *d, const struct doc_node *list, char **words,
            uint32_t n, unsigned *verbs)
{
	*verbs = 0;
	for (uint32_t i = 0; i < n; i++) {
		enum acl_verb verb = acl_verb_parse(words[i]);

		if (verb == ACL_N_VERBS)
			return document_complain(
				d, document_nth(list, i),
				"%s: expected publish, subscribe, retain, "
				"reply, hold or introspect",
				words[i]);
		*verbs |= 1u << verb;
	}
	return 0;
}

#define WITH_TOPIC (1u << ACL_PUBLISH | 1u << ACL_SUBSCRIBE | 1u << ACL_RETAIN)

static int
check_whole(const struct document *d, const struct doc_node *node,
            const struct rule_words *w, unsigned verbs)
{
	if ((w->allow_count > 0) == (w->deny_count > 0))
		return document_complain(
			d, node, "expected either allow or deny, with verbs");
	if (w->who_count == 0)
		return document_complain(d, node,
		                         "expected who: [everyone], or fewer");
	if (verbs & WITH_TOPIC && verbs & ~WITH_TOPIC)
		return document_complain(
			d, node,
			"reply, hold and introspect are not about topics: "
			"expected them in a rule of their own");
	if (verbs & WITH_TOPIC && w->topics_count == 0)
		return document_complain(d, node, "expected topics");
	if (!(verbs & WITH_TOPIC) && w->topics_count > 0)
		return document_complain(
			d, document_get(node, "topics"),
			"expected none: reply, hold and introspect are not "
			"about topics");
	return 0;
}

/* Refuse an allow rule for the unmapped id alone. A range that contains it is
   accepted: it means the other ids. */
static int
check_allowed(const struct document *d, const struct doc_node *node,
              const char *text, const struct acl_who *who)
{
	if ((who->kind != ACL_UIDS && who->kind != ACL_GROUP) ||
	    who->min != ACL_UNMAPPED || who->max != ACL_UNMAPPED)
		return 0;
	return document_complain(
		d, node,
		"%s: expected one with a number of its own; %u stands for all "
		"who have none here, and only everyone and role allow them "
		"anything",
		text, ACL_UNMAPPED);
}

static int
add_who(struct acl_rule *rule, const struct document *d,
        const struct doc_node *list, const struct rule_words *w)
{
	for (uint32_t i = 0; i < w->who_count; i++) {
		const struct doc_node *node = document_nth(list, i);
		struct acl_who who;
		int r = parse_who(d, node, w->who[i], &who);

		if (r == 0 && !rule->deny)
			r = check_allowed(d, node, w->who[i], &who);
		if (r == 0)
			r = acl_rule_add_who(rule, &who);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
add_topics(struct acl_rule *rule, const struct document *d,
           const struct doc_node *list, const struct rule_words *w)
{
	for (uint32_t i = 0; i < w->topics_count; i++) {
		const char *topic = w->topics[i];

		if (!filter_is_valid(topic, strlen(topic)))
			return document_complain(
				d, document_nth(list, i),
				"%s: expected a topic or a filter such as "
				"door.* or door.**",
				topic);
		if (topic[0] == '$')
			return document_complain(
				d, document_nth(list, i),
				"%s: topics that begin with $ are the "
				"broker's; see reply and introspect",
				topic);
		if (acl_rule_add_topic(rule, topic) < 0)
			return -ENOMEM;
	}
	return 0;
}

int
rules_add(struct acl *acl, const struct document *d,
          const struct doc_node *node, const struct rule_words *w)
{
	const struct doc_node *allow = document_get(node, "allow");
	const struct doc_node *deny = document_get(node, "deny");
	unsigned allowed, denied;
	struct acl_rule *rule;
	int r;

	if (parse_verbs(d, allow, w->allow, w->allow_count, &allowed) < 0 ||
	    parse_verbs(d, deny, w->deny, w->deny_count, &denied) < 0 ||
	    check_whole(d, node, w, allowed | denied) < 0)
		return -EINVAL;
	rule = acl_add(acl, denied != 0, allowed | denied, d->path, node->line);
	if (!rule)
		return -ENOMEM;
	r = add_who(rule, d, document_get(node, "who"), w);
	if (r == 0)
		r = add_topics(rule, d, document_get(node, "topics"), w);
	return r;
}

/* ---- in words again ------------------------------------------------------- */

const char *
rules_in_words(const struct acl *acl, char buf[RULES_WORDS_MAX])
{
	if (!acl)
		return "rules=none (whoever may open the socket may do all)";
	snprintf(buf, RULES_WORDS_MAX, "rules=%zu", acl->n_rules);
	return buf;
}

static void
print_who(FILE *to, const struct acl_who *who)
{
	switch (who->kind) {
	case ACL_EVERYONE:
		fputs("everyone", to);
		break;
	case ACL_UIDS:
		fprintf(to, "uid %lu", (unsigned long)who->min);
		if (who->max != who->min)
			fprintf(to, "-%lu", (unsigned long)who->max);
		break;
	case ACL_GROUP:
		fprintf(to, "group %lu", (unsigned long)who->min);
		break;
	case ACL_ROLE:
		fprintf(to, "role %s", who->role);
		break;
	}
}

void
rules_print(FILE *to, const struct acl_rule *rule)
{
	const char *comma = "";

	fprintf(to, "  - %s: [", rule->deny ? "deny" : "allow");
	for (unsigned v = 0; v < ACL_N_VERBS; v++) {
		if (!(rule->verbs & 1u << v))
			continue;
		fprintf(to, "%s%s", comma, acl_verb_name((enum acl_verb)v));
		comma = ", ";
	}
	fprintf(to, "]  # %s:%u\n    who: [", rule->file, rule->line);
	for (size_t i = 0; i < rule->n_who; i++) {
		fputs(i ? ", " : "", to);
		print_who(to, &rule->who[i]);
	}
	fputs("]\n", to);
	if (rule->n_topics == 0)
		return;
	fputs("    topics: [", to);
	for (size_t i = 0; i < rule->n_topics; i++) {
		fputs(i ? ", " : "", to);
		document_print(to, rule->topics[i]);
	}
	fputs("]\n", to);
}
