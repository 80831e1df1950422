/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * message - encodes and decodes control frames, by means of msgpack-c.
 *
 * message.def has one line per frame; the structs here and both directions of
 * the codec are expanded from it.
 */
#ifndef UMBEL_PROTO_MESSAGE_H
#define UMBEL_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The highest and the lowest version of the protocol that this code speaks. */
#define PROTOCOL_VERSION     1u
#define PROTOCOL_VERSION_MIN 1u

#define NAME_MAX_BYTES 64u

/* Frame types from here up are extensions: skipped when unknown. */
#define TYPE_EXTENSION 0x80u

enum frame_type {
	TYPE_PUBLISH = 3,
	TYPE_DELIVER = 6,
#define MESSAGE(number, NAME, name, way, fields) TYPE_##NAME = (number),
#include "message.def"
};

enum way {
	WAY_TO_BROKER = 1,
	WAY_TO_CLIENT = 2,
	WAY_BOTH_WAYS = WAY_TO_BROKER | WAY_TO_CLIENT,
};

/* A str or bin of a frame: not NUL-terminated. {NULL, 0} is nil. */
struct text {
	const char *at;
	uint32_t len;
};

/* A text from a C string; NULL gives nil. */
struct text text_from(const char *s);
bool text_equals(struct text text, const char *s);

/*
 * All keys that occur in maps of options and limits. An absent key is nil,
 * false or 0; its meaning depends on the frame.
 */
struct options {
	struct text overflow; /* HELLO, WELCOME: str */
	struct text will;     /* HELLO: bin */
	struct text inbox;    /* WELCOME: str */
	struct text group;    /* SUBSCRIBE: str */
	uint32_t max_frame;   /* WELCOME: bytes */
	bool retained;        /* SUBSCRIBE */
	bool monitor;         /* SUBSCRIBE */
};

/* A last element that a frame may omit. */
struct last_u64 {
	uint64_t value; /* 0 when it is omitted */
	bool given;
};

#define U32(field)        uint32_t field;
#define U53(field)        uint64_t field;
#define U64(field)        uint64_t field;
#define LAST_U64(field)   struct last_u64 field;
#define BOOL(field)       bool field;
#define STR(field)        struct text field;
#define STR_OR_NIL(field) struct text field;
#define OPTIONS(field)    struct options field;
#define MESSAGE(number, NAME, name, way, fields) \
	struct message_##name {                  \
		fields                           \
	};
#include "message.def"

struct message {
	enum frame_type type;
	/* If decoding failed because of an option: the type that its value must
	   have (NULL: the failure was something else), and its key, nil when
	   the key is not a str. */
	const char *option_wanted;
	struct text option;
	union {
#define MESSAGE(number, NAME, name, way, fields) struct message_##name name;
#include "message.def"
	};
};

/*
 * The directions in which `type` of message.def may be sent, as bits of enum
 * way; 0 when it is not there: it may be PUBLISH, DELIVER, an extension, or
 * unknown.
 */
unsigned message_ways(uint32_t type);

/* "SUBSCRIBE"; also "PUBLISH" and "DELIVER"; "?" for other types. */
const char *message_name(uint32_t type);

enum message_result {
	MESSAGE_OK,
	MESSAGE_BAD,       /* an element is missing, or of the wrong type */
	MESSAGE_NO_MEMORY, /* msgpack-c could not allocate */
};

/*
 * Decode a body that cursor_check_body() has accepted, whose type is one of
 * message.def. Texts in *out point into the body.
 */
enum message_result message_decode(const uint8_t *body, size_t len,
                                   struct message *out);

/*
 * Encode a whole frame, prefix included, into `buf`. Returns its length, or 0
 * when it does not fit (then buf holds nothing useful). A GAP has the same
 * length whatever its counts, so that they can be changed in place.
 */
size_t message_encode(const struct message *m, uint8_t *buf, size_t cap);

/* Enough for any frame but a HELLO with a will: every text in it is short. */
#define MESSAGE_MAX 2048u

#endif
