/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "quota.h"

#include <assert.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct quota_user {
	UT_hash_handle hh;
	uid_t uid;
	uint32_t connections;
	uint32_t handshakes;
	uint32_t subscriptions;
	size_t unfinished;
};

void
quota_init(struct quota *q)
{
	*q = (struct quota){ 0 };
}

void
quota_fini(struct quota *q)
{
	assert(!q->users);
}

/* the size of these functions comes from the macros of uthash */
/* NOLINTBEGIN(readability-function-size) */

static struct quota_user *
find(const struct quota *q, uid_t uid)
{
	struct quota_user *user;

	HASH_FIND(hh, q->users, &uid, sizeof(uid), user);
	return user;
}

/* HASH_ADD fails if out of memory; then the user is not in the table. */
static struct quota_user *
add(struct quota *q, uid_t uid)
{
	struct quota_user *user = calloc(1, sizeof(*user));

	if (!user)
		return NULL;
	user->uid = uid;
	HASH_ADD(hh, q->users, uid, sizeof(user->uid), user);
	if (user->hh.tbl)
		return user;
	free(user);
	return NULL;
}

static void
forget(struct quota *q, struct quota_user *user)
{
	HASH_DEL(q->users, user);
	free(user);
}

/* NOLINTEND(readability-function-size) */

struct quota_user *
quota_join(struct quota *q, uid_t uid)
{
	struct quota_user *user = find(q, uid);

	if (!user)
		user = add(q, uid);
	if (!user)
		return NULL;
	user->connections++;
	q->connections++;
	return user;
}

void
quota_leave(struct quota *q, struct quota_user *user)
{
	q->connections--;
	if (--user->connections > 0)
		return;
	assert(user->subscriptions == 0 && user->handshakes == 0);
	forget(q, user);
}

uint32_t
quota_connections(const struct quota *q, uid_t uid)
{
	const struct quota_user *user = find(q, uid);

	return user ? user->connections : 0;
}

uint32_t
quota_handshakes(const struct quota *q, uid_t uid)
{
	const struct quota_user *user = find(q, uid);

	return user ? user->handshakes : 0;
}

void
quota_begin_handshake(struct quota *q, struct quota_user *user)
{
	user->handshakes++;
	q->handshakes++;
}

void
quota_end_handshake(struct quota *q, struct quota_user *user)
{
	user->handshakes--;
	q->handshakes--;
}

uint32_t *
quota_subscriptions(struct quota_user *user)
{
	return &user->subscriptions;
}

size_t *
quota_unfinished(struct quota_user *user)
{
	return &user->unfinished;
}
