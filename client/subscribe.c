/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Subscriptions live as long as the handle, and are asked for anew on every
 * connection. All of them are in the trie from the start; only those that the
 * broker has acknowledged are live. A message for a topic comes once, however
 * many match: who gets it is worked out here, as the broker did.
 */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"

void
umbel_sub_options_init(struct umbel_sub_options *options)
{
	*options = (struct umbel_sub_options){ .size = sizeof(*options) };
}

void
sub_free(struct umbel_sub *s)
{
	free(s->end_text);
	free(s);
}

/* ---- which match ------------------------------------------------------------ */

static void
found(struct trie_entry *e, void *user)
{
	struct umbel *c = user;

	/* counted even if there is no room: sub_match() makes some */
	if (c->n_matches < c->max_matches)
		c->matches[c->n_matches] = e; /* its first member */
	c->n_matches++;
}

_Static_assert(offsetof(struct umbel_sub, entry) == 0, "found() relies on it");

int
sub_match(struct umbel *c, const char *topic, size_t len)
{
	int r = 0;

	handle_lock(c);
	for (;;) {
		void **bigger;

		c->n_matches = 0;
		trie_match(&c->trie, topic, len, found, c);
		if (c->n_matches <= c->max_matches)
			break;
		bigger = realloc(c->matches, c->n_matches * sizeof(*bigger));
		if (!bigger) {
			r = -ENOMEM;
			break;
		}
		c->matches = bigger;
		c->max_matches = c->n_matches;
	}
	handle_unlock(c);
	return r;
}

static void
unmatch(struct umbel *c, struct umbel_sub *s)
{
	atomic_store_explicit(&s->live, false, memory_order_relaxed);
	if (!s->entry.node)
		return;
	trie_remove(&c->trie, &s->entry);
	dispatch_attend(c, ATTEND_ROUTES);
}

/* ---- asking the broker -------------------------------------------------------- */

static void
mark_due(struct umbel *c, struct umbel_sub *s)
{
	if (!s->is_due) {
		s->is_due = true;
		STAILQ_INSERT_TAIL(&c->due_subs, s, due_link);
	}
	dispatch_attend(c, ATTEND_DUE);
	dispatch_wake(c);
}

static void
finish(struct umbel *c, struct umbel_sub *s)
{
	unmatch(c, s);
	s->ended = true;
	mark_due(c, s);
}

static uint32_t
next_number(uint32_t *last)
{
	if (++*last == 0)
		*last = 1;
	return *last;
}

static int
ask(struct umbel *c, struct request *q, struct umbel_sub *s, struct message *m,
    uint32_t *number)
{
	int r;

	*number = c->last_request + 1 ? c->last_request + 1 : 1;
	r = send_control(c, m);
	if (r < 0)
		return r;
	next_number(&c->last_request);
	q->sub = s;
	q->number = *number;
	q->pending = true;
	q->restores = c->link == LINK_HELLO || c->link == LINK_RESTORE;
	c->restoring += q->restores;
	STAILQ_INSERT_TAIL(&c->requests, q, link);
	return 0;
}

static int
ask_subscribe(struct umbel *c, struct umbel_sub *s)
{
	struct message m = {
		.type = TYPE_SUBSCRIBE,
		.subscribe = { .sub = s->id,
		               .filter = text_from(s->filter),
		               .options.monitor = s->options.monitor },
	};
	int r = ask(c, &s->subscribe, s, &m, &m.subscribe.request);

	s->asked = r == 0;
	return r;
}

static int
ask_unsubscribe(struct umbel *c, struct umbel_sub *s)
{
	struct message m = { .type = TYPE_UNSUBSCRIBE,
		             .unsubscribe = { .sub = s->id } };

	return ask(c, &s->unsubscribe, s, &m, &m.unsubscribe.request);
}

int
sub_ask_for_inbox(struct umbel *c, struct request *q, const char *filter)
{
	struct message m = {
		.type = TYPE_SUBSCRIBE,
		.subscribe = { .sub = next_number(&c->last_sub),
		               .filter = text_from(filter) },
	};

	return ask(c, q, NULL, &m, &m.subscribe.request);
}

int
sub_restore_all(struct umbel *c)
{
	struct umbel_sub *s;
	int r = 0;

	TAILQ_FOREACH (s, &c->subs, link) {
		if (r == 0 && !s->ended)
			r = ask_subscribe(c, s);
	}
	return r;
}

/* ---- answers -------------------------------------------------------------------- */

static void
refused(struct umbel *c, struct umbel_sub *s, const struct message_error *m)
{
	char words[256];
	char text[600];

	control_text(words, sizeof(words), m->text);
	snprintf(text, sizeof(text), "subscribe to %s: %s", s->filter,
	         words[0] ? words : status_words(m->code));
	s->end_error = control_error(m->code);
	free(s->end_text);
	s->end_text = strdup(text);
	unmatch(c, s);
	/* the answer to an UNSUBSCRIBE that is on its way will end it */
	if (!s->unsubscribe.pending)
		finish(c, s);
}

static void
acknowledged(struct umbel *c, struct umbel_sub *s)
{
	bool to_the_end = s->let_come && c->link == LINK_LEAVING;

	if (s->ending && !s->unsubscribe.pending && !to_the_end) {
		finish(c, s);
		return;
	}
	if (s->ending && !s->let_come)
		return;
	atomic_store_explicit(&s->live, !c->closing, memory_order_relaxed);
	if (!s->ending && s->options.on_active) {
		s->active_due = true;
		mark_due(c, s);
	}
}

bool
sub_answered(struct umbel *c, uint32_t number,
             const struct message_error *error)
{
	struct request *q = STAILQ_FIRST(&c->requests);
	struct umbel_sub *s;

	if (!q || q->number != number)
		return false;
	STAILQ_REMOVE_HEAD(&c->requests, link);
	q->pending = false;
	s = q->sub;
	if (!s)
		request_answered(c, error);
	else if (q == &s->unsubscribe)
		finish(c, s); /* `no_sub` as well: it is gone */
	else if (error)
		refused(c, s, error);
	else
		acknowledged(c, s);

	if (q->restores) {
		c->restoring--;
		c->at.give_up = sys_now() + c->opt.handshake_ms;
		if (c->restoring == 0 && c->link == LINK_RESTORE)
			conn_restored(c);
	}
	return true;
}

void
sub_connection_lost(struct umbel *c)
{
	struct umbel_sub *s;

	STAILQ_INIT(&c->requests);
	TAILQ_FOREACH (s, &c->subs, link) {
		s->asked = false;
		s->subscribe.pending = false;
		s->unsubscribe.pending = false;
		atomic_store_explicit(&s->live, false, memory_order_relaxed);
		if (s->ending && !s->ended)
			finish(c, s);
	}
}

/* ---- callbacks -------------------------------------------------------------------- */

unsigned
sub_tell(struct umbel *c, struct umbel_sub *s)
{
	bool active, ended;
	unsigned n = 0;

	handle_lock(c);
	ended = s->ended;
	active = s->active_due && !s->ending && !ended;
	s->active_due = false;
	if (ended && s->end_text)
		handle_fail(c, s->end_error, "%s", s->end_text);
	handle_unlock(c);

	if (active) {
		s->options.on_active(c, s, s->user);
		n++;
	}
	if (!ended)
		return n;
	if (s->options.on_end) {
		s->options.on_end(c, s, s->end_error, s->user);
		n++;
	}
	handle_lock(c);
	TAILQ_REMOVE(&c->subs, s, link);
	handle_unlock(c);
	sub_free(s);
	return n;
}

/* ---- ending ------------------------------------------------------------------------- */

static void
end_one(struct umbel *c, struct umbel_sub *s, bool let_come)
{
	bool connected = c->link != LINK_DOWN;
	bool leaving = c->link == LINK_LEAVING;

	if (s->ending || s->ended)
		return;
	s->ending = true;
	s->let_come = let_come;
	if (!let_come)
		unmatch(c, s);
	if (s->asked && connected && !leaving && ask_unsubscribe(c, s) == 0)
		return; /* its answer will end it */
	if (s->subscribe.pending || (leaving && let_come))
		return; /* that answer will, or the end of the connection */
	finish(c, s);
}

void
sub_end_all(struct umbel *c)
{
	struct umbel_sub *s;

	TAILQ_FOREACH (s, &c->subs, link)
		end_one(c, s, true);
}

int
umbel_unsubscribe(struct umbel *c, struct umbel_sub *s)
{
	if (handle_check(c) < 0)
		return handle_check(c);
	if (!s || s->owner != c)
		return -EINVAL;
	handle_lock(c);
	end_one(c, s, false);
	if (c->fd >= 0 && !send_is_corked(c))
		send_now(c);
	handle_unlock(c);
	return 0;
}

const char *
umbel_sub_filter(const struct umbel_sub *s)
{
	return s->filter;
}

/* ---- beginning ----------------------------------------------------------------------- */

static struct umbel_sub *
sub_new(struct umbel *c, const char *filter, size_t len,
        const struct umbel_sub_options *options)
{
	struct umbel_sub *s = calloc(1, sizeof(*s) + len + 1);
	size_t n = sizeof(s->options);

	if (!s)
		return NULL;
	s->owner = c;
	memcpy(s->filter, filter, len);
	if (options)
		memcpy(&s->options, options,
		       options->size < n ? options->size : n);
	return s;
}

/* Lock held. */
static int
take_in(struct umbel *c, struct umbel_sub *s, size_t len)
{
	int r = trie_insert(&c->trie, s->filter, len, &s->entry);

	if (r < 0)
		return r;
	s->id = next_number(&c->last_sub);
	if (c->link != LINK_DOWN && c->link != LINK_LEAVING) {
		r = ask_subscribe(c, s);
		if (r < 0) {
			trie_remove(&c->trie, &s->entry);
			return r;
		}
	}
	TAILQ_INSERT_TAIL(&c->subs, s, link);
	dispatch_attend(c, ATTEND_ROUTES);
	if (c->fd >= 0 && !send_is_corked(c))
		send_now(c);
	return 0;
}

int
umbel_subscribe(struct umbel *c, const char *filter, umbel_msg_cb *cb,
                void *user, const struct umbel_sub_options *options,
                struct umbel_sub **out)
{
	struct umbel_sub *s;
	size_t len;
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	if (!filter || (options && options->size < sizeof(options->size)))
		return handle_refuse(c, -EINVAL, "subscribe: %s",
		                     filter ? "options without their size"
		                            : "no filter");
	len = strnlen(filter, TOPIC_MAX + 1);
	if (!filter_is_valid(filter, len))
		return handle_refuse(c, UMBEL_E_FILTER,
		                     "subscribe to \"%.300s\": not a valid "
		                     "filter",
		                     filter);
	s = sub_new(c, filter, len, options);
	if (!s)
		return -ENOMEM;
	s->cb = cb;
	s->user = user;
	handle_lock(c);
	r = take_in(c, s, len);
	if (r == 0 && out)
		*out = s; /* before another thread can call on_active */
	handle_unlock(c);
	if (r < 0)
		sub_free(s);
	return r;
}
