/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * users - uids and what people call them.
 */
#ifndef UMBEL_CLI_USERS_H
#define UMBEL_CLI_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The uid of a user's name, or a uid in digits; ends the process with CLI_USAGE
   when there is no such user, naming `option`. */
uint32_t users_uid(const char *option, const char *user);

/* The name of a uid, or its digits: in `name`, and returned. */
const char *users_name(uint64_t uid, char *name, size_t size);

/* The user that was asked for last: looking one up takes longer than to show a
   message, and most messages come from whom the last one came from. */
struct users_last {
	bool known;
	uint32_t uid;
	char name[64];
};

/* The same, remembered in `last`, which begins as { 0 }. */
const char *users_last_name(struct users_last *last, uint32_t uid);

#endif
