/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * client - a handle of libumbel and its fake broker, taking turns in one
 * thread, and a diary of the callbacks: each adds a word.
 */
#ifndef UMBEL_TESTS_CLIENT_H
#define UMBEL_TESTS_CLIENT_H

#include <string.h>

#include "client/conn.h"
#include "client/umbel.h"
#include "fake_broker.h"
#include "unit.h"

struct diary {
	char text[4096];
	struct umbel_state_info last;
	unsigned n_messages;
};

static struct diary diary;

__attribute__((unused, format(printf, 1, 2))) static void
note(const char *format, ...)
{
	size_t at = strlen(diary.text);
	va_list args;

	va_start(args, format);
	vsnprintf(diary.text + at, sizeof(diary.text) - at, format, args);
	va_end(args);
}

/* What was noted since the last time must be this. */
__attribute__((unused)) static void
expect_notes(const char *expected)
{
	assert_string_equal(diary.text, expected);
	diary.text[0] = '\0';
}

__attribute__((unused)) static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	static const char *const names[] = { "disconnected", "connecting",
		                             "connected", "failed" };

	(void)c;
	(void)user;
	diary.last = *info;
	diary.last.text = "";
	note("%s ", names[state]);
}

__attribute__((unused)) static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	size_t len;
	const char *data = umbel_msg_data(m, &len);

	(void)c;
	(void)user;
	diary.n_messages++;
	note("%s=%.*s ", umbel_msg_topic(m), len < 40 ? (int)len : 40, data);
}

__attribute__((unused)) static void
on_done(struct umbel *c, int error, void *user)
{
	(void)c;
	note("%s:%d ", user ? (const char *)user : "done", error);
}

/* One round, without waiting. */
__attribute__((unused)) static void
turn(struct umbel *c)
{
	assert_true(umbel_dispatch(c, 0) >= 0);
}

/* Until something was called. */
__attribute__((unused)) static void
await_callback(struct umbel *c)
{
	assert_true(umbel_dispatch(c, 5000) > 0);
}

/* It asks for no confirmation by itself, however slow the machine is. */
__attribute__((unused)) static void
ask_nothing(struct umbel *c)
{
	c->confirm_ms = 3600 * 1000;
}

/* A handle that is CONNECTED, its notes forgotten. */
__attribute__((unused)) static struct umbel *
connected(struct fake *f, const struct umbel_options *options)
{
	struct umbel_options o = *options;
	struct umbel *c;

	memset(&diary, 0, sizeof(diary));
	o.address = f->path;
	assert_int_equal(umbel_new(&c, &o), 0);
	ask_nothing(c);
	assert_int_equal(umbel_connect(c, 0), 0);
	turn(c);
	fake_welcome(f);
	while (umbel_get_state(c) != UMBEL_CONNECTED)
		umbel_dispatch(c, 10);
	diary.text[0] = '\0';
	return c;
}

#endif
