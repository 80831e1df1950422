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
		          "acl.d has no rules any more, files_before=%u",
		          old->n_rule_files);
	else
		log_event(&b->log, LOG_ERROR, LOG_LIFE,
		          "reload failed, all stays as it was: acl.d has no "
		          "rules any more, files_before=%u; to do without "
		          "rules, restart",
		          old->n_rule_files);
	return !fresh->acl;
}

void
reload(struct broker *b, struct config *config, int argc, char **argv)
{
	struct acl *old_acl = config->acl;
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
	config->n_rule_files = fresh.n_rule_files;
	opens = old_acl && !fresh.acl;
	config->acl = fresh.acl;
	fresh.acl = old_acl;
	n_revoked = rights_replace(b, config->acl);
	config_fini(&fresh);
	log_event(&b->log, opens ? LOG_WARN : LOG_INFO, LOG_LIFE,
	          "reloaded %s subscriptions_revoked=%zu",
	          rules_in_words(config->acl, rules), n_revoked);
}
