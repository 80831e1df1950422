/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64u

struct seat {
	uint32_t id;
	struct session *session; /* NULL: empty */
};

void
roster_fini(struct roster *r)
{
	free(r->seats);
	*r = (struct roster){ 0 };
}

static int
grow(struct roster *r)
{
	size_t cap = r->cap ? r->cap * 2 : FIRST_CAP;
	struct seat *seats;

	if (r->n < r->cap)
		return 0;
	seats = realloc(r->seats, cap * sizeof(*seats));
	if (!seats)
		return -ENOMEM;
	r->seats = seats;
	r->cap = cap;
	return 0;
}

/* The index of the first seat whose number is `id` or above; r->n if there is
   none. */
static size_t
seat_from(const struct roster *r, uint64_t id)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->seats[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
roster_add(struct roster *r, uint32_t id, struct session *s)
{
	size_t i;

	if (grow(r) < 0)
		return -ENOMEM;
	i = seat_from(r, id);
	memmove(&r->seats[i + 1], &r->seats[i],
	        (r->n - i) * sizeof(r->seats[0]));
	r->seats[i] = (struct seat){ id, s };
	r->n++;
	return 0;
}

static void
close_ranks(struct roster *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->seats[i].session)
			r->seats[n++] = r->seats[i];
	}
	r->n = n;
	r->n_empty = 0;
}

void
roster_remove(struct roster *r, uint32_t id)
{
	size_t i = seat_from(r, id);

	if (i == r->n || r->seats[i].id != id || !r->seats[i].session)
		return;
	r->seats[i].session = NULL;
	r->n_empty++;
	if (r->n_empty > r->n / 2)
		close_ranks(r);
}

struct session *
roster_find(const struct roster *r, uint32_t id)
{
	size_t i = seat_from(r, id);

	return i < r->n && r->seats[i].id == id ? r->seats[i].session : NULL;
}

struct session *
roster_from(const struct roster *r, uint64_t id)
{
	size_t i = seat_from(r, id);

	while (i < r->n && !r->seats[i].session)
		i++;
	return i < r->n ? r->seats[i].session : NULL;
}
