/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * limits - how near a broker is to the limits that it has.
 */
#ifndef UMBEL_CLI_LIMITS_H
#define UMBEL_CLI_LIMITS_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "findings.h"

/* Half of it is worth a note, nine tenths are wrong. */
enum grade limits_grade(uint64_t used, uint64_t most);

/* Findings from the answer to $SYS.broker.info. */
void limits_examine(const json_t *info, struct findings *f);

/* The soft limit in the text of /proc/PID/limits; 0: not there. */
uint64_t limits_parse_files(const char *text);

/* How many descriptors the broker has left, if we may see that. */
void limits_examine_descriptors(pid_t pid, struct findings *f);

#endif
