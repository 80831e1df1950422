/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * configshow - a configuration, for people: whether it is in order, what holds
 * and where it comes from, and what its rules say of somebody.
 */
#ifndef UMBELD_CONFIGSHOW_H
#define UMBELD_CONFIGSHOW_H

#include <stdio.h>

#include "config.h"

/* It is in order; but some of it may need more than its reader has. */
void configshow_check(struct config *c);

/* As a file, in which every value stands, with its origin behind it. */
void configshow_print(const struct config *c, FILE *to);

/*
 * May `user` (a name or a uid, with the groups of now) do what is asked? VERB,
 * TOPIC unless the verb has none, and optionally the role of the socket.
 * Prints the verdict and the rule. CONFIG_SHOWN for yes, or _DENIED, or _BAD.
 */
enum config_result configshow_test(const struct config *c, const char *user,
                                   char **question, int n);

#endif
