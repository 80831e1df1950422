/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/slab.h"

#include <string.h>

#include "unit.h"

#define KIB ((size_t)1024)

/* Who waits for memory, and how often it was told that there is some. */
struct waiting {
	struct waiter waiter;
	unsigned resumed;
	struct slab_pool *pool;
	struct slab *got;
};

static void
on_resume(struct waiter *w)
{
	((struct waiting *)w)->resumed++;
}

TEST(a_plain_slab_is_charged_whole_and_given_back_whole)
{
	struct slab_pool pool;
	struct slab *s;

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 65536), 0);
	assert_int_equal(pool.used, 0);
	s = slab_new(&pool);
	assert_non_null(s);
	assert_int_equal(s->cap, 256 * KIB);
	assert_int_equal(s->refs, 1);
	assert_int_equal(pool.used, 256 * KIB);
	memset(s->data, 0xaa, s->cap);
	slab_unref(s);
	assert_int_equal(pool.used, 0);
	assert_int_equal(pool.peak, 256 * KIB);
	slab_pool_fini(&pool);
}

TEST(it_lives_as_long_as_its_last_reference)
{
	struct slab_pool pool;
	struct slab *s;

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 65536), 0);
	s = slab_new(&pool);
	assert_ptr_equal(slab_ref(s), s);
	slab_ref(s);
	slab_unref(s);
	slab_unref(s);
	assert_int_equal(pool.used, 256 * KIB);
	slab_unref(s);
	assert_int_equal(pool.used, 0);
	slab_unref(NULL);
	slab_pool_fini(&pool);
}

TEST(the_warmest_is_reused_first)
{
	struct slab_pool pool;
	struct slab *a, *b;

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 65536), 0);
	a = slab_new(&pool);
	b = slab_new(&pool);
	assert_ptr_not_equal(a->data, b->data);
	slab_unref(a);
	slab_unref(b);
	assert_ptr_equal(slab_new(&pool), b);
	assert_ptr_equal(slab_new(&pool), a);
	slab_unref(a);
	slab_unref(b);
	slab_pool_fini(&pool);
}

TEST(no_slab_beyond_the_ceiling_but_the_first)
{
	struct slab_pool pool;
	struct slab *s[4];

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 65536), 0);
	for (int i = 0; i < 4; i++) {
		s[i] = slab_new(&pool);
		assert_non_null(s[i]);
	}
	assert_null(slab_new(&pool));
	slab_unref(s[2]);
	assert_non_null(s[2] = slab_new(&pool));
	assert_null(slab_new(&pool));
	for (int i = 0; i < 4; i++)
		slab_unref(s[i]);

	/* what the kernel holds counts as well */
	slab_pool_charge(&pool, 768 * KIB + 1);
	assert_null(slab_new(&pool));
	slab_pool_uncharge(&pool, 1);
	assert_non_null(s[0] = slab_new(&pool));
	slab_unref(s[0]);
	slab_pool_uncharge(&pool, 768 * KIB);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);

	/* a pool that is smaller than a slab has one all the same */
	assert_int_equal(slab_pool_init(&pool, 1000, 65536), 0);
	s[0] = slab_new(&pool);
	assert_non_null(s[0]);
	assert_null(slab_new(&pool));
	slab_unref(s[0]);
	slab_pool_fini(&pool);
}

TEST(a_large_slab_is_paid_for_as_bytes_arrive)
{
	struct slab_pool pool;
	struct slab *s;

	assert_int_equal(slab_pool_init(&pool, 8 << 20, 4 << 20), 0);
	s = slab_new_large(&pool);
	assert_non_null(s);
	assert_int_equal(pool.used, 0);
	assert_true(s->cap >= (4 << 20) + 5);
	assert_true(slab_reserve(s, 1));
	assert_int_equal(pool.used, 64 * KIB);
	assert_true(slab_reserve(s, 64 << 10));
	assert_int_equal(pool.used, 64 * KIB);
	assert_true(slab_reserve(s, (64 << 10) + 1));
	assert_int_equal(pool.used, 128 * KIB);
	assert_true(slab_reserve(s, 300 << 10));
	assert_int_equal(pool.used, 320 * KIB);
	assert_true(slab_reserve(s, (4 << 20) + 5));
	assert_true(s->charged <= s->cap);
	memset(s->data, 0x55, (4 << 20) + 5);
	slab_unref(s);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
}

TEST(a_large_slab_is_refused_what_the_pool_has_not_unless_it_is_alone)
{
	struct slab_pool pool;
	struct slab *s, *other;

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 4 << 20), 0);
	other = slab_new(&pool);
	s = slab_new_large(&pool);
	assert_true(slab_reserve(s, 768 << 10));
	assert_int_equal(pool.used, 1024 * KIB);
	assert_false(slab_reserve(s, (768 << 10) + 1));
	assert_int_equal(pool.used, 1024 * KIB); /* nothing has changed */
	assert_null(slab_new_large(&pool));
	slab_unref(other);
	/* alone it gets what the frame needs, or nobody ever could send it */
	assert_true(slab_reserve(s, 4 << 20));
	slab_unref(s);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
}

TEST(large_slabs_are_kept_for_the_next_but_only_a_few)
{
	struct slab_pool pool;
	struct slab *s[8];

	assert_int_equal(slab_pool_init(&pool, 64 << 20, 1 << 20), 0);
	for (int i = 0; i < 8; i++) {
		s[i] = slab_new_large(&pool);
		assert_non_null(s[i]);
		assert_true(slab_reserve(s[i], 1 << 20));
		memset(s[i]->data, i, 1 << 20);
	}
	for (int i = 0; i < 8; i++)
		slab_unref(s[i]);
	assert_int_equal(pool.used, 0);
	assert_int_equal(pool.n_free_large, 4);
	s[0] = slab_new_large(&pool);
	assert_int_equal(pool.n_free_large, 3);
	assert_int_equal(s[0]->charged, 0);
	slab_unref(s[0]);
	slab_pool_fini(&pool);
}

TEST(small_slabs_are_charged_and_never_refused)
{
	struct slab_pool pool;
	struct slab *s[5];

	assert_int_equal(slab_pool_init(&pool, 1000, 65536), 0);
	for (int i = 0; i < 5; i++) {
		s[i] = slab_new_small(&pool, 700);
		assert_non_null(s[i]);
		assert_int_equal(s[i]->cap, 700);
		memset(s[i]->data, i, 700);
	}
	assert_int_equal(pool.used, 3500);
	for (int i = 0; i < 5; i++)
		slab_unref(s[i]);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
}

TEST(who_waits_is_told_when_a_slab_fits_again_and_not_before)
{
	struct waiting a = { .waiter.resume = on_resume }, b = a;
	struct slab_pool pool;
	struct slab *s[3];

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 65536), 0);
	for (int i = 0; i < 3; i++)
		s[i] = slab_new(&pool);
	slab_pool_charge(&pool, 300 * KIB);
	assert_null(slab_new(&pool));
	waiters_add(&pool.waiters, &a.waiter);
	waiters_add(&pool.waiters, &b.waiter);
	slab_pool_uncharge(&pool, 299 * KIB); /* one short */
	assert_int_equal(a.resumed, 0);
	slab_pool_uncharge(&pool, 1 * KIB);
	assert_int_equal(a.resumed, 1);
	assert_int_equal(b.resumed, 1);
	assert_false(waiter_is_waiting(&a.waiter));
	assert_true(waiters_are_empty(&pool.waiters));
	for (int i = 0; i < 3; i++)
		slab_unref(s[i]);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
}

static void
take_now(struct waiter *waiter)
{
	struct waiting *w = (struct waiting *)waiter;

	w->got = slab_new(w->pool);
}

TEST(a_slab_is_free_before_those_who_wait_for_it_are_told)
{
	struct slab_pool pool;
	struct waiting w = { .waiter.resume = take_now, .pool = &pool };
	struct slab *s;

	assert_int_equal(slab_pool_init(&pool, 256 << 10, 65536), 0);
	s = slab_new(&pool);
	assert_null(slab_new(&pool));
	waiters_add(&pool.waiters, &w.waiter);
	slab_unref(s);
	assert_ptr_equal(w.got, s);
	slab_unref(w.got);
	slab_pool_fini(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_plain_slab_is_charged_whole_and_given_back_whole),
		cmocka_unit_test(it_lives_as_long_as_its_last_reference),
		cmocka_unit_test(the_warmest_is_reused_first),
		cmocka_unit_test(no_slab_beyond_the_ceiling_but_the_first),
		cmocka_unit_test(a_large_slab_is_paid_for_as_bytes_arrive),
		cmocka_unit_test(
			a_large_slab_is_refused_what_the_pool_has_not_unless_it_is_alone),
		cmocka_unit_test(
			large_slabs_are_kept_for_the_next_but_only_a_few),
		cmocka_unit_test(small_slabs_are_charged_and_never_refused),
		cmocka_unit_test(
			who_waits_is_told_when_a_slab_fits_again_and_not_before),
		cmocka_unit_test(
			a_slab_is_free_before_those_who_wait_for_it_are_told),
	};

	return RUN(tests);
}
