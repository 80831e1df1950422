/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * machine - the resources of the machine from which limits are derived.
 */
#ifndef UMBELD_MACHINE_H
#define UMBELD_MACHINE_H

#include <stdint.h>

/*
 * Bytes of memory that this process may use: the memory of the machine, or less
 * if its cgroup or a parent of it has a limit. UINT64_MAX if unknown.
 */
uint64_t machine_memory(void);

/*
 * The lowest memory.max from the cgroup that the file `self` names (in the
 * format of /proc/self/cgroup) up to `root`, where the hierarchy is mounted.
 * UINT64_MAX if there is none.
 */
uint64_t machine_cgroup_memory(const char *self, const char *root);

/* The number of descriptors that this process may open after raising its limit
   to the maximum. */
uint32_t machine_descriptors(void);

#endif
