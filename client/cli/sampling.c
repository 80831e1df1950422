/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "sampling.h"

#include <string.h>

/* More filters than this are not told, only counted. */
#define FILTERS_MAX 10000u
/* Of topics and sessions that many pages are asked for. */
#define PAGES_MAX   64u

static const char *const subjects[] = {
	[SAMPLING_INFO] = "info",
	[SAMPLING_SESSIONS] = "sessions",
	[SAMPLING_SUBSCRIPTIONS] = "subscriptions",
	[SAMPLING_TOPICS] = "topics",
};

/* ---- watching topics ---------------------------------------------------- */

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct sampling *s = user;
	size_t len;

	(void)c;
	umbel_msg_data(m, &len);
	tally_count(&s->tally, umbel_msg_topic(m), umbel_msg_sender(m).session,
	            len);
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	struct sampling *s = user;

	if (sub == s->watching)
		s->watching = NULL;
	if (error != 0)
		cli_complain("cannot watch topics: %s",
		             *umbel_last_error(c) ? umbel_last_error(c)
		                                  : umbel_strerror(error));
}

static void
watch(struct sampling *s, bool on)
{
	int r;

	if (on == (s->watching != NULL))
		return;
	if (on) {
		s->tallied_us = cli_now_us();
		r = umbel_subscribe(s->connection->c, "**", on_message, s,
		                    UMBEL_SUB_OPTIONS(.monitor = true,
		                                      .on_end = on_end),
		                    &s->watching);
		if (r < 0)
			cli_die("cannot subscribe: %s", umbel_strerror(r));
	} else {
		umbel_unsubscribe(s->connection->c, s->watching);
		s->watching = NULL;
		tally_free(&s->tally);
	}
}

/* ---- a sample ----------------------------------------------------------- */

struct sightings
sampling_seen(const struct sampling *s)
{
	const json_t *const *known = (const json_t *const *)s->known;

	return (struct sightings){
		.sessions =
			json_object_get(known[SAMPLING_SESSIONS], "sessions"),
		.subscriptions = json_object_get(known[SAMPLING_SUBSCRIPTIONS],
		                                 "subscriptions"),
		.topics = json_object_get(known[SAMPLING_TOPICS], "topics"),
		.rates = &s->rates,
		.tally = &s->tally,
	};
}

const json_t *
sampling_info(const struct sampling *s)
{
	return s->known[SAMPLING_INFO];
}

double
sampling_rate(const struct sampling *s, enum counter counter)
{
	return rates_of(&s->rates, 0, counter);
}

static void
forget_answers(json_t **answers)
{
	for (size_t i = 0; i < SAMPLING_QUESTIONS; i++) {
		json_decref(answers[i]);
		answers[i] = NULL;
	}
}

/* Counters of another broker are no measure. */
static bool
is_another_broker(const json_t *before, const json_t *now)
{
	return before &&
	       (ask_uint(before, "pid") != ask_uint(now, "pid") ||
	        ask_uint(before, "uptime_ms") > ask_uint(now, "uptime_ms"));
}

static void
count_broker(struct sampling *s)
{
	const json_t *info = sampling_info(s);
	const uint64_t count[] = {
		[COUNTER_IN] = ask_uint(info, "messages_in"),
		[COUNTER_OUT] = ask_uint(info, "messages_out"),
		[COUNTER_DROPPED] = ask_uint(info, "dropped"),
		[COUNTER_BYTES_IN] = ask_uint(info, "bytes_in"),
		[COUNTER_BYTES_OUT] = ask_uint(info, "bytes_out"),
	};

	rates_add(&s->rates, 0, count, RATES_COUNTERS);
}

static void
count_sessions(struct sampling *s)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(s->known[SAMPLING_SESSIONS],
	                                    "sessions"),
	                    i, one) {
		const uint64_t count[] = {
			[COUNTER_IN] = ask_uint(one, "messages_in"),
			[COUNTER_OUT] = ask_uint(one, "messages_out"),
			[COUNTER_DROPPED] = ask_uint(one, "dropped"),
		};

		rates_add(&s->rates, ask_uint(one, "session"), count,
		          sizeof(count) / sizeof(count[0]));
	}
}

static void
finish_sample(struct sampling *s)
{
	int64_t now = cli_now_us();

	if (is_another_broker(sampling_info(s), s->coming[SAMPLING_INFO])) {
		rates_forget(&s->rates);
		s->n = 0;
	}
	forget_answers(s->known);
	memcpy(s->known, s->coming, sizeof(s->known));
	memset(s->coming, 0, sizeof(s->coming));
	rates_begin(&s->rates, now);
	count_broker(s);
	count_sessions(s);
	tally_turn(&s->tally, now - s->tallied_us);
	s->tallied_us = now;
	s->n++;
}

static bool
is_wanted(const struct sampling *s, enum sampling_question question)
{
	switch (question) {
	case SAMPLING_INFO:
	case SAMPLING_SESSIONS:
		break;
	case SAMPLING_SUBSCRIPTIONS:
		return s->asks_subscriptions &&
		       ask_uint(s->coming[SAMPLING_INFO], "subscriptions") <=
		               FILTERS_MAX;
	case SAMPLING_TOPICS:
		return s->asks_topics;
	case SAMPLING_QUESTIONS:
		return false;
	}
	return true;
}

static void
ask(struct sampling *s, enum sampling_question question)
{
	json_t *none = json_object();

	while (question < SAMPLING_QUESTIONS && !is_wanted(s, question))
		question++;
	s->question = question;
	s->asking = NULL;
	s->asked_at = cli_now_ms();
	if (question < SAMPLING_QUESTIONS)
		s->asking = ask_begin(s->connection, subjects[question], none,
		                      PAGES_MAX);
	json_decref(none);
}

void
sampling_begin(struct sampling *s, const struct view *view)
{
	s->asks_subscriptions = view == &view_sessions;
	s->asks_topics = view == &view_topics;
	watch(s, s->asks_topics);
	ask(s, SAMPLING_INFO);
}

int
sampling_go_on(struct sampling *s)
{
	int r = ask_end(s->asking, &s->coming[s->question]);

	s->asking = NULL;
	if (r != CLI_OK) {
		forget_answers(s->coming);
		return r;
	}
	ask(s, s->question + 1);
	if (!s->asking)
		finish_sample(s);
	return CLI_OK;
}

int
sampling_waits(const struct sampling *s)
{
	return s->asking ? (int)((cli_now_ms() - s->asked_at) / 1000) : 0;
}

int64_t
sampling_waits_until(const struct sampling *s)
{
	if (!s->asking)
		return CLI_FOREVER;
	return s->asked_at + 1000 * (int64_t)(sampling_waits(s) + 1);
}

void
sampling_free(struct sampling *s)
{
	if (s->asking)
		ask_end(s->asking, NULL);
	forget_answers(s->known);
	forget_answers(s->coming);
	rates_free(&s->rates);
	tally_free(&s->tally);
}
