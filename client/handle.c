/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Creates and frees handles; their options, statistics and errors. */
#include "parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "proto/frame.h"
#include "proto/utf8.h"

#define ROUTES_MAX_BYTES (16u << 20)

_Atomic unsigned handle_forks;

static pthread_once_t watch_forks_once = PTHREAD_ONCE_INIT;

static void
on_fork_in_child(void)
{
	atomic_fetch_add(&handle_forks, 1);
}

static void
watch_forks(void)
{
	pthread_atfork(NULL, NULL, on_fork_in_child);
}

/* ---- errors -------------------------------------------------------------- */

const char *
umbel_strerror(int error)
{
	if (error >= 0)
		return "no error";
	if (error > UMBEL_E_TOPIC)
		return strerror(-error);
	switch ((enum umbel_error)error) {
	case UMBEL_E_TOPIC:
		return "not a valid topic";
	case UMBEL_E_FILTER:
		return "not a valid filter";
	case UMBEL_E_PROTOCOL:
		return "the other end does not speak the umbel protocol";
	case UMBEL_E_VERSION:
		return "no common version of the protocol";
	case UMBEL_E_DENIED:
		return "the broker does not allow it";
	case UMBEL_E_LIMIT:
		return "a limit of the broker is reached";
	case UMBEL_E_SERVER_UID:
		return "the socket belongs to a stranger";
	case UMBEL_E_SLOW:
		return "evicted for not reading in time";
	case UMBEL_E_REFUSED:
		return "refused by the broker";
	case UMBEL_E_UNSUPPORTED:
		return "not supported by the broker";
	case UMBEL_E_GOAWAY:
		return "the broker is shutting down";
	case UMBEL_E_NO_RESPONDER:
		return "nobody listens for this request";
	case UMBEL_E_REPLY:
		return "the reply says that it failed";
	case UMBEL_E_LOST:
		return "messages were lost here, replies may be among them";
	case UMBEL_E_FREED:
		return "a callback freed the handle";
	}
	return "unknown error";
}

/* Why the last umbel_new() of this thread failed. */
static _Thread_local char unborn_error[sizeof(((struct umbel *)0)->error_text)];

const char *
umbel_last_error(struct umbel *c)
{
	/* copied: another thread may fail while the caller still reads */
	static _Thread_local char text[sizeof(c->error_text)];

	if (!c)
		return unborn_error;
	if (handle_is_foreign(c))
		return "the handle belongs to the parent process";
	if (handle_check(c) == -EPERM)
		return "the handle is another thread's: single_thread";
	handle_lock(c);
	memcpy(text, c->error_text, sizeof(text));
	handle_unlock(c);
	return text;
}

int
handle_claim(struct umbel *c)
{
	uintptr_t nobody = 0;

	if (atomic_compare_exchange_strong(&c->owner, &nobody, thread_self()))
		return 0;
	return nobody == thread_self() ? 0 : -EPERM;
}

static int
fail_va(struct umbel *c, int error, const char *format, va_list args)
{
	vsnprintf(c->error_text, sizeof(c->error_text), format, args);
	debug_line(c, "error: %s", c->error_text);
	return error;
}

int
handle_fail(struct umbel *c, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_va(c, error, format, args);
	va_end(args);
	return error;
}

int
handle_refuse(struct umbel *c, int error, const char *format, ...)
{
	va_list args;

	handle_lock(c);
	va_start(args, format);
	fail_va(c, error, format, args);
	va_end(args);
	handle_unlock(c);
	return error;
}

void
handle_changed(struct umbel *c)
{
	if (c->n_waiting > 0)
		pthread_cond_broadcast(&c->changed);
}

void
handle_wait(struct umbel *c, int timeout_ms)
{
	if (!c->locked) /* we were alone: the lock is free */
		pthread_mutex_lock(&c->lock);
	c->locked = false;
	c->n_waiting++;
	sys_cond_wait(&c->changed, &c->lock, timeout_ms);
	c->n_waiting--;
	c->locked = true;
	c->brink = 0; /* others published meanwhile */
}

/* ---- options -------------------------------------------------------------- */

static void
int_default(int *value, int standard)
{
	if (*value == 0)
		*value = standard;
}

static void
set_defaults(struct umbel_options *o)
{
	if (o->buffer == 0)
		o->buffer = 1u << 20;
	if (o->keep_retained_max == 0)
		o->keep_retained_max = 1u << 20;
	if (o->next_buffer == 0)
		o->next_buffer = 1u << 20;
	if (o->dispatch_max == 0)
		o->dispatch_max = 256;
	int_default(&o->handshake_ms, 2000);
	int_default(&o->retry_first_ms, 10);
	int_default(&o->retry_last_ms,
	            o->retry_first_ms > 2000 ? o->retry_first_ms : 2000);
	int_default(&o->ping_ms, 30000);
	if (o->expect_uid != 0 && o->expect_uid != (uint32_t)-1)
		o->expect_uid_set = true;
}

/* NULL: everything is in range. */
static const char *
what_is_out_of_range(const struct umbel_options *o)
{
	if (o->handshake_ms < 0)
		return "handshake_ms is negative";
	if (o->retry_first_ms < 0)
		return "retry_first_ms is negative";
	if (o->retry_last_ms < o->retry_first_ms)
		return "retry_last_ms is less than retry_first_ms";
	if (o->ping_ms < -1)
		return "ping_ms is negative, and not -1";
	if (o->overflow > UMBEL_DISCONNECT)
		return "there is no such overflow";
	return NULL;
}

bool
umbel_name_is_valid(const char *name)
{
	size_t len = name ? strnlen(name, NAME_MAX_BYTES + 1) : SIZE_MAX;

	return len <= NAME_MAX_BYTES &&
	       utf8_is_text((const uint8_t *)name, len);
}

static int
take_name(struct umbel *c)
{
	const char *name = c->opt.name;

	if (name && !umbel_name_is_valid(name))
		return handle_fail(c, -EINVAL,
		                   "name: more than 64 bytes, or not in UTF-8");
	if (!name) {
		name = sys_program_name();
		if (!umbel_name_is_valid(name))
			name = "";
	}
	c->name = strdup(name);
	c->opt.name = c->name;
	return c->name ? 0 : -ENOMEM;
}

/* ---- life ------------------------------------------------------------------ */

static int
init_locks(struct umbel *c)
{
	int r = sys_cond_init(&c->changed);

	if (r < 0)
		return r;
	r = pthread_mutex_init(&c->lock, NULL);
	if (r)
		pthread_cond_destroy(&c->changed);
	return -r;
}

static int
init_tables(struct umbel *c)
{
	int r = trie_init(&c->trie, c->random);

	if (r < 0)
		return r;
	r = routes_init(&c->routes, ROUTES_MAX_BYTES, c->random);
	if (r < 0)
		trie_fini(&c->trie);
	return r;
}

static int
take_options(struct umbel *c, const struct umbel_options *options)
{
	const char *wrong;

	c->opt = (struct umbel_options){ .size = sizeof(c->opt) };
	if (options_take(&c->opt, sizeof(c->opt), options) < 0)
		return handle_fail(c, -EINVAL,
		                   "options without their size, or newer than "
		                   "this library");
	c->unbounded = c->opt.dispatch_max == 0;
	set_defaults(&c->opt);
	wrong = what_is_out_of_range(&c->opt);
	return wrong ? handle_fail(c, -EINVAL, "%s", wrong) : 0;
}

static int
take_address(struct umbel *c)
{
	int r = address_choose(c->addresses, c->opt.address);

	if (r == -ENAMETOOLONG)
		handle_fail(c, r,
		            "%s: too long for the path of a socket: the "
		            "system allows %zu bytes",
		            c->opt.address ? "address" : "UMBEL_SOCKET",
		            sizeof(c->address->sun_path) - 1);
	else if (r < 0)
		handle_fail(c, r, "address: the path of a socket is not empty");
	return r;
}

static int
init_settings(struct umbel *c, const struct umbel_options *options)
{
	int r = take_options(c, options);

	if (r == 0)
		r = take_address(c);
	c->address = address_prefer(c->addresses);
	if (r == 0)
		r = take_name(c);
	if (r == 0)
		r = will_take(c);
	c->opt.address = c->address->sun_path;
	c->overflow = c->opt.overflow;
	keep_init(&c->keep, c->opt.keep_retained_max, c->random);
	return r;
}

static void
init_fields(struct umbel *c)
{
	const char *debug = sys_getenv("UMBEL_DEBUG");

	c->debug = debug && strcmp(debug, "1") == 0;
	c->confirm_ms = CONFIRM_MS;
	c->fork_generation = atomic_load(&handle_forks);
	c->fd = -1;
	c->random = sys_random() | 1; /* also the seed of the tables */
	c->max_frame = FRAME_MAX_DEFAULT;
	c->flush_at = SEND_BATCH;
	c->head.len = HEAD_OF_NONE;
	c->at = (struct deadlines){ NEVER, NEVER, NEVER, NEVER,
		                    NEVER, NEVER, NEVER };
	request_init(c);
	TAILQ_INIT(&c->subs);
	STAILQ_INIT(&c->due_subs);
	STAILQ_INIT(&c->questions);
	STAILQ_INIT(&c->barriers);
	STAILQ_INIT(&c->due_barriers);
	STAILQ_INIT(&c->next);
}

int
umbel_new(struct umbel **out, const struct umbel_options *options)
{
	struct umbel *c;
	int r;

	if (!out)
		return -EINVAL;
	pthread_once(&watch_forks_once, watch_forks);
	*out = NULL;
	unborn_error[0] = '\0';
	c = calloc(1, sizeof(*c));
	if (!c) {
		snprintf(unborn_error, sizeof(unborn_error), "%s",
		         umbel_strerror(-ENOMEM));
		return -ENOMEM;
	}
	init_fields(c);
	r = init_settings(c, options);
	if (r < 0)
		goto fail;
	r = sys_open(&c->sys);
	if (r < 0) {
		handle_fail(c, r, "making the descriptors of a handle: %s",
		            umbel_strerror(r));
		goto fail_sys;
	}
	r = init_tables(c);
	if (r < 0)
		goto fail_sys;
	r = init_locks(c);
	if (r < 0)
		goto fail_tables;
	*out = c;
	return 0;

fail_tables:
	routes_fini(&c->routes);
	trie_fini(&c->trie);
fail_sys:
	sys_close(&c->sys, false);
fail:
	if (!c->error_text[0])
		handle_fail(c, r, "%s", umbel_strerror(r));
	memcpy(unborn_error, c->error_text, sizeof(unborn_error));
	free(c->will);
	free(c->name);
	free(c);
	return r;
}

static void
free_barriers(struct umbel *c, struct barriers *list)
{
	struct barrier *b;

	while ((b = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, link);
		barrier_free(c, b);
	}
}

static void
close_all(struct umbel *c, bool forked)
{
	if (c->fd >= 0) {
		if (!forked)
			sys_watch(&c->sys, c->fd, SYS_NONE);
		close(c->fd);
		c->fd = -1;
	}
	sys_close(&c->sys, forked);
}

/* Also called in the child of a fork. There, another thread may hold the lock
   forever, so it is neither taken nor destroyed. */
void
handle_destroy(struct umbel *c)
{
	bool forked = handle_is_foreign(c);
	struct umbel_sub *s;

	close_all(c, forked);
	while ((s = TAILQ_FIRST(&c->subs))) {
		TAILQ_REMOVE(&c->subs, s, link);
		sub_free(s);
	}
	free(c->specials.places);
	free_barriers(c, &c->barriers);
	free_barriers(c, &c->due_barriers);
	request_forget_all(c);
	keep_fini(&c->keep);
	next_fini(c);
	receive_fini(c);
	out_fini(&c->out);
	out_fini(&c->ctrl);
	routes_fini(&c->routes);
	trie_fini(&c->trie);
	if (!forked) {
		pthread_mutex_destroy(&c->lock);
		pthread_cond_destroy(&c->changed);
	}
	free(c->will);
	free(c->name);
	free(c);
}

static void
die_later(struct umbel *c)
{
	struct umbel_sub *s;

	c->dying = true;
	TAILQ_FOREACH (s, &c->subs, link)
		atomic_store(&s->live, false);
	dispatch_attend(c, ATTEND_DYING);
}

void
umbel_free(struct umbel *c)
{
	bool forked, inside;

	if (!c)
		return;
	forked = handle_is_foreign(c);
	if (!forked)
		handle_lock(c);
	inside = c->dispatcher == thread_self();
	if (inside)
		die_later(c);
	if (!forked)
		handle_unlock(c);
	if (!inside)
		handle_destroy(c);
	else if (forked)
		close_all(c, true); /* the callback may never return */
}

/* ---- questions -------------------------------------------------------------- */

const char *
umbel_version(void)
{
	return UMBEL_VERSION;
}

const char *
umbel_address(struct umbel *c)
{
	const char *path;

	if (handle_check(c) == -ECHILD)
		return c->address->sun_path; /* nothing changes it any more */
	if (handle_check(c) < 0)
		return NULL;
	handle_lock(c);
	path = c->address->sun_path;
	handle_unlock(c);
	return path;
}

const char *
umbel_state_name(enum umbel_state state)
{
	switch (state) {
	case UMBEL_DISCONNECTED:
		return "disconnected";
	case UMBEL_CONNECTING:
		return "connecting";
	case UMBEL_CONNECTED:
		return "connected";
	case UMBEL_FAILED:
		return "failed";
	}
	return "unknown";
}

enum umbel_state
umbel_get_state(struct umbel *c)
{
	enum umbel_state state;

	if (handle_check(c) < 0)
		return UMBEL_FAILED;
	handle_lock(c);
	state = conn_state(c);
	handle_unlock(c);
	return state;
}

uint32_t
umbel_session(struct umbel *c)
{
	uint32_t session;

	if (handle_check(c) < 0)
		return 0;
	handle_lock(c);
	session = c->session;
	handle_unlock(c);
	return session;
}

uint32_t
umbel_uid(struct umbel *c)
{
	uint32_t uid;

	if (handle_check(c) < 0)
		return 0;
	handle_lock(c);
	uid = c->uid;
	handle_unlock(c);
	return uid;
}

enum umbel_overflow
umbel_get_overflow(struct umbel *c)
{
	enum umbel_overflow overflow;

	if (handle_check(c) < 0)
		return UMBEL_BLOCK;
	handle_lock(c);
	overflow = c->overflow;
	handle_unlock(c);
	return overflow;
}

size_t
umbel_max_frame(struct umbel *c)
{
	size_t max;

	if (handle_check(c) < 0)
		return 0;
	handle_lock(c);
	max = c->max_frame;
	handle_unlock(c);
	return max;
}

void
umbel_get_stats(struct umbel *c, struct umbel_stats *out, size_t stats_size)
{
	struct umbel_stats stats = { 0 };
	size_t n = sizeof(stats);

	if (!out)
		return;
	if (handle_check(c) == 0) {
		handle_lock(c);
		stats = c->stats;
		stats.published = c->taken;
		stats.unconfirmed += c->sent - c->settled;
		stats.buffered = out_pending(&c->out);
		stats.leaving = c->link == LINK_LEAVING;
		handle_unlock(c);
	}
	memset(out, 0, stats_size);
	memcpy(out, &stats, stats_size < n ? stats_size : n);
}
