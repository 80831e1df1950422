/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * users - uids and what people call them.
 */
#ifndef UMBEL_CLI_USERS_H
#define UMBEL_CLI_USERS_H

#include <stddef.h>
#include <stdint.h>

/* The uid of a user's name, or a uid in digits; ends the process with CLI_USAGE
   when there is no such user, naming `option`. */
uint32_t users_uid(const char *option, const char *user);

/* The name of a uid, or its digits: in `name`, and returned. */
const char *users_name(uint64_t uid, char *name, size_t size);

#endif
