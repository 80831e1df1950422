/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * machine - how much there is of what limits are a part of.
 */
#ifndef UMBELD_MACHINE_H
#define UMBELD_MACHINE_H

#include <stdint.h>

/*
 * Bytes of memory that this process may use: the machine's, or less if its
 * cgroup or one above that says so. UINT64_MAX when nobody knows.
 */
uint64_t machine_memory(void);

/*
 * The lowest memory.max from the cgroup that the file `self` names (as
 * /proc/self/cgroup does) up to `root`, where all are mounted; UINT64_MAX when
 * there is none.
 */
uint64_t machine_cgroup_memory(const char *self, const char *root);

/* Descriptors that this process may open if it asks for as many as it may. */
uint32_t machine_descriptors(void);

#endif
