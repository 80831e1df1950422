/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * hangup - how a connection is closed.
 */
#ifndef UMBELD_HANGUP_H
#define UMBELD_HANGUP_H

/*
 * End the stream so that the other end sees its end, and no reset: a socket
 * that is closed with unread bytes in it resets the connection.
 */
void hang_up(int fd);

#endif
