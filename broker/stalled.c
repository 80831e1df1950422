/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "stalled.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

struct staller {
	TAILQ_ENTRY(staller) link;
	uint64_t until_ms;
	uid_t uid;
	char name[];
};

void
stalled_init(struct stalled *t)
{
	TAILQ_INIT(&t->list);
	t->n = 0;
}

static void
forget(struct stalled *t, struct staller *s)
{
	TAILQ_REMOVE(&t->list, s, link);
	t->n--;
	free(s);
}

void
stalled_fini(struct stalled *t)
{
	struct staller *s, *next;

	for (s = TAILQ_FIRST(&t->list); s; s = next) {
		next = TAILQ_NEXT(s, link);
		forget(t, s);
	}
}

/* Forget the clients whose time is over, and the oldest if there are too
   many. */
static void
forget_old(struct stalled *t)
{
	uint64_t now_ms = clock_now_ms();
	struct staller *s, *next;

	for (s = TAILQ_FIRST(&t->list);
	     s && (s->until_ms <= now_ms || t->n > STALLED_MAX); s = next) {
		next = TAILQ_NEXT(s, link);
		forget(t, s);
	}
}

static struct staller *
find(const struct stalled *t, uid_t uid, const char *name)
{
	uint64_t now_ms = clock_now_ms();
	struct staller *s;

	TAILQ_FOREACH (s, &t->list, link) {
		if (s->until_ms > now_ms && s->uid == uid &&
		    strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static struct staller *
staller_new(uid_t uid, const char *name)
{
	size_t size = strlen(name) + 1;
	struct staller *s = malloc(sizeof(*s) + size);

	if (!s)
		return NULL;
	s->uid = uid;
	memcpy(s->name, name, size);
	return s;
}

void
stalled_add(struct stalled *t, uid_t uid, const char *name)
{
	struct staller *s = find(t, uid, name);

	if (s) {
		TAILQ_REMOVE(&t->list, s, link);
		t->n--;
	} else {
		s = staller_new(uid, name);
	}
	if (!s)
		return;
	s->until_ms = clock_now_ms() + STALLED_MS;
	TAILQ_INSERT_TAIL(&t->list, s, link);
	t->n++;
	forget_old(t);
}

bool
stalled_has(const struct stalled *t, uid_t uid, const char *name)
{
	return find(t, uid, name) != NULL;
}
