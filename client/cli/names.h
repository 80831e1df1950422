/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * names - what is wrong with a topic or filter from the command line, in words.
 */
#ifndef UMBEL_CLI_NAMES_H
#define UMBEL_CLI_NAMES_H

#include <stdbool.h>

#include "cli.h"

/* Why this is no topic (or, with wildcards, no filter); NULL when it is one. */
const char *names_fault(const char *name, bool wildcards);

/* Do these look like what the shell made of an unquoted wildcard: are they all
   names of existing files, and is one alone the only file that * could be? */
bool names_are_files(char *const *names, int n);

/* Complain about a topic or filter and end the process with CLI_USAGE. */
_Noreturn void names_refuse(const struct cli *cli, const char *name,
                            bool wildcards);

/* A word about a filter that is valid and hardly what was meant: wildcards of
   other systems. */
void names_note_strange(const char *filter);

#endif
