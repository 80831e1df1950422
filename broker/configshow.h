/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * configshow - prints a configuration for people: whether it is valid, every
 * value and its origin, and what its rules say about a user.
 */
#ifndef UMBELD_CONFIGSHOW_H
#define UMBELD_CONFIGSHOW_H

#include <stdio.h>

#include "config.h"

/* Report that the configuration is valid, and warn about what needs privileges
   that this user may not have. */
void configshow_check(struct config *c);

/* Print it as a configuration file with every value, each followed by its
   origin in a comment. */
void configshow_print(const struct config *c, FILE *to);

/*
 * May `user` (a name or a uid, with its current groups) do what is asked? The
 * question is VERB, TOPIC unless the verb has none, and optionally the role of
 * the socket. Prints the verdict and the rule. Returns CONFIG_SHOWN for yes,
 * CONFIG_DENIED for no, or CONFIG_BAD.
 */
enum config_result configshow_test(const struct config *c, const char *user,
                                   char **question, int n);

#endif
