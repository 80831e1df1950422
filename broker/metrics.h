/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * metrics - the broker's metrics in the Prometheus text format, named by its
 * conventions. No metric has a label for topics, sessions or processes, because
 * their number is unbounded.
 */
#ifndef UMBELD_METRICS_H
#define UMBELD_METRICS_H

#include "broker.h"
#include "print.h"

void metrics_print(const struct broker *b, struct print *out);

#endif
