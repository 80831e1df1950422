/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "weblists.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "introspect.h"
#include "json.h"
#include "proto/cursor.h"
#include "proto/frame.h"
#include "proto/pack.h"
#include "webreply.h"
#include "webroutes.h"

/* A list's name: the last token of its topic $SYS.broker.NAME, and its key in
   the answer. */
#define NAME_MAX     32u
#define QUESTION_MAX 1024u

/* A reply topic of nobody: the answer is read here and not routed. */
static const char nowhere[] = "$inbox";

/* ---- the question --------------------------------------------------------- */

static bool
is_number(const char *text, int len)
{
	for (int i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return len > 0;
}

/* Pack an option that is a number. False if it is not a number; then the
   request has been answered. */
static bool
pack_number(struct pack *p, struct web *w, const char *key, uint32_t *pairs)
{
	uint64_t n = 0;
	char text[12];
	int len = http_query(&w->head, key, 0, text, sizeof(text));

	if (len == HTTP_ABSENT)
		return true;
	if (!is_number(text, len)) {
		print_format(webreply_words(w), "%s=N is a number", key);
		webreply_why(w, 400);
		return false;
	}
	for (int i = 0; i < len; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	pack_pair_uint(p, key, n);
	++*pairs;
	return true;
}

static bool
pack_filter(struct pack *p, struct web *w, uint32_t *pairs)
{
	char filter[TOPIC_MAX];
	int len = http_query(&w->head, "filter", 0, filter, sizeof(filter));

	if (len == HTTP_ABSENT)
		return true;
	if (len < 0 || !filter_is_valid(filter, (size_t)len)) {
		webreply_bad_filter(w, filter, len);
		return false;
	}
	pack_text(p, "filter");
	pack_str(p, filter, (size_t)len);
	++*pairs;
	return true;
}

/* Pack the options of the question. A list ignores those that it does not know.
   False if one is invalid; then the request has been answered. */
static bool
pack_options(struct pack *p, struct web *w)
{
	uint8_t *map = pack_map_later(p);
	uint32_t pairs = 0;

	if (!pack_number(p, w, "session", &pairs) ||
	    !pack_number(p, w, "uid", &pairs) || !pack_filter(p, w, &pairs))
		return false;
	if (w->place.after_len > 0) {
		pack_text(p, "after");
		pack_raw(p, w->place.after, w->place.after_len);
		pairs++;
	}
	pack_count(map, pairs);
	assert(!p->full);
	return true;
}

/* ---- the answer ----------------------------------------------------------- */

static bool
is_key(const struct cursor_item *item, const char *key)
{
	return item->kind == CURSOR_STR && item->len == strlen(key) &&
	       memcmp(item->data, key, item->len) == 0;
}

/* Print the entries of one page after those of the pages before it. */
static bool
print_entries(struct web *w, struct print *out, struct cursor *c)
{
	struct cursor_item list;

	if (!cursor_next(c, &list) || list.kind != CURSOR_ARRAY)
		return false;
	for (uint32_t i = 0; i < list.len; i++) {
		print_text(out, w->place.told ? ",\n" : "\n");
		w->place.told = true;
		if (!json_print_value(out, c))
			return false;
	}
	return true;
}

/* Keep where the next page begins, as it is encoded. */
static bool
keep_place(struct web *w, struct cursor *c)
{
	const uint8_t *from = c->at;
	size_t len;

	if (!cursor_skip(c, 1, CURSOR_STRICT))
		return false;
	len = (size_t)(c->at - from);
	if (len > sizeof(w->place.after))
		return false;
	memcpy(w->place.after, from, len);
	w->place.after_len = (uint32_t)len;
	return true;
}

static bool
print_page(struct web *w, const char *name, struct cursor c)
{
	struct print *out = webreply_open(w);
	struct cursor_item map, key;
	bool ok = cursor_next(&c, &map) && map.kind == CURSOR_MAP;

	w->place.after_len = 0;
	if (!w->place.begun)
		print_format(out, "{\"%s\":[", name);
	w->place.begun = true;
	for (uint32_t i = 0; ok && i < map.len; i++) {
		ok = cursor_next(&c, &key);
		if (ok && is_key(&key, name))
			ok = print_entries(w, out, &c);
		else if (ok && is_key(&key, "next"))
			ok = keep_place(w, &c);
		else
			ok = ok &&
			     cursor_skip(&c, CURSOR_MAX_DEPTH, CURSOR_ANY);
	}
	if (ok && w->place.after_len == 0)
		print_text(out, "\n]}\n");
	webreply_close(w);
	return ok;
}

/* ---- page by page --------------------------------------------------------- */

static const char *
list_name(const struct web *w)
{
	return webroutes_path(w) + 1; /* without the slash */
}

/* Ask the broker. NULL if out of memory. */
static struct slab *
ask(struct web *w, const struct pack *options, uint32_t *len)
{
	char topic[NAME_MAX];
	int n = snprintf(topic, sizeof(topic), "$SYS.broker.%s", list_name(w));
	const struct publish question = {
		.topic = topic,
		.topic_len = (uint32_t)n,
		.reply = nowhere,
		.reply_len = sizeof(nowhere) - 1,
		.payload = options->start,
		.payload_len = (uint32_t)pack_length(options),
	};

	return introspect_answer(w->session.broker, &question, len);
}

static bool
tell_page(struct web *w, const struct pack *options)
{
	struct publish answer;
	struct slab *slab;
	uint32_t len;
	bool ok;

	slab = ask(w, options, &len);
	if (!slab)
		return false;
	ok = publish_read(slab->data + FRAME_PREFIX_SIZE,
	                  len - FRAME_PREFIX_SIZE, &answer) == PUBLISH_OK &&
	     print_page(w, list_name(w),
	                cursor_over(answer.payload, answer.payload_len));
	slab_unref(slab);
	return ok;
}

/* The answer has begun and cannot be taken back: an error shows only by its
   missing end. */
void
weblists_go_on(struct web *w)
{
	uint8_t question[QUESTION_MAX];
	struct pack p = pack_into(question, sizeof(question));

	if (!pack_options(&p, w) || !tell_page(w, &p))
		web_mark_dead(w);
	else if (w->place.after_len == 0)
		webreply_end(w);
	else
		web_mark_busy(w);
}

void
weblists_begin(struct web *w)
{
	uint8_t question[QUESTION_MAX];
	struct pack p = pack_into(question, sizeof(question));

	w->place = (struct web_list_place){ 0 };
	if (!pack_options(&p, w) || !webreply_begin(w, WEB_JSON, ""))
		return;
	w->stage = WEB_LISTING;
	weblists_go_on(w);
}
