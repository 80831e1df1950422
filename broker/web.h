/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * web - one HTTP connection: its socket, its input, and its output.
 *
 * It carries a session. A request is read (webrequest), interpreted (webroutes)
 * and sent to the broker as frames (webtalk). What the broker puts into the
 * session's outbox becomes the answer (webreply). Frames leave the outbox only
 * while little text waits for the socket, so that publishers see a stalled HTTP
 * reader like any other slow subscriber.
 *
 * There is one request at a time: what a client sends ahead stays unread.
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

/* The maximum length of a request's head. */
#define WEB_HEAD_MAX (16u << 10)
/* While this much text waits for the socket, no more is produced. */
#define WEB_OUT_MAX  (64u << 10)

enum web_stage {
	WEB_HEAD,     /* a request's head is being read, or none has begun */
	WEB_BODY,     /* its body is being read */
	WEB_SAYING,   /* the broker is taking its message */
	WEB_ASKING,   /* waiting for the reply to its message */
	WEB_JOINING,  /* subscriptions are being made */
	WEB_LISTING,  /* a list is sent, page by page */
	WEB_EVENTS,   /* messages are sent as they come */
	WEB_ANSWERED, /* answered, and no request can follow */
};

struct web_route;

/* How much of a list has been sent. */
struct web_list_place {
	bool begun;
	bool told; /* an entry has been sent */
	/* a msgpack value: where the next page begins */
	char after[TOPIC_MAX + 16];
	uint32_t after_len; /* 0: at the start */
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
	struct deadline look;  /* polls for a hangup while nothing is read */
	int fd;
	enum web_stage stage;
	bool busy : 1;
	bool dead : 1;
	bool reading : 1;  /* `readable` is on */
	bool blocked : 1;  /* the socket is full: `writable` is on */
	bool all_read : 1; /* the client has ended its stream */
	bool shut : 1;     /* we have ended our stream */
	bool deaf : 1;     /* the client takes nothing any more */
	bool leaving : 1;  /* the broker said GOAWAY */
	bool body_ended : 1;
	bool due_is_idle : 1; /* no byte of the next request yet */
	bool keep_alive : 1;
	bool chunked : 1; /* the answer is chunked */
	bool asks : 1;    /* the message is a request */
	bool has_inbox : 1;

	struct print in; /* received; unread from in_at on */
	size_t in_at;
	struct print out; /* to be sent, from out_sent on */
	size_t out_sent;
	size_t chunk_at; /* position in `out` of the open chunk */
	size_t charged;  /* bytes charged to the pool for both */
	size_t wanted;   /* more memory that a message's text needs; 0: none */
	bool granted;    /* `wanted` is charged; the text is not written yet */

	/* the request */
	char *head_bytes;
	struct http_head head;
	const struct web_route *route;
	char topic[TOPIC_MAX]; /* named in its path */
	uint32_t topic_len;
	struct http_chunks chunks;
	uint64_t body_left; /* if not chunked: bytes still to come */
	uint64_t body_len;  /* bytes so far */
	bool takes_body;    /* into `frames` */

	/* the frames for the broker */
	struct input frames;
	uint32_t payload_at; /* of a PUBLISH, from the frame's start */
	uint32_t n_done;     /* requests before this one */
	uint32_t n_requests; /* requests (/requests/) so far */
	unsigned refusal;    /* a status of PROTOCOL.md; 0: none */
	struct print why;    /* in words */
	uint32_t heartbeat_ms;
	struct web_list_place place;
};

/* Serve this peer's socket and take ownership of both. On -errno, both still
   belong to the caller. */
int web_open(struct gateway *g, int fd, const struct peer *peer);

/* Do what can be done now, and send the pending output. */
void web_go_on(struct web *w);

/* Schedule work for the end of the turn; a dead connection is freed then. */
void web_mark_busy(struct web *w);
void web_mark_dead(struct web *w);

/* Send pending output. Returns whether the kernel took a byte. */
bool web_flush(struct web *w);

/* Bytes received and not processed. */
static inline size_t
web_unread(const struct web *w)
{
	return w->in.len - w->in_at;
}

/* Bytes of output not sent. */
static inline size_t
web_owes(const struct web *w)
{
	return w->out.len - w->out_sent;
}

/* Memory that the output takes, here and in the kernel. */
size_t web_out_memory(const struct web *w);

/*
 * May the output after position `from` stay? Short output always may. For long
 * output the pool may not have enough memory; then the output is removed again,
 * the session waits for memory, and this returns false.
 */
bool web_keeps(struct web *w, size_t from);
/* Its turn to get memory has come; works like session_ops.take_memory(). */
bool web_takes_memory(struct web *w);

/* Set the time for the reply, or until the next heartbeat. False if out of
   memory. */
bool web_set_timer(struct web *w, uint64_t ms);
void web_clear_timer(struct web *w);

/* Set a time limit for this stage. A session that is ending keeps the limit
   that it has. */
void web_set_due(struct web *w, struct deadline_queue *q);
void web_clear_due(struct web *w);

/* Check whether the client is still there, for use while nothing is read. */
void web_look(struct web *w);

/* The time limit of the stage has passed: nothing was received, or nothing was
   taken. */
void web_is_late(struct web *w);

void web_free(struct web *w);

static inline struct web *
web_of(const struct session *s)
{
	return (struct web *)(uintptr_t)s; /* it is the first member */
}

static inline struct gateway *
web_gateway(const struct web *w)
{
	return (struct gateway *)((char *)(uintptr_t)w->session.ops -
	                          offsetof(struct gateway, ops));
}

#endif
