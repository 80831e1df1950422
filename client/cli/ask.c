/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "ask.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "progress.h"

/* A broker that is there answers at once; a busy one may take a while. */
#define ANSWER_MS 5000

struct asking {
	struct connection *connection;
	char topic[64];
	json_t *options;
	json_t *answer; /* of the pages so far; NULL: none came */
	json_t *next;   /* the one that the last page told */
	unsigned pages_left;
	bool done;
	int verdict;
};

/* ---- pages -------------------------------------------------------------- */

static json_t *
page_of(const struct umbel_msg *m)
{
	struct buf text = { 0 };
	json_t *page = NULL;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	if (json_from_msgpack(data, len, &text))
		page = json_loadb(text.at, text.len, JSON_ALLOW_NUL, NULL);
	buf_free(&text);
	if (json_is_object(page))
		return page;
	json_decref(page);
	return NULL;
}

static void
join(json_t *first, const json_t *more)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)more, key, value) {
		json_t *have = json_object_get(first, key);

		if (json_is_array(have) && json_is_array(value))
			json_array_extend(have, value);
		else if (!have)
			json_object_set(first, key, value);
	}
}

static void
take_page(struct asking *a, const struct umbel_msg *m)
{
	json_t *page = page_of(m);

	if (!page) {
		cli_complain("the answer on %s makes no sense", a->topic);
		a->verdict = CLI_FAILED;
		return;
	}
	a->next = json_incref(json_object_get(page, "next"));
	json_object_del(page, "next");
	if (!a->answer) {
		a->answer = page;
		return;
	}
	join(a->answer, page);
	json_decref(page);
}

/* ---- one question ------------------------------------------------------- */

static int
verdict(const struct asking *a, const struct umbel_reply_info *info)
{
	switch (info->error) {
	case -ETIMEDOUT:
		cli_complain("no answer from the broker in %d s",
		             ANSWER_MS / 1000);
		return CLI_TIMEOUT;
	case -ECONNRESET:
		cli_complain("the broker was lost before it answered");
		return CLI_NO_BROKER;
	case UMBEL_E_REPLY:
		cli_complain("the broker does not understand: %s", info->text);
		return CLI_FAILED;
	default:
		cli_complain("may not ask on %s: %s", a->topic,
		             *info->text ? info->text
		                         : umbel_strerror(info->error));
		return CLI_REFUSED;
	}
}

static void send_question(struct asking *a);

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct asking *a = user;

	(void)c;
	if (info->error == 0)
		take_page(a, info->msg);
	else
		a->verdict = verdict(a, info);
	if (a->verdict == CLI_OK && a->next && --a->pages_left > 0)
		send_question(a);
	else
		a->done = true;
}

/* For the first page, or for the next. */
static void
send_question(struct asking *a)
{
	struct buf packed = { 0 }, why = { 0 };
	char *text;
	int r;

	if (a->next)
		json_object_set_new(a->options, "after", a->next);
	a->next = NULL;
	text = json_dumps(a->options, JSON_COMPACT);
	if (!text || !json_to_msgpack(text, strlen(text), &packed, &why))
		cli_die("cannot ask: %s", text ? buf_text(&why) : "no memory");
	r = umbel_request(a->connection->c, a->topic, packed.at, packed.len,
	                  ANSWER_MS, on_reply, a);
	if (r < 0)
		cli_die("cannot ask: %s", umbel_strerror(r));
	free(text);
	buf_free(&packed);
	buf_free(&why);
}

/* ---- all of them -------------------------------------------------------- */

struct asking *
ask_begin(struct connection *n, const char *what, const json_t *options,
          unsigned most_pages)
{
	struct asking *a = calloc(1, sizeof(*a));

	if (!a)
		cli_die("out of memory");
	a->connection = n;
	a->pages_left = most_pages;
	a->options = json_deep_copy(options);
	snprintf(a->topic, sizeof(a->topic), "$SYS.broker.%s", what);
	send_question(a);
	return a;
}

bool
ask_is_done(const struct asking *a)
{
	return a->done;
}

int
ask_end(struct asking *a, json_t **answer)
{
	int r = a->verdict;

	if (r == CLI_OK && answer)
		*answer = json_incref(a->answer);
	json_decref(a->answer);
	json_decref(a->options);
	json_decref(a->next);
	free(a);
	return r;
}

static void
tell_progress(struct progress *p, const struct asking *a, const char *list)
{
	size_t n = json_array_size(json_object_get(a->answer, list));

	if (list)
		progress_tell(p, "%zu %s so far ...", n, list);
	else
		progress_tell(p, "waiting for the broker ...");
}

int
ask_broker(struct connection *n, const char *what, json_t *options,
           const char *list, json_t **answer)
{
	struct asking *a = ask_begin(n, what, options, UINT_MAX);
	struct progress progress;
	int r = CLI_OK;

	progress_begin(&progress);
	while (r == CLI_OK && !a->done) {
		r = progress_step(&progress, n, NULL, 0, CLI_FOREVER);
		tell_progress(&progress, a, list);
	}
	progress_end(&progress);
	if (!a->done)
		a->verdict = r; /* a signal; the handle is closed next */
	return ask_end(a, answer);
}

/* ---- members ------------------------------------------------------------ */

uint64_t
ask_uint(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

const char *
ask_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

void
ask_append(struct buf *out, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY |
	                                       JSON_REAL_PRECISION(15));

	if (!text)
		cli_die("out of memory");
	json_append_squeezed(out, text, strlen(text));
	free(text);
}
