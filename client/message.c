/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* Access to a message, borrowed or kept, as in umbel.h. */
#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cursor.h"

/* From this size on, a kept message shares the receive buffer. */
#define SHARE_MIN    (32u << 10)
/* Memory for headers beyond this is freed at the next message with headers. */
#define SCRATCH_KEEP (64u << 10)

const char *
umbel_msg_topic(const struct umbel_msg *m)
{
	return m ? m->topic : NULL;
}

const void *
umbel_msg_data(const struct umbel_msg *m, size_t *len)
{
	if (len)
		*len = m ? m->payload_len : 0;
	return m ? m->payload : (const void *)"";
}

const char *
umbel_msg_reply(const struct umbel_msg *m)
{
	return m ? m->reply : NULL;
}

struct umbel_sender
umbel_msg_sender(const struct umbel_msg *m)
{
	if (!m)
		return (struct umbel_sender){ 0 };
	return (struct umbel_sender){ .session = load_be32(m->stamp),
		                      .uid = load_be32(m->stamp + 4) };
}

bool
umbel_msg_retain_flag(const struct umbel_msg *m)
{
	return m && m->flags & PUBLISH_FLAG_RETAIN;
}

bool
umbel_msg_retained(const struct umbel_msg *m)
{
	return m && m->retained;
}

uint64_t
umbel_msg_age_ms(const struct umbel_msg *m)
{
	return m ? m->age_ms : 0;
}

/* ---- headers -------------------------------------------------------------------- */

size_t
umbel_msg_n_headers(const struct umbel_msg *m)
{
	return m ? m->n_headers : 0;
}

bool
umbel_msg_header_at(const struct umbel_msg *m, size_t i,
                    struct umbel_header *out)
{
	if (!m || !out || i >= m->n_headers)
		return false;
	*out = m->headers[i];
	return true;
}

bool
umbel_msg_header(const struct umbel_msg *m, const char *key,
                 struct umbel_header *out)
{
	if (!m || !key || !out)
		return false;
	for (size_t i = 0; i < m->n_headers; i++) {
		if (strcmp(m->headers[i].key, key) == 0) {
			*out = m->headers[i];
			return true;
		}
	}
	return false;
}

const char *
umbel_msg_header_str(const struct umbel_msg *m, const char *key)
{
	struct umbel_header h;

	if (!umbel_msg_header(m, key, &h) || h.type != UMBEL_STR)
		return NULL;
	return h.value.str;
}

static void *
scratch(struct umbel *c, size_t n)
{
	size_t size = n > SCRATCH_KEEP ? n : SCRATCH_KEEP;
	void *bigger;

	if (c->scratch_size == size)
		return c->scratch;
	bigger = realloc(c->scratch, size);
	if (bigger) {
		c->scratch = bigger;
		c->scratch_size = size;
	}
	return bigger;
}

/* Copy a text, NUL-terminated, to *at, and advance *at. */
static const char *
take_text(char **at, const struct cursor_item *item)
{
	char *text = *at;

	if (item->len > 0)
		memcpy(text, item->data, item->len);
	text[item->len] = '\0';
	*at += item->len + 1;
	return text;
}

static void
take_value(struct umbel_header *h, char **at, const struct cursor_item *item)
{
	switch (item->kind) {
	case CURSOR_BOOL:
		h->type = UMBEL_BOOL;
		h->value.b = item->value.b;
		break;
	case CURSOR_UINT:
		h->type = UMBEL_UINT;
		h->value.u = item->value.u;
		break;
	case CURSOR_INT:
		h->type = UMBEL_INT;
		h->value.i = item->value.i;
		break;
	case CURSOR_FLOAT:
		h->type = UMBEL_FLOAT;
		h->value.f = item->value.f;
		break;
	case CURSOR_STR:
	case CURSOR_BIN:
		/* value.str is the same pointer: both begin the union */
		h->type = item->kind == CURSOR_STR ? UMBEL_STR : UMBEL_BIN;
		h->value.bin.data = take_text(at, item);
		h->value.bin.len = item->len;
		break;
	case CURSOR_NIL:
	case CURSOR_ARRAY:
	case CURSOR_MAP:
	case CURSOR_EXT:
		h->type = UMBEL_NIL; /* publish_read() accepts no other */
		break;
	}
}

_Static_assert(offsetof(struct umbel_header, value.str) ==
                       offsetof(struct umbel_header, value.bin.data),
               "take_value() relies on it");

/* The map has passed publish_read(): complete pairs, str keys, no nesting. */
int
msg_headers(struct umbel *c, const uint8_t *map, size_t len)
{
	struct cursor in = cursor_over(map, len);
	struct umbel_msg *m = &c->run.msg;
	struct cursor_item key, value;
	struct umbel_header *headers;
	size_t n, size;
	char *texts;

	cursor_next(&in, &key);
	n = key.len;
	/* each text loses its head of at least one byte, and gains a NUL */
	size = n * sizeof(*headers) + len;
	headers = scratch(c, size);
	if (!headers)
		return -ENOMEM;
	texts = (char *)(headers + n);
	for (size_t i = 0; i < n; i++) {
		if (!cursor_next(&in, &key) || !cursor_next(&in, &value))
			break;
		headers[i] =
			(struct umbel_header){ .key = take_text(&texts, &key) };
		take_value(&headers[i], &texts, &value);
		m->n_headers++;
	}
	m->headers = headers;
	m->headers_size = size;
	return 0;
}

/* ---- keeping ---------------------------------------------------------------------- */

static bool
is_shared(const struct umbel_msg *m)
{
	return m->payload_len >= SHARE_MIN && m->rx;
}

size_t
msg_size(const struct umbel_msg *m)
{
	return sizeof(*m) + PUBLISH_STAMP_SIZE + m->topic_len + m->reply_len +
	       2u + m->headers_size + m->payload_len;
}

static void *
put(uint8_t **at, const void *from, size_t n)
{
	void *to = *at;

	if (n > 0)
		memcpy(to, from, n);
	*at += n;
	return to;
}

/* Make the pointers into the old block point into the new one. */
static void
move_headers(struct umbel_msg *kept, const struct umbel_msg *m)
{
	const char *from = (const char *)m->headers;
	char *to = (char *)kept->headers;

	for (size_t i = 0; i < kept->n_headers; i++) {
		struct umbel_header *h = &kept->headers[i];

		h->key = to + (h->key - from);
		if (h->type == UMBEL_STR || h->type == UMBEL_BIN)
			h->value.bin.data =
				to + (m->headers[i].value.str - from);
	}
}

static struct umbel_msg *
keep(const struct umbel_msg *m)
{
	bool shared = is_shared(m);
	size_t n = msg_size(m) - (shared ? m->payload_len : 0);
	struct umbel_msg *kept = malloc(n);
	uint8_t *at;

	if (!kept)
		return NULL;
	*kept = *m;
	kept->refs = 1;
	kept->rx = NULL;
	at = (uint8_t *)(kept + 1);
	if (m->n_headers > 0) {
		kept->headers = put(&at, m->headers, m->headers_size);
		move_headers(kept, m);
	}
	kept->stamp = put(&at, m->stamp, PUBLISH_STAMP_SIZE);
	kept->topic = put(&at, m->topic, m->topic_len + 1u);
	if (m->reply)
		kept->reply = put(&at, m->reply, m->reply_len + 1u);
	if (shared) {
		kept->rx = m->rx;
		atomic_fetch_add(&m->rx->refs, 1);
	} else {
		kept->payload = put(&at, m->payload, m->payload_len);
	}
	return kept;
}

struct umbel_msg *
umbel_msg_ref(const struct umbel_msg *m)
{
	struct umbel_msg *kept = (struct umbel_msg *)(uintptr_t)m;

	if (!m)
		return NULL;
	if (atomic_load_explicit(&m->refs, memory_order_relaxed) == 0)
		return keep(m);
	atomic_fetch_add(&kept->refs, 1);
	return kept;
}

void
umbel_msg_unref(struct umbel_msg *m)
{
	if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
		return;
	rx_unref(m->rx);
	free(m);
}
