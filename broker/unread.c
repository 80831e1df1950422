/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "unread.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "clock.h"
#include "sys.h"

static void
begin(struct session *s)
{
	struct unread *u = calloc(1, sizeof(*u));

	if (!u)
		return; /* the next unread_look() tries again */
	u->session = s;
	u->since_ms = clock_now_ms();
	deadline_set(&s->broker->unread_notices, &u->due);
	s->unread = u;
}

static void
log_release(const struct unread *u)
{
	char words[SESSION_WORDS_MAX];

	log_event(&u->session->broker->log, LOG_INFO, LOG_HELD,
	          "released held_ms=%" PRIu64 " %s of=unread-answers",
	          clock_now_ms() - u->since_ms,
	          session_words(u->session, words));
}

void
unread_changed(struct session *s)
{
	if (!s->unread && s->state != SESSION_ENDING) {
		begin(s);
	} else if (s->unread) {
		if (s->unread->told)
			log_release(s->unread);
		unread_forget(s);
	}
}

void
unread_forget(struct session *s)
{
	struct unread *u = s->unread;

	if (!u)
		return;
	s->unread = NULL;
	deadline_clear(&u->due);
	if (u->told)
		sys_tell_unread(s, false);
	free(u);
}

void
unread_on_notice(struct deadline *d, void *broker)
{
	struct unread *u =
		(struct unread *)((char *)d - offsetof(struct unread, due));
	const struct session *s = u->session;
	struct broker *b = broker;
	char words[SESSION_WORDS_MAX];

	log_event(&b->log, LOG_WARN, LOG_HELD,
	          "held by itself %s owed=%zu limit=%zu of=unread-answers",
	          session_words(s, words), s->out.answer_bytes,
	          b->limits.answers);
	u->told = true;
	sys_tell_unread(s, true);
}
