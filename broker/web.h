/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * web - one HTTP connection: its socket, what has come, and what is to be sent.
 *
 * It carries a session. A request is read (webrequest), understood (webroutes), said
 * to the broker in frames (webtalk), and what the broker puts into the session's
 * outbox is turned into the answer (webreply). Frames leave the outbox only
 * while little text waits for the socket, so that a reader that stalls is seen
 * by its publishers as any slow subscriber is.
 *
 * One request at a time: what a client sends ahead stays unread.
 */
#ifndef UMBELD_WEB_H
#define UMBELD_WEB_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "deadline.h"
#include "gateway.h"
#include "http.h"
#include "input.h"
#include "print.h"
#include "proto/topic.h"
#include "session.h"

/* A request's head is no longer. */
#define WEB_HEAD_MAX (16u << 10)
/* While so much text waits for the socket no more is made. */
#define WEB_OUT_MAX  (64u << 10)

enum web_stage {
	WEB_HEAD,     /* a request's head is being read, or none has begun */
	WEB_BODY,     /* its body is */
	WEB_SAYING,   /* the broker is taking the message that it makes */
	WEB_ASKING,   /* the reply to it is awaited */
	WEB_JOINING,  /* subscriptions are being made */
	WEB_LISTING,  /* a list is sent, page by page */
	WEB_EVENTS,   /* messages are sent as they come, without an end */
	WEB_ANSWERED, /* and no request can follow */
};

struct web_route;

/* How far a list has been told. */
struct web_list_place {
	bool begun;
	bool told;                  /* an entry */
	char after[TOPIC_MAX + 16]; /* a msgpack value: where it goes on */
	uint32_t after_len;         /* 0: at the start */
};

struct web {
	struct session session;
	TAILQ_ENTRY(web) link;
	TAILQ_ENTRY(web) busy_link;
	struct event readable;
	struct event writable;
	struct event timer;    /* for a reply, or for the next heartbeat */
	struct deadline due;   /* of this stage */
	struct deadline retry; /* the kernel was out of memory */
	struct deadline look;  /* is the other end there? nothing is read */
	int fd;
	enum web_stage stage;
	bool busy : 1;
	bool dead : 1;
	bool reading : 1;  /* `readable` is on */
	bool blocked : 1;  /* the kernel is full: `writable` is on */
	bool all_read : 1; /* end of stream */
	bool shut : 1;     /* we have ended our stream */
	bool deaf : 1;     /* the other end takes nothing any more */
	bool leaving : 1;  /* the broker said GOAWAY */
	bool body_ended : 1;
	bool due_is_idle : 1; /* nothing of another request has come */
	bool keep_alive : 1;
	bool chunked : 1; /* the answer is */
	bool asks : 1;    /* the message is a request */
	bool has_inbox : 1;

	struct print in; /* received, and from in_at on not looked at */
	size_t in_at;
	struct print out; /* to be sent, from out_sent on */
	size_t out_sent;
	size_t chunk_at; /* in out: the chunk that is open */
	size_t charged;  /* for both, in the pool */
	size_t wanted;   /* more of it, for a message's text; 0: nothing */
	bool granted;    /* it is charged, and the text is not written yet */

	/* the request */
	char *head_bytes;
	struct http_head head;
	const struct web_route *route;
	char topic[TOPIC_MAX]; /* that its path names */
	uint32_t topic_len;
	struct http_chunks chunks;
	uint64_t body_left; /* not in chunks: still to come */
	uint64_t body_len;  /* so far */
	bool takes_body;    /* into `frames` */

	/* what it says to the broker */
	struct input frames;
	uint32_t payload_at; /* of a PUBLISH, from the frame's start */
	uint32_t n_done;     /* requests before this one */
	uint32_t n_requests; /* whose replies lie in its inbox */
	unsigned refusal;    /* a status of PROTOCOL.md; 0: none */
	struct print why;    /* in words */
	uint32_t heartbeat_ms;
	struct web_list_place place;
};

/* Serve this peer's socket, and own both. Or -errno, and own neither. */
int web_open(struct gateway *g, int fd, const struct peer *peer);

/* Do what can be done now, and send what there is. */
void web_go_on(struct web *w);

/* There is something to do, when the turn is over. */
void web_mark_busy(struct web *w);
void web_mark_dead(struct web *w);

/* Offer what waits to the kernel. Did it take a byte? */
bool web_flush(struct web *w);

/* What has come and was not looked at. */
static inline size_t
web_unread(const struct web *w)
{
	return w->in.len - w->in_at;
}

/* What has not been sent. */
static inline size_t
web_owes(const struct web *w)
{
	return w->out.len - w->out_sent;
}

/* Bytes of the pool that hold it, here and in the kernel. */
size_t web_out_memory(const struct web *w);

/*
 * May what was written behind `from` stay? What is short may; for what is long
 * the pool has no memory when it returns false: nothing was written then, and
 * the session waits for some.
 */
bool web_keeps(struct web *w, size_t from);
/* Its turn has come: the same, as session_ops.take_memory(). */
bool web_takes_memory(struct web *w);

/* So many milliseconds for the reply, or until the next heartbeat. False
   without memory. */
bool web_set_timer(struct web *w, uint64_t ms);
void web_clear_timer(struct web *w);

/* This stage has to be over in time; one that is ending has its limit. */
void web_set_due(struct web *w, struct deadline_queue *q);
void web_clear_due(struct web *w);

/* Nothing is read, so that nobody would tell: is the other end still there? */
void web_look(struct web *w);

/* It is too late: in this stage nothing came, or nothing was taken. */
void web_is_late(struct web *w);

void web_free(struct web *w);

static inline struct web *
web_of(const struct session *s)
{
	return (struct web *)(uintptr_t)s; /* first */
}

static inline struct gateway *
web_gateway(const struct web *w)
{
	return (struct gateway *)((char *)(uintptr_t)w->session.ops -
	                          offsetof(struct gateway, ops));
}

#endif
