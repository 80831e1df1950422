/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * session - who is behind a connection: identity, subscriptions, outbox, and
 * what it is waiting for.
 *
 * A session knows no socket. Whoever carries it (a connection, a test) gives
 * it a few functions.
 */
#ifndef UMBELD_SESSION_H
#define UMBELD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "acl.h"
#include "broker.h"
#include "gap.h"
#include "outbox.h"
#include "peer.h"
#include "proto/message.h"
#include "proto/status.h"
#include "subtable.h"
#include "waiters.h"

/* The highest number of a session; the one above stands for datagrams. */
#define SESSION_LAST     UINT32_C(0xfffffffe)
#define SESSION_DATAGRAM UINT32_C(0xffffffff)

enum session_state {
	SESSION_NEW, /* HELLO has not come */
	SESSION_OPEN,
	SESSION_ENDING, /* takes nothing more; what waits for it is sent */
};

struct session_ops {
	/* the outbox has something to send */
	void (*wake)(struct session *s);
	/* what it waited for is there: take its input again, soon */
	void (*resume)(struct session *s);
	/* its turn for memory has come: take what it needs to go on. False when
	   there is not enough; then it goes on waiting */
	bool (*take_memory)(struct session *s);
	/* it has become SESSION_ENDING */
	void (*ending)(struct session *s);
	/* offer the outbox to the kernel now; did it take a byte? */
	bool (*try_send)(struct session *s);
	/* it is SESSION_ENDING: do not wait until it has read its last words */
	void (*abandon)(struct session *s);
	/* bytes of the pool that hold what it has sent and nobody has taken */
	size_t (*input_memory)(const struct session *s);
	/* and those that hold what it has not read, beside its outbox; NULL:
	   there are none */
	size_t (*output_memory)(const struct session *s);
	/* give back what only the beginning of a frame has, all of it when the
	   session is SESSION_ENDING; was there any? NULL: there never is */
	bool (*squeeze)(struct session *s);
	/* of a frame that has begun and is not whole: the bytes that came */
	size_t (*begun)(const struct session *s);
	/* its rest will not come: the other end has gone */
	bool (*is_cut_off)(const struct session *s);
};

/* A subscriber's outbox is full, and this session waits for it; see hold.h. */
struct hold {
	struct session *held;
	struct session *by;
	uint64_t since_ms;
	bool told;         /* HOLD was sent */
	struct text topic; /* in the input that waits */
	struct deadline due;
};

/* It is full for a message that waits for another one; see hold_watch(). */
struct watch {
	uint32_t sender; /* 0: it is not watched */
	uint64_t in_want_since_ms;
};

#define OWES_PING 1u
#define OWES_PONG 2u

struct session {
	struct broker *broker;
	const struct session_ops *ops;
	TAILQ_ENTRY(session) link;
	uint32_t id;
	enum session_state state : 8;
	uint8_t owes;       /* after our GOAWAY: OWES_PING, OWES_PONG */
	bool in_want : 1;   /* of room, see below; none was taken since */
	bool in_need : 1;   /* of memory; nothing was taken since ... */
	bool need_told : 1; /* ... for so long that others were told */
	bool put_off : 1;   /* the command at the front of its input is carried
	                         out when the session goes on ... */
	bool reads_first : 1;  /* ... and not before its outbox has room */
	bool keeps_memory : 1; /* ... or memory: a slab's worth, charged */
	bool awaits_each : 1;  /* its carrier: what becomes of each PUBLISH */
	struct peer peer;
	struct quota_user *user;
	char *name;                    /* NULL before HELLO */
	const struct acl_class *class; /* NULL: there is no ACL */
	uint64_t class_bit;            /* in route.admits */

	struct outbox out;
	struct subtable subs;
	struct loss dropped; /* of what was for it, and announced */

	uint64_t since_ms;    /* it is SESSION_OPEN */
	uint64_t messages_in; /* PUBLISHes until the last PING */
	/* PUBLISHes since the last PING, see PROTOCOL.md B3 */
	uint64_t accepted;
	uint64_t unmatched;
	uint64_t refused;
	struct report *reports; /* of what befell it; NULL: none yet */

	struct link awaited; /* its members of groups that are; see hold.h */
	const struct group *awaits; /* only to be compared */
	struct waiter waiter; /* for room, for memory, or for the settling */
	struct hold *hold;    /* NULL: not held by a subscriber */
	struct watch watch;
	struct throttle *throttle; /* NULL: it has not published yet, or may
	                              as fast as it can */
	struct unread *unread;     /* NULL: not too many answers wait for it */
	uint64_t in_want_since_ms;
	uint64_t in_need_since_ms;
	uint64_t begun_since_ms; /* so much of a frame is there, see ... */
	size_t begun;            /* ... unfinished.h */

	struct letter *will; /* published if it ends without GOAWAY; or NULL */
};

/*
 * Embed: set up, and number it. `ops` as above. Returns 0, and then it has taken
 * over what peer owns, or -ENOMEM, and then there is no session.
 */
int session_init(struct session *s, struct broker *b,
                 const struct session_ops *ops, const struct peer *peer);
/* Off the books; nothing of it is used afterwards. */
void session_fini(struct session *s);

static inline struct session *
session_of_outbox(struct outbox *o)
{
	return (struct session *)((char *)o - offsetof(struct session, out));
}

static inline struct session *
session_of_waiter(struct waiter *w)
{
	return (struct session *)((char *)w - offsetof(struct session, waiter));
}

/* What was for it is lost, and announced; for those who ask. */
static inline void
session_lost(struct session *s, uint64_t frames, uint64_t bytes)
{
	s->dropped.frames += frames;
	s->dropped.bytes += bytes;
	s->broker->counts.dropped += frames;
	s->broker->counts.dropped_bytes += bytes;
}

/* What comes from it is left where it is: it waits its turn, or has to read
   what it is owed. */
static inline bool
session_is_waiting(const struct session *s)
{
	return waiter_is_waiting(&s->waiter) ||
	       (s->reads_first && s->out.bytes >= s->out.limits->high);
}

/* "ui", or "" */
const char *session_name(const struct session *s);

/* pid=977 command="ui" uid=1000, for logs: who it is to the kernel */
#define PEER_WORDS_MAX 224
const char *session_peer_words(const struct peer *p, char buf[PEER_WORDS_MAX]);
/* The same behind session=42 name="ui": two texts of LOG_TEXT_MAX fit. */
#define SESSION_WORDS_MAX 416
const char *session_words(const struct session *s, char buf[SESSION_WORDS_MAX]);

/* "$inbox.<random>.<session>"; returns its length. */
#define INBOX_MAX (INBOX_ROOT_MAX + 12)
size_t session_inbox(const struct session *s, char buf[INBOX_MAX]);

/* What all wills together may take, bytes. */
size_t session_wills_max(const struct broker *b);

/*
 * Keep the will of a client: a PUBLISH body that may be published, and where
 * its stamp is. Returns 0, -ENOMEM, or -EDQUOT when all wills together would
 * take too much.
 */
int session_set_will(struct session *s, struct text body, uint32_t stamp_at);
/* It leaves in order. */
void session_forget_will(struct session *s);

/* It said HELLO and has been welcomed. */
void session_open(struct session *s);

/*
 * Say GOAWAY, and PING. The session owes two answers from here on: the PONG to
 * that, behind which it sends no message, and a PING, whose PONG it wants to
 * see. A PING alone says nothing: it may have been on its way before.
 */
void session_send_away(struct session *s);
void session_sent_ping(struct session *s);
void session_sent_pong(struct session *s, uint64_t token);

/* Send an answer. Without memory for it the session ends. */
void session_answer(struct session *s, const struct message *m);

/*
 * The request, or the PUBLISH (request 0), is not granted; the session goes
 * on. `about` may be nil.
 */
void session_refuse(struct session *s, enum status status, uint32_t request,
                    struct text about, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * The end, by the session's own fault: a fatal ERROR behind what waits for it,
 * and nothing more is taken from it.
 */
void session_fail(struct session *s, enum status status, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

/* The end, in order: what waits for it is still sent. */
void session_end(struct session *s);
/* The same, and it was the client who said so: nobody gets its will. */
void session_leave(struct session *s);

/*
 * The end, because others must go on: what waits for it is cut, one GAP tells
 * how much that was, then a fatal ERROR slow_consumer.
 */
void session_evict(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The socket takes no more bytes: nothing is sent to it any more. */
void session_is_deaf(struct session *s);

/*
 * Of the options `group` and `monitor` count here. For one that is deaf it does
 * nothing. 0 or -ENOMEM.
 */
int session_subscribe(struct session *s, uint32_t id, struct text filter,
                      const struct options *options);
/* False when there is no such subscription. */
bool session_unsubscribe(struct session *s, uint32_t id);

#endif
