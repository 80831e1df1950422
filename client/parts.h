/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * parts - what the files of this library provide to each other, file by file,
 * and under which lock.
 *
 * The functions shared between files are named after their job: conn_* connect
 * and disconnect, send_* write, rx_* read, run_* and receive_* parse and
 * deliver, dispatch_* are the loop. sub_*, barrier_* and next_* implement the
 * parts of umbel.h with those names.
 */
#ifndef UMBEL_CLIENT_PARTS_H
#define UMBEL_CLIENT_PARTS_H

#include "handle.h"

/* ---- will.c ------------------------------------------------------------- */

/* Encode the will in c->opt. 0, -EINVAL, -EMSGSIZE, -ENOMEM, UMBEL_E_TOPIC. */
int will_take(struct umbel *c);

/* ---- replay.c: lock held ---------------------------------------------------- */

/* Publish the last values to a broker that does not have them. 0 or -ENOMEM. */
int replay_values(struct umbel *c);
/* Note that the current broker has them. */
void replay_confirmed(struct umbel *c);

/* ---- address.c -------------------------------------------------------- */

/* Set the socket's path. all[1] is empty, or the path to use when nobody
   answers at all[0]. 0, -ENAMETOOLONG, -EINVAL. */
int address_choose(struct sockaddr_un all[2], const char *wanted);
const struct sockaddr_un *address_prefer(const struct sockaddr_un all[2]);

/* Connect, and check which user listens there. Returns the socket, or a
   negative error with the reason in `text`. */
int address_connect(const struct sockaddr_un *address,
                    const struct umbel_options *opt, char *text, size_t n);

/* ---- connect.c: all with the lock held --------------------------------- */

/* Connect from now on; if the handle FAILED, start again. */
void conn_want(struct umbel *c);
void conn_attempt(struct umbel *c, int64_t now);
/* The connection ended, or none could be made: `error` says why. */
void conn_lost(struct umbel *c, int error, const char *text);
void conn_protocol(struct umbel *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Returns how many waiting messages were dropped because they were too long for
   this broker. */
uint64_t conn_welcomed(struct umbel *c, const struct message_welcome *m);
void conn_restored(struct umbel *c);
void conn_leave(struct umbel *c, const struct message_goaway *m);
/* The broker sent a fatal error, and will close. */
void conn_fatal(struct umbel *c, const struct message_error *m);
/* Close the socket, and nothing else. */
void conn_close(struct umbel *c);
enum umbel_state conn_state(const struct umbel *c);

/* ---- send.c: all with the lock held ------------------------------------- */

/* Write everything that may be written now. */
void send_pending(struct umbel *c);
/* Encode a control frame behind what already waits. 0 or -ENOMEM. */
int send_control(struct umbel *c, const struct message *m);
/* The same, but before anything that waits (handshake, last PING). */
int send_control_first(struct umbel *c, const struct message *m);
/* Register with the poller the events that we need from the socket. */
void send_watch(struct umbel *c);
/* Write on behalf of a publish or an uncork, and take care of the connection if
   nobody else does. */
void send_now(struct umbel *c);
/* Send a large payload directly from the caller's memory. The frame's front, of
   `front` bytes, is at the tail, with room for the whole frame. */
void send_large(struct umbel *c, size_t front, const void *data, size_t len);
/* Are we inside a callback, or between cork and uncork? */
static inline bool
send_is_corked(const struct umbel *c)
{
	return c->cork > 0 || (c->dispatcher && c->dispatcher == thread_self());
}
/* Is there room again, after a publish returned -EAGAIN? */
bool send_has_room(const struct umbel *c);

/* ---- publish.c: lock held ------------------------------------------------- */

/* Take a message whose options have passed encode_check(), and send it unless
   it is batched. Returns what umbel_publish_opts() returns. */
int publish_put(struct umbel *c, const char *topic, const void *data,
                size_t len, const struct umbel_pub_options *options);

/* ---- rx.c, run.c: role held ---------------------------------------------- */

/* Any thread. */
void rx_unref(struct rx *rx);
/* Read once, as much as there is room for. Returns the number of bytes, or
   -errno. */
ssize_t rx_fill(struct umbel *c);
/* Give the buffer back if it is empty and not needed. */
void rx_rest(struct umbel *c);
/* Drop the buffer and its history. */
void rx_reset(struct umbel *c);
/* Is there probably more in the socket, and time to read it? */
bool rx_expects_more(const struct umbel *c);

/*
 * Begin a run with a message that is on another topic than the one before, or
 * not plain: fill c->run with its content and its receivers. `only` is the
 * subscription that the broker named, or NULL. 0, -ENOMEM, or UMBEL_E_PROTOCOL.
 */
int run_begin(struct umbel *c, const uint8_t *body, uint32_t len,
              struct umbel_sub *only);

/* ---- receive.c, control.c ---------------------------------------------- */

/* Role held: read from the socket if `readable`, and deliver, up to the given
   number of callbacks. Returns the number of callbacks. */
unsigned receive(struct umbel *c, bool readable, unsigned max);
/* Lock held, nobody dispatches: process only what needs no callback. */
void receive_quietly(struct umbel *c);
/* Is there a complete frame, or an invalid one, to be processed? */
bool receive_has_frame(const struct umbel *c);
void receive_reset(struct umbel *c);
void receive_fini(struct umbel *c);

/* Act on any frame except PUBLISH and DELIVER. Lock held. */
void control_frame(struct umbel *c, const uint8_t *body, size_t len);
/* Make a text printable: NUL-terminated, no control characters. */
void control_text(char *buf, size_t n, struct text text);
/* The error of the API for a code of the broker. */
int control_error(unsigned code);

/* ---- notice.c: lock held ------------------------------------------------- */

/* Queue a notice, if there is a callback for its kind. */
void notice_add(struct umbel *c, const struct notice *n);
/* Call the callback for the first notice; the lock is released meanwhile. */
void notice_tell(struct umbel *c);
/* Drop the notices of holds, because holds end with the connection. */
void notice_connection_lost(struct umbel *c);

/* ---- dispatch.c -------------------------------------------------------- */

/* Report that something is due. Any thread. */
void dispatch_attend(struct umbel *c, unsigned bits);
/* Wake the dispatching thread, unless that is the caller. Lock held. */
void dispatch_wake(struct umbel *c);
/* Is a callback due, or has another thread changed the subscriptions? */
static inline bool
has_attention(const struct umbel *c)
{
	return atomic_load_explicit(&c->attention, memory_order_relaxed) != 0;
}

/* Call the callbacks that are due; role held. Returns how many. */
unsigned dispatch_due(struct umbel *c);
/* Set the timer to the earliest deadline. Lock held. */
void dispatch_arm(struct umbel *c);
/* Something is due now and needs no timer: the thread that dispatches, or the
   next one that does, must not wait. Lock held. */
void dispatch_soon(struct umbel *c);
/* The broker gave a sign of life. Lock held. */
void dispatch_heard(struct umbel *c);
/* Lock held: keep the connection going, without callbacks, if nobody
   dispatches. */
void dispatch_quietly(struct umbel *c, int64_t now);
/* Lock held: queue a state change for on_state. */
void dispatch_state(struct umbel *c, enum umbel_state state,
                    const struct umbel_state_info *info);

/*
 * Wait for `done` (called with the lock held) until the time is over.
 * Dispatches meanwhile, unless another thread does. 0, -ETIMEDOUT, -EDEADLK,
 * -ECHILD; UMBEL_E_FREED when a callback freed the handle: it is gone then.
 */
int dispatch_until(struct umbel *c, int timeout_ms,
                   bool (*done)(struct umbel *c, void *arg), void *arg);

/*
 * Run one round, without waiting, if input was left over that only callbacks
 * can take: a GOAWAY may be behind it. 0, or UMBEL_E_FREED as above.
 */
int dispatch_overdue(struct umbel *c);

/* Milliseconds from now to a deadline, for poll; -1 for NEVER. */
int dispatch_left(int64_t deadline);
int64_t dispatch_deadline(int timeout_ms);

/* Take the role, and give it back. 0, -ECHILD, -EDEADLK, -EBUSY; -ETIMEDOUT
   when a thread that has it in passing did not give it up in time.
   dispatch_end() frees the handle if a callback asked for that, and then
   returns true. */
int dispatch_begin(struct umbel *c, int64_t deadline);
bool dispatch_end(struct umbel *c);
/* Run one round: wait, read, deliver, timers, write. Returns the number of
   callbacks. */
unsigned dispatch_turn(struct umbel *c, int timeout_ms);

/* ---- subscribe.c: lock held unless said otherwise ----------------------- */

/* Pipeline all subscriptions behind HELLO. 0 or -ENOMEM. */
int sub_restore_all(struct umbel *c);
/* Handle the answer to the oldest request: `n_retained` values follow, or it is
   an error. False if the answer is not for that request. */
bool sub_answered(struct umbel *c, uint32_t number, uint64_t n_retained,
                  const struct message_error *error);
/* The broker has ended the subscriptions to `about`. */
void sub_revoked(struct umbel *c, const struct message_error *m);
/* `n` of the expected last values have come, or never will. */
void sub_snapshot_shrinks(struct umbel *c, uint64_t n);
/* Without the lock, role held: the subscription that a DELIVER is for, or
   NULL. */
struct umbel_sub *sub_of_id(struct umbel *c, uint32_t id);
void sub_connection_lost(struct umbel *c);
/* Subscribe to the inbox, without a struct umbel_sub; request_answered() gets
   the answer. 0 or -ENOMEM. */
int sub_ask_for_inbox(struct umbel *c, struct sub_question *q,
                      const char *filter);
/* End all subscriptions, but deliver what is on its way. */
void sub_end_all(struct umbel *c);
/* Without the lock, role held: call the due callbacks of a subscription.
   Returns how many. */
unsigned sub_tell(struct umbel *c, struct umbel_sub *s);
void sub_free(struct umbel_sub *s);
/* Role held, without the lock: fill c->matches for a topic. 0 or -ENOMEM. */
int sub_match(struct umbel *c, const char *topic, size_t len);

/* ---- request.c: lock held unless said otherwise ---------------------------- */

void request_init(struct umbel *c);
/* Forget all requests without calling their callbacks. */
void request_forget_all(struct umbel *c);
/* A WELCOME gave us this inbox (nil: none). 0 or -ENOMEM. */
int request_welcomed(struct umbel *c, struct text inbox);
/* Subscribe to the inbox, if a request waits for a reply. 0 or -ENOMEM. */
int request_restore(struct umbel *c);
/* The answer to that subscription; `error` may be NULL. */
void request_answered(struct umbel *c, const struct message_error *error);
/* Handle a refusal; false if it is not for a request. */
bool request_refused(struct umbel *c, const struct message_error *m);
/* Messages to us were lost, perhaps including replies. */
void request_loss(struct umbel *c);
void request_connection_lost(struct umbel *c);
/* There will be no other connection. */
void request_failed(struct umbel *c, int error, const char *text);
/* End the requests that are overdue. `listened`: all input was processed. */
void request_expire(struct umbel *c, int64_t now, bool listened);
/* Call the callback of the first request that is due; the lock is released
   meanwhile. */
void request_tell(struct umbel *c);
/* Without the lock, role held: call the callback of request c->run.request with
   the current message. Returns the number of callbacks. */
unsigned request_deliver(struct umbel *c);

/* ---- next.c: role held -------------------------------------------------- */

/* Keep the current message for umbel_next(). 0 or -ENOMEM. */
int next_push(struct umbel *c, const struct umbel_msg *m);
static inline bool
next_is_full(const struct umbel *c)
{
	return c->next_bytes >= c->opt.next_buffer;
}
void next_fini(struct umbel *c);

/* ---- message.c ----------------------------------------------------------- */

/* Unpack the headers of the current message into c->scratch. 0, -ENOMEM. */
int msg_headers(struct umbel *c, const uint8_t *map, size_t len);
/* The memory that a kept message takes. */
size_t msg_size(const struct umbel_msg *m);

/* ---- barrier.c: lock held ------------------------------------------------ */

/* Send a PING for the barriers that have none yet; role held. */
void barrier_ask(struct umbel *c);
/* Send a PING of our own, unless one is on its way. */
void barrier_ask_own(struct umbel *c);
/* The same, unless any PING is on its way. */
void barrier_confirm(struct umbel *c);
/* Send a PING before everything that waits, on a connection about to end. */
void barrier_ask_last(struct umbel *c);
void barrier_answered(struct umbel *c, const struct message_pong *m);
/* `keep` the barriers that wait: everything that was sent was routed. */
void barrier_connection_lost(struct umbel *c, bool keep);
/* There will be no other connection. */
void barrier_failed(struct umbel *c, int error);
void barrier_free(struct umbel *c, struct barrier *b);

/* ---- debug.c -------------------------------------------------------------- */

/* Write a line to stderr for a frame that is sent (">") or received ("<"). */
void debug_frame(struct umbel *c, const char *way, const uint8_t *body,
                 size_t len);
void debug_line(struct umbel *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
