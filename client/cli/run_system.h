/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * run_system - how processes hang together, where systems differ: run_linux.c,
 * and run_bsd.c with what is possible everywhere.
 */
#ifndef UMBEL_CLI_RUN_SYSTEM_H
#define UMBEL_CLI_RUN_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* In a child: die when `parent` does, however it dies. */
void run_die_with(pid_t parent);

/* Descendants whose parents die become children of this process. */
void run_adopt_descendants(void);

/* Kill and reap all descendants; `known` are the children that the caller
   knows of, 0 for one that has ended. */
void run_kill_descendants(const pid_t *known, size_t n_known);

/* The folder of this very program; false when the system does not tell. */
bool run_own_folder(char *folder, size_t size);

#endif
