/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The values are counted and sent in two separate walks. This is correct
 * because nothing changes in between.
 */
#include "snapshot.h"

#include "clock.h"
#include "sys.h"

static size_t
count_values(struct broker *b, struct text filter)
{
	struct retained_walk w =
		retained_walk(&b->retained, filter.at, filter.len);
	size_t n = 0;

	while (retained_next(&w))
		n++;
	b->work += w.looked_at;
	return n;
}

static int
send_values(struct session *s, uint32_t sub, struct text filter)
{
	struct retained_walk w =
		retained_walk(&s->broker->retained, filter.at, filter.len);
	uint64_t now = clock_now_ms();
	const struct retained_value *v;

	while ((v = retained_next(&w))) {
		struct deliver_info info = { .age_ms = now - v->since_ms };
		int r = outbox_deliver(&s->out, sub, &info, v->slab, 0,
		                       v->slab->cap);

		if (r < 0)
			return r;
	}
	s->broker->work += w.looked_at;
	return 0;
}

static void
grant(struct session *s, uint32_t request, size_t n)
{
	struct message m = { .type = TYPE_OK };

	m.ok.request = request;
	m.ok.n = (struct last_u64){ .value = n, .given = true };
	session_answer(s, &m);
}

void
snapshot_send(struct session *s, uint32_t request, uint32_t sub,
              struct text filter)
{
	/* no filter matches both clients and values, because nothing that
	   begins with $ is retained */
	bool clients = sys_lists_clients(filter);
	int r;

	grant(s, request,
	      clients ? sys_count_clients(s->broker)
	              : count_values(s->broker, filter));
	r = clients ? sys_send_clients(s, sub) : send_values(s, sub, filter);
	if (r < 0)
		session_evict(s, "no memory for its outbox");
}
