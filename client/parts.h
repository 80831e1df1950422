/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * parts - what the files of this library do for each other, file by file, and
 * under which lock.
 *
 * Functions whose names are not static to a file: conn_* connect and break,
 * send_* write, rx_* read, run_* and receive_* understand and deliver, dispatch_*
 * are the loop, sub_*, barrier_* and next_* belong to what umbel.h has by those
 * names.
 */
#ifndef UMBEL_CLIENT_PARTS_H
#define UMBEL_CLIENT_PARTS_H

#include "handle.h"

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
 * UMBEL_E_FREED when a callback freed the handle: it is gone then.
 */
int dispatch_until(struct umbel *c, int timeout_ms,
                   bool (*done)(struct umbel *c, void *arg), void *arg);

/*
 * A round, without waiting, if something was left over that only callbacks can
 * have: a GOAWAY may be behind it. 0, or UMBEL_E_FREED as above.
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
