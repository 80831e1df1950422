/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * session - one client: its identity, subscriptions and outbox, and what it is
 * waiting for.
 *
 * A session knows no socket. Its transport (a connection, a test) gives it a
 * few functions.
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

/* The highest session number; the one above stands for datagrams. */
#define SESSION_LAST     UINT32_C(0xfffffffe)
#define SESSION_DATAGRAM UINT32_C(0xffffffff)

enum session_state {
	SESSION_NEW, /* HELLO has not come */
	SESSION_OPEN,
	SESSION_ENDING, /* takes nothing more; its outbox is still sent */
};

struct session_ops {
	/* the outbox has something to send */
	void (*wake)(struct session *s);
	/* what it waited for is available: take its input again, soon */
	void (*resume)(struct session *s);
	/* It is first in the queue for memory: take what it needs to go on.
	   False when there is not enough; then it continues to wait. */
	bool (*take_memory)(struct session *s);
	/* the session has become SESSION_ENDING */
	void (*ending)(struct session *s);
	/* offer the outbox to the kernel now; did it take a byte? */
	bool (*try_send)(struct session *s);
	/* the session is SESSION_ENDING: do not wait until the client has read
	   the last frames */
	void (*abandon)(struct session *s);
	/* bytes of the pool that its unparsed input occupies */
	size_t (*input_memory)(const struct session *s);
	/* the same for output beyond the outbox that the client has not read;
	   NULL if there is none */
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
	struct text topic; /* in the held session's input */
	struct deadline due;
};

/* It is full for a message that waits for another one; see hold_watch(). */
struct watch {
	uint32_t sender; /* 0: it is not watched */
	uint32_t in_want_since;
};

#define OWES_PING 1u
#define OWES_PONG 2u

struct session {
	struct broker *broker;
	const struct session_ops *ops;
	TAILQ_ENTRY(session) link;
	uint32_t id;
	enum session_state state : 8;
	uint8_t owes;       /* to our GOAWAY: OWES_PING, OWES_PONG */
	bool in_want : 1;   /* waited for room; no message taken since */
	bool in_need : 1;   /* waited for memory; nothing taken since ... */
	bool need_told : 1; /* ... and others were told that it waits */
	/* The command at the front of its input has to wait: the session goes
	   on with it ... */
	bool put_off : 1;
	bool reads_first : 1;  /* ... when its outbox has room */
	bool keeps_memory : 1; /* ... or with memory: one slab, charged */
	bool awaits_each : 1;  /* its transport needs each verdict */
	struct peer peer;
	struct quota_user *user;
	char *name;                    /* NULL before HELLO */
	const struct acl_class *class; /* NULL: there is no ACL */
	uint64_t class_bit;            /* in route.admits */

	struct outbox out;
	struct subtable subs;
	struct loss dropped; /* announced losses of its messages */

	uint64_t since_ms;    /* when it became SESSION_OPEN */
	uint64_t messages_in; /* PUBLISHes before the last PING */
	/* PUBLISHes since the last PING, see PROTOCOL.md B3 */
	uint64_t accepted;
	uint64_t unmatched;
	uint64_t refused;
	struct report *reports; /* rate-limited notices; NULL: none yet */

	struct link awaited; /* its members of awaited groups; see hold.h */
	const struct group *awaits; /* only compared, never followed */
	struct waiter waiter; /* for room, for memory, or for the settling */
	struct hold *hold;    /* NULL: not held by a subscriber */
	struct watch watch;
	struct throttle *throttle; /* NULL: it has not published yet, or may
	                              as fast as it can */
	struct unread *unread;     /* NULL: not too many answers wait for it */
	/* low bits of times, see clock_age() */
	uint32_t in_want_since;
	uint32_t in_need_since;
	uint32_t begun_since; /* so many bytes of a frame are there, see ... */
	uint32_t begun;       /* ... unfinished.h */

	/* published when it ends without GOAWAY; or NULL */
	struct letter *will;
};

/*
 * Initialize a session that the caller embeds, and number it. `ops` as above.
 * Returns 0, and then the session owns what peer owned, or -ENOMEM, and then
 * there is no session.
 */
int session_init(struct session *s, struct broker *b,
                 const struct session_ops *ops, const struct peer *peer);
/* Remove the session from the broker and release everything it owns. The
   transport frees the struct. */
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

/* Count messages to this session that were lost and announced. */
static inline void
session_lost(struct session *s, uint64_t frames, uint64_t bytes)
{
	s->dropped.frames += frames;
	s->dropped.bytes += bytes;
	s->broker->counts.dropped += frames;
	s->broker->counts.dropped_bytes += bytes;
}

/* Is its input left alone, because it waits for its turn or must first read
   what it is owed? */
static inline bool
session_is_waiting(const struct session *s)
{
	return waiter_is_waiting(&s->waiter) ||
	       (s->reads_first && s->out.bytes >= s->out.limits->high);
}

/* "ui", or "" */
const char *session_name(const struct session *s);

/* pid=977 command="ui" uid=1000, for logs: its identity as the kernel knows
   it */
#define PEER_WORDS_MAX 224
const char *session_peer_words(const struct peer *p, char buf[PEER_WORDS_MAX]);
/* The same after session=42 name="ui". Has room for two texts of
   LOG_TEXT_MAX. */
#define SESSION_WORDS_MAX 416
const char *session_words(const struct session *s, char buf[SESSION_WORDS_MAX]);

/* "$inbox.<random>.<session>"; returns its length. */
#define INBOX_MAX (INBOX_ROOT_MAX + 12)
size_t session_inbox(const struct session *s, char buf[INBOX_MAX]);

/* How many bytes all wills together may take. */
size_t session_wills_max(const struct broker *b);

/*
 * Store the will of a client: a PUBLISH body that may be published, and the
 * offset of its stamp. Returns 0, -ENOMEM, or -EDQUOT when all wills together
 * would take too much.
 */
int session_set_will(struct session *s, struct text body, uint32_t stamp_at);
/* The client leaves in order: drop its will. */
void session_forget_will(struct session *s);

/* The client has sent HELLO and was welcomed. */
void session_open(struct session *s);

/*
 * Send GOAWAY and a PING. From here on the session owes two answers: the PONG
 * to that PING, after which it sends no message, and a PING of its own, whose
 * PONG it wants to see. Its PING alone proves nothing, because it may have been
 * sent before the GOAWAY arrived.
 */
void session_send_away(struct session *s);
void session_sent_ping(struct session *s);
void session_sent_pong(struct session *s, uint64_t token);

/* Send an answer. If there is no memory for it, the session ends. */
void session_answer(struct session *s, const struct message *m);

/*
 * Refuse the request, or the PUBLISH (request 0); the session goes on. `about`
 * may be nil.
 */
void session_refuse(struct session *s, enum status status, uint32_t request,
                    struct text about, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * End the session by its own fault: append a fatal ERROR to its outbox, and
 * take nothing more from it.
 */
void session_fail(struct session *s, enum status status, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

/* End the session in order: its outbox is still sent. */
void session_end(struct session *s);
/* The same at the client's request: its will is not published. */
void session_leave(struct session *s);

/*
 * End the session because others must go on: its outbox is cut, one GAP reports
 * how much that was, then a fatal ERROR slow_consumer follows.
 */
void session_evict(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The socket takes no more bytes: nothing is sent to the session any more
   ("deaf"). */
void session_is_deaf(struct session *s);

/*
 * Only the options `group` and `monitor` count here. Does nothing for a session
 * that is deaf. Returns 0 or -ENOMEM.
 */
int session_subscribe(struct session *s, uint32_t id, struct text filter,
                      const struct options *options);
/* False when there is no such subscription. */
bool session_unsubscribe(struct session *s, uint32_t id);

#endif
