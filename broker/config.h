/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * config - what the operator may choose, from the command line.
 */
#ifndef UMBELD_CONFIG_H
#define UMBELD_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"

struct config {
	char *socket_path;
	mode_t mode;
	char *datagram_path; /* NULL: none */
	mode_t datagram_mode;
	int ready_fd; /* -1: none */
	enum log_level log_level;

	size_t memory_max;
	uint32_t max_frame;
	size_t outbox_high;
	uint32_t max_subscriptions; /* of one session */
	uint32_t datagram_rate;     /* of one user, a second */
	uint32_t retained_max;      /* values */
	size_t retained_bytes;

	uint32_t handshake_ms;
	uint32_t frame_ms;
	uint32_t stall_ms;       /* no byte taken while somebody waits */
	uint32_t hold_max_ms;    /* one publisher held by one subscriber */
	uint32_t hold_notice_ms; /* from when on a hold is worth a word */
	uint32_t linger_ms;      /* to take leave of a session */
	uint32_t settle_ms;      /* after the start, before publishing */
	uint32_t drain_ms;       /* to take leave of all */
};

enum config_result {
	CONFIG_OK,
	CONFIG_SHOWN, /* --help or --version: printed, nothing to run */
	CONFIG_BAD,   /* said why on stderr */
};

/* Defaults, then flags. On CONFIG_OK the caller owns it: config_fini(). */
enum config_result config_parse(struct config *c, int argc, char **argv);
void config_fini(struct config *c);

#endif
