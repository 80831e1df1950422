/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "reload.h"

#include <string.h>

#include "rights.h"
#include "rules.h"
#include "setting.h"

static bool
sockets_differ(const struct config *a, const struct config *b)
{
	if (a->n_sockets != b->n_sockets)
		return true;
	for (size_t i = 0; i < a->n_sockets; i++) {
		const struct config_socket *x = &a->sockets[i];
		const struct config_socket *y = &b->sockets[i];

		if (strcmp(x->path, y->path) != 0 || x->mode != y->mode ||
		    x->owner != y->owner || x->group != y->group ||
		    strcmp(x->role ? x->role : "", y->role ? y->role : "") != 0)
			return true;
	}
	return false;
}

static bool
takes_effect(const struct setting *s)
{
	return s->kind == SETTING_LEVEL;
}

/* What has been changed in the file, and does not take effect. */
static void
name_the_rest(struct broker *b, const struct config *old,
              const struct config *fresh)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		char was[SETTING_WORDS_MAX], is[SETTING_WORDS_MAX];
		const char *now = setting_value(s, old, was);

		if (!s->section || takes_effect(s) ||
		    strcmp(now, setting_value(s, fresh, is)) == 0)
			continue;
		log_event(&b->log, LOG_WARN, LOG_LIFE,
		          "a change of %s takes effect at a restart, until "
		          "then %s%s",
		          s->name, *now ? "it is " : "there is none", now);
	}
	if (sockets_differ(old, fresh))
		log_event(&b->log, LOG_WARN, LOG_LIFE,
		          "a change of sockets takes effect at a restart");
}

/*
 * Are the rules of acl.d gone, and was that a mishap? It is not mounted, or its
 * files have other names: who wants to allow everything to everybody has to
 * say so otherwise.
 */
static bool
rules_are_lost(struct broker *b, const struct config *old,
               const struct config *fresh)
{
	if (old->n_rule_files == 0 || fresh->n_rule_files > 0)
		return false;
	if (fresh->acl)
		log_event(&b->log, LOG_WARN, LOG_LIFE,
		          "acl.d has no rules any more, files_before=%zu",
		          old->n_rule_files);
	else
		log_event(&b->log, LOG_ERROR, LOG_LIFE,
		          "reload failed, all stays as it was: acl.d has no "
		          "rules any more, files_before=%zu; to do without "
		          "rules, restart",
		          old->n_rule_files);
	return !fresh->acl;
}

/* ---- which files there are rules of ---------------------------------------- */

static size_t
count_rules(const struct acl *acl, const char *file)
{
	size_t n = 0;

	for (size_t i = 0; acl && i < acl->n_rules; i++)
		n += strcmp(acl->rules[i]->file, file) == 0;
	return n;
}

static bool
has_file(const struct config *config, const char *file)
{
	for (size_t i = 0; i < config->n_rule_files; i++) {
		if (strcmp(config->rule_files[i], file) == 0)
			return true;
	}
	return false;
}

static void
name_read(struct broker *b, const struct config *fresh, const char *file)
{
	char path[LOG_TEXT_MAX];

	log_event(&b->log, LOG_INFO, LOG_LIFE, "read file=%s rules=%zu",
	          log_text(path, file, strlen(file)),
	          count_rules(fresh->acl, file));
}

/* What is there and cannot be read was an error; what is not there may be
   meant. */
static void
name_files(struct broker *b, const struct config *old,
           const struct config *fresh)
{
	char path[LOG_TEXT_MAX];

	for (size_t i = 0; i < old->n_rule_files; i++) {
		const char *file = old->rule_files[i];

		if (!has_file(fresh, file))
			log_event(&b->log, LOG_WARN, LOG_LIFE,
			          "gone file=%s rules_before=%zu",
			          log_text(path, file, strlen(file)),
			          count_rules(old->acl, file));
	}
	if (fresh->file)
		name_read(b, fresh, fresh->file);
	for (size_t i = 0; i < fresh->n_rule_files; i++)
		name_read(b, fresh, fresh->rule_files[i]);
}

static void
swap_rules(struct config *a, struct config *b)
{
	struct config old = *a;

	a->acl = b->acl;
	a->rule_files = b->rule_files;
	a->n_rule_files = b->n_rule_files;
	b->acl = old.acl;
	b->rule_files = old.rule_files;
	b->n_rule_files = old.n_rule_files;
}

/* ---- all of it -------------------------------------------------------------- */

void
reload(struct broker *b, struct config *config, int argc, char **argv)
{
	char rules[RULES_WORDS_MAX];
	struct config fresh;
	size_t n_revoked;
	bool opens;

	if (config_parse(&fresh, argc, argv) != CONFIG_OK) {
		log_event(&b->log, LOG_ERROR, LOG_LIFE,
		          "reload failed, all stays as it was: see above");
		return;
	}
	if (rules_are_lost(b, config, &fresh)) {
		config_fini(&fresh);
		return;
	}
	name_the_rest(b, config, &fresh);
	config->log_level = b->log.level = fresh.log_level;
	name_files(b, config, &fresh);
	opens = config->acl && !fresh.acl;
	swap_rules(config, &fresh);
	n_revoked = rights_replace(b, config->acl);
	config_fini(&fresh);
	log_event(&b->log, opens ? LOG_WARN : LOG_INFO, LOG_LIFE,
	          "reloaded %s subscriptions_revoked=%zu",
	          rules_in_words(config->acl, rules), n_revoked);
}
