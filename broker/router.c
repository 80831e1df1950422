/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "router.h"

#include <errno.h>
#include <stdlib.h>

/* Memory for routes; the memory of subscriptions is bounded elsewhere. */
#define ROUTES_MAX_BYTES (32u << 20)

int
router_init(struct router *r, uint64_t seed)
{
	*r = (struct router){ 0 };
	if (trie_init(&r->trie, seed) < 0)
		return -ENOMEM;
	if (groups_init(&r->groups, seed) < 0)
		goto fail_groups;
	if (routes_init(&r->routes, ROUTES_MAX_BYTES, seed) < 0)
		goto fail_routes;
	return 0;

fail_routes:
	groups_fini(&r->groups);
fail_groups:
	trie_fini(&r->trie);
	return -ENOMEM;
}

void
router_fini(struct router *r)
{
	routes_fini(&r->routes);
	groups_fini(&r->groups);
	trie_fini(&r->trie);
	free(r->outboxes.at);
	free(r->in_groups.at);
	*r = (struct router){ 0 };
}

/* ---- subscriptions -------------------------------------------------------- */

int
router_subscribe(struct router *r, struct subscription *s, const char *filter,
                 size_t len)
{
	groups_sweep(&r->groups);
	if (trie_insert(&r->trie, filter, len, &s->entry) < 0)
		return -ENOMEM;
	r->n_subscriptions++;
	routes_invalidate(&r->routes);
	return 0;
}

static struct group *
found_group(struct router *r, struct text name, struct text filter)
{
	struct group *g = groups_add(&r->groups, name, filter);

	if (!g)
		return NULL;
	if (trie_insert(&r->trie, filter.at, filter.len, &g->sub.entry) < 0) {
		groups_remove(&r->groups, g);
		return NULL;
	}
	routes_invalidate(&r->routes);
	return g;
}

/* Its last member has gone. */
static void
end_group(struct router *r, struct group *g)
{
	trie_remove(&r->trie, &g->sub.entry);
	groups_remove(&r->groups, g);
	routes_invalidate(&r->routes);
}

int
router_join(struct router *r, struct member *m, struct text name,
            struct text filter)
{
	struct group *g = groups_find(&r->groups, name, filter);

	groups_sweep(&r->groups);
	if (!g)
		g = found_group(r, name, filter);
	if (!g)
		return -ENOMEM;
	if (group_join(g, m) < 0) {
		if (g->n == 0)
			end_group(r, g);
		return -ENOMEM;
	}
	r->n_subscriptions++;
	return 0;
}

static void
leave(struct router *r, struct member *m)
{
	struct group *g = m->group;

	group_leave(m);
	if (g->n == 0)
		end_group(r, g);
}

void
router_unsubscribe(struct router *r, struct subscription *s)
{
	r->n_subscriptions--;
	if (s->in_group) {
		leave(r, member_of(s));
	} else {
		trie_remove(&r->trie, &s->entry);
		routes_invalidate(&r->routes);
	}
}

/* ---- routes --------------------------------------------------------------- */

static bool
make_room(struct found *f, uint32_t n)
{
	uint32_t cap = f->cap ? f->cap : 64;
	void **at;

	if (f->n + n <= f->cap)
		return true;
	while (cap < f->n + n)
		cap *= 2;
	at = realloc(f->at, cap * sizeof(void *));
	if (!at)
		return false;
	f->at = at;
	f->cap = cap;
	return true;
}

static void
note(struct router *r, struct found *f, void *what)
{
	if (make_room(f, 1))
		f->at[f->n++] = what;
	else
		r->out_of_memory = true;
}

/* If several subscriptions of one session match, it still gets one copy. */
static void
on_found(struct trie_entry *e, void *user)
{
	struct subscription *s = (struct subscription *)e;
	struct router *r = user;

	r->responder |= !s->monitor;
	if (s->in_group) {
		note(r, &r->in_groups, s);
		return;
	}
	if (s->to->route_mark == r->walk) {
		r->n_doubles++;
		return;
	}
	s->to->route_mark = r->walk;
	note(r, &r->outboxes, s->to);
}

/* Make a route of what the walk found: first the outboxes, then the groups. */
static struct route *
remember(struct router *r, const char *topic, size_t len)
{
	struct found *all = &r->outboxes;
	uint32_t n_groups = r->in_groups.n;
	struct route *route;

	if (r->out_of_memory || !make_room(all, n_groups))
		return NULL;
	for (uint32_t i = 0; i < n_groups; i++)
		all->at[all->n++] = r->in_groups.at[i];
	route = routes_put(&r->routes, topic, len, all->at, all->n);
	if (!route)
		return NULL;
	route->n_last = n_groups;
	route->mark = r->responder ? ROUTE_HAS_RESPONDER : 0;
	return route;
}

/* Collect what the topic leads to in `outboxes` and `in_groups`. */
static void
walk(struct router *r, const char *topic, size_t len)
{
	r->walk++;
	r->outboxes.n = 0;
	r->in_groups.n = 0;
	r->responder = false;
	r->out_of_memory = false;
	trie_match(&r->trie, topic, len, on_found, r);
}

uint32_t
router_count(struct router *r, const char *topic, size_t len)
{
	walk(r, topic, len);
	return r->outboxes.n + r->in_groups.n;
}

struct route *
router_find(struct router *r, const char *topic, size_t len)
{
	struct route *route = router_recall(r, topic, len);

	if (route)
		return route;
	walk(r, topic, len);
	return remember(r, topic, len);
}

static void
on_any(struct trie_entry *e, void *any)
{
	(void)e;
	*(bool *)any = true;
}

bool
router_leads_anywhere(struct router *r, const char *topic, size_t len)
{
	bool any = false;

	trie_match(&r->trie, topic, len, on_any, &any);
	return any;
}
