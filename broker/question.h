/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * question - the topics on which the broker can be asked about itself.
 */
#ifndef UMBELD_QUESTION_H
#define UMBELD_QUESTION_H

#include <stddef.h>

enum question {
	QUESTION_INFO,
	QUESTION_SESSIONS,
	QUESTION_SUBSCRIPTIONS,
	QUESTION_TOPICS,
	QUESTION_EXPLAIN,
	QUESTION_METRICS,
	N_QUESTIONS /* it is none */
};

enum question question_of_topic(const char *topic, size_t len);

#endif
