/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * peer - who is at the other end of a Unix socket, as the kernel reports it.
 */
#ifndef UMBELD_PEER_H
#define UMBELD_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PEER_COMMAND_MAX 16
/* Room for the credentials of a datagram's sender in recvmsg(). */
#define PEER_CONTROL_MAX 64

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: unknown. For display only; no decision uses it. */
	char command[PEER_COMMAND_MAX]; /* "" when unknown */
	uint32_t n_groups : 31;
	bool groups_unknown : 1; /* true for a datagram's sender */
	gid_t *groups;           /* supplementary; see peer_fini() */
	/* of the socket that it connected to; NULL: none */
	const char *role;
};

/*
 * Get the credentials and groups that the peer had when it connected. Returns
 * 0, and then the caller must call peer_fini(); or -errno, and then the
 * connection must not be served.
 */
int peer_from_socket(struct peer *out, int fd);
void peer_fini(struct peer *p);

/* Make received datagrams carry credentials. Returns 0 or -errno. */
int peer_ask_for_credentials(int fd);

/*
 * Get the uid, gid and pid of a datagram's sender from what recvmsg() returned.
 * The command is left to peer_find_command(). Descriptors that came with the
 * datagram are closed. Returns false if it has no credentials.
 */
bool peer_from_message(struct peer *out, struct msghdr *message);

/* Look up the command of the process; "" if the process has ended. */
void peer_find_command(struct peer *p);

#endif
