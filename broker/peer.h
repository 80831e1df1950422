/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * peer - who is at the other end of a Unix socket, in the kernel's word.
 *
 * What differs between systems is in peer_linux.c and peer_bsd.c.
 */
#ifndef UMBELD_PEER_H
#define UMBELD_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PEER_COMMAND_MAX 16
/* Room for what recvmsg() says of a datagram's sender. */
#define PEER_CONTROL_MAX 64

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: unknown. For people to read; it decides nothing. */
	char command[PEER_COMMAND_MAX]; /* "" when unknown */
	uint32_t n_groups : 31;
	bool groups_unknown : 1; /* of a datagram's sender */
	gid_t *groups;           /* supplementary; see peer_fini() */
	const char *role;        /* of the socket that it came by; NULL: none */
};

/*
 * Credentials and groups as they were when the peer connected. Returns 0, and
 * then peer_fini() is due, or -errno: the connection is not to be served.
 */
int peer_from_socket(struct peer *out, int fd);
void peer_fini(struct peer *p);

/* From now on datagrams come with credentials. Returns 0 or -errno. */
int peer_ask_for_credentials(int fd);

/*
 * Who sent this datagram: uid, gid and pid, as recvmsg() found them; the
 * command is left to peer_find_command(). Descriptors that came with it are
 * closed. False when it does not say who sent it.
 */
bool peer_from_message(struct peer *out, struct msghdr *message);

/* Ask for the command of its process; "" when that has gone. */
void peer_find_command(struct peer *p);

#endif
