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
	while (t->n > 0)
		forget(t, TAILQ_FIRST(&t->list));
}

static void
forget_late(struct stalled *t)
{
	uint64_t now_ms = clock_now_ms();

	while (t->n > 0 && TAILQ_FIRST(&t->list)->until_ms <= now_ms)
		forget(t, TAILQ_FIRST(&t->list));
}

static struct staller *
find(struct stalled *t, uid_t uid, const char *name)
{
	struct staller *s;

	forget_late(t);
	TAILQ_FOREACH (s, &t->list, link) {
		if (s->uid == uid && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

void
stalled_add(struct stalled *t, uid_t uid, const char *name)
{
	struct staller *s = find(t, uid, name);
	size_t size = strlen(name) + 1;

	if (s)
		forget(t, s);
	if (t->n == STALLED_MAX)
		forget(t, TAILQ_FIRST(&t->list));
	s = malloc(sizeof(*s) + size);
	if (!s)
		return;
	s->until_ms = clock_now_ms() + STALLED_MS;
	s->uid = uid;
	memcpy(s->name, name, size);
	TAILQ_INSERT_TAIL(&t->list, s, link);
	t->n++;
}

bool
stalled_has(struct stalled *t, uid_t uid, const char *name)
{
	return find(t, uid, name) != NULL;
}
