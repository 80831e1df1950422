/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * answers - what a client of a rig is told when it asks the broker about itself.
 */
#ifndef UMBEL_TESTS_ANSWERS_H
#define UMBEL_TESTS_ANSWERS_H

#include <msgpack.h>

#include "proto/publish.h"
#include "sessions.h"

/* An answer, and the map that its payload is. */
struct answer {
	msgpack_unpacked unpacked;
	bool is_error;
};

static inline void
answer_fini(struct answer *a)
{
	msgpack_unpacked_destroy(&a->unpacked);
}

static inline struct answer
ask(struct client *c, const char *subject, const char *options)
{
	char topic[64], reply[INBOX_MAX + 8];
	struct bytes payload = { 0 };
	struct answer a = { 0 };
	struct publish p;

	snprintf(topic, sizeof(topic), "$SYS.broker.%s", subject);
	strcpy(reply + session_inbox(&c->session, reply), ".r");
	put_hex(&payload, options);
	put_publish(&c->said, topic, reply, payload.at, payload.len);
	bytes_free(&payload);
	assert_int_equal(client_goes_on(c), COMMAND_TAKEN);
	client_next(c, TYPE_PUBLISH);
	assert_int_equal(publish_read(c->frame.at + 5, c->frame.len - 5, &p),
	                 PUBLISH_OK);
	assert_int_equal(p.topic_len, strlen(reply));
	assert_memory_equal(p.topic, reply, strlen(reply));
	a.is_error = p.headers[0] == 0x82;
	msgpack_unpacked_init(&a.unpacked);
	if (!a.is_error) {
		size_t off = 0;

		assert_int_equal(msgpack_unpack_next(&a.unpacked,
		                                     (const char *)p.payload,
		                                     p.payload_len, &off),
		                 MSGPACK_UNPACK_SUCCESS);
		assert_int_equal(off, p.payload_len);
		assert_int_equal(a.unpacked.data.type, MSGPACK_OBJECT_MAP);
	}
	return a;
}

/* NULL when the map has no such key. */
static inline const msgpack_object *
find(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->key.via.str.size == strlen(key) &&
		    memcmp(kv->key.via.str.ptr, key, strlen(key)) == 0)
			return &kv->val;
	}
	return NULL;
}

static inline uint64_t
number(const msgpack_object *map, const char *key)
{
	const msgpack_object *o = find(map, key);

	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	return o->via.u64;
}

static inline bool
is_text(const msgpack_object *map, const char *key, const char *text)
{
	const msgpack_object *o = find(map, key);

	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_STR);
	return o->via.str.size == strlen(text) &&
	       memcmp(o->via.str.ptr, text, strlen(text)) == 0;
}

static inline const msgpack_object_array *
list(const struct answer *a, const char *key)
{
	const msgpack_object *o = find(&a->unpacked.data, key);

	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
	return &o->via.array;
}

/* "uid": 4242 and the like */
#define SESSION_IS(hex) "81 a7 73 65 73 73 69 6f 6e " hex
#define UID_IS(hex)     "81 a3 75 69 64 " hex
#define TOPIC_A_B       "81 a5 74 6f 70 69 63 a3 61 2e 62"

static inline struct client *
open_asker(struct rig *r)
{
	struct client *c = client_open(r, "asker", 1000);
	char filter[INBOX_MAX + 8];

	strcpy(filter + session_inbox(&c->session, filter), ".*");
	client_subscribes(c, 1, filter);
	client_next(c, TYPE_OK);
	return c;
}

#endif
