/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * worker - a command that is run for one message: the payload on its stdin, the
 * rest in its environment.
 */
#ifndef UMBEL_CLI_WORKER_H
#define UMBEL_CLI_WORKER_H

#include "child.h"
#include "client/umbel.h"

/*
 * Start `command` for `m`, which stays until child_reap(); with `capture` its
 * stdout is kept in child->output. `address` is the broker's. 0 or -errno.
 */
int worker_start(struct child *child, const char *command,
                 const struct umbel_msg *m, const char *address, bool capture);

#endif
