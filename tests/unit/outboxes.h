/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * outboxes - an outbox without a session or a socket: frames are made by hand
 * in one slab, and taken out by hand as a kernel would.
 */
#ifndef UMBEL_TESTS_OUTBOXES_H
#define UMBEL_TESTS_OUTBOXES_H

#include "broker/outbox.h"
#include "bytes.h"

#define HIGH 10000u
#define LOW  8000u

static const struct outbox_limits limits = {
	.high = HIGH,
	.low = LOW,
	.answers = 5000,
	.soft = HIGH,
	.soft_low = LOW,
};

static unsigned n_wakes;

static inline void
on_wake(struct outbox *o)
{
	(void)o;
	n_wakes++;
}

/* An outbox, its pool, and one slab for its messages. */
struct rig {
	struct slab_pool pool;
	struct outbox o;
	struct slab *slab;
	uint32_t used; /* of the slab */
};

static inline void
rig_init(struct rig *r)
{
	assert_int_equal(slab_pool_init(&r->pool, 64 << 20, 4 << 20), 0);
	outbox_init(&r->o, &limits, &r->pool, on_wake);
	r->slab = slab_new(&r->pool);
	r->used = 0;
	n_wakes = 0;
}

static inline void
rig_fini(struct rig *r)
{
	outbox_fini(&r->o);
	slab_unref(r->slab);
	assert_int_equal(r->pool.used, 0);
	slab_pool_fini(&r->pool);
}

/* A frame of `len` bytes, prefix included, filled with `fill`. */
static inline void
make_frame(uint8_t *at, size_t len, uint8_t fill)
{
	assert_true(len >= 5);
	memset(at, fill, len);
	at[0] = 0xce;
	for (int i = 0; i < 4; i++)
		at[1 + i] = (uint8_t)((len - 5) >> (24 - 8 * i));
}

static inline uint32_t
into_slab(struct rig *r, size_t len, uint8_t fill)
{
	uint32_t off = r->used;

	assert_true(off + len <= r->slab->cap);
	make_frame(r->slab->data + off, len, fill);
	r->used += (uint32_t)len;
	return off;
}

static inline void
push(struct rig *r, size_t len, uint8_t fill)
{
	uint32_t off = into_slab(r, len, fill);

	assert_int_equal(outbox_push(&r->o, r->slab, off, (uint32_t)len, 1), 0);
}

static inline void
answer(struct rig *r, size_t len, uint8_t fill)
{
	uint8_t frame[4096];

	make_frame(frame, len, fill);
	assert_int_equal(outbox_answer(&r->o, frame, len), 0);
}

/* Take up to `n` bytes as the kernel would. */
static inline void
take(struct outbox *o, size_t n, struct bytes *out)
{
	struct iovec iov[64];
	int k = outbox_iov(o, iov, 64);
	size_t done = 0;

	for (int i = 0; i < k && done < n; i++) {
		size_t part =
			iov[i].iov_len < n - done ? iov[i].iov_len : n - done;

		put(out, iov[i].iov_base, part);
		done += part;
	}
	outbox_sent(o, done);
}

/* The longest body that is copied behind its head. */
#define SHORT 1024u

static const struct deliver_info two_s_old = { 2000 };

static inline void
deliver(struct rig *r, uint32_t sub, const struct deliver_info *info,
        size_t len, uint8_t fill)
{
	uint32_t off = r->used;

	assert_true(off + len <= r->slab->cap);
	memset(r->slab->data + off, fill, len);
	r->used += (uint32_t)len;
	assert_int_equal(outbox_deliver(&r->o, sub, info, r->slab, off,
	                                (uint32_t)len),
	                 0);
}

/* The frame that has to come out for it. */
static inline void
put_deliver(struct bytes *out, uint32_t sub, const struct deliver_info *info,
            size_t len, uint8_t fill)
{
	size_t start = out->len;

	put_hex(out, "94 06 ce");
	put_be(out, sub, 4);
	if (info) {
		put_hex(out, "82");
		put_str(out, "retained");
		put_hex(out, "c3");
		put_str(out, "age_ms");
		put_hex(out, "cf");
		put_be(out, info->age_ms, 8);
	} else {
		put_hex(out, "c0");
	}
	put_fill(out, fill, len);
	put_prefix_before(out, start);
}

#endif
