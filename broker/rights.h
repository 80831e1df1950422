/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * rights - what a session may do: the broker's rules, asked about this one.
 *
 * Every way in asks here. What is a session's own needs no rule: its inbox,
 * to read and to write.
 */
#ifndef UMBELD_RIGHTS_H
#define UMBELD_RIGHTS_H

#include <stdbool.h>

#include "acl.h"
#include "proto/publish.h"
#include "session.h"

/* What was decided, and by which rule: NULL when by none. */
struct verdict {
	bool ok;
	enum acl_verb verb; /* the right that it takes: acl_right_for() */
	const struct acl_rule *rule;
	const char *why; /* no right would do, or NULL */
};

/*
 * Find the session's class. Without memory for that it is allowed nothing,
 * until it is called again.
 */
void rights_assign(struct session *s);

/*
 * From now on these rules hold, or none; the broker borrows them. Subscriptions
 * that they do not allow end, and their sessions are told. How many.
 */
size_t rights_replace(struct broker *b, struct acl *acl);

/* A right of the session as a whole, such as ACL_HOLD. */
struct verdict rights_of(const struct session *s, enum acl_verb verb);

/* To publish to a topic: one of the users', or somebody's inbox. */
struct verdict rights_to_publish(const struct session *s, struct text topic);
/* To have its messages on a topic kept as the last value. */
struct verdict rights_to_retain(const struct session *s, struct text topic);
/* To subscribe to a valid filter. */
struct verdict rights_to_subscribe(const struct session *s, struct text filter);

/* "FILE:LINE"; of a long path its end, behind "...". */
#define RIGHTS_PLACE_MAX 240
const char *rights_place(const struct acl_rule *rule,
                         char buf[RIGHTS_PLACE_MAX]);

/* "no rule allows you to publish here", "... is denied by FILE:LINE" */
#define RIGHTS_WORDS_MAX 320
const char *rights_words(const struct verdict *v, char buf[RIGHTS_WORDS_MAX]);

/* Why a PUBLISH is not granted, and what that is about. */
struct objection {
	struct text about;
	char words[RIGHTS_WORDS_MAX];
};

/* Is there any? *out is complete if so; `about` borrows from the message. */
bool rights_object(const struct session *s, const struct publish *p,
                   struct objection *out);

/* The same for a datagram, whose sender has no session and so no inbox. */
bool rights_object_to_datagram(struct broker *b, const struct peer *sender,
                               const struct publish *p, struct objection *out);

/* "$inbox.<this broker's random>.<session>" or below: anybody's, or its own */
bool rights_is_inbox(const struct broker *b, struct text topic);
bool rights_is_own_inbox(const struct session *s, struct text topic);

#endif
