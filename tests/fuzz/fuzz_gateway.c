/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The HTTP gateway, all of it: what three connections send, in pieces, beside a
 * client that publishes to them and answers them. Every answer has a status,
 * and nothing is left when all have gone. The input is steps:
 *
 *	who | what << 2, and what that needs
 */
#include "broker/web.h"
#include "fuzz.h"
#include "gateways.h"
#include "proto/topic.h"

#define N_WEBS    3u
#define MAX_STEPS 300u

enum what {
	SEND,  /* so many bytes */
	SHUT,  /* the end of its stream */
	LEAVE, /* and another one comes */
	READ,
	TIME,    /* seconds */
	PUBLISH, /* on a topic that it may have subscribed to, so many bytes */
	ANSWER,  /* what the client was asked */
	DRAIN,
};

struct world {
	struct gate t;
	struct client *c;
	int fds[N_WEBS];
	bool begun[N_WEBS]; /* an answer has */
};

static void
come(struct world *w, unsigned who)
{
	w->fds[who] = end_open(&w->t).fd;
	w->begun[who] = false;
}

static void
read_some(struct world *w, unsigned who, size_t most)
{
	static char buf[100000];
	ssize_t n;

	gate_turn(&w->t);
	n = recv(w->fds[who], buf, most, MSG_DONTWAIT);
	if (n >= 9 && !w->begun[who])
		CHECK(memcmp(buf, "HTTP/1.1 ", 9) == 0);
	w->begun[who] |= n > 0;
	gate_turn(&w->t);
}

static void
answer(struct world *w)
{
	struct publish p;
	char topic[TOPIC_MAX + 1];

	while (w->c->session.state == SESSION_OPEN && client_next_frame(w->c)) {
		if (w->c->frame.at[6] != TYPE_PUBLISH ||
		    publish_read(w->c->frame.at + 5, w->c->frame.len - 5, &p) !=
		            PUBLISH_OK ||
		    !p.reply)
			continue;
		snprintf(topic, sizeof(topic), "%.*s", (int)p.reply_len,
		         p.reply);
		put_publish(&w->c->said, topic, NULL, "yes", 3);
		client_goes_on(w->c);
	}
}

static void
send_some(struct world *w, unsigned who, struct feed *f)
{
	const uint8_t *at;
	size_t n = feed_bytes(f, feed_byte(f), &at);

	if (n > 0)
		(void)send(w->fds[who], at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
take_step(struct world *w, struct feed *f)
{
	uint8_t first = feed_byte(f);
	unsigned who = (first & 3u) % N_WEBS;

	switch ((enum what)(first >> 2 & 7u)) {
	case SEND:
		send_some(w, who, f);
		break;
	case SHUT:
		shutdown(w->fds[who], SHUT_WR);
		break;
	case LEAVE:
		close(w->fds[who]);
		come(w, who);
		break;
	case READ:
		read_some(w, who, 1 + 300u * feed_byte(f));
		break;
	case TIME:
		gate_step(&w->t, 1000u * feed_byte(f));
		break;
	case PUBLISH:
		if (w->c->session.state == SESSION_OPEN &&
		    !session_is_waiting(&w->c->session))
			client_publishes(w->c, "a", 250u * feed_byte(f));
		break;
	case ANSWER:
		answer(w);
		break;
	case DRAIN:
		if (!w->t.rig.broker.draining)
			broker_drain(&w->t.rig.broker);
		break;
	}
	gate_turn(&w->t);
}

/* Who had ended its stream before it went is only noticed when it is sent
   something: who gets events, or awaits something. */
static void
check_rest(const struct world *w)
{
	const struct web *web;

	TAILQ_FOREACH (web, &w->t.g.all, link)
		CHECK(web->all_read &&
		      (web->stage == WEB_EVENTS || web->stage == WEB_ASKING ||
		       web->stage == WEB_SAYING));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct feed f = { data, len };
	struct world w;

	gate_init(&w.t);
	w.t.rig.broker.log.level = LOG_ERROR;
	w.c = client_open_on(&w.t.rig, "c", "ask");
	for (unsigned i = 0; i < N_WEBS; i++)
		come(&w, i);
	for (unsigned i = 0; i < MAX_STEPS && f.left > 0; i++)
		take_step(&w, &f);
	for (unsigned i = 0; i < N_WEBS; i++) {
		read_some(&w, i, 1000);
		close(w.fds[i]);
	}
	gate_turn(&w.t);
	check_rest(&w);
	client_free(w.c);
	gate_fini(&w.t);
	return 0;
}
