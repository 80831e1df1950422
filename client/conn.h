/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * conn - a handle, as the files of this library share it.
 *
 * Who may touch what:
 *
 *   fixed    set by umbel_new(), only read afterwards
 *   shared   under `lock`, by any thread
 *   role     by the thread that has the role of dispatcher; or under `lock`
 *            while nobody has it (see dispatch_quietly())
 *
 * Callbacks run without the lock. What one thread does that the dispatching
 * one must see is said by a bit in `attention`, which is looked at before each
 * message: nothing else is shared on the way of a message in.
 *
 * Functions whose names are not static to a file: conn_* connect and break,
 * send_* write, rx_* read, run_* and receive_* understand and deliver, dispatch_*
 * are the loop, sub_*, barrier_* and next_* belong to what umbel.h has by those
 * names.
 */
#ifndef UMBEL_CLIENT_CONN_H
#define UMBEL_CLIENT_CONN_H

#include <errno.h>
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
#include "proto/ahead.h"
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

/* Messages that wait for company are written when so much has come together. */
#define SEND_BATCH         (256u << 10)
/* A payload as long as this is sent from where the caller has it. */
#define SEND_LARGE         (64u << 10)
/* What we ask the kernel to hold for us; it gives less if it must. */
#define SEND_KERNEL_BUFFER (1 << 20)
/* What we ask it for at a time. No more: who has ten thousand handles, or shares
   a processor with a hundred others, is slower the more memory he goes through. */
#define RECEIVE_BUFFER     (128u << 10)
/* A broker must see that we take something: look at the socket so often, even
   if callbacks have not got through what came before. */
#define TOP_UP_MS          100
/* A broker that says it takes longer frames is believed up to here. */
#define FRAME_MAX_BELIEVED (256u << 20)
/* How long messages stay unconfirmed before we ask by ourselves. */
#define CONFIRM_MS         100
/* Who cannot be judged yet, since nobody listened, is looked at again. */
#define JUDGE_MS           1000
/* After a planned restart: pauses no longer than this, for so long. A new
   broker waits a moment for those who were there, and no longer. */
#define PLANNED_PAUSE_MS   50
#define PLANNED_MS         10000
/* A connection that stood for less did not do any good: pauses grow on. */
#define STOOD_MS           200
/* A broker that takes nothing more has so long to say why, and to close. */
#define WRITE_ENDED_MS     5000
/* A hold by a subscriber is bounded; this, and three times ping_ms, is longer. */
#define HELD_MS            60000
/* One that said GOAWAY may be silent for so long before it closes. */
#define LEAVE_MS           30000
#define NEVER              INT64_MAX

enum link {
	LINK_DOWN,
	LINK_HELLO,   /* HELLO sent, WELCOME awaited */
	LINK_RESTORE, /* ... the answers to our subscriptions awaited */
	LINK_UP,
	LINK_LEAVING, /* GOAWAY came: publish nothing more, read to the end */
};

/* Bits of `attention`. */
enum {
	ATTEND_DUE = 1,    /* callbacks are due */
	ATTEND_ROUTES = 2, /* subscriptions changed */
	ATTEND_DYING = 4,  /* umbel_free() in a callback */
};

struct deadlines {
	int64_t retry;   /* connect */
	int64_t give_up; /* handshake, or leaving, has taken too long */
	int64_t resend;  /* the kernel had no memory for what we sent */
	int64_t confirm; /* ask whether messages were routed */
	int64_t silence; /* look whether the broker is still there */
	int64_t request; /* the first of our requests gets no reply in time */
	int64_t armed;   /* what the timer is set to */
};

/* A state change that on_state has not been told yet. */
struct state_event {
	enum umbel_state state;
	struct umbel_state_info info;
	char text[256];
};
#define STATE_EVENTS 8

/* What a plain PUBLISH begins with, as encoded last time: bulk is on one topic
   and of one length, and only the payload is added. */
struct head_template {
	size_t topic_end; /* the front without the payload's head; 0: none */
	size_t len;       /* with it; HEAD_OF_NONE: no message begins so */
	size_t data_len;  /* of the payload that prefix and head tell of */
	size_t topic_len;
	char topic[TOPIC_MAX + 1];
	uint8_t bytes[FRAME_PREFIX_SIZE + PUBLISH_PLAIN_TOPIC + 2 + TOPIC_MAX +
	              2 + ENCODE_BIN_HEAD_MAX];
};
/* Longer than any buffer, and short enough to be added to a place in one. */
#define HEAD_OF_NONE (SIZE_MAX / 2)

/* A SUBSCRIBE or UNSUBSCRIBE whose answer has not come. */
struct sub_question {
	STAILQ_ENTRY(sub_question) link;
	struct umbel_sub *sub; /* NULL: to our inbox */
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
	bool named;        /* the caller may still give it to us ... */
	bool told;         /* ... and nothing but that keeps it */
	int end_error;
	char *end_text; /* the broker's words; may be NULL */
	char filter[];  /* ... and behind it the name of the group */
};

/*
 * Subscriptions that DELIVER names: those of a group, and those with last
 * values. Their ids are SPECIAL_SUB and a place in here.
 */
struct specials {
	struct umbel_sub **places;
	uint32_t n; /* places that were ever used */
	uint32_t max;
	uint32_t first_free; /* below it there is none that is free */
};
#define SPECIAL_SUB 0x80000000u

struct barrier {
	STAILQ_ENTRY(barrier) link;
	umbel_done_cb *cb;
	void *user;
	uint64_t token;    /* 0: no PING was sent for it yet */
	uint64_t position; /* messages that were taken before it */
	int error;
	bool waited_for; /* a _wait form looks at `done`, and frees it */
	bool done;
	bool pending; /* in c->barriers */
};

STAILQ_HEAD(barriers, barrier);
STAILQ_HEAD(sub_questions, sub_question);

/* What umbel_request() needs. */
struct asking {
	struct calls calls;      /* those that have not ended */
	STAILQ_HEAD(, call) due; /* ... and that have: to be told */
	uint64_t last_id;
	struct inbox inbox; /* of this connection or the last */
	bool possible;      /* the broker gave us one */
	bool subscribed;    /* SUBSCRIBE to it was sent */
	struct sub_question subscribe;
	unsigned n_dead; /* without a connection: those that ended, unsent */
};

/* What the broker said that on_hold, on_error or on_loss has not been told yet;
   its texts are those below. */
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
	size_t head; /* the next byte to be looked at */
	size_t tail; /* where the next byte from the kernel goes */
	uint8_t data[];
};

/* One malloc'ed block, or borrowed for the time of a callback (refs is 0). */
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
	size_t headers_size; /* of the block that holds them and their texts */

	struct rx *rx; /* where the payload lies; kept: NULL if copied */
	_Atomic unsigned refs;
	STAILQ_ENTRY(umbel_msg) link; /* in c->next */
};

/* Consecutive messages on one topic, and where they lead. */
struct run {
	struct umbel_msg msg;
	struct publish first;
	void *const *to;
	uint32_t n;
	/* came in a DELIVER for this one, which it leads to and nowhere else;
	   NULL: came as it is */
	struct umbel_sub *only;
	uint64_t request; /* ... or to the reply callback of this, if not 0 */
	bool plain; /* the next plain one can be recognized by its bytes */
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
	_Atomic uintptr_t owner; /* single_thread: who used it first, or 0 */
	bool debug;

	/* any thread, without the lock */
	struct sys sys; /* see sys.h */
	_Atomic unsigned attention;
	_Atomic bool stopped;
	_Atomic bool woken;
	_Atomic bool watched; /* umbel_fd() was called: it must tell all */

	pthread_mutex_t lock;
	pthread_cond_t
		changed; /* for those who wait while another dispatches */
	unsigned n_waiting;
	bool locked; /* by whoever holds it, unless it needs no lock */

	/* shared: publishing */
	struct head_template head;
	struct out out;  /* PUBLISH, and since LINK_UP everything else */
	struct out ctrl; /* what goes before it: the handshake, a last PING */
	size_t brink; /* see publish.c; any other use of the lock makes it 0 */
	unsigned cork;
	size_t flush_at;  /* write when so many bytes have come together */
	bool blocked;     /* the kernel took no more; it will say when */
	bool write_ended; /* ... and it never will */
	bool encoding;    /* a frame is being made for this very connection */
	bool paused;      /* umbel_next() has enough: the socket is not read */
	/* the broker does not read us, its HOLD says so: believed so long */
	int64_t held_until;
	int confirm_ms;                   /* CONFIRM_MS */
	bool room_awaited;                /* a publish said -EAGAIN ... */
	size_t room_wanted;               /* ... for lack of so many bytes */
	bool room_due;                    /* ... there is, untold */
	uint64_t taken;                   /* messages, by umbel_publish */
	uint64_t sent;                    /* ... that the kernel took whole */
	struct keep keep;                 /* last values, with keep_retained */
	char knows_values[INBOX_MAX + 1]; /* ... and the broker that has them */
	uint64_t settled; /* ... whose fate is known, or never will be */

	/* shared: who dispatches; 0: nobody */
	uintptr_t dispatcher;
	bool passing; /* ... for something of its own: gives it up when asked */
	unsigned n_claims; /* those who ask for it, and come first */
	bool dying; /* umbel_free() in a callback: freed when it returns */

	/* shared: the connection */
	const struct sockaddr_un *address; /* one of them */
	int fd;
	enum link link;
	bool wanted;      /* umbel_connect() was called */
	bool closing;     /* umbel_close() was: no callback for messages */
	int failed;       /* the error of FAILED, else 0 */
	int last_failure; /* why the last attempt failed; 0 once connected */
	uint32_t session;
	uint32_t uid;
	enum umbel_overflow overflow; /* granted, or asked for */
	size_t max_frame;
	struct deadlines at;
	int retry_ms; /* the last pause; 0: the next one is the first */
	int64_t up_since;
	int64_t planned_until;
	int goaway_ms; /* the pause that GOAWAY asked for */
	int64_t heard_at;
	int64_t asked_at; /* 0: no sign of life is asked for */
	int64_t quiet_at; /* last look at a socket that nobody dispatches */
	uint64_t random;
	uint64_t last_unconfirmed;
	unsigned n_connects; /* how often it stood */

	/* shared: subscriptions */
	struct trie trie;
	TAILQ_HEAD(, umbel_sub) subs;
	STAILQ_HEAD(, umbel_sub) due_subs;
	struct sub_questions questions; /* in the order they were sent */
	uint32_t last_request;
	uint32_t last_sub;
	struct specials specials;
	unsigned restoring; /* questions that CONNECTED waits for */

	struct asking asking; /* shared; its inbox changes by role */

	/* shared: barriers */
	struct barriers barriers; /* not done; those with a token first */
	struct barriers due_barriers;
	struct barrier own;  /* a PING of our own, to confirm or to see life */
	struct barrier last; /* ... and one before a connection ends */
	uint64_t last_token;
	bool loss_untold; /* messages were lost since the last flush ended */

	/* shared: what on_state has to be told */
	struct state_event events[STATE_EVENTS];
	unsigned n_events;
	struct notice notices[NOTICES]; /* ... and the three others */
	unsigned n_notices;

	struct umbel_stats stats;
	char error_text[512];

	/* role: receiving */
	struct umbel_sub *snapshot; /* its last values are coming */
	struct rx *rx;
	size_t rx_cap;        /* of the one that was given back, if any */
	unsigned rx_patience; /* reads until a buffer that grew is given back */
	unsigned rx_full;  /* reads without a pause that filled it to the end */
	uint64_t received; /* not yet added to the stats */
	bool again;        /* the wake-up rings because there is more to do */
	bool unbounded;    /* nobody set dispatch_max */
	struct run run;
	struct routes routes;
	struct ahead ahead; /* in what was received */
	void **matches;     /* of the topic that is being looked up */
	size_t n_matches;
	size_t max_matches;
	void *scratch; /* headers of the message under way */
	size_t scratch_size;

	/* role: for umbel_next() */
	STAILQ_HEAD(, umbel_msg) next;
	size_t next_bytes;
};

/* ---- lock, fork, threads (handle.c) ------------------------------------ */

/* The first thread that uses a handle of one thread owns it: 0 or -EPERM. */
int handle_claim(struct umbel *c);

/*
 * The lock costs as much as all else that a publish does. A handle of one
 * thread needs none, handle_check() keeps others out; nor does a process of one
 * thread: while it is held no callback runs, which could start another.
 */
static inline void
handle_lock_to_publish(struct umbel *c)
{
	if (sys_is_alone() || c->opt.single_thread)
		return;
	pthread_mutex_lock(&c->lock);
	c->locked = true;
}

static inline void
handle_lock(struct umbel *c)
{
	handle_lock_to_publish(c);
	c->brink = 0;
}

static inline void
handle_unlock(struct umbel *c)
{
	if (!c->locked)
		return;
	c->locked = false;
	pthread_mutex_unlock(&c->lock);
}

/* Lock held: let go of it until handle_changed(), or until the time is over. */
void handle_wait(struct umbel *c, int timeout_ms);

/* Raised in the child by every fork. */
extern _Atomic unsigned handle_forks;

static inline uintptr_t
thread_self(void)
{
	return (uintptr_t)pthread_self();
}

/* Is this a copy that fork() made? */
static inline bool
handle_is_foreign(const struct umbel *c)
{
	return unlikely(
		atomic_load_explicit(&handle_forks, memory_order_relaxed) !=
		c->fork_generation);
}

/* May this process and this thread use it, if it is one? 0, -EINVAL, -ECHILD,
   -EPERM. */
static inline int
handle_check(struct umbel *c)
{
	if (unlikely(!c))
		return -EINVAL;
	if (handle_is_foreign(c))
		return -ECHILD;
	if (c->opt.single_thread &&
	    unlikely(atomic_load_explicit(&c->owner, memory_order_relaxed) !=
	             thread_self()))
		return handle_claim(c);
	return 0;
}

/* Lock held: remember why, and return `error`. */
int handle_fail(struct umbel *c, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, without the lock. */
int handle_refuse(struct umbel *c, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Wake those who wait for something to change. Lock held. */
void handle_changed(struct umbel *c);
void handle_destroy(struct umbel *c);

/* ---- will.c ------------------------------------------------------------- */

/* Encode c->opt's. 0, -EINVAL, -EMSGSIZE, -ENOMEM, UMBEL_E_TOPIC. */
int will_take(struct umbel *c);

/* ---- replay.c: lock held ---------------------------------------------------- */

/* Give the last values to a broker that has not got them. 0 or -ENOMEM. */
int replay_values(struct umbel *c);
/* This one has them. */
void replay_confirmed(struct umbel *c);

/* ---- address.c -------------------------------------------------------- */

/* The socket's path. all[1] is empty, or the one for when nobody answers at
   all[0]. 0, -ENAMETOOLONG, -EINVAL. */
int address_choose(struct sockaddr_un all[2], const char *wanted);
const struct sockaddr_un *address_prefer(const struct sockaddr_un all[2]);

/* Connect, and make sure of who listens there. The socket, or a negative error
   with the reason in `text`. */
int address_connect(const struct sockaddr_un *address,
                    const struct umbel_options *opt, char *text, size_t n);

/* ---- connect.c: all with the lock held --------------------------------- */

/* Connect from now on; again, if it FAILED. */
void conn_want(struct umbel *c);
void conn_attempt(struct umbel *c, int64_t now);
/* The connection ended, or none could be made: `error` says why. */
void conn_lost(struct umbel *c, int error, const char *text);
void conn_protocol(struct umbel *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How many waiting messages were too long for this broker, and dropped. */
uint64_t conn_welcomed(struct umbel *c, const struct message_welcome *m);
void conn_restored(struct umbel *c);
void conn_leave(struct umbel *c, const struct message_goaway *m);
/* The broker's last word before it closes. */
void conn_fatal(struct umbel *c, const struct message_error *m);
/* Close the socket, and nothing else. */
void conn_close(struct umbel *c);
enum umbel_state conn_state(const struct umbel *c);

/* ---- send.c: all with the lock held ------------------------------------- */

/* Write what may be written now. */
void send_pending(struct umbel *c);
/* Encode a control frame behind what waits already. 0 or -ENOMEM. */
int send_control(struct umbel *c, const struct message *m);
/* Before anything that waits (handshake, last PING). */
int send_control_first(struct umbel *c, const struct message *m);
/* Register with the poller what we want of the socket. */
void send_watch(struct umbel *c);
/* Write what a publish or an uncork wants written, and see to the connection
   if nobody else does. */
void send_now(struct umbel *c);
/* A large payload goes to the kernel from where the caller has it. Its frame's
   front is at the tail, `front` bytes, with room behind for all of it. */
void send_large(struct umbel *c, size_t front, const void *data, size_t len);
/* Inside a callback, or between cork and uncork. */
static inline bool
send_is_corked(const struct umbel *c)
{
	return c->cork > 0 || (c->dispatcher && c->dispatcher == thread_self());
}
/* Is there room, after a publish said there was none? */
bool send_has_room(const struct umbel *c);

/* ---- publish.c: lock held ------------------------------------------------- */

/* Take a message whose options have passed encode_check(), and send it if it
   need not wait. As umbel_publish_opts(). */
int publish_put(struct umbel *c, const char *topic, const void *data,
                size_t len, const struct umbel_pub_options *options);

/* ---- rx.c, run.c: role held ---------------------------------------------- */

/* By any thread. */
void rx_unref(struct rx *rx);
/* Read once, as much as there is room for: how much came, or -errno. */
ssize_t rx_fill(struct umbel *c);
/* Give back what is not needed while nothing waits in it. */
void rx_rest(struct umbel *c);
/* Without a buffer, and without its history. */
void rx_reset(struct umbel *c);
/* Is it likely that there is more in the socket, and time to read it? */
bool rx_expects_more(const struct umbel *c);

/*
 * A message on another topic than the one before, or none of the plain shape:
 * c->run is what it says and where it leads. `only` is whom the broker named, or
 * NULL. 0, -ENOMEM, or UMBEL_E_PROTOCOL.
 */
int run_begin(struct umbel *c, const uint8_t *body, uint32_t len,
              struct umbel_sub *only);

/* ---- receive.c, control.c ---------------------------------------------- */

/* Read from the socket if `readable`, and deliver, role held, up to the given
   number of callbacks. How many there were. */
unsigned receive(struct umbel *c, bool readable, unsigned max);
/* Lock held, nobody dispatches: only what needs no callback. */
void receive_quietly(struct umbel *c);
/* Is there a whole frame that may be looked at? */
bool receive_has_frame(const struct umbel *c);
void receive_reset(struct umbel *c);
void receive_fini(struct umbel *c);

/* Act on any frame but PUBLISH and DELIVER. Lock held. */
void control_frame(struct umbel *c, const uint8_t *body, size_t len);
/* Words for people: NUL-terminated, no control characters. */
void control_text(char *buf, size_t n, struct text text);
/* What the API calls a code of the broker. */
int control_error(unsigned code);

/* ---- notice.c: lock held ------------------------------------------------- */

/* Remember it, if there is a callback for its kind. */
void notice_add(struct umbel *c, const struct notice *n);
/* Call the callback for the first; without the lock meanwhile. */
void notice_tell(struct umbel *c);
/* Holds have ended with the connection, without a word. */
void notice_connection_lost(struct umbel *c);

/* ---- dispatch.c -------------------------------------------------------- */

/* Say that something is due. Any thread. */
void dispatch_attend(struct umbel *c, unsigned bits);
/* Wake the dispatching thread, unless that is us. Lock held. */
void dispatch_wake(struct umbel *c);
/* Is a callback due, or has another thread changed what is subscribed to? */
static inline bool
has_attention(const struct umbel *c)
{
	return atomic_load_explicit(&c->attention, memory_order_relaxed) != 0;
}

/* Call the callbacks that are due; role held. How many. */
unsigned dispatch_due(struct umbel *c);
/* Set the timer to the earliest deadline. Lock held. */
void dispatch_arm(struct umbel *c);
/* Something is due already, and needs no timer: whoever dispatches, or the
   next who does, shall not wait. Lock held. */
void dispatch_soon(struct umbel *c);
/* The broker gave a sign of life. Lock held. */
void dispatch_heard(struct umbel *c);
/* Lock held: move on without a callback if nobody dispatches. */
void dispatch_quietly(struct umbel *c, int64_t now);
/* Lock held: remember a state change for on_state. */
void dispatch_state(struct umbel *c, enum umbel_state state,
                    const struct umbel_state_info *info);

/*
 * Dispatch until `done` (called with the lock held), or until the time is over,
 * or let the thread do it that already does. 0, -ETIMEDOUT, -EDEADLK, -ECHILD;
 * -ECANCELED when a callback freed the handle: it is gone then.
 */
int dispatch_until(struct umbel *c, int timeout_ms,
                   bool (*done)(struct umbel *c, void *arg), void *arg);

/*
 * A round, without waiting, if something was left over that only callbacks can
 * have: a GOAWAY may be behind it. 0, or -ECANCELED as above.
 */
int dispatch_overdue(struct umbel *c);

/* Milliseconds from now to a deadline, for poll; -1 for NEVER. */
int dispatch_left(int64_t deadline);
int64_t dispatch_deadline(int timeout_ms);

/* Take the role, and give it back. 0, -ECHILD, -EDEADLK, -EBUSY; -ETIMEDOUT when
   one who has it in passing did not give it up in time. Giving it back frees the
   handle if a callback asked for it, and says so by true. */
int dispatch_begin(struct umbel *c, int64_t deadline);
bool dispatch_end(struct umbel *c);
/* One round: wait, read, deliver, timers, write. How many callbacks. */
unsigned dispatch_turn(struct umbel *c, int timeout_ms);

/* ---- subscribe.c: lock held unless said otherwise ----------------------- */

/* Pipeline all subscriptions behind HELLO. 0 or -ENOMEM. */
int sub_restore_all(struct umbel *c);
/* The answer to the oldest request: `n_retained` values follow, or an error.
   False if it was not that one's. */
bool sub_answered(struct umbel *c, uint32_t number, uint64_t n_retained,
                  const struct message_error *error);
/* The broker has ended the subscriptions to `about`. */
void sub_revoked(struct umbel *c, const struct message_error *m);
/* `n` of the last values that are coming have come, or never will. */
void sub_snapshot_shrinks(struct umbel *c, uint64_t n);
/* Without the lock, role held: whom a DELIVER is for, or NULL. */
struct umbel_sub *sub_of_id(struct umbel *c, uint32_t id);
void sub_connection_lost(struct umbel *c);
/* SUBSCRIBE to what is no umbel_sub; request_answered() gets the answer. 0 or
   -ENOMEM. */
int sub_ask_for_inbox(struct umbel *c, struct sub_question *q,
                      const char *filter);
/* End all, and let what is on its way still come. */
void sub_end_all(struct umbel *c);
/* Without the lock, role held: the callbacks of one that is due. How many. */
unsigned sub_tell(struct umbel *c, struct umbel_sub *s);
void sub_free(struct umbel_sub *s);
/* Role held, no lock: fill c->matches for a topic. 0 or -ENOMEM. */
int sub_match(struct umbel *c, const char *topic, size_t len);

/* ---- request.c: lock held unless said otherwise ---------------------------- */

void request_init(struct umbel *c);
/* Forget all, and call nobody. */
void request_forget_all(struct umbel *c);
/* A WELCOME gave us this inbox (nil: none). 0 or -ENOMEM. */
int request_welcomed(struct umbel *c, struct text inbox);
/* Subscribe to it, if anything waits for a reply. 0 or -ENOMEM. */
int request_restore(struct umbel *c);
/* The answer to that; `error` may be NULL. */
void request_answered(struct umbel *c, const struct message_error *error);
/* A refusal: was it of a request? */
bool request_refused(struct umbel *c, const struct message_error *m);
/* Messages were lost here, replies may be among them. */
void request_loss(struct umbel *c);
void request_connection_lost(struct umbel *c);
/* There will be no other connection. */
void request_failed(struct umbel *c, int error, const char *text);
/* `listened`: all that has come was looked at. */
void request_expire(struct umbel *c, int64_t now, bool listened);
/* Call the callback of the first that is due; without the lock meanwhile. */
void request_tell(struct umbel *c);
/* Without the lock, role held: call the callback of c->run.request with the
   message under way. How many. */
unsigned request_deliver(struct umbel *c);

/* ---- next.c: role held -------------------------------------------------- */

/* Keep the message under way for umbel_next(). 0 or -ENOMEM. */
int next_push(struct umbel *c, const struct umbel_msg *m);
static inline bool
next_is_full(const struct umbel *c)
{
	return c->next_bytes >= c->opt.next_buffer;
}
void next_fini(struct umbel *c);

/* ---- message.c ----------------------------------------------------------- */

/* Unpack the headers of the message under way into c->scratch. 0, -ENOMEM. */
int msg_headers(struct umbel *c, const uint8_t *map, size_t len);
/* What it costs to keep. */
size_t msg_size(const struct umbel_msg *m);

/* ---- barrier.c: lock held ------------------------------------------------ */

/* Send PING for those that have none yet; role held. */
void barrier_ask(struct umbel *c);
/* A PING of our own, unless one is on its way. */
void barrier_ask_own(struct umbel *c);
/* The same, unless any PING is on its way. */
void barrier_confirm(struct umbel *c);
/* On a connection that is about to end: ahead of what waits. */
void barrier_ask_last(struct umbel *c);
void barrier_answered(struct umbel *c, const struct message_pong *m);
/* `keep` those that wait: all that was sent was routed. */
void barrier_connection_lost(struct umbel *c, bool keep);
/* There will be no other connection. */
void barrier_failed(struct umbel *c, int error);
void barrier_free(struct umbel *c, struct barrier *b);

/* ---- debug.c -------------------------------------------------------------- */

/* A line on stderr for a frame that goes (">") or came ("<"). */
void debug_frame(struct umbel *c, const char *way, const uint8_t *body,
                 size_t len);
void debug_line(struct umbel *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
