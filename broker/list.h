/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * list - a doubly linked circular list. A link can leave without being told
 * which list it is in.
 *
 * The head of a list is a link too, and closes the circle.
 */
#ifndef UMBELD_LIST_H
#define UMBELD_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next; /* NULL: in no list */
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

/* Append `l` at the end. If another link of the list is given as `head`, insert
   before that one. */
static inline void
list_append(struct link *head, struct link *l)
{
	l->next = head;
	l->prev = head->prev;
	l->prev->next = l;
	head->prev = l;
}

/* Does nothing to a link that is in no list. */
static inline void
link_leave(struct link *l)
{
	if (!l->next)
		return;
	l->next->prev = l->prev;
	l->prev->next = l->next;
	l->next = l->prev = NULL;
}

/* The next link, or NULL after the last. */
static inline struct link *
list_next(const struct link *head, const struct link *l)
{
	return l->next == head ? NULL : l->next;
}

/* The first link, or NULL. */
static inline struct link *
list_first(const struct link *head)
{
	return list_next(head, head);
}

/* Remove and return the first link, or NULL. */
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
