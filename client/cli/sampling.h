/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * sampling - what umbel top knows of a broker.
 *
 * A sample is a few questions, one after the other, under way while other
 * things are heeded. Rates are the difference between two samples of the
 * broker's counters; those of topics, for which it has none, are of what a
 * watching subscription sees, which lasts as long as topics are asked for.
 */
#ifndef UMBEL_CLI_SAMPLING_H
#define UMBEL_CLI_SAMPLING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ask.h"
#include "connection.h"
#include "rates.h"
#include "tally.h"
#include "views.h"

/* In this order. */
enum sampling_question {
	SAMPLING_INFO,
	SAMPLING_SESSIONS,
	SAMPLING_SUBSCRIPTIONS,
	SAMPLING_TOPICS,
	SAMPLING_QUESTIONS
};

struct sampling {
	struct connection *connection;
	struct asking *asking; /* NULL: no sample is under way */
	int64_t asked_at;      /* cli_now_ms(), of this question */
	enum sampling_question question;
	json_t *coming[SAMPLING_QUESTIONS]; /* of the one that is under way */
	json_t *known[SAMPLING_QUESTIONS];  /* of the last; NULL: not asked */
	bool asks_subscriptions;
	bool asks_topics;
	uint64_t n; /* samples, of this broker */
	struct rates rates;
	struct umbel_sub *watching; /* all topics; or NULL */
	struct tally tally;
	int64_t tallied_us; /* since when messages are counted */
};

/* From zeros but for the connection: begin a sample of the broker and its
   sessions, and of what `view` needs besides. */
void sampling_begin(struct sampling *s, const struct view *view);

static inline bool
sampling_is_under_way(const struct sampling *s)
{
	return s->asking != NULL;
}

/* For so many whole seconds the broker has owed an answer. */
int sampling_waits(const struct sampling *s);
/* When that is one more; CLI_FOREVER: no answer is awaited. */
int64_t sampling_waits_until(const struct sampling *s);

/* Has an answer come? Then sampling_go_on() is due. */
static inline bool
sampling_is_ready(const struct sampling *s)
{
	return s->asking && ask_is_done(s->asking);
}

/* Ask the next question. A verdict: CLI_OK, or the complaint is made and the
   sample is none. It is whole when nothing is under way any more. */
int sampling_go_on(struct sampling *s);

/* What is known; borrowed until the next sample is whole. */
struct sightings sampling_seen(const struct sampling *s);
/* Of the broker itself; NULL: nothing yet. */
const json_t *sampling_info(const struct sampling *s);
/* So many a second, of the whole broker. */
double sampling_rate(const struct sampling *s, enum counter counter);

/* When the connection is closed. */
void sampling_free(struct sampling *s);

#endif
