/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * metrics - the broker's figures as Prometheus reads them: its text format, by
 * its guide to names. None has a label for topics, sessions or processes: of
 * those there may be any number.
 */
#ifndef UMBELD_METRICS_H
#define UMBELD_METRICS_H

#include "broker.h"
#include "print.h"

void metrics_print(const struct broker *b, struct print *out);

#endif
