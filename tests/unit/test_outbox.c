/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "outboxes.h"

TEST(what_goes_in_comes_out_in_order)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	push(&r, 7, 0x11);
	answer(&r, 6, 0x22);
	push(&r, 5, 0x33);
	assert_int_equal(r.o.bytes, 18);
	assert_int_equal(r.o.answer_bytes, 6);
	take(&r.o, 100, &out);
	assert_bytes_are(&out, "ce 00 00 00 02 11 11 ce 00 00 00 01 22 "
	                       "ce 00 00 00 00");
	assert_true(outbox_is_empty(&r.o));
	assert_int_equal(r.o.bytes, 0);
	assert_int_equal(r.o.answer_bytes, 0);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_run_that_continues_the_last_extends_it)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 1000; i++)
		push(&r, 9, (uint8_t)i);
	assert_int_equal(r.o.spans.n, 1);
	assert_int_equal(r.slab->refs, 2);
	into_slab(&r, 9, 0); /* not for this one */
	push(&r, 9, 1);
	assert_int_equal(r.o.spans.n, 2);
	assert_int_equal(r.slab->refs, 3);
	rig_fini(&r);
}

TEST(messages_are_counted_and_answers_are_none)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 10; i++)
		push(&r, 9, 0);
	answer(&r, 9, 0);
	deliver(&r, 1, NULL, 20, 0);
	assert_int_equal(outbox_messages(&r.o), 11);
	take(&r.o, 3 * 9 + 1, &out); /* the fourth is being written */
	assert_int_equal(outbox_messages(&r.o), 8);
	take(&r.o, r.o.bytes, &out);
	assert_int_equal(outbox_messages(&r.o), 0);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(wake_is_called_once_until_it_sleeps)
{
	struct rig r;

	rig_init(&r);
	push(&r, 9, 0);
	push(&r, 9, 0);
	answer(&r, 9, 0);
	assert_int_equal(n_wakes, 1);
	outbox_sleep(&r.o);
	answer(&r, 9, 0);
	assert_int_equal(n_wakes, 2);
	rig_fini(&r);
}

TEST(it_is_full_at_the_high_mark_or_while_others_wait)
{
	struct waiter w = { 0 };
	struct rig r;

	rig_init(&r);
	push(&r, HIGH - 1, 0);
	assert_false(outbox_is_full(&r.o));
	push(&r, 5, 0);
	assert_true(outbox_is_full(&r.o));
	outbox_sent(&r.o, HIGH + 4);
	assert_false(outbox_is_full(&r.o));
	waiters_add(&r.o.waiters, &w);
	assert_true(outbox_is_full(&r.o)); /* a newcomer does not overtake */
	waiter_leave(&w);
	assert_false(outbox_is_full(&r.o));
	rig_fini(&r);
}

static unsigned n_resumed;
static struct waiter *order[8];

static void
on_resume(struct waiter *w)
{
	assert_false(waiter_is_waiting(w));
	order[n_resumed++] = w;
}

TEST(who_waits_goes_on_below_the_low_mark_and_in_turn)
{
	struct waiter w[3] = { { .resume = on_resume },
		               { .resume = on_resume },
		               { .resume = on_resume } };
	struct rig r;

	rig_init(&r);
	n_resumed = 0;
	push(&r, HIGH, 0);
	for (int i = 0; i < 3; i++)
		waiters_add(&r.o.waiters, &w[i]);
	outbox_sent(&r.o, HIGH - LOW - 1);
	assert_int_equal(n_resumed, 0);
	outbox_sent(&r.o, 1);
	assert_int_equal(n_resumed, 3);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(order[i], &w[i]);
	rig_fini(&r);
}

TEST(closing_resumes_everybody_and_takes_nothing_more)
{
	struct waiter w = { .resume = on_resume };
	uint8_t frame[16];
	struct rig r;

	rig_init(&r);
	n_resumed = 0;
	push(&r, HIGH, 0);
	answer(&r, 9, 0);
	waiters_add(&r.o.waiters, &w);
	outbox_close(&r.o);
	assert_int_equal(n_resumed, 1);
	assert_int_equal(r.o.bytes, 0);
	assert_int_equal(r.o.answer_bytes, 0);
	assert_int_equal(r.slab->refs, 1);
	push(&r, 9, 0);
	make_frame(frame, 9, 0);
	assert_int_equal(outbox_answer(&r.o, frame, 9), 0);
	assert_int_equal(outbox_gap(&r.o, 1, 9, "x"), 0);
	assert_true(outbox_is_empty(&r.o));
	rig_fini(&r);
}

/* ---- gaps ----------------------------------------------------------------- */

static void
expect_gap(struct bytes *out, uint64_t frames, uint64_t bytes,
           const char *reason)
{
	struct bytes want = { 0 };

	put_hex(&want, "94 07 cf");
	put_be(&want, frames, 8);
	put_hex(&want, "cf");
	put_be(&want, bytes, 8);
	put_str(&want, reason);
	put_prefix_before(&want, 0);
	assert_true(out->len >= want.len);
	assert_memory_equal(out->at, want.at, want.len);
	memmove(out->at, out->at + want.len, out->len - want.len);
	out->len -= want.len;
	bytes_free(&want);
}

TEST(losses_side_by_side_are_one_gap)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	assert_int_equal(outbox_gap(&r.o, 1, 100, "full"), 0);
	assert_int_equal(outbox_gap(&r.o, 4, UINT64_C(1) << 40, "full"), 0);
	assert_int_equal(r.o.spans.n, 1);
	take(&r.o, 1000, &out);
	expect_gap(&out, 5, (UINT64_C(1) << 40) + 100, "full");
	assert_int_equal(out.len, 0);
	/* it has gone: the next is another */
	outbox_gap(&r.o, 2, 7, "full");
	take(&r.o, 1000, &out);
	expect_gap(&out, 2, 7, "full");
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_gap_stands_where_the_loss_was_and_is_not_raised_later)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	outbox_gap(&r.o, 1, 10, "full");
	answer(&r, 5, 0);
	outbox_gap(&r.o, 2, 20, "full");
	push(&r, 5, 0);
	outbox_gap(&r.o, 3, 30, "full");
	take(&r.o, 1000, &out);
	expect_gap(&out, 1, 10, "full");
	memmove(out.at, out.at + 5, out.len -= 5);
	expect_gap(&out, 2, 20, "full");
	memmove(out.at, out.at + 5, out.len -= 5);
	expect_gap(&out, 3, 30, "full");
	assert_int_equal(out.len, 0);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_gap_of_which_the_kernel_has_a_part_is_not_touched)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	outbox_gap(&r.o, 1, 10, "full");
	take(&r.o, 12, &out);
	outbox_gap(&r.o, 2, 20, "full");
	outbox_gap(&r.o, 2, 20, "full");
	take(&r.o, 1000, &out);
	expect_gap(&out, 1, 10, "full");
	expect_gap(&out, 4, 40, "full");
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_loss_of_another_reason_is_another_gap_with_its_own_count)
{
	struct bytes out = { 0 };
	struct rig r;

	rig_init(&r);
	outbox_gap(&r.o, 1, 10, "full");
	outbox_gap(&r.o, 2, 20, "evicted");
	take(&r.o, 1000, &out);
	expect_gap(&out, 1, 10, "full");
	expect_gap(&out, 2, 20, "evicted");
	bytes_free(&out);
	rig_fini(&r);
}

/* ---- cut ------------------------------------------------------------------ */

TEST(a_cut_leaves_the_frame_that_is_being_written_and_counts_the_rest)
{
	struct bytes out = { 0 };
	uint64_t frames, bytes;
	struct rig r;

	rig_init(&r);
	push(&r, 10, 0x11);
	push(&r, 20, 0x22);
	push(&r, 30, 0x33);
	answer(&r, 9, 0x44);
	into_slab(&r, 5, 0);
	push(&r, 40, 0x55);
	take(&r.o, 15, &out); /* the first, and five bytes of the second */
	outbox_cut(&r.o, &frames, &bytes);
	assert_int_equal(frames, 2);
	assert_int_equal(bytes, 70);
	assert_int_equal(r.o.bytes, 15);
	assert_int_equal(r.o.answer_bytes, 0);
	out.len = 0;
	take(&r.o, 1000, &out);
	assert_bytes_are(&out, "22 22 22 22 22 22 22 22 22 22 22 22 22 22 22");
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_cut_between_two_frames_leaves_nothing)
{
	struct bytes out = { 0 };
	uint64_t frames, bytes;
	struct rig r;

	rig_init(&r);
	push(&r, 10, 0x11);
	push(&r, 20, 0x22);
	take(&r.o, 10, &out);
	outbox_cut(&r.o, &frames, &bytes);
	assert_int_equal(frames, 1);
	assert_int_equal(bytes, 20);
	assert_true(outbox_is_empty(&r.o));
	assert_int_equal(r.o.bytes, 0);
	outbox_cut(&r.o, &frames, &bytes);
	assert_int_equal(frames, 0);
	assert_int_equal(bytes, 0);
	bytes_free(&out);
	rig_fini(&r);
}

TEST(a_cut_in_an_answer_leaves_that_answer)
{
	struct bytes out = { 0 };
	uint64_t frames, bytes;
	struct rig r;

	rig_init(&r);
	answer(&r, 6, 0x11);
	answer(&r, 7, 0x22);
	answer(&r, 8, 0x33);
	push(&r, 9, 0x44);
	take(&r.o, 8, &out);
	outbox_cut(&r.o, &frames, &bytes);
	assert_int_equal(frames, 1);
	assert_int_equal(bytes, 9);
	assert_int_equal(r.o.bytes, 5);
	assert_int_equal(r.o.answer_bytes, 5);
	out.len = 0;
	take(&r.o, 1000, &out);
	assert_bytes_are(&out, "00 00 02 22 22");
	bytes_free(&out);
	rig_fini(&r);
}

/* Never silent: a loss that was to be announced is not lost a second time. */
TEST(a_cut_counts_what_the_gaps_in_it_were_to_announce)
{
	uint64_t frames, bytes;
	struct rig r;

	rig_init(&r);
	push(&r, 10, 0);
	outbox_gap(&r.o, 5, 500, "full");
	outbox_gap(&r.o, 1, 100, "full");
	push(&r, 20, 0);
	outbox_gap(&r.o, 2, 2000, "full");
	outbox_cut(&r.o, &frames, &bytes);
	assert_int_equal(frames, 1 + 6 + 1 + 2);
	assert_int_equal(bytes, 10 + 600 + 20 + 2000);
	rig_fini(&r);
}

/* ---- delivers ------------------------------------------------------------- */

TEST(a_deliver_is_a_head_and_the_publish_as_it_lies)
{
	static const size_t lens[] = { 1, SHORT, SHORT + 1, 100000 };
	struct bytes out = { 0 }, want = { 0 };
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < COUNT(lens); i++) {
		deliver(&r, 7, NULL, lens[i], 0x11);
		put_deliver(&want, 7, NULL, lens[i], 0x11);
		deliver(&r, UINT32_MAX, &two_s_old, 2000, 0x22);
		put_deliver(&want, UINT32_MAX, &two_s_old, 2000, 0x22);
		assert_int_equal(r.o.bytes, want.len);
		take(&r.o, SIZE_MAX / 2, &out);
		assert_int_equal(out.len, want.len);
		assert_memory_equal(out.at, want.at, want.len);
		assert_int_equal(r.o.bytes, 0);
		out.len = want.len = 0;
	}
	bytes_free(&out);
	bytes_free(&want);
	rig_fini(&r);
}

TEST(a_short_deliver_is_copied_and_a_long_one_referenced)
{
	struct rig r;

	rig_init(&r);
	deliver(&r, 1, NULL, SHORT, 0);
	deliver(&r, 1, NULL, SHORT, 0);
	deliver(&r, 1, &two_s_old, SHORT, 0);
	assert_int_equal(r.slab->refs, 1);
	deliver(&r, 1, NULL, SHORT + 1, 0);
	assert_int_equal(r.slab->refs, 2);
	deliver(&r, 1, &two_s_old, SHORT + 1, 0);
	assert_int_equal(r.slab->refs, 3);
	rig_fini(&r);
}

TEST(a_deliver_is_a_message_and_no_answer)
{
	struct rig r;

	rig_init(&r);
	answer(&r, 9, 0);
	deliver(&r, 1, NULL, 10, 0);
	deliver(&r, 1, NULL, 5000, 0);
	deliver(&r, 1, &two_s_old, 10, 0);
	assert_int_equal(r.o.answer_bytes, 9);
	rig_fini(&r);
}

/* The frames behind a body begin where it ends, and are none of it. */
TEST(nothing_extends_a_body)
{
	struct bytes out = { 0 }, want = { 0 };
	struct rig r;

	rig_init(&r);
	deliver(&r, 1, NULL, 2000, 0x11);
	put_deliver(&want, 1, NULL, 2000, 0x11);
	push(&r, 9, 0x22);
	put_frame(&want, "22 22 22 22");
	deliver(&r, 1, NULL, 2000, 0x33);
	put_deliver(&want, 1, NULL, 2000, 0x33);
	outbox_pack(&r.o); /* the body lies in its own memory now, and last */
	deliver(&r, 1, NULL, 10, 0x44);
	put_deliver(&want, 1, NULL, 10, 0x44);
	take(&r.o, 13 + 2000 + 9 + 13 + 2000, &out);
	outbox_pack(&r.o);
	assert_int_equal(r.o.bytes, 23);
	take(&r.o, SIZE_MAX / 2, &out);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.at, want.at, want.len);
	bytes_free(&out);
	bytes_free(&want);
	rig_fini(&r);
}

TEST(a_closed_outbox_takes_no_deliver)
{
	struct rig r;

	rig_init(&r);
	outbox_close(&r.o);
	deliver(&r, 1, NULL, 10, 0);
	deliver(&r, 1, NULL, 5000, 0);
	assert_true(outbox_is_empty(&r.o));
	rig_fini(&r);
}

/*
 * Frames of every kind, in one outbox: how long they are, and what they lose
 * when they are cut.
 */
struct frame {
	char kind;  /* p: PUBLISH, a: answer, g: group, r: retained */
	size_t len; /* of PUBLISH and answer the frame, else the body */
	uint32_t sub;
};

static const struct frame every_kind[] = {
	{ 'g', 10, 1 },   { 'g', 3, 2 },    { 'p', 9, 0 },    { 'p', 8, 0 },
	{ 'g', 1500, 3 }, { 'a', 6, 0 },    { 'r', 7, 4 },    { 'g', 12, 5 },
	{ 'r', 1100, 6 }, { 'g', 1200, 7 }, { 'g', 1300, 8 }, { 'p', 11, 0 },
	{ 'g', 14, 9 },   { 'a', 7, 0 },    { 'g', 15, 10 },
};

static void
fill_with_every_kind(struct rig *r)
{
	for (unsigned i = 0; i < COUNT(every_kind); i++) {
		const struct frame *f = &every_kind[i];

		if (f->kind == 'p')
			push(r, f->len, (uint8_t)i);
		else if (f->kind == 'a')
			answer(r, f->len, (uint8_t)i);
		else
			deliver(r, f->sub, f->kind == 'r' ? &two_s_old : NULL,
			        f->len, (uint8_t)i);
	}
}

static size_t
frame_len(const struct frame *f)
{
	switch (f->kind) {
	case 'g':
		return 13 + f->len;
	case 'r':
		return 39 + f->len;
	default:
		return f->len;
	}
}

static size_t
len_of_every_kind(void)
{
	size_t len = 0;

	for (unsigned i = 0; i < COUNT(every_kind); i++)
		len += frame_len(&every_kind[i]);
	return len;
}

/* Which frame byte `at` of all belongs to; *rest is what is left of it there,
   0 at its first byte. */
static unsigned
frame_at(size_t at, size_t *rest)
{
	size_t end = 0;
	unsigned i = 0;

	for (; i < COUNT(every_kind); i++) {
		end += frame_len(&every_kind[i]);
		if (at < end)
			break;
	}
	*rest = i < COUNT(every_kind) ? end - at : 0;
	if (i < COUNT(every_kind) && *rest == frame_len(&every_kind[i]))
		*rest = 0;
	return i;
}

/* Send `sent` bytes, `first` of them apart, and pack when told to. */
static void
send_of_every_kind(struct rig *r, size_t sent, bool pack)
{
	struct bytes out = { 0 };

	fill_with_every_kind(r);
	if (pack)
		outbox_pack(&r->o);
	take(&r->o, sent / 2, &out);
	take(&r->o, sent - sent / 2, &out);
	if (pack)
		outbox_pack(&r->o);
	assert_int_equal(out.len, sent);
	assert_int_equal(r->o.bytes, len_of_every_kind() - sent);
	bytes_free(&out);
}

TEST(a_cut_at_any_byte_leaves_that_frame_and_counts_those_behind_it)
{
	for (size_t sent = 0; sent < len_of_every_kind() * 2; sent++) {
		uint64_t frames, bytes, want_frames = 0, want_bytes = 0;
		size_t rest;
		unsigned i = frame_at(sent / 2, &rest);
		struct rig r;

		rig_init(&r);
		send_of_every_kind(&r, sent / 2, sent % 2);
		for (unsigned k = i + (rest > 0); k < COUNT(every_kind); k++) {
			if (every_kind[k].kind == 'a')
				continue;
			want_frames++;
			want_bytes += frame_len(&every_kind[k]);
		}
		outbox_cut(&r.o, &frames, &bytes);
		assert_int_equal(frames, want_frames);
		assert_int_equal(bytes, want_bytes);
		assert_int_equal(r.o.bytes, rest);
		assert_int_equal(r.o.answer_bytes,
		                 rest > 0 && every_kind[i].kind == 'a' ? rest
		                                                       : 0);
		outbox_cut(&r.o, &frames, &bytes);
		assert_int_equal(frames, 0);
		assert_int_equal(r.o.bytes, rest);
		rig_fini(&r);
	}
}

/* What a taker was offered; it takes all, or one of `one_in`. */
struct taken {
	unsigned one_in;
	uint32_t sub[COUNT(every_kind)];
	size_t len[COUNT(every_kind)];
	uint8_t fill[COUNT(every_kind)];
	unsigned n;
};

static bool
on_taken(void *user, uint32_t sub, struct slab *slab, uint32_t off,
         uint32_t len)
{
	struct taken *t = user;

	assert_true(t->n < COUNT(every_kind));
	t->sub[t->n] = sub;
	t->len[t->n] = len;
	t->fill[t->n] = slab->data[off];
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(slab->data[off + i], t->fill[t->n]);
	return ++t->n % t->one_in == 0;
}

TEST(at_any_byte_the_group_s_messages_can_be_taken_but_that_being_written)
{
	for (size_t sent = 0; sent < len_of_every_kind() * 2; sent++) {
		struct taken t = { .one_in = 1 };
		struct bytes out = { 0 };
		size_t rest, left;
		unsigned i = frame_at(sent / 2, &rest), n = 0;
		struct rig r;

		rig_init(&r);
		send_of_every_kind(&r, sent / 2, sent % 2);
		outbox_take_group_messages(&r.o, on_taken, &t);
		left = rest;
		for (unsigned k = i + (rest > 0); k < COUNT(every_kind); k++) {
			const struct frame *f = &every_kind[k];

			if (f->kind != 'g') {
				left += frame_len(f);
				continue;
			}
			assert_true(n < t.n);
			assert_int_equal(t.sub[n], f->sub);
			assert_int_equal(t.len[n], f->len);
			assert_int_equal(t.fill[n], k);
			n++;
		}
		assert_int_equal(t.n, n);
		assert_int_equal(r.o.bytes, left);
		outbox_pack(&r.o);
		take(&r.o, SIZE_MAX / 2, &out);
		assert_int_equal(out.len, left);
		assert_true(outbox_is_empty(&r.o));
		bytes_free(&out);
		rig_fini(&r);
	}
}

TEST(what_is_not_taken_stays_where_it_was)
{
	for (size_t sent = 0; sent < len_of_every_kind() * 2; sent++) {
		struct taken t = { .one_in = 2 };
		struct bytes out = { 0 };
		size_t rest, at;
		unsigned i = frame_at(sent / 2, &rest), n = 0;
		struct rig r;

		rig_init(&r);
		send_of_every_kind(&r, sent / 2, sent % 2);
		outbox_take_group_messages(&r.o, on_taken, &t);
		at = rest;
		outbox_pack(&r.o);
		take(&r.o, SIZE_MAX / 2, &out);
		for (unsigned k = i + (rest > 0); k < COUNT(every_kind); k++) {
			const struct frame *f = &every_kind[k];

			if (f->kind == 'g' && ++n % 2 == 0)
				continue;
			at += frame_len(f);
			assert_true(at <= out.len);
			assert_int_equal(out.at[at - frame_len(f)], 0xce);
			assert_int_equal(out.at[at - 1], k); /* its fill */
		}
		assert_int_equal(out.len, at);
		assert_int_equal(t.n, n);
		assert_true(outbox_is_empty(&r.o));
		bytes_free(&out);
		rig_fini(&r);
	}
}

/* ---- all of it, at random --------------------------------------------------- */

/*
 * The model: the bytes that are to come out, and for every frame its end, its
 * length and its kind. Everything is worked out anew from that.
 */
struct model_frame {
	size_t len;
	size_t sent;
	enum span_kind kind;
	uint64_t gap_frames, gap_bytes;
	struct bytes bytes;
};

struct model {
	struct model_frame frames[40000];
	size_t first, n;
};

static struct model_frame *
model_last(struct model *m)
{
	return m->n > 0 ? &m->frames[m->first + m->n - 1] : NULL;
}

static bool
model_is_message(const struct model_frame *f)
{
	return f->kind != SPAN_ANSWER && f->kind != SPAN_GAP;
}

static void
model_add(struct model *m, enum span_kind kind, const uint8_t *at, size_t len)
{
	struct model_frame *f = &m->frames[m->first + m->n++];

	assert_true(m->first + m->n < COUNT(m->frames));
	*f = (struct model_frame){ .len = len, .kind = kind };
	put(&f->bytes, at, len);
}

static void
model_gap(struct model *m, uint64_t frames, uint64_t bytes)
{
	struct model_frame *f = model_last(m);

	if (!f || f->kind != SPAN_GAP || f->sent > 0) {
		model_add(m, SPAN_GAP, NULL, 0);
		f = model_last(m);
	}
	f->gap_frames += frames;
	f->gap_bytes += bytes;
	f->bytes.len = 0;
	put_hex(&f->bytes, "94 07 cf");
	put_be(&f->bytes, f->gap_frames, 8);
	put_hex(&f->bytes, "cf");
	put_be(&f->bytes, f->gap_bytes, 8);
	put_str(&f->bytes, "full");
	put_prefix_before(&f->bytes, 0);
	f->len = f->bytes.len;
}

static void
model_drop_first(struct model *m)
{
	bytes_free(&m->frames[m->first].bytes);
	m->first++;
	m->n--;
}

/* `out` is what the outbox gave: these very bytes were to come. */
static void
model_take(struct model *m, const struct bytes *out)
{
	size_t at = 0;

	while (at < out->len) {
		struct model_frame *f = &m->frames[m->first];
		size_t left, part;

		assert_true(m->n > 0);
		left = f->len - f->sent;
		part = left < out->len - at ? left : out->len - at;
		assert_memory_equal(out->at + at, f->bytes.at + f->sent, part);
		f->sent += part;
		at += part;
		if (f->sent == f->len)
			model_drop_first(m);
	}
}

static void
model_cut(struct model *m, uint64_t *frames, uint64_t *bytes)
{
	*frames = *bytes = 0;
	while (m->n > 0) {
		struct model_frame *f = model_last(m);

		if (m->n == 1 && f->sent > 0)
			return;
		*frames += model_is_message(f);
		*bytes += model_is_message(f) ? f->len : 0;
		*frames += f->gap_frames;
		*bytes += f->gap_bytes;
		bytes_free(&f->bytes);
		m->n--;
	}
}

static void
expect_counts(const struct model *m, const struct outbox *o)
{
	size_t bytes = 0, answers = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct model_frame *f = &m->frames[m->first + i];

		bytes += f->len - f->sent;
		answers += model_is_message(f) ? 0 : f->len - f->sent;
	}
	assert_int_equal(o->bytes, bytes);
	assert_int_equal(o->answer_bytes, answers);
	assert_int_equal(outbox_is_empty(o), m->n == 0);
}

/*
 * The pool has only what the outbox pins, and the slab being filled. The frame
 * that is being written counts whole: it stays in one piece until it is out.
 */
static void
expect_pinned(struct rig *r)
{
	size_t filling = r->slab->refs == 1 ? r->slab->charged : 0;
	size_t pinned = r->pool.used - filling;
	size_t owed = r->o.bytes + r->o.sent;

	if (r->slab->refs > 1 && owed < SLAB_SIZE / 8)
		fail_msg("%zu bytes owed, and a slab pinned", owed);
	/* eight times, and the pieces of its own that it writes into and
	   reads from */
	if (pinned > 8 * owed + 2 * 65536)
		fail_msg("%zu bytes pinned, %zu owed", pinned, owed);
}

static void
step_push(struct rig *r, struct model *m, struct chance *c)
{
	unsigned n = 1 + chance_below(c, 6);
	uint32_t start, frames = 0;
	size_t lens[8];

	for (unsigned i = 0; i < n; i++)
		lens[i] = 5 + (chance_one_in(c, 20) ? chance_below(c, 20000)
		                                    : chance_below(c, 300));
	for (unsigned i = 0, sum = 0; i < n; i++) {
		sum += (unsigned)lens[i];
		if (r->used + sum > SLAB_SIZE || chance_one_in(c, 500)) {
			slab_unref(r->slab);
			r->slab = slab_new(&r->pool);
			assert_non_null(r->slab);
			r->used = 0;
			break;
		}
	}
	if (chance_one_in(c, 4)) /* somebody else's message in between */
		into_slab(r, 5, 0);
	if (r->used + 6 * 20005 > SLAB_SIZE) {
		slab_unref(r->slab);
		r->slab = slab_new(&r->pool);
		assert_non_null(r->slab);
		r->used = 0;
	}
	start = r->used;
	for (; frames < n; frames++) {
		uint32_t off =
			into_slab(r, lens[frames], (uint8_t)chance_any(c));

		model_add(m, SPAN_MESSAGES, r->slab->data + off, lens[frames]);
	}
	assert_int_equal(
		outbox_push(&r->o, r->slab, start, r->used - start, frames), 0);
}

static void
step_deliver(struct rig *r, struct model *m, struct chance *c)
{
	const struct deliver_info info = { chance_any(c) };
	const struct deliver_info *which = chance_one_in(c, 2) ? &info : NULL;
	size_t len = 1 + chance_below(c, chance_one_in(c, 4) ? 8000 : 200);
	uint32_t sub = (uint32_t)chance_any(c);
	struct bytes frame = { 0 };
	uint8_t fill = (uint8_t)sub;

	if (r->used + len > SLAB_SIZE) {
		slab_unref(r->slab);
		r->slab = slab_new(&r->pool);
		assert_non_null(r->slab);
		r->used = 0;
	}
	deliver(r, sub, which, len, fill);
	put_deliver(&frame, sub, which, len, fill);
	model_add(m, which ? SPAN_RETAINED : SPAN_GROUP, frame.at, frame.len);
	bytes_free(&frame);
}

/* Those that are taken are those of the model, in order. */
struct model_taker {
	struct model *m;
	size_t next;
	struct chance *c;
	bool all;
};

static bool
model_on_taken(void *user, uint32_t sub, struct slab *slab, uint32_t off,
               uint32_t len)
{
	struct model_taker *t = user;
	struct bytes frame = { 0 };
	struct model_frame *f = NULL;

	while (t->next < t->m->n) {
		f = &t->m->frames[t->m->first + t->next];
		if (f->kind == SPAN_GROUP && f->sent == 0)
			break;
		t->next++;
	}
	assert_true(t->next < t->m->n);
	put_deliver(&frame, sub, NULL, len, slab->data[off]);
	assert_int_equal(frame.len, f->len);
	assert_memory_equal(frame.at, f->bytes.at, f->len);
	assert_memory_equal(slab->data + off, f->bytes.at + 13, len);
	bytes_free(&frame);
	t->next++;
	if (!t->all && chance_one_in(t->c, 2))
		return false;
	bytes_free(&f->bytes);
	f->len = 0; /* gone */
	return true;
}

static void
step_take_group(struct rig *r, struct model *m, struct chance *c)
{
	struct model_taker t = { m, 0, c, chance_one_in(c, 2) };
	size_t kept = 0;

	outbox_take_group_messages(&r->o, model_on_taken, &t);
	for (size_t i = 0; i < m->n; i++) {
		struct model_frame f = m->frames[m->first + i];

		assert_true(!t.all || f.kind != SPAN_GROUP || f.sent > 0 ||
		            f.len == 0);
		if (f.len > 0)
			m->frames[m->first + kept++] = f;
	}
	m->n = kept;
}

static void
step_answer(struct rig *r, struct model *m, struct chance *c)
{
	size_t len = 5 + chance_below(c, 200);
	uint8_t frame[256];

	make_frame(frame, len, (uint8_t)chance_any(c));
	model_add(m, SPAN_ANSWER, frame, len);
	assert_int_equal(outbox_answer(&r->o, frame, len), 0);
}

static void
step_gap(struct rig *r, struct model *m, struct chance *c)
{
	uint64_t frames = 1 + chance_below(c, 10);
	uint64_t bytes = chance_any(c) >> chance_below(c, 40) >> 10;

	model_gap(m, frames, bytes);
	assert_int_equal(outbox_gap(&r->o, frames, bytes, "full"), 0);
}

static void
step_send(struct rig *r, struct model *m, struct chance *c)
{
	static struct bytes out;
	size_t n = chance_one_in(c, 4) ? chance_below(c, 100)
	                               : chance_below(c, 60000);

	/* often just to the end of a frame, where spans end as well */
	if (m->n > 0 && chance_one_in(c, 3)) {
		size_t k = 1 + chance_below(c, 20);

		n = 0;
		for (size_t i = 0; i < k && i < m->n; i++)
			n += m->frames[m->first + i].len -
			     m->frames[m->first + i].sent;
	}
	out.len = 0;
	take(&r->o, n, &out);
	model_take(m, &out);
}

static void
step_cut(struct rig *r, struct model *m)
{
	uint64_t frames, bytes, want_frames, want_bytes;

	outbox_cut(&r->o, &frames, &bytes);
	model_cut(m, &want_frames, &want_bytes);
	assert_true(frames == want_frames);
	assert_true(bytes == want_bytes);
}

static void
model_rewind(struct model *m)
{
	memmove(m->frames, m->frames + m->first, m->n * sizeof(m->frames[0]));
	m->first = 0;
}

TEST(the_bytes_out_are_the_bytes_in_whatever_happens)
{
	struct chance c = chance_new("outbox");
	static struct model m;
	struct bytes out = { 0 };
	size_t most = 0;
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < rounds(400000); i++) {
		/* it fills for a while, then it drains for a while */
		bool filling = i / 1000 % 2 == 0;

		switch (chance_below(&c, 10)) {
		case 0:
		case 1:
		case 2:
			if (filling || chance_one_in(&c, 10))
				step_push(&r, &m, &c);
			if (chance_one_in(&c, 3))
				step_deliver(&r, &m, &c);
			break;
		case 3:
			step_answer(&r, &m, &c);
			break;
		case 4:
			if (chance_one_in(&c, 3))
				step_gap(&r, &m, &c);
			break;
		case 5:
			if (chance_one_in(&c, 200))
				step_cut(&r, &m);
			else if (chance_one_in(&c, 100))
				step_take_group(&r, &m, &c);
			break;
		case 6:
			outbox_pack(&r.o);
			expect_pinned(&r);
			break;
		default:
			if (!filling || chance_one_in(&c, 40))
				step_send(&r, &m, &c);
			break;
		}
		if (i % 16 == 0)
			expect_counts(&m, &r.o);
		if (m.first > COUNT(m.frames) / 2)
			model_rewind(&m);
		most = r.o.bytes > most ? r.o.bytes : most;
	}
	print_message("at most %zu bytes owed, %zu in the pool\n", most,
	              r.pool.peak);
	assert_true(most > (512 << 10));
	while (!outbox_is_empty(&r.o)) {
		out.len = 0;
		take(&r.o, SIZE_MAX / 2, &out);
		model_take(&m, &out);
	}
	assert_int_equal(m.n, 0);
	assert_int_equal(r.slab->refs, 1);
	assert_int_equal(r.pool.used, SLAB_SIZE);
	bytes_free(&out);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out_in_order),
		cmocka_unit_test(a_run_that_continues_the_last_extends_it),
		cmocka_unit_test(messages_are_counted_and_answers_are_none),
		cmocka_unit_test(wake_is_called_once_until_it_sleeps),
		cmocka_unit_test(
			it_is_full_at_the_high_mark_or_while_others_wait),
		cmocka_unit_test(
			who_waits_goes_on_below_the_low_mark_and_in_turn),
		cmocka_unit_test(
			closing_resumes_everybody_and_takes_nothing_more),
		cmocka_unit_test(losses_side_by_side_are_one_gap),
		cmocka_unit_test(
			a_gap_stands_where_the_loss_was_and_is_not_raised_later),
		cmocka_unit_test(
			a_gap_of_which_the_kernel_has_a_part_is_not_touched),
		cmocka_unit_test(
			a_loss_of_another_reason_is_another_gap_with_its_own_count),
		cmocka_unit_test(
			a_cut_leaves_the_frame_that_is_being_written_and_counts_the_rest),
		cmocka_unit_test(a_cut_between_two_frames_leaves_nothing),
		cmocka_unit_test(a_cut_in_an_answer_leaves_that_answer),
		cmocka_unit_test(
			a_cut_counts_what_the_gaps_in_it_were_to_announce),
		cmocka_unit_test(
			a_deliver_is_a_head_and_the_publish_as_it_lies),
		cmocka_unit_test(
			a_short_deliver_is_copied_and_a_long_one_referenced),
		cmocka_unit_test(a_deliver_is_a_message_and_no_answer),
		cmocka_unit_test(nothing_extends_a_body),
		cmocka_unit_test(a_closed_outbox_takes_no_deliver),
		cmocka_unit_test(
			a_cut_at_any_byte_leaves_that_frame_and_counts_those_behind_it),
		cmocka_unit_test(
			at_any_byte_the_group_s_messages_can_be_taken_but_that_being_written),
		cmocka_unit_test(what_is_not_taken_stays_where_it_was),
		cmocka_unit_test(
			the_bytes_out_are_the_bytes_in_whatever_happens),
	};

	return RUN(tests);
}
