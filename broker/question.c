/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "question.h"

#include <string.h>

static const char *const topics[N_QUESTIONS] = {
	[QUESTION_INFO] = "$SYS.broker.info",
	[QUESTION_SESSIONS] = "$SYS.broker.sessions",
	[QUESTION_SUBSCRIPTIONS] = "$SYS.broker.subscriptions",
	[QUESTION_TOPICS] = "$SYS.broker.topics",
	[QUESTION_EXPLAIN] = "$SYS.broker.explain",
	[QUESTION_METRICS] = "$SYS.broker.metrics",
};

enum question
question_of_topic(const char *topic, size_t len)
{
	unsigned q = 0;

	while (q < N_QUESTIONS &&
	       (len != strlen(topics[q]) || memcmp(topic, topics[q], len) != 0))
		q++;
	return (enum question)q;
}
