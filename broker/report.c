/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rights.h"
#include "session.h"

static struct report *
report_of(struct session *s, unsigned cause)
{
	struct report *r;

	for (r = s->reports; r; r = r->next) {
		if (r->cause == cause)
			return r;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->session = s;
	r->cause = cause;
	r->next = s->reports;
	s->reports = r;
	return r;
}

/* Report this event now? If not, it is remembered as the last one. Without
   memory for `r` (NULL) every event is reported. */
static bool
report_now(struct report *r, uint64_t n, uint64_t bytes, struct text about,
           const char *why)
{
	if (!r)
		return true;
	if (!deadline_is_set(&r->due)) {
		deadline_set(&r->session->broker->reports, &r->due);
		return true;
	}
	r->n += n;
	r->bytes += bytes;
	free(r->about);
	free(r->why);
	r->about = about.at ? strndup(about.at, about.len) : NULL;
	r->why = why ? strdup(why) : NULL;
	return false;
}

/* ---- once a second -------------------------------------------------------- */

static void
log_again(const struct report *r)
{
	struct session *s = r->session;
	struct log *log = &s->broker->log;
	const char *why = r->why ? r->why : "";
	char words[SESSION_WORDS_MAX];

	session_words(s, words);
	if (r->cause == REPORT_DROPPED)
		log_event(log, LOG_WARN, LOG_DROPPED,
		          "dropped messages=%" PRIu64 " bytes=%" PRIu64
		          " in_ms=1000 last of=%s %s",
		          r->n, r->bytes, why, words);
	else if (r->cause == REPORT_SUBSCRIPTION)
		log_event(log, LOG_WARN, LOG_REFUSED,
		          "refused subscriptions n=%" PRIu64
		          " in_ms=1000 last of=%s %s",
		          r->n, why, words);
	else if (r->cause == REPORT_DENIED)
		log_event(log, LOG_WARN, LOG_REFUSED,
		          "refused subscriptions n=%" PRIu64
		          " in_ms=1000 last: %s %s",
		          r->n, why, words);
	else if (r->cause == REPORT_REQUEST)
		log_event(log, LOG_WARN, LOG_REFUSED,
		          "refused requests n=%" PRIu64
		          " in_ms=1000 last: %s %s",
		          r->n, why, words);
	else
		log_event(log, LOG_WARN, LOG_REFUSED,
		          "refused messages n=%" PRIu64
		          " in_ms=1000 last: %s %s",
		          r->n, why, words);
}

static void
tell_again(const struct report *r)
{
	if (r->cause >= REPORT_DROPPED || r->session->awaits_each)
		return; /* the client was told each time */
	session_refuse(r->session, (enum status)r->cause, 0,
	               text_from(r->about),
	               "%" PRIu64 " more messages were refused in the "
	               "last second, this is the last of them (%s)",
	               r->n, r->why ? r->why : "no memory to say why");
}

void
report_on_due(struct deadline *d, void *broker)
{
	struct report *r =
		(struct report *)((char *)d - offsetof(struct report, due));
	struct broker *b = broker;

	if (r->n == 0 || r->session->state != SESSION_OPEN)
		return;
	tell_again(r);
	log_again(r);
	r->n = r->bytes = 0;
	deadline_set(&b->reports, d);
}

void
report_forget(struct session *s)
{
	struct report *r;

	while ((r = s->reports)) {
		if (r->cause == REPORT_DROPPED && r->n > 0)
			log_again(r);
		s->reports = r->next;
		deadline_clear(&r->due);
		free(r->about);
		free(r->why);
		free(r);
	}
}

/* ---- at once -------------------------------------------------------------- */

void
report_dropped(struct session *s, uint64_t frames, uint64_t bytes,
               const struct measured *m)
{
	char words[SESSION_WORDS_MAX];

	if (report_now(report_of(s, REPORT_DROPPED), frames, bytes,
	               (struct text){ NULL, 0 }, m->of))
		log_event(&s->broker->log, LOG_WARN, LOG_DROPPED,
		          "dropped messages=%" PRIu64 " bytes=%" PRIu64
		          " %s=%zu limit=%zu of=%s %s",
		          frames, bytes, m->what, m->n, m->limit, m->of,
		          session_words(s, words));
}

void
report_refused_subscription(struct session *s, uint32_t request,
                            const char *what, const char *limit, uint32_t n,
                            uint32_t max)
{
	struct text nil = { NULL, 0 };
	char words[SESSION_WORDS_MAX];

	session_refuse(s, STATUS_LIMIT, request, nil,
	               "%" PRIu32 " %s (limit %" PRIu32 ", %s)", n, what, max,
	               limit);
	if (report_now(report_of(s, REPORT_SUBSCRIPTION), 1, 0, nil, limit))
		log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
		          "refused a subscription n=%" PRIu32 " limit=%" PRIu32
		          " of=%s %s",
		          n, max, limit, session_words(s, words));
}

void
report_denied_subscription(struct session *s, uint32_t request,
                           struct text filter, const char *why)
{
	struct text nil = { NULL, 0 };
	char words[SESSION_WORDS_MAX], quoted[LOG_TEXT_MAX];

	session_refuse(s, STATUS_DENIED, request, nil, "%s", why);
	if (report_now(report_of(s, REPORT_DENIED), 1, 0, nil, why))
		log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
		          "refused a subscription filter=%s: %s %s",
		          log_text(quoted, filter.at, filter.len), why,
		          session_words(s, words));
}

/* The requester waits for every answer, including this one. */
static void
refuse_request(struct session *s, enum status status, struct text inbox,
               const char *why)
{
	struct text nil = { NULL, 0 };
	char words[SESSION_WORDS_MAX];

	session_refuse(s, status, 0, inbox, "%s", why);
	if (report_now(report_of(s, REPORT_REQUEST), 1, 0, nil, why))
		log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
		          "refused a request: %s %s", why,
		          session_words(s, words));
}

void
report_refused_publish(struct session *s, enum status status, struct text about,
                       const char *why)
{
	char words[SESSION_WORDS_MAX], quoted[LOG_TEXT_MAX];

	s->refused++;
	s->broker->counts.refused++;
	if (rights_is_own_inbox(s, about)) {
		refuse_request(s, status, about, why);
		return;
	}
	if (s->awaits_each)
		session_refuse(s, status, 0, about, "%s", why);
	if (!report_now(report_of(s, status), 1, 0, about, why))
		return;
	if (!s->awaits_each)
		session_refuse(s, status, 0, about, "%s", why);
	log_event(&s->broker->log, LOG_WARN, LOG_REFUSED,
	          "refused a message about=%s: %s %s",
	          log_text(quoted, about.at, about.len), why,
	          session_words(s, words));
}
