/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * Subscriptions live as long as the handle, and are requested again on every
 * connection. All of them are in the trie from the start, but only those that
 * the broker has acknowledged are live. A message for a topic comes once, no
 * matter how many subscriptions match: this client finds its receivers, in the
 * same way as the broker did.
 */
#include "parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "proto/status.h"

void
sub_free(struct umbel_sub *s)
{
	free(s->end_text);
	free(s);
}

/* ---- matching --------------------------------------------------------------- */

static void
found(struct trie_entry *e, void *user)
{
	struct umbel *c = user;

	/* counted even without room: sub_match() then makes room */
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
mark_due(struct umbel *c, struct umbel_sub *s)
{
	if (!s->is_due) {
		s->is_due = true;
		STAILQ_INSERT_TAIL(&c->due_subs, s, due_link);
	}
	dispatch_attend(c, ATTEND_DUE);
	dispatch_wake(c);
}

static uint32_t
next_number(uint32_t *last)
{
	if (++*last == 0)
		*last = 1;
	return *last;
}

/* ---- the subscriptions that DELIVER names -------------------------------------- */

static bool
is_special(const struct umbel_sub *s)
{
	return s->options.group || s->options.retained;
}

static int
find_place(struct specials *all, uint32_t *place)
{
	struct umbel_sub **places;
	uint32_t max;

	while (all->first_free < all->n && all->places[all->first_free])
		all->first_free++;
	if (all->first_free < all->n) {
		*place = all->first_free++;
		return 0;
	}
	if (all->n == all->max) {
		max = all->max ? 2 * all->max : 16;
		places = realloc(all->places, max * sizeof(*places));
		if (!places)
			return -ENOMEM;
		all->places = places;
		all->max = max;
	}
	*place = all->n++;
	all->first_free = all->n;
	return 0;
}

static uint32_t
next_sub(struct umbel *c)
{
	c->last_sub = c->last_sub % (SPECIAL_SUB - 1) + 1;
	return c->last_sub;
}

static int
take_id(struct umbel *c, struct umbel_sub *s)
{
	uint32_t place;
	int r;

	if (!is_special(s)) {
		s->id = next_sub(c);
		return 0;
	}
	r = find_place(&c->specials, &place);
	if (r < 0)
		return r;
	c->specials.places[place] = s;
	s->id = SPECIAL_SUB | place;
	return 0;
}

/* The broker sends nothing more for this subscription: its id may be reused. */
static void
give_id_back(struct umbel *c, struct umbel_sub *s)
{
	uint32_t place = s->id & ~SPECIAL_SUB;

	if (!is_special(s) || place >= c->specials.n ||
	    c->specials.places[place] != s)
		return;
	c->specials.places[place] = NULL;
	if (place < c->specials.first_free)
		c->specials.first_free = place;
	dispatch_attend(c, ATTEND_ROUTES);
}

struct umbel_sub *
sub_of_id(struct umbel *c, uint32_t id)
{
	uint32_t place = id & ~SPECIAL_SUB;
	struct umbel_sub *s = NULL;

	handle_lock(c);
	if ((id & SPECIAL_SUB) && place < c->specials.n)
		s = c->specials.places[place];
	handle_unlock(c);
	return s;
}

/* ---- last values ---------------------------------------------------------------- */

static void
all_have_come(struct umbel *c, struct umbel_sub *s)
{
	c->snapshot = NULL;
	if (s->ending || s->ended || !s->options.on_active)
		return;
	s->active_due = true;
	mark_due(c, s);
}

void
sub_snapshot_shrinks(struct umbel *c, uint64_t n)
{
	struct umbel_sub *s = c->snapshot;

	if (!s)
		return;
	s->snapshot -= n < s->snapshot ? n : s->snapshot;
	if (s->snapshot == 0)
		all_have_come(c, s);
}

/* The last values come directly behind the answer, before anything else. */
static void
await_snapshot(struct umbel *c, struct umbel_sub *s, uint64_t n)
{
	sub_snapshot_shrinks(c, UINT64_MAX);
	c->snapshot = s;
	c->run.plain = false; /* so that the next message is parsed in full */
	s->snapshot = n;
	sub_snapshot_shrinks(c, 0);
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
finish(struct umbel *c, struct umbel_sub *s)
{
	unmatch(c, s);
	give_id_back(c, s);
	s->ended = true;
	mark_due(c, s);
}

static int
ask(struct umbel *c, struct sub_question *q, struct umbel_sub *s,
    struct message *m, uint32_t *number)
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
	STAILQ_INSERT_TAIL(&c->questions, q, link);
	return 0;
}

static int
ask_subscribe(struct umbel *c, struct umbel_sub *s)
{
	struct message m = {
		.type = TYPE_SUBSCRIBE,
		.subscribe = { .sub = s->id,
		               .filter = text_from(s->filter),
		               .options = { .monitor = s->options.monitor,
		                            .retained = s->options.retained,
		                            .group = text_from(
						    s->options.group) } },
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
sub_ask_for_inbox(struct umbel *c, struct sub_question *q, const char *filter)
{
	struct message m = {
		.type = TYPE_SUBSCRIBE,
		.subscribe = { .sub = next_sub(c),
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

/* Report the error to on_error if the subscription has no on_end. */
static void
report(struct umbel *c, const struct umbel_sub *s, unsigned code,
       const char *words)
{
	struct notice n = { .kind = NOTICE_ERROR,
		            .error = { .error = s->end_error, .code = code } };

	if (s->options.on_end || s->ending)
		return;
	snprintf(n.text, sizeof(n.text), "%s", words);
	snprintf(n.about, sizeof(n.about), "%s", s->filter);
	notice_add(c, &n);
}

static void
refused(struct umbel *c, struct umbel_sub *s, const struct message_error *m)
{
	char words[256];
	char text[600];

	control_text(words, sizeof(words), m->text);
	if (!words[0])
		snprintf(words, sizeof(words), "%s", status_words(m->code));
	snprintf(text, sizeof(text), "subscribe to %s: %s", s->filter, words);
	s->end_error = control_error(m->code);
	free(s->end_text);
	s->end_text = strdup(text);
	report(c, s, m->code, words);
	unmatch(c, s);
	/* if an UNSUBSCRIBE is on its way, its answer will end it */
	if (!s->unsubscribe.pending)
		finish(c, s);
}

/* The broker's rules have changed. This is not about newer subscriptions, whose
   answer is still to come. */
void
sub_revoked(struct umbel *c, const struct message_error *m)
{
	struct umbel_sub *s;

	TAILQ_FOREACH (s, &c->subs, link) {
		if (!s->ended && s->asked && !s->subscribe.pending &&
		    strlen(s->filter) == m->about.len &&
		    memcmp(s->filter, m->about.at, m->about.len) == 0)
			refused(c, s, m);
	}
}

static void
acknowledged(struct umbel *c, struct umbel_sub *s, uint64_t n_retained)
{
	bool to_the_end = s->let_come && c->link == LINK_LEAVING;

	if (s->ending && !s->unsubscribe.pending && !to_the_end) {
		finish(c, s);
		return;
	}
	if (s->ending && !s->let_come)
		return;
	atomic_store_explicit(&s->live, !c->closing, memory_order_relaxed);
	await_snapshot(c, s, n_retained);
}

bool
sub_answered(struct umbel *c, uint32_t number, uint64_t n_retained,
             const struct message_error *error)
{
	struct sub_question *q = STAILQ_FIRST(&c->questions);
	struct umbel_sub *s;

	if (!q || q->number != number)
		return false;
	STAILQ_REMOVE_HEAD(&c->questions, link);
	q->pending = false;
	s = q->sub;
	if (!s)
		request_answered(c, error);
	else if (q == &s->unsubscribe)
		finish(c, s); /* also on `no_sub`: it is gone */
	else if (error)
		refused(c, s, error);
	else
		acknowledged(c, s, n_retained);

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

	c->snapshot = NULL;
	STAILQ_INIT(&c->questions);
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

static void
forget(struct umbel *c, struct umbel_sub *s)
{
	TAILQ_REMOVE(&c->subs, s, link);
	sub_free(s);
}

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
	/* no cached route or run may lead to it any more */
	routes_invalidate(&c->routes);
	c->run.plain = false;
	c->run.only = NULL;
	handle_lock(c);
	if (c->snapshot == s)
		c->snapshot = NULL;
	s->told = true;
	if (!s->named)
		forget(c, s);
	handle_unlock(c);
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
		return; /* the answer to it will end the subscription */
	if (s->subscribe.pending || (leaving && let_come))
		return; /* that answer or the end of the connection will */
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
	s->named = false;
	if (s->told)
		forget(c, s);
	else
		end_one(c, s, false);
	if (c->fd >= 0 && !send_is_corked(c))
		send_now(c);
	handle_unlock(c);
	return 0;
}

const char *
umbel_sub_filter(const struct umbel_sub *s)
{
	return s ? s->filter : NULL;
}

/* ---- beginning ----------------------------------------------------------------------- */

static struct umbel_sub *
sub_new(struct umbel *c, const char *filter, size_t len,
        const struct umbel_sub_options *options)
{
	size_t group_len = options->group ? strlen(options->group) : 0;
	struct umbel_sub *s = calloc(1, sizeof(*s) + len + 1 + group_len + 1);

	if (!s)
		return NULL;
	s->owner = c;
	s->options = *options;
	memcpy(s->filter, filter, len);
	if (options->group) {
		s->options.group = s->filter + len + 1;
		memcpy(s->filter + len + 1, options->group, group_len);
	}
	return s;
}

/* Lock held. */
static int
take_in(struct umbel *c, struct umbel_sub *s, size_t len)
{
	int r = take_id(c, s);

	/* the messages of a group do not come as plain messages */
	if (r == 0 && !s->options.group)
		r = trie_insert(&c->trie, s->filter, len, &s->entry);
	if (r == 0 && c->link != LINK_DOWN && c->link != LINK_LEAVING)
		r = ask_subscribe(c, s);
	if (r < 0) {
		unmatch(c, s);
		give_id_back(c, s);
		return r;
	}
	TAILQ_INSERT_TAIL(&c->subs, s, link);
	dispatch_attend(c, ATTEND_ROUTES);
	if (c->fd >= 0 && !send_is_corked(c))
		send_now(c);
	return 0;
}

static int
take_options(struct umbel *c, const struct umbel_sub_options *in,
             struct umbel_sub_options *out)
{
	*out = (struct umbel_sub_options){ .size = sizeof(*out) };
	if (options_take(out, sizeof(*out), in) < 0)
		return handle_refuse(c, -EINVAL,
		                     "subscribe: options without their size, "
		                     "or newer than this library");
	if (!out->group)
		return 0;
	if (!out->group[0] || !umbel_name_is_valid(out->group))
		return handle_refuse(c, -EINVAL,
		                     "subscribe: not a valid group");
	if (out->retained)
		return handle_refuse(c, -EINVAL,
		                     "subscribe: last values are not for a "
		                     "group");
	if (out->monitor)
		return handle_refuse(c, -EINVAL,
		                     "subscribe: a member of a group is no "
		                     "monitor");
	return 0;
}

int
umbel_subscribe(struct umbel *c, const char *filter, umbel_msg_cb *cb,
                void *user, const struct umbel_sub_options *options,
                struct umbel_sub **out)
{
	struct umbel_sub_options wanted;
	struct umbel_sub *s;
	size_t len;
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	if (!filter)
		return handle_refuse(c, -EINVAL, "subscribe: no filter");
	r = take_options(c, options, &wanted);
	if (r < 0)
		return r;
	len = strnlen(filter, TOPIC_MAX + 1);
	if (!filter_is_valid(filter, len))
		return handle_refuse(c, UMBEL_E_FILTER,
		                     "subscribe to \"%.300s\": not a valid "
		                     "filter",
		                     filter);
	s = sub_new(c, filter, len, &wanted);
	if (!s)
		return -ENOMEM;
	s->cb = cb;
	s->user = user;
	s->named = out && !wanted.on_end;
	handle_lock(c);
	r = take_in(c, s, len);
	if (r == 0 && out)
		*out = s; /* before another thread can call on_active */
	handle_unlock(c);
	if (r < 0)
		sub_free(s);
	return r;
}
