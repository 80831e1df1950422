/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "configshow.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document.h"
#include "machine.h"
#include "proto/topic.h"
#include "rules.h"
#include "setting.h"

/* ---- whose groups ---------------------------------------------------------- */

/* The groups that a login would give the user; a uid without an account has
   none. If `user` is NULL, id->uid is used. */
static int
find_groups(const char *user, struct acl_identity *id, gid_t **groups)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	int n = 0;

	*groups = NULL;
	if (!pw)
		pw = getpwuid(id->uid);
	if (!pw) {
		id->gid = (gid_t)-1;
		return 0;
	}
	id->gid = pw->pw_gid;
	getgrouplist(pw->pw_name, pw->pw_gid, NULL, &n);
	*groups = calloc((size_t)n + 1, sizeof(gid_t));
	if (!*groups)
		return -ENOMEM;
	if (getgrouplist(pw->pw_name, pw->pw_gid, *groups, &n) < 0)
		n = 0;
	id->groups = *groups;
	id->n_groups = (size_t)n;
	return 0;
}

/* ---- is it in order? ------------------------------------------------------ */

static void
warn(struct config *c, size_t socket, const char *words)
{
	fprintf(stderr, "umbeld: warn: %s:%u: sockets[%zu].%s\n", c->file,
	        c->sockets[socket].line, socket, words);
	c->n_warnings++;
}

#define NOBODY_YET ((uid_t)-1)

/*
 * The user that will listen at this path. If root checks the configuration,
 * that may be another user: it is assumed to be the owner of the folder.
 * Without the folder it is not known.
 */
static uid_t
listener_at(const char *path)
{
	char *copy = geteuid() == 0 ? strdup(path) : NULL;
	uid_t who = geteuid();
	struct stat st;

	if (copy)
		who = stat(dirname(copy), &st) == 0 ? st.st_uid : NOBODY_YET;
	free(copy);
	return who;
}

static bool
is_own_group(gid_t gid)
{
	int n = getgroups(0, NULL);
	gid_t *groups = calloc(n > 0 ? (size_t)n : 1, sizeof(*groups));
	bool is = gid == getegid();

	n = groups ? getgroups(n, groups) : 0;
	for (int i = 0; i < n; i++)
		is |= groups[i] == gid;
	free(groups);
	return is;
}

static bool
is_group_of(uid_t who, gid_t gid)
{
	struct acl_identity id = { .uid = who };
	gid_t *groups;
	bool is;

	if (find_groups(NULL, &id, &groups) < 0)
		return false;
	is = gid == id.gid;
	for (size_t i = 0; i < id.n_groups; i++)
		is |= groups[i] == gid;
	free(groups);
	return is;
}

static bool
may_give_to(uid_t who, gid_t gid)
{
	if (who == 0)
		return true;
	if (who == NOBODY_YET)
		return false;
	return who == geteuid() ? is_own_group(gid) : is_group_of(who, gid);
}

static void
warn_of_privileges(struct config *c)
{
	for (size_t i = 0; i < c->n_sockets; i++) {
		const struct config_socket *s = &c->sockets[i];
		uid_t who = listener_at(s->path);

		if (s->owner != (uid_t)-1 && who != 0 && who != s->owner)
			warn(c, i, "owner: only root can set it");
		if (s->group != (gid_t)-1 && !may_give_to(who, s->group))
			warn(c, i,
			     "group: only root, or who is in that group, can "
			     "set it");
	}
}

/* As many as there are here, that is; the service may have others. */
static void
warn_of_descriptors(struct config *c)
{
	if (c->max_connections >= CONFIG_FEW_CONNECTIONS)
		return;
	fprintf(stderr, "umbeld: warn: " CONFIG_FEW_WORDS "\n",
	        machine_descriptors(), c->max_connections);
	c->n_warnings++;
}

void
configshow_check(struct config *c)
{
	size_t n_sockets = c->n_sockets ? c->n_sockets : 1;
	size_t n_rules = c->acl ? c->acl->n_rules : 0;

	warn_of_privileges(c);
	warn_of_descriptors(c);
	printf("umbeld: %s: %zu socket%s, %zu rule%s\n",
	       c->n_warnings > 0 ? "in order, but for the warnings above"
	                         : "all in order",
	       n_sockets, n_sockets == 1 ? "" : "s", n_rules,
	       n_rules == 1 ? "" : "s");
}

/* ---- the values ----------------------------------------------------------- */

static void
print_origin(const struct config *c, const struct config_origin *o,
             const char *flag, FILE *to)
{
	switch (o->from) {
	case CONFIG_DEFAULT:
		fputs("  # default\n", to);
		break;
	case CONFIG_FILE:
		fprintf(to, "  # %s:%u\n", c->file, o->line);
		break;
	case CONFIG_FLAG:
		fprintf(to, "  # --%s\n", flag);
		break;
	case CONFIG_PART:
		fputs("  # a quarter of memory-max\n", to);
		break;
	}
}

static void
print_section(const struct config *c, const char *section, FILE *to)
{
	const char *indent = *section ? "  " : "";
	const struct setting *s;

	if (*section)
		fprintf(to, "%s:\n", section);
	for (size_t i = 0; (s = setting_at(i)); i++) {
		char words[SETTING_WORDS_MAX];

		if (!s->section || strcmp(s->section, section) != 0 ||
		    !*setting_value(s, c, words))
			continue; /* the text is not set */
		fprintf(to, "%s%s: ", indent, s->name);
		if (setting_is_text(s))
			document_print(to, setting_value(s, c, words));
		else
			fputs(setting_value(s, c, words), to);
		print_origin(c, &c->origins[i], s->name, to);
	}
}

static void
print_socket(const struct config *c, const struct config_socket *s, FILE *to)
{
	fputs("  - path: ", to);
	document_print(to, s->path);
	print_origin(c, &s->from.path, "socket", to);
	fprintf(to, "    mode: %04o", (unsigned)s->mode);
	print_origin(c, &s->from.mode, "mode", to);
	if (s->owner != (uid_t)-1) {
		fprintf(to, "    owner: %lu", (unsigned long)s->owner);
		print_origin(c, &s->from.owner, "", to);
	}
	if (s->group != (gid_t)-1) {
		fprintf(to, "    group: %lu", (unsigned long)s->group);
		print_origin(c, &s->from.group, "", to);
	}
	if (s->role) {
		fputs("    role: ", to);
		document_print(to, s->role);
		print_origin(c, &s->from.role, "", to);
	}
}

static void
print_rules(const struct acl *acl, FILE *to)
{
	if (!acl) {
		fputs("# no acl: whoever may open a socket may do all\n", to);
		return;
	}
	fputs(acl->n_rules > 0 ? "acl:\n" : "acl: []\n", to);
	for (size_t i = 0; i < acl->n_rules; i++)
		rules_print(to, acl->rules[i]);
}

void
configshow_print(const struct config *c, FILE *to)
{
	print_section(c, "", to);
	fputs("sockets:\n", to);
	for (size_t i = 0; i < c->n_sockets; i++)
		print_socket(c, &c->sockets[i], to);
	print_section(c, "limits", to);
	print_section(c, "overflow", to);
	print_rules(c->acl, to);
}

/* ---- what the rules say --------------------------------------------------- */

static enum config_result
wrong(const char *what, const char *text)
{
	fprintf(stderr, "umbeld: acl test: %s%s\n", what, text);
	return CONFIG_BAD;
}

static void
print_verdict(bool ok, const struct acl *acl, const struct acl_rule *rule)
{
	const char *word = ok ? "allowed" : "denied";

	if (rule)
		printf("%s by %s:%u\n", word, rule->file, rule->line);
	else if (!acl)
		printf("%s: there is no acl\n", word);
	else
		printf("%s: no rule allows it\n", word);
}

static enum config_result
judge(const struct config *c, const struct acl_identity *id, enum acl_verb verb,
      const char *topic)
{
	const struct acl_class *class = NULL;
	const struct acl_rule *rule;
	enum acl_verb right;
	const char *why;
	bool ok;

	right = acl_right_for(verb, topic, strlen(topic), &why);
	if (why) {
		printf("denied: %s\n", why);
		return CONFIG_DENIED;
	}
	if (c->acl) {
		class = acl_classify(c->acl, id);
		if (!class)
			return wrong("out of memory", "");
	}
	ok = acl_permits(class, right, topic, strlen(topic), &rule);
	if (right != verb)
		printf("%s: ", acl_verb_name(right));
	print_verdict(ok, c->acl, rule);
	return ok ? CONFIG_SHOWN : CONFIG_DENIED;
}

enum config_result
configshow_test(const struct config *c, const char *user, char **question,
                int n)
{
	struct acl_identity id = { 0 };
	enum config_result result;
	const char *topic = "";
	enum acl_verb verb;
	gid_t *groups;
	int next = 1;

	if (n < 1)
		return wrong("expected VERB, and TOPIC", "");
	verb = acl_verb_parse(question[0]);
	if (verb == ACL_N_VERBS)
		return wrong("expected publish, subscribe, retain, reply, hold "
		             "or introspect, not ",
		             question[0]);
	if (acl_verb_has_topic(verb) && n > 1)
		topic = question[next++];
	if (acl_verb_has_topic(verb) &&
	    !(verb == ACL_SUBSCRIBE ? filter_is_valid(topic, strlen(topic))
	                            : topic_is_valid(topic, strlen(topic))))
		return wrong("expected a valid topic, not ", topic);
	if (n > next)
		id.role = question[next++];
	if (n > next)
		return wrong("unexpected argument: ", question[next]);
	if (rules_user(user, &id.uid) < 0)
		return wrong("there is no such user: ", user);
	if (find_groups(user, &id, &groups) < 0)
		return wrong("out of memory", "");
	result = judge(c, &id, verb, topic);
	free(groups);
	return result;
}
