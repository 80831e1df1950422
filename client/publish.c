/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A message is encoded behind those that wait, into one piece of memory that
 * goes to the kernel as it is. Nearly always it has the same topic as the
 * message before it: then its front is copied from the previous one, and
 * nothing is checked twice.
 *
 * In bulk, it also has the same length as the one before, and only has to be
 * appended. How far this may go is the brink: a position in the buffer up to
 * which there is memory, and nothing has to be sent yet. Any other code that
 * takes the lock may change anything, and therefore resets the brink.
 */
#include "parts.h"

#include <errno.h>
#include <string.h>

#include "options.h"
#include "proto/frame.h"

/* The bytes of a front that say: no reply topic, no headers. */
#define BEHIND_TOPIC 2u

/* All functions up to the part of umbel.h are called with the lock held. */

static int
refuse_topic(struct umbel *c, const char *topic)
{
	return handle_fail(c, UMBEL_E_TOPIC,
	                   "publish on \"%.300s\": not a valid topic", topic);
}

/* Make the template fit a payload of `len` bytes. */
static void
set_length(struct head_template *head, size_t len)
{
	head->data_len = len;
	head->len = head->topic_end +
	            encode_bin_head(head->bytes + head->topic_end, len);
	frame_put_prefix(head->bytes,
	                 (uint32_t)(head->len - FRAME_PREFIX_SIZE + len));
}

/* Make the template fit `topic`; on failure it keeps its old topic. */
static int
set_topic(struct umbel *c, const char *topic)
{
	struct head_template *head = &c->head;
	size_t len = strnlen(topic, TOPIC_MAX + 1);

	if (!topic_is_valid(topic, len))
		return refuse_topic(c, topic);
	memcpy(head->topic, topic, len + 1);
	if (head->topic_end > 0 && head->topic_len == len) {
		/* then only the text differs */
		memcpy(head->bytes + head->topic_end - BEHIND_TOPIC - len,
		       topic, len);
		return 0;
	}
	head->topic_len = len;
	head->topic_end = encode_front(head->bytes, topic, len, NULL);
	set_length(head, head->data_len);
	return 0;
}

static int
refuse_failed(struct umbel *c)
{
	return handle_fail(c, c->failed, "publish: not connected");
}

static int
no_room(struct umbel *c, size_t size)
{
	static const char words[] = "publish: too much waits to be sent";

	c->room_awaited = true;
	if (size > c->room_wanted)
		c->room_wanted = size;
	/* must be fast: a publisher may get here a million times a second */
	memcpy(c->error_text, words, sizeof(words));
	return -EAGAIN;
}

static bool
fits(const struct umbel *c, size_t size)
{
	size_t used = out_pending(&c->out);

	return used == 0 ||
	       (size <= c->opt.buffer && used <= c->opt.buffer - size);
}

/* Make room for a frame of this size, within the limit and in memory. */
static int
make_room(struct umbel *c, size_t size)
{
	if (!fits(c, size)) {
		send_now(c);
		if (!fits(c, size))
			return no_room(c, size);
	}
	if (out_reserve(&c->out, size) < 0)
		return handle_fail(c, -ENOMEM, "publish: no memory");
	return 0;
}

static int
refuse_size(struct umbel *c, const char *topic, size_t size)
{
	return handle_fail(c, -EMSGSIZE,
	                   "publish on %s: a frame of %zu bytes, the broker "
	                   "takes %zu",
	                   topic, size - FRAME_PREFIX_SIZE, c->max_frame);
}

static bool
is_too_long(const struct umbel *c, size_t size)
{
	return size - FRAME_PREFIX_SIZE > c->max_frame;
}

/* A message was appended: write it, unless it is to be batched. */
static void
published(struct umbel *c, const char *topic, size_t len)
{
	if (unlikely(c->debug))
		debug_line(c, "> PUBLISH %s, %zu bytes", topic, len);
	if (out_pending(&c->out) >= c->flush_at || !send_is_corked(c))
		send_now(c);
}

/* Most fronts are short; copying up to OUT_SLACK extra bytes does no harm. */
static void
put_front(uint8_t *at, const struct head_template *head)
{
	memcpy(at, head->bytes, OUT_SLACK);
	if (unlikely(head->len > OUT_SLACK))
		memcpy(at + OUT_SLACK, head->bytes + OUT_SLACK,
		       head->len - OUT_SLACK);
}

/* A call of memcpy() costs more than copying a small message. */
static void
put_data(uint8_t *at, const uint8_t *data, size_t len)
{
	uint64_t first, last;

	if (len < sizeof(first) || len > 2 * sizeof(first)) {
		if (len > 0)
			memcpy(at, data, len);
		return;
	}
	memcpy(&first, data, sizeof(first));
	memcpy(&last, data + len - sizeof(last), sizeof(last));
	memcpy(at, &first, sizeof(first));
	memcpy(at + len - sizeof(last), &last, sizeof(last));
}

/* Append the frame of the template; there must be room for it. */
static inline void
append(struct umbel *c, const void *data)
{
	uint8_t *at = c->out.data + c->out.tail;

	put_front(at, &c->head);
	put_data(at + c->head.len, data, c->head.data_len);
	c->out.tail += c->head.len + c->head.data_len;
	c->taken++;
}

/* Publish on the topic of the template. */
static int
put_again(struct umbel *c, const void *data, size_t len)
{
	size_t size;
	int r;

	if (len != c->head.data_len)
		set_length(&c->head, len);
	size = c->head.len + len;
	if (is_too_long(c, size))
		return refuse_size(c, c->head.topic, size);
	r = make_room(c, size);
	if (r < 0)
		return r;
	if (is_too_long(c, size)) /* make_room() may have reconnected */
		return refuse_size(c, c->head.topic, size);
	append(c, data);
	return 0;
}

/* While corked, even a long message is batched, up to half a batch. */
static bool
is_large(const struct umbel *c, size_t len)
{
	return len >= SEND_LARGE &&
	       (len >= SEND_BATCH / 2 || !send_is_corked(c));
}

/* Publish any other message. */
static int
put_any(struct umbel *c, const char *topic, const void *data, size_t len,
        const struct umbel_pub_options *options)
{
	size_t topic_len = strnlen(topic, TOPIC_MAX + 1);
	bool large = is_large(c, len);
	size_t front, size;
	uint8_t *at;
	int r;

	if (!topic_is_valid(topic, topic_len))
		return refuse_topic(c, topic);
	if (len > c->max_frame)
		return refuse_size(c, topic, len);
	front = encode_front(NULL, topic, topic_len, options);
	size = front + encode_bin_head_size(len) + len;
	if (is_too_long(c, size))
		return refuse_size(c, topic, size);
	if (large && out_pending(&c->out) > 0)
		send_now(c);
	r = make_room(c, size);
	if (r < 0)
		return r;
	if (is_too_long(c, size)) /* make_room() may have reconnected */
		return refuse_size(c, topic, size);

	at = c->out.data + c->out.tail;
	encode_front(at, topic, topic_len, options);
	frame_put_prefix(at, (uint32_t)(size - FRAME_PREFIX_SIZE));
	front += encode_bin_head(at + front, len);
	if (large) {
		send_large(c, front, data, len);
		return 0;
	}
	if (len > 0)
		memcpy(at + front, data, len);
	c->out.tail += size;
	c->taken++;
	return 0;
}

int
publish_put(struct umbel *c, const char *topic, const void *data, size_t len,
            const struct umbel_pub_options *options)
{
	int r;

	c->encoding = true;
	r = put_any(c, topic, data, len, options);
	c->encoding = false;
	if (r == 0)
		published(c, topic, len);
	return r;
}

static int
put(struct umbel *c, const char *topic, const void *data, size_t len)
{
	int r;

	if (is_large(c, len))
		return put_any(c, topic, data, len, NULL);
	if (strcmp(topic, c->head.topic) != 0 || c->head.topic_end == 0) {
		r = set_topic(c, topic);
		if (r < 0)
			return r;
	}
	return put_again(c, data, len);
}

/* The position up to which messages like this one can simply be appended. */
static size_t
find_brink(const struct umbel *c)
{
	size_t more = c->flush_at - 1;
	size_t end;

	if (c->cork == 0 || c->debug || c->failed)
		return 0;
	if (more > c->opt.buffer)
		more = c->opt.buffer;
	end = c->out.head + more;
	return end < c->out.cap ? end : c->out.cap;
}

/* Same length as the previous one, and before the brink? */
static inline bool
is_bulk(const struct umbel *c, size_t len)
{
	return len == c->head.data_len &&
	       c->out.tail + c->head.len + len <= c->brink;
}

/* The first message of its kind, or one that causes a write. */
static __attribute__((noinline)) int
publish_first(struct umbel *c, const char *topic, const void *data, size_t len)
{
	int r = unlikely(c->failed) ? refuse_failed(c)
	                            : put(c, topic, data, len);

	if (r == 0)
		published(c, topic, len);
	c->brink = find_brink(c);
	return r;
}

/* A bulk message with another topic; with a longer topic it may not be bulk. */
static __attribute__((noinline)) int
publish_elsewhere(struct umbel *c, const char *topic, const void *data,
                  size_t len)
{
	int r = set_topic(c, topic);

	if (r < 0)
		return r;
	if (!is_bulk(c, len) || is_too_long(c, c->head.len + len))
		return publish_first(c, topic, data, len);
	append(c, data);
	return 0;
}

/* ---- umbel.h ------------------------------------------------------------------ */

int
umbel_publish(struct umbel *c, const char *topic, const void *data, size_t len)
{
	int r = 0;

	if (handle_check(c) < 0)
		return handle_check(c);
	if (unlikely(!topic || (!data && len > 0)))
		return handle_refuse(c, -EINVAL,
		                     "publish: no topic or no data");
	handle_lock_to_publish(c);
	if (unlikely(!is_bulk(c, len)))
		r = publish_first(c, topic, data, len);
	else if (likely(strcmp(topic, c->head.topic) == 0))
		append(c, data);
	else
		r = publish_elsewhere(c, topic, data, len);
	handle_unlock(c);
	return r;
}

/* The arguments and the result of a publish. */
struct wish {
	const char *topic;
	const void *data;
	size_t len;
	bool plain;
	struct umbel_pub_options options;
	int result;
};

static int
take_wish(struct umbel *c, struct wish *wish,
          const struct umbel_pub_options *options)
{
	int r;

	if (!wish->topic || (!wish->data && wish->len > 0) ||
	    options_take(&wish->options, sizeof(wish->options), options) < 0)
		return handle_refuse(c, -EINVAL,
		                     "publish: no topic, no data, or options "
		                     "without their size or newer than this "
		                     "library");
	wish->plain = !options;
	if (!options)
		return 0;
	r = encode_check(&wish->options);
	if (r < 0)
		return handle_refuse(
			c, r, "publish on %.300s: %s", wish->topic,
			r == UMBEL_E_TOPIC
				? "not a valid reply topic"
				: "a header without key or value, twice, "
				  "or not in UTF-8");
	return 0;
}

static int
refuse_to_keep(struct umbel *c, const struct wish *wish, int r)
{
	if (r != UMBEL_E_LIMIT)
		return handle_fail(c, r, "publish: no memory");
	return handle_fail(c, r,
	                   "publish on %s: %zu values of %zu bytes are kept, "
	                   "%zu bytes are allowed",
	                   wish->topic, c->keep.n, c->keep.bytes,
	                   c->keep.max_bytes);
}

/* Publish a last value, with keep_retained. */
static int
put_and_keep(struct umbel *c, const struct wish *wish)
{
	struct kept *kept = NULL;
	int r = 0;

	if (!umbel_topic_is_valid(wish->topic))
		return refuse_topic(c, wish->topic);
	if (wish->len > 0)
		r = keep_make(&c->keep, wish->topic, wish->data, wish->len,
		              &wish->options, &kept);
	if (r < 0)
		return refuse_to_keep(c, wish, r);
	r = put_any(c, wish->topic, wish->data, wish->len, &wish->options);
	if (r < 0)
		keep_discard(kept);
	else if (kept)
		keep_put(&c->keep, kept);
	else
		keep_clear(&c->keep, wish->topic);
	return r;
}

static int
grant(struct umbel *c, const struct wish *wish)
{
	int r;

	if (c->failed)
		r = refuse_failed(c);
	else if (wish->plain)
		r = put(c, wish->topic, wish->data, wish->len);
	else if (wish->options.retain && c->opt.keep_retained)
		r = put_and_keep(c, wish);
	else
		r = put_any(c, wish->topic, wish->data, wish->len,
		            &wish->options);
	if (r == 0)
		published(c, wish->topic, wish->len);
	return r;
}

int
umbel_publish_opts(struct umbel *c, const char *topic, const void *data,
                   size_t len, const struct umbel_pub_options *options)
{
	struct wish wish = { .topic = topic, .data = data, .len = len };
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	r = take_wish(c, &wish, options);
	if (r < 0)
		return r;
	handle_lock(c);
	r = grant(c, &wish);
	handle_unlock(c);
	return r;
}

static bool
is_granted(struct umbel *c, void *arg)
{
	struct wish *wish = arg;

	wish->result = grant(c, wish);
	return wish->result != -EAGAIN;
}

int
umbel_publish_wait(struct umbel *c, const char *topic, const void *data,
                   size_t len, const struct umbel_pub_options *options,
                   int timeout_ms)
{
	struct wish wish = { .topic = topic, .data = data, .len = len };
	int r;

	if (handle_check(c) < 0)
		return handle_check(c);
	r = take_wish(c, &wish, options);
	if (r < 0)
		return r;
	r = dispatch_until(c, timeout_ms, is_granted, &wish);
	/* a caller that never has to wait would never get its callbacks */
	if (r == 0 && wish.result == 0)
		r = dispatch_overdue(c);
	return r < 0 ? r : wish.result;
}

void
umbel_cork(struct umbel *c)
{
	if (handle_check(c) < 0)
		return;
	handle_lock(c);
	c->cork++;
	handle_unlock(c);
}

int
umbel_uncork(struct umbel *c)
{
	int r = 0;

	if (handle_check(c) < 0)
		return handle_check(c);
	handle_lock(c);
	if (c->cork == 0)
		r = handle_fail(c, -EINVAL, "uncork: not corked");
	else if (--c->cork == 0 && !send_is_corked(c))
		send_now(c);
	handle_unlock(c);
	return r;
}
