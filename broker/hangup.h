/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * hangup - how a connection is closed.
 */
#ifndef UMBELD_HANGUP_H
#define UMBELD_HANGUP_H

/*
 * Close the socket so that the peer sees end of stream and not a reset: closing
 * a socket that has unread bytes resets the connection.
 */
void hang_up(int fd);

#endif
