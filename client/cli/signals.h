/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * signals - SIGINT, SIGTERM, SIGHUP, SIGCHLD and SIGWINCH as something to poll
 * for.
 */
#ifndef UMBEL_CLI_SIGNALS_H
#define UMBEL_CLI_SIGNALS_H

/*
 * From now on SIGINT, SIGTERM and SIGHUP ask for an orderly end (unless they
 * were ignored: nohup, a job in the background), SIGCHLD and SIGWINCH make
 * signals_fd() readable, and SIGPIPE is ignored: a write says EPIPE.
 */
void signals_watch(void);

/* Readable after any of them, until signals_take(). */
int signals_fd(void);
void signals_take(void);

/* The signal that asked for an end, 0 as long as none did. */
int signals_end(void);

/* Go on for now as if it had not come, to bring things to an end; another one
   is heeded again. */
void signals_forgive(void);

/* In a child, before exec: dispositions as they were at our own start. */
void signals_restore(void);

#endif
