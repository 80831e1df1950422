/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "router.h"

#include <errno.h>
#include <stdlib.h>

/* Memory for routes; subscriptions themselves are bounded elsewhere. */
#define ROUTES_MAX_BYTES (32u << 20)

int
router_init(struct router *r, uint64_t seed)
{
	*r = (struct router){ 0 };
	if (trie_init(&r->trie, seed) < 0)
		return -ENOMEM;
	if (routes_init(&r->routes, ROUTES_MAX_BYTES, seed) < 0) {
		trie_fini(&r->trie);
		return -ENOMEM;
	}
	return 0;
}

void
router_fini(struct router *r)
{
	routes_fini(&r->routes);
	trie_fini(&r->trie);
	free(r->found);
	*r = (struct router){ 0 };
}

int
router_subscribe(struct router *r, struct subscription *s, const char *filter,
                 size_t len)
{
	if (trie_insert(&r->trie, filter, len, &s->entry) < 0)
		return -ENOMEM;
	routes_invalidate(&r->routes);
	return 0;
}

void
router_unsubscribe(struct router *r, struct subscription *s)
{
	trie_remove(&r->trie, &s->entry);
	routes_invalidate(&r->routes);
}

/* One more entry for `found`; its memory is kept from walk to walk. */
static bool
make_room(struct router *r)
{
	uint32_t cap = r->found_cap ? r->found_cap * 2 : 64;
	struct outbox **found;

	if (r->n_found < r->found_cap)
		return true;
	found = realloc(r->found, cap * sizeof(struct outbox *));
	if (!found)
		return false;
	r->found = found;
	r->found_cap = cap;
	return true;
}

/* Several subscriptions of one session match: it gets one copy. */
static void
on_found(struct trie_entry *e, void *user)
{
	struct subscription *s = (struct subscription *)e;
	struct router *r = user;

	r->responder |= !s->monitor;
	if (s->to->route_mark == r->walk)
		return;
	if (!make_room(r)) {
		r->out_of_memory = true;
		return;
	}
	s->to->route_mark = r->walk;
	r->found[r->n_found++] = s->to;
}

struct route *
router_find(struct router *r, const char *topic, size_t len)
{
	struct route *route = router_recall(r, topic, len);

	if (route)
		return route;
	r->walk++;
	r->n_found = 0;
	r->responder = false;
	r->out_of_memory = false;
	trie_match(&r->trie, topic, len, on_found, r);
	if (r->out_of_memory)
		return NULL;
	route = routes_put(&r->routes, topic, len, (void *const *)r->found,
	                   r->n_found);
	if (route && r->responder)
		route->mark = ROUTE_HAS_RESPONDER;
	return route;
}
