/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * fake_broker - the other end of a libumbel handle, in the hands of a test:
 * a socket in a folder of its own, and bytes written out. It shares no code
 * with proto/, so that the two cannot be wrong together.
 *
 * The library never blocks, so test and handle take turns in one thread. A read
 * here gives up, and fails the test, after five seconds.
 */
#ifndef UMBEL_TESTS_FAKE_BROKER_H
#define UMBEL_TESTS_FAKE_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake {
	int listener;
	int fd; /* the connection of now, -1: none */
	char folder[32];
	char path[64];
};

/* Frame types, as in PROTOCOL.md. */
enum fake_type {
	FAKE_HELLO = 1,
	FAKE_WELCOME = 2,
	FAKE_PUBLISH = 3,
	FAKE_SUBSCRIBE = 4,
	FAKE_UNSUBSCRIBE = 5,
	FAKE_PING = 10,
	FAKE_PONG = 11,
	FAKE_GOAWAY = 12,
};

/* Make the folder and listen in it. */
void fake_start(struct fake *f);
/* Make the folder only: nobody listens yet. */
void fake_prepare(struct fake *f);
void fake_listen(struct fake *f, int backlog);
/* Stop listening, and remove the socket. */
void fake_unlisten(struct fake *f);
void fake_stop(struct fake *f);

void fake_accept(struct fake *f);
void fake_hang_up(struct fake *f);

/* Read that many bytes; they must be these. */
void fake_expect(struct fake *f, const void *bytes, size_t n);
/* Read that many bytes, whatever they are. */
void fake_take(struct fake *f, void *to, size_t n);
/* The end of the stream must come next. */
void fake_expect_end(struct fake *f);
/* Nothing waits to be read. */
void fake_expect_silence(struct fake *f);
/* Read a frame; its body's length. */
size_t fake_read(struct fake *f, uint8_t *body, size_t cap);
/* Read a frame, which must be of this type; its last byte, which for the small
   numbers of a test is the request of ... or the token. */
unsigned fake_read_type(struct fake *f, enum fake_type type);
/* Read a plain PUBLISH; its payload, NUL-terminated, valid until the next. */
const char *fake_read_publish(struct fake *f);

/* Read a PUBLISH with a reply, a payload shorter than 256 bytes, and any
   headers. Valid until the next. */
struct fake_request {
	char topic[256];
	char reply[256];
	const uint8_t *headers;
	const char *payload;
};
struct fake_request fake_read_request(struct fake *f);

void fake_send(struct fake *f, const void *bytes, size_t n);
/* Put the prefix before a body, and send it. */
void fake_send_body(struct fake *f, const void *body, size_t n);
#define FAKE_SEND_BODY(f, ...)                                \
	fake_send_body((f), (const uint8_t[]){ __VA_ARGS__ }, \
	               sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* accept, HELLO, WELCOME as session 7 of uid 5 */
void fake_welcome(struct fake *f);
/* ... as session 7 of uid 5, with the inbox $inbox.t.7 or this one */
void fake_send_welcome(struct fake *f);
void fake_send_welcome_to(struct fake *f, const char *inbox);
void fake_send_ok(struct fake *f, uint8_t request);
/* ERROR with a short text */
void fake_send_error(struct fake *f, uint8_t code, const char *text,
                     uint8_t request, bool fatal, const char *about);
/* A plain PUBLISH, stamped by session 9 of uid 8. */
void fake_send_publish(struct fake *f, const char *topic, const void *data,
                       size_t len);
/* Read a PING, and answer with these counts. */
void fake_pong(struct fake *f, uint8_t accepted, uint8_t unmatched,
               uint8_t refused);
void fake_send_goaway(struct fake *f, uint8_t delay_ms);

/* Right now, without waiting. */
bool fake_fd_is_readable(int fd);

#endif
