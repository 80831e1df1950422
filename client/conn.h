/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conn - a handle, as the files of this library share it. The functions that
 * they provide to each other are in parts.h.
 *
 * Access to a member depends on its class:
 *
 *   fixed    set by umbel_new(), only read afterwards
 *   shared   under `lock`, by any thread
 *   role     by the thread that has the role of dispatcher; or under `lock`
 *            while no thread has it (see dispatch_quietly())
 *
 * Callbacks run without the lock. When a thread does something that the
 * dispatching thread must notice, it sets a bit in `attention`, which the
 * dispatching thread checks before each message. Nothing else is shared on the
 * path of an incoming message.
 */
#ifndef UMBEL_CLIENT_CONN_H
#define UMBEL_CLIENT_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/un.h>

#include "calls.h"
#include "encode.h"
#include "inbox.h"
#include "keep.h"
#include "out.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/publish.h"
#include "proto/routes.h"
#include "proto/topic.h"
#include "proto/trie.h"
#include "sys.h"
#include "umbel.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Messages that wait to be batched are written when this much has
   accumulated. */
#define SEND_BATCH         (256u << 10)
/* A payload of at least this length is sent directly from the caller's
   memory. */
#define SEND_LARGE         (64u << 10)
/* The send buffer that we ask the kernel for; it may grant less. */
#define SEND_KERNEL_BUFFER (1 << 20)
/* The most that we read at a time. A process with ten thousand handles, or one
   that shares a processor with a hundred others, gets slower the more memory it
   touches. The extra 4 KiB are there because most payloads are powers of two
   and have a front. */
#define RECEIVE_BUFFER     ((128u << 10) + (4u << 10))
/* The broker must see that we read: look at the socket this often, even if the
   callbacks have not finished with the input so far. */
#define TOP_UP_MS          100
/* The upper bound for the maximum frame length that a broker may announce. */
#define FRAME_MAX_BELIEVED (256u << 20)
/* How long messages stay unconfirmed before we ask on our own. */
#define CONFIRM_MS         100
/* When a deadline passes but the input has not been read, the silence proves
   nothing: check again after this time. */
#define JUDGE_MS           1000
/* After a planned restart, for PLANNED_MS, pauses between attempts are no
   longer than PLANNED_PAUSE_MS. A new broker waits only a moment for its old
   clients. */
#define PLANNED_PAUSE_MS   50
#define PLANNED_MS         10000
/* A connection that lasted less than this was of no use: pauses keep
   growing. */
#define STOOD_MS           200
/* A broker that takes nothing more has this long to say why, and to close. */
#define WRITE_ENDED_MS     5000
/* A hold by a subscriber is bounded; this, and three times ping_ms, is
   longer. */
#define HELD_MS            60000
/* A broker that sent GOAWAY may be silent for this long before it closes. */
#define LEAVE_MS           30000
#define NEVER              INT64_MAX

enum link {
	LINK_DOWN,
	LINK_HELLO,   /* HELLO sent, waiting for WELCOME */
	LINK_RESTORE, /* ... waiting for the answers to our subscriptions */
	LINK_UP,
	LINK_LEAVING, /* GOAWAY came: publish nothing more, read to the end */
};

/* Bits of `attention`. */
enum {
	ATTEND_DUE = 1,    /* callbacks are due */
	ATTEND_ROUTES = 2, /* subscriptions changed */
	ATTEND_DYING = 4,  /* umbel_free() was called in a callback */
};

struct deadlines {
	int64_t retry;   /* connect */
	int64_t give_up; /* handshake, or leaving, has taken too long */
	int64_t resend;  /* the kernel had no memory for what we sent */
	int64_t confirm; /* ask whether messages were routed */
	int64_t silence; /* check whether the broker is still alive */
	int64_t request; /* the timeout of the request that ends first */
	int64_t armed;   /* when the timer will fire */
};

/* A state change that has not been reported to on_state yet. */
struct state_event {
	enum umbel_state state;
	struct umbel_state_info info;
	char text[256];
};
#define STATE_EVENTS 8

/* The beginning of a plain PUBLISH, as encoded last time. Bulk messages have
   the same topic and length, so that only the payload has to be added. */
struct head_template {
	size_t topic_end; /* length up to the payload's head; 0: none */
	size_t len;       /* with that head; HEAD_OF_NONE: fits no message */
	size_t data_len;  /* of the payload that prefix and head describe */
	size_t topic_len;
	char topic[TOPIC_MAX + 1];
	uint8_t bytes[FRAME_PREFIX_SIZE + PUBLISH_PLAIN_TOPIC + 2 + TOPIC_MAX +
	              2 + ENCODE_BIN_HEAD_MAX];
};
/* Longer than any buffer, yet short enough to be added to an offset in one. */
#define HEAD_OF_NONE (SIZE_MAX / 2)

/* A SUBSCRIBE or UNSUBSCRIBE whose answer has not arrived. */
struct sub_question {
	STAILQ_ENTRY(sub_question) link;
	struct umbel_sub *sub; /* NULL: it is for our inbox */
	uint32_t number;
	bool pending;  /* in c->questions */
	bool restores; /* CONNECTED waits for it */
};

struct umbel_sub {
	struct trie_entry entry;
	struct umbel *owner;
	umbel_msg_cb *cb;
	void *user;
	/* acknowledged, and not ended: messages may be delivered */
	_Atomic bool live;
	struct umbel_sub_options options;

	/* shared */
	TAILQ_ENTRY(umbel_sub) link;
	STAILQ_ENTRY(umbel_sub) due_link;
	struct sub_question subscribe;
	struct sub_question unsubscribe;
	uint32_t id;
	uint64_t snapshot; /* last values that are still to come; by role */
	bool asked;        /* SUBSCRIBE was sent on this connection */
	bool ending;       /* umbel_unsubscribe() or umbel_drain() was called */
	bool let_come;     /* ... the latter: deliver what is on its way */
	bool ended;        /* nothing comes any more; on_end is due */
	bool is_due;       /* in c->due_subs */
	bool active_due;   /* on_active is due */
	bool named;        /* the caller may still pass it to us */
	bool told;         /* its end was reported: only `named` keeps it */
	int end_error;
	char *end_text; /* the broker's text; may be NULL */
	char filter[];  /* ... followed by the name of the group */
};

/*
 * The subscriptions that DELIVER names: those in a group, and those with last
 * values. Their ids are SPECIAL_SUB plus an index into `places`.
 */
struct specials {
	struct umbel_sub **places;
	uint32_t n; /* places that were ever used */
	uint32_t max;
	uint32_t first_free; /* no place below this one is free */
};
#define SPECIAL_SUB 0x80000000u

struct barrier {
	STAILQ_ENTRY(barrier) link;
	umbel_done_cb *cb;
	void *user;
	uint64_t token;    /* 0: no PING was sent for it yet */
	uint64_t position; /* messages that were taken before it */
	int error;
	bool waited_for; /* a _wait form checks `done`, and frees it */
	bool done;
	bool pending; /* in c->barriers */
};

STAILQ_HEAD(barriers, barrier);
STAILQ_HEAD(sub_questions, sub_question);

/* The state of umbel_request(). */
struct asking {
	struct calls calls;      /* requests that have not ended */
	STAILQ_HEAD(, call) due; /* ... and ended ones whose callback is due */
	uint64_t last_id;
	struct inbox inbox; /* of this connection or the last */
	bool possible;      /* the broker gave us an inbox */
	bool subscribed;    /* SUBSCRIBE to it was sent */
	struct sub_question subscribe;
	unsigned n_dead; /* requests that ended unsent, without a connection */
};

/* An event that has not been reported to on_hold, on_error or on_loss yet. Its
   texts are stored in `text` and `about`. */
enum notice_kind { NOTICE_HOLD, NOTICE_ERROR, NOTICE_LOSS };
struct notice {
	enum notice_kind kind;
	struct umbel_hold_info hold;
	struct umbel_error_info error;
	struct umbel_loss_info loss;
	char text[512];
	char about[TOPIC_MAX + 1];
};
#define NOTICES 8

/* A receive buffer, shared with the large messages that were kept from it. */
struct rx {
	_Atomic unsigned refs;
	size_t cap;
	size_t head; /* the next byte to be parsed */
	size_t tail; /* where the next byte from the kernel goes */
	uint8_t data[];
};

/* One malloc'ed block, or borrowed for the duration of a callback (refs is
   0). */
struct umbel_msg {
	const char *topic;
	const char *reply;
	const uint8_t *payload;
	const uint8_t *stamp;
	uint32_t payload_len;
	uint16_t topic_len;
	uint16_t reply_len;
	uint8_t flags;
	bool retained;
	uint64_t age_ms;
	size_t n_headers;
	struct umbel_header *headers;
	size_t headers_size; /* of the block with the headers and their texts */

	struct rx *rx; /* holds the payload; NULL if a kept payload is copied */
	_Atomic unsigned refs;
	STAILQ_ENTRY(umbel_msg) link; /* in c->next */
};

/* Consecutive messages on one topic, and their receivers. */
struct run {
	struct umbel_msg msg;
	struct publish first;
	void *const *to;
	uint32_t n;
	/* the subscription that a DELIVER named, the only receiver; NULL: it
	   came as a plain PUBLISH */
	struct umbel_sub *only;
	uint64_t request; /* ... or, if not 0, the request that it replies to */
	bool plain;       /* repeats of it can be recognized by their bytes */
	char topic[TOPIC_MAX + 1];
	char reply[TOPIC_MAX + 1];
	uint8_t repeat[2 + TOPIC_MAX + 2];
};

struct umbel {
	/* fixed */
	struct umbel_options opt;
	char *name;
	uint8_t *will; /* a PUBLISH body; NULL: none */
	uint32_t will_len;
	struct sockaddr_un addresses[2]; /* see address_choose() */
	unsigned fork_generation;
	_Atomic uintptr_t owner; /* single_thread: the first user, or 0 */
	bool debug;

	/* any thread, without the lock */
	struct sys sys; /* see sys.h */
	_Atomic unsigned attention;
	_Atomic bool stopped;
	_Atomic bool woken;
	_Atomic bool watched; /* umbel_fd() was called: it must ring */

	pthread_mutex_t lock;
	pthread_cond_t
		changed; /* for threads that wait while another dispatches */
	unsigned n_waiting;
	bool locked; /* the holder has really taken the lock: it was needed */

	/* shared: publishing */
	struct head_template head;
	struct out out;  /* PUBLISH, and since LINK_UP everything else */
	struct out ctrl; /* sent before `out`: the handshake, a last PING */
	size_t brink; /* see publish.c; any other use of the lock makes it 0 */
	unsigned cork;
	size_t flush_at;  /* write when this many bytes have accumulated */
	bool blocked;     /* the kernel took no more; the poller says when */
	bool write_ended; /* ... and it never will again */
	bool encoding;    /* a frame is being made for this connection */
	bool paused;      /* umbel_next() has enough: do not read the socket */
	/* a HOLD said that the broker does not read us; believed until then */
	int64_t held_until;
	int confirm_ms;                   /* CONFIRM_MS */
	bool room_awaited;                /* a publish returned -EAGAIN ... */
	size_t room_wanted;               /* ... for lack of this many bytes */
	bool room_due;                    /* ... and now there is, unreported */
	uint64_t taken;                   /* messages, by umbel_publish */
	uint64_t sent;                    /* ... that the kernel took whole */
	struct keep keep;                 /* last values, with keep_retained */
	char knows_values[INBOX_MAX + 1]; /* ... and the broker that has them */
	uint64_t settled; /* messages whose fate is known, or never will be */

	/* shared: the thread that dispatches; 0: none */
	uintptr_t dispatcher;
	bool passing;      /* ... only while it waits: gives it up when asked */
	unsigned n_claims; /* threads that ask for the role and go first */
	bool dying; /* umbel_free() in a callback: freed when it returns */

	/* shared: the connection */
	const struct sockaddr_un *address; /* one of `addresses` */
	int fd;
	enum link link;
	bool wanted;      /* umbel_connect() was called */
	bool closing;     /* umbel_close() was called: drop messages */
	int failed;       /* the error of FAILED, else 0 */
	int last_failure; /* why the last attempt failed; 0 once connected */
	uint32_t session;
	uint32_t uid;
	enum umbel_overflow overflow; /* granted, or requested */
	size_t max_frame;
	struct deadlines at;
	int retry_ms; /* the last pause; 0: the next one is the first */
	int64_t up_since;
	int64_t planned_until;
	int goaway_ms; /* the pause that GOAWAY asked for */
	int64_t heard_at;
	int64_t asked_at; /* 0: no sign of life has been requested */
	int64_t quiet_at; /* last look at a socket that nobody dispatches */
	uint64_t random;
	uint64_t last_unconfirmed;
	unsigned n_connects; /* how often it was connected */

	/* shared: subscriptions */
	struct trie trie;
	TAILQ_HEAD(, umbel_sub) subs;
	STAILQ_HEAD(, umbel_sub) due_subs;
	struct sub_questions questions; /* in the order they were sent */
	uint32_t last_request;
	uint32_t last_sub;
	struct specials specials;
	unsigned restoring; /* questions that CONNECTED waits for */

	struct asking asking; /* shared; but inbox changes only by role */

	/* shared: barriers */
	struct barriers barriers; /* not done; those with a token first */
	struct barriers due_barriers;
	struct barrier own;  /* our own PING, to confirm or to see life */
	struct barrier last; /* ... and one before a connection ends */
	uint64_t last_token;
	bool loss_untold; /* messages lost since the last flush ended */

	/* shared: events to report to on_state */
	struct state_event events[STATE_EVENTS];
	unsigned n_events;
	struct notice notices[NOTICES]; /* ... and to the three others */
	unsigned n_notices;

	struct umbel_stats stats;
	char error_text[512];

	/* role: receiving */
	struct umbel_sub *snapshot; /* its last values are coming */
	struct rx *rx;
	size_t rx_cap;        /* of the buffer that was given back, if any */
	size_t rx_frame;      /* length of the last frame whose head was read */
	unsigned rx_patience; /* reads until a buffer that grew is given back */
	unsigned rx_full;     /* consecutive reads that filled the buffer */
	uint64_t received;    /* not yet added to the stats */
	bool again;     /* the wake-up rings because there is more to do */
	bool unbounded; /* dispatch_max was not set */
	struct run run;
	struct routes routes;
	void **matches; /* of the topic that is being looked up */
	size_t n_matches;
	size_t max_matches;
	void *scratch; /* headers of the current message */
	size_t scratch_size;

	/* role: for umbel_next() */
	STAILQ_HEAD(, umbel_msg) next;
	size_t next_bytes;
};

#endif
