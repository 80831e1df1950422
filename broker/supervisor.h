/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * supervisor - who started us, if it is one that hands over sockets and wants
 * to be told how we are: systemd, or anything that speaks as it does
 * (LISTEN_FDS, NOTIFY_SOCKET, WATCHDOG_USEC).
 *
 * Where libsystemd was not there when this was built, it is
 * supervisor_none.c: nobody is told anything, and supervisor_is_missed() says
 * when that is a pity.
 */
#ifndef UMBELD_SUPERVISOR_H
#define UMBELD_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

/* How many sockets were handed over. */
unsigned supervisor_sockets(void);
/* The one that listens at this path; -1: none. It stays the supervisor's:
   nobody but it removes the file. */
int supervisor_socket(const char *path);

/* READY=1 and the like. */
void supervisor_tell(const char *state);
/* New rules are being read; READY=1 is due when that is over. */
void supervisor_tell_reloading(void);

/* It is to be told WATCHDOG=1 this often; 0: it does not want to. */
uint32_t supervisor_watchdog_ms(void);

/* There is one, and this was built without the means to talk to it. */
bool supervisor_is_missed(void);

#endif
