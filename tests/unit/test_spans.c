/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/spans.h"

#include "bytes.h"

/* A queue of spans that are told apart by their offset, all in one slab. */
struct rig {
	struct slab_pool pool;
	struct slab *slab;
	struct spans q;
	uint32_t next;
};

static void
rig_init(struct rig *r)
{
	assert_int_equal(slab_pool_init(&r->pool, 1 << 20, 1 << 20), 0);
	r->slab = slab_new(&r->pool);
	spans_init(&r->q, &r->pool);
	r->next = 0;
}

static void
rig_fini(struct rig *r)
{
	spans_clear(&r->q);
	assert_int_equal(r->slab->refs, 1);
	slab_unref(r->slab);
	slab_pool_fini(&r->pool);
}

static struct span
another(struct rig *r)
{
	return (struct span){ .slab = slab_ref(r->slab), .off = r->next++ };
}

static void
append(struct rig *r)
{
	struct span s = another(r);

	assert_int_equal(spans_reserve(&r->q, 1), 0);
	spans_append(&r->q, &s);
}

static void
insert(struct rig *r)
{
	struct span s = another(r);

	assert_int_equal(spans_reserve(&r->q, 1), 0);
	spans_insert(&r->q, &s);
}

static void
expect(const struct rig *r, const char *offsets)
{
	char got[256] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < r->q.n; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s%u",
		                       i > 0 ? " " : "",
		                       i == r->q.place ? "| " : "",
		                       spans_at(&r->q, i)->off);
	assert_string_equal(got, offsets);
	assert_int_equal(r->slab->refs, r->q.n + 1);
}

TEST(a_queue_gives_first_what_came_first)
{
	struct rig r;

	rig_init(&r);
	assert_null(spans_last(&r.q));
	for (int i = 0; i < 6; i++)
		append(&r);
	expect(&r, "| 0 1 2 3 4 5");
	assert_int_equal(spans_last(&r.q)->off, 5);
	spans_drop_first(&r.q);
	spans_drop_first(&r.q);
	append(&r);
	append(&r);
	append(&r);
	expect(&r, "| 2 3 4 5 6 7 8");
	spans_truncate(&r.q, 2);
	expect(&r, "| 2 3");
	rig_fini(&r);
}

TEST(one_span_takes_no_memory)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 10; i++) {
		append(&r);
		assert_ptr_equal(r.q.at, &r.q.one);
		spans_drop_first(&r.q);
	}
	rig_fini(&r);
}

TEST(what_is_passed_stays_and_the_rest_is_taken_in_order)
{
	struct rig r;
	struct span s;

	rig_init(&r);
	for (int i = 0; i < 5; i++)
		append(&r);
	spans_pass(&r.q);
	s = spans_take(&r.q);
	assert_int_equal(s.off, 1);
	slab_unref(s.slab);
	expect(&r, "0 | 2 3 4");
	s = spans_take(&r.q);
	slab_unref(s.slab);
	spans_pass(&r.q);
	expect(&r, "0 3 | 4");
	append(&r);
	expect(&r, "0 3 | 4 5");
	spans_drop_first(&r.q);
	expect(&r, "3 | 4 5");
	spans_drop_first(&r.q);
	expect(&r, "| 4 5");
	assert_int_equal(r.q.hole, 0);
	rig_fini(&r);
}

TEST(what_is_put_in_stands_before_the_place)
{
	struct rig r;
	struct span s;

	rig_init(&r);
	for (int i = 0; i < 3; i++)
		append(&r);
	insert(&r);
	expect(&r, "3 | 0 1 2");
	spans_pass(&r.q);
	insert(&r);
	expect(&r, "3 0 4 | 1 2");
	s = spans_take(&r.q);
	slab_unref(s.slab);
	insert(&r);
	expect(&r, "3 0 4 5 | 2");
	s = spans_take(&r.q);
	slab_unref(s.slab);
	insert(&r);
	expect(&r, "3 0 4 5 6");
	rig_fini(&r);
}

TEST(a_cut_before_the_place_brings_it_to_the_end)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 6; i++)
		append(&r);
	for (int i = 0; i < 4; i++)
		spans_pass(&r.q);
	slab_unref(spans_take(&r.q).slab);
	spans_truncate(&r.q, 2);
	assert_int_equal(r.q.place, 2);
	append(&r);
	expect(&r, "0 1 | 6");
	spans_truncate(&r.q, 0);
	assert_int_equal(r.q.place, 0);
	append(&r);
	expect(&r, "| 7");
	rig_fini(&r);
}

/* A reader that stands still while its oldest are dropped. */
TEST(the_ring_does_not_grow_by_what_is_taken_out)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 20; i++)
		append(&r);
	spans_pass(&r.q);
	for (unsigned i = 0; i < rounds(1000000); i++) {
		append(&r);
		slab_unref(spans_take(&r.q).slab);
	}
	assert_int_equal(r.q.n, 20);
	assert_in_range(r.q.cap, r.q.n, 4 * r.q.n);
	assert_int_equal(spans_at(&r.q, 0)->off, 0);
	assert_int_equal(spans_last(&r.q)->off, r.next - 1);
	rig_fini(&r);
}

static size_t
charged(const struct rig *r)
{
	return r->pool.used - SLAB_SIZE;
}

TEST(the_ring_is_charged_and_gets_smaller_with_what_is_in_it)
{
	struct rig r;

	rig_init(&r);
	append(&r);
	assert_int_equal(charged(&r), 0);
	for (int i = 1; i < 1000; i++)
		append(&r);
	assert_int_equal(charged(&r), 1024 * sizeof(struct span));
	spans_truncate(&r.q, 128);
	spans_fit(&r.q);
	assert_int_equal(charged(&r), 1024 * sizeof(struct span));
	spans_pass(&r.q);
	slab_unref(spans_take(&r.q).slab);
	spans_truncate(&r.q, 5);
	spans_fit(&r.q);
	expect(&r, "0 | 2 3 4 5");
	assert_int_equal(charged(&r), 16 * sizeof(struct span));
	spans_truncate(&r.q, 0);
	spans_fit(&r.q);
	append(&r);
	append(&r);
	expect(&r, "| 1000 1001");
	spans_clear(&r.q);
	assert_int_equal(charged(&r), 0);
	rig_fini(&r);
}

/* The same, done to a plain array. */
struct model {
	uint32_t off[2000];
	uint32_t n, place;
};

static void
model_remove(struct model *m, uint32_t i)
{
	m->n--;
	memmove(m->off + i, m->off + i + 1, (m->n - i) * sizeof(m->off[0]));
}

static void
model_insert(struct model *m, uint32_t off)
{
	memmove(m->off + m->place + 1, m->off + m->place,
	        (m->n - m->place) * sizeof(m->off[0]));
	m->off[m->place++] = off;
	m->n++;
}

static void
expect_model(const struct rig *r, const struct model *m)
{
	assert_int_equal(r->q.n, m->n);
	assert_int_equal(r->q.place, m->place);
	assert_int_equal(r->slab->refs, m->n + 1);
	for (uint32_t i = 0; i < m->n; i++)
		assert_int_equal(spans_at(&r->q, i)->off, m->off[i]);
}

static void
step(struct rig *r, struct model *m, unsigned what)
{
	switch (what) {
	case 0:
		if (m->n > 0) {
			spans_drop_first(&r->q);
			model_remove(m, 0);
			m->place -= m->place > 0;
		}
		break;
	case 1:
		if (m->place < m->n) {
			spans_pass(&r->q);
			m->place++;
		}
		break;
	case 2:
		if (m->place < m->n) {
			struct span s = spans_take(&r->q);

			assert_int_equal(s.off, m->off[m->place]);
			slab_unref(s.slab);
			model_remove(m, m->place);
		}
		break;
	case 3:
		model_insert(m, r->next);
		insert(r);
		break;
	default:
		m->off[m->n++] = r->next;
		append(r);
		break;
	}
}

TEST(it_is_an_array_with_a_place_in_it_whatever_happens)
{
	struct chance c = chance_new("spans");
	struct model m = { .n = 0 };
	struct rig r;

	rig_init(&r);
	for (unsigned i = 0; i < rounds(200000); i++) {
		/* more comes than goes, then the other way round */
		unsigned most = i / 500 % 2 ? 5 : 4;

		step(&r, &m, chance_below(&c, most));
		if (chance_one_in(&c, 5000) || m.n > 1500) {
			uint32_t n = chance_below(&c, m.n + 1);

			spans_truncate(&r.q, n);
			m.n = n;
			m.place = m.place < n ? m.place : n;
		}
		if (i % 8 == 0)
			expect_model(&r, &m);
	}
	rig_fini(&r);
}

/* ---- one span ------------------------------------------------------------- */

TEST(frames_are_dropped_from_its_front_or_all_but_one)
{
	struct bytes b = { 0 };
	struct rig r;
	struct span s;

	rig_init(&r);
	put_frame(&b, "11");
	put_frame(&b, "22 22");
	put_frame(&b, "33 33 33");
	memcpy(r.slab->data + 10, b.at, b.len);
	s = (struct span){
		.slab = r.slab, .off = 10, .len = (uint32_t)b.len, .frames = 3
	};
	assert_int_equal(span_frame_size(&s, 0), 6);
	assert_int_equal(span_frame_size(&s, 6), 7);
	span_drop_frame(&s, 6);
	assert_int_equal(s.off, 16);
	assert_int_equal(s.len, 15);
	assert_int_equal(s.frames, 2);
	span_keep_frame(&s, 7);
	assert_int_equal(s.off, 16);
	assert_int_equal(s.len, 7);
	assert_int_equal(s.frames, 1);
	bytes_free(&b);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_gives_first_what_came_first),
		cmocka_unit_test(one_span_takes_no_memory),
		cmocka_unit_test(
			what_is_passed_stays_and_the_rest_is_taken_in_order),
		cmocka_unit_test(what_is_put_in_stands_before_the_place),
		cmocka_unit_test(a_cut_before_the_place_brings_it_to_the_end),
		cmocka_unit_test(the_ring_does_not_grow_by_what_is_taken_out),
		cmocka_unit_test(
			the_ring_is_charged_and_gets_smaller_with_what_is_in_it),
		cmocka_unit_test(
			it_is_an_array_with_a_place_in_it_whatever_happens),
		cmocka_unit_test(
			frames_are_dropped_from_its_front_or_all_but_one),
	};

	return RUN(tests);
}
