/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * address - which socket is meant, and why that one: libumbel chooses it, and
 * does not say.
 */
#ifndef UMBEL_CLI_ADDRESS_H
#define UMBEL_CLI_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"

#define ADDRESS_SYSTEM_SOCKET "/run/umbel/umbel.sock"

enum address_source {
	ADDRESS_OPTION,      /* -s */
	ADDRESS_ENVIRONMENT, /* UMBEL_SOCKET */
	ADDRESS_USER,        /* below XDG_RUNTIME_DIR: it answers there */
	ADDRESS_SYSTEM,      /* none of these */
};

/* Why libumbel chose `address`. */
enum address_source address_source(const struct cli *cli, const char *address);

/* Where the user's own broker has its socket; false: there is no such place. */
bool address_of_user(char *path, size_t size);

/* Does anybody accept connections there (`kind`: SOCK_STREAM), or datagrams
   (SOCK_DGRAM)? 0 or -errno. */
int address_probe(const char *path, int kind);

#endif
