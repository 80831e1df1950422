/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * list - things in a row, each knowing its neighbours and nothing else: it can
 * leave without being told which row it is in.
 *
 * A row's head is a link too, and closes the circle.
 */
#ifndef UMBELD_LIST_H
#define UMBELD_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next; /* NULL: in no row */
	struct link *prev;
};

static inline void
list_init(struct link *head)
{
	head->next = head->prev = head;
}

static inline bool
list_is_empty(const struct link *head)
{
	return head->next == head;
}

static inline bool
link_is_in(const struct link *l)
{
	return l->next != NULL;
}

/* As the last one; of `head` another link of the row: before that one. */
static inline void
list_append(struct link *head, struct link *l)
{
	l->next = head;
	l->prev = head->prev;
	l->prev->next = l;
	head->prev = l;
}

/* Does nothing to one that is in no row. */
static inline void
link_leave(struct link *l)
{
	if (!l->next)
		return;
	l->next->prev = l->prev;
	l->prev->next = l->next;
	l->next = l->prev = NULL;
}

/* The next one in the row, or NULL after the last. */
static inline struct link *
list_next(const struct link *head, const struct link *l)
{
	return l->next == head ? NULL : l->next;
}

/* The first, or NULL. */
static inline struct link *
list_first(const struct link *head)
{
	return list_next(head, head);
}

/* The first, which leaves; or NULL. */
static inline struct link *
list_take_first(struct link *head)
{
	struct link *l = head->next;

	if (l == head)
		return NULL;
	head->next = l->next;
	l->next->prev = head;
	l->next = l->prev = NULL;
	return l;
}

#endif
