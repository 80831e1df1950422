/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * rights - what a session may do: applies the broker's rules to one session.
 *
 * Every kind of access is checked here. A session needs no rule to read and to
 * write its own inbox.
 */
#ifndef UMBELD_RIGHTS_H
#define UMBELD_RIGHTS_H

#include <stdbool.h>

#include "acl.h"
#include "proto/publish.h"
#include "session.h"

/* The decision, and the rule that made it: NULL if no rule did. */
struct verdict {
	bool ok;
	enum acl_verb verb; /* the right that is needed: acl_right_for() */
	const struct acl_rule *rule;
	const char *why; /* why no right would be enough, or NULL */
};

/*
 * Find the session's class. If there is no memory for that, the session is
 * allowed nothing until this is called again.
 */
void rights_assign(struct session *s);

/*
 * Replace the rules; NULL means none. The broker borrows them. Subscriptions
 * that they do not allow end, and their sessions are told. Returns how many
 * ended.
 */
size_t rights_replace(struct broker *b, struct acl *acl);

/* A right of the session as a whole, such as ACL_HOLD. */
struct verdict rights_of(const struct session *s, enum acl_verb verb);

/* To publish to an ordinary topic or to an inbox. */
struct verdict rights_to_publish(const struct session *s, struct text topic);
/* To publish retained messages to a topic. */
struct verdict rights_to_retain(const struct session *s, struct text topic);
/* To subscribe to a valid filter. */
struct verdict rights_to_subscribe(const struct session *s, struct text filter);

/* "FILE:LINE"; of a long path only the end, after "...". */
#define RIGHTS_PLACE_MAX 240
const char *rights_place(const struct acl_rule *rule,
                         char buf[RIGHTS_PLACE_MAX]);

/* The verdict in words: "publish: no rule allows it", "publish: denied by
   FILE:LINE". */
#define RIGHTS_WORDS_MAX 320
const char *rights_words(const struct verdict *v, char buf[RIGHTS_WORDS_MAX]);

/* Why a PUBLISH is not allowed, and which topic that is about. */
struct objection {
	struct text about;
	char words[RIGHTS_WORDS_MAX];
};

/* Is there an objection? If so, *out is filled in; `about` borrows from the
   message. */
bool rights_object(const struct session *s, const struct publish *p,
                   struct objection *out);

/* The same for a datagram, whose sender has no session and therefore no
   inbox. */
bool rights_object_to_datagram(struct broker *b, const struct peer *sender,
                               const struct publish *p, struct objection *out);

/* Is the topic "$inbox.<this broker's random>.<session>" or below, of any
   session or of this one? */
bool rights_is_inbox(const struct broker *b, struct text topic);
bool rights_is_own_inbox(const struct session *s, struct text topic);

#endif
