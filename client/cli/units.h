/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * units - what systemd says of umbeld's units, where there is systemd.
 */
#ifndef UMBEL_CLI_UNITS_H
#define UMBEL_CLI_UNITS_H

#include <stdbool.h>
#include <stddef.h>

#include "findings.h"

#define UNITS_MAX 2u

struct unit {
	char name[32];   /* umbeld.service */
	char load[16];   /* loaded, not-found, masked */
	char active[16]; /* active, inactive, failed */
	char sub[16];    /* running, dead */
	char result[24]; /* success, exit-code */
};

struct units {
	struct unit at[UNITS_MAX];
	size_t n;  /* 0: no systemd */
	bool user; /* of the user's systemd */
};

/* Ask systemctl; of the user's own systemd or the system's. */
void units_ask(struct units *u, bool user);

/* What `systemctl show` printed. */
void units_parse(struct units *u, const char *text);

/* A line that starts the broker; NULL: there is no unit for it. */
const char *units_start(const struct units *u);

/* A finding for each that is there; `ours`: they serve the socket in use. */
void units_examine(const struct units *u, bool ours, struct findings *f);

#endif
