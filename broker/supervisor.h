/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * supervisor - the program that started the broker, if it passes sockets and
 * wants status messages: systemd, or anything with the same interface
 * (LISTEN_FDS, NOTIFY_SOCKET, WATCHDOG_USEC).
 *
 * If libsystemd was not there at build time, supervisor_none.c is used: it
 * sends nothing, and supervisor_is_missed() says when that matters.
 */
#ifndef UMBELD_SUPERVISOR_H
#define UMBELD_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

/* How many sockets were passed to us. */
unsigned supervisor_sockets(void);
/* The socket that listens at this path, or -1. It belongs to the supervisor,
   and only the supervisor removes its file. */
int supervisor_socket(const char *path);

/* Send a state such as READY=1. */
void supervisor_tell(const char *state);
/* Announce that new rules are being read. The caller sends READY=1 after
   that. */
void supervisor_tell_reloading(void);

/* How often to send WATCHDOG=1; 0 if the supervisor does not want it. */
uint32_t supervisor_watchdog_ms(void);

/* Is there a supervisor that this build cannot talk to? */
bool supervisor_is_missed(void);

#endif
