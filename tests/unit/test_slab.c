/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/slab.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#define KIB ((size_t)1024)

/* Who waits for memory, what it has, and how often it went on. */
struct waiting {
	struct waiter waiter;
	unsigned resumed;
	struct slab_pool *pool;
	struct slab *has;
	struct slab *got;
	uint32_t wants; /* of a large one; 0: a plain one */
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

static bool
take(struct waiter *waiter)
{
	struct waiting *w = (struct waiting *)waiter;
	struct slab *slab;

	slab = w->wants > 0 ? slab_new_large(w->pool) : slab_new(w->pool);
	if (slab && w->wants > 0 && !slab_reserve(slab, w->wants)) {
		slab_unref(slab);
		slab = NULL;
	}
	if (slab)
		slab_unref(w->has);
	w->got = slab;
	return slab;
}

static struct waiting
waiting_for(struct slab_pool *pool, uint32_t wants)
{
	return (struct waiting){
		.waiter = { .resume = on_resume, .take = take },
		.pool = pool,
		.wants = wants,
	};
}

TEST(who_waits_goes_on_when_it_has_a_slab_and_the_next_when_it_has_one)
{
	struct slab_pool pool;
	struct waiting a = waiting_for(&pool, 0), b = a;
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
	assert_int_equal(b.resumed, 0);
	assert_false(waiter_is_waiting(&a.waiter));
	slab_unref(s[0]);
	assert_int_equal(b.resumed, 1);
	assert_true(waiters_are_empty(&pool.waiters));
	for (int i = 1; i < 3; i++)
		slab_unref(s[i]);
	slab_unref(a.got);
	slab_unref(b.got);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
}

TEST(who_wants_much_keeps_its_place_before_those_who_want_little)
{
	struct slab_pool pool;
	struct waiting much = waiting_for(&pool, 512 << 10);
	struct waiting little = waiting_for(&pool, 0);
	struct slab *s[4];

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 1 << 20), 0);
	for (int i = 0; i < 4; i++)
		s[i] = slab_new(&pool);
	waiters_add(&pool.waiters, &much.waiter);
	waiters_add(&pool.waiters, &little.waiter);
	slab_unref(s[0]);
	/* nor does who has not waited take it away */
	assert_false(slab_pool_has(&pool, 1));
	assert_null(slab_new(&pool));
	assert_int_equal(much.resumed + little.resumed, 0);
	slab_unref(s[1]);
	assert_int_equal(much.resumed, 1);
	assert_int_equal(little.resumed, 0);
	slab_unref(s[2]);
	assert_int_equal(little.resumed, 1);
	slab_unref(much.got);
	assert_true(slab_pool_has(&pool, SLAB_SIZE));
	slab_unref(little.got);
	slab_unref(s[3]);
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
}

TEST(what_one_gives_back_for_what_it_gets_is_for_the_next)
{
	struct slab_pool pool;
	struct waiting a = waiting_for(&pool, 300 << 10);
	struct waiting b = waiting_for(&pool, 0);
	struct slab *s[3];

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 1 << 20), 0);
	for (int i = 0; i < 3; i++)
		s[i] = slab_new(&pool);
	a.has = slab_new(&pool);
	waiters_add(&pool.waiters, &a.waiter);
	waiters_add(&pool.waiters, &b.waiter);
	slab_unref(s[0]);
	slab_unref(s[1]);
	assert_int_equal(a.resumed, 1);
	assert_int_equal(b.resumed, 1);
	slab_unref(a.got);
	slab_unref(b.got);
	slab_unref(s[2]);
	slab_pool_fini(&pool);
}

TEST(when_the_first_one_leaves_the_next_may_need_less)
{
	struct slab_pool pool;
	struct waiting much = waiting_for(&pool, 512 << 10);
	struct waiting little = waiting_for(&pool, 0);
	struct slab *s[3];

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 1 << 20), 0);
	for (int i = 0; i < 3; i++)
		s[i] = slab_new(&pool);
	waiters_add(&pool.waiters, &much.waiter);
	waiters_add(&pool.waiters, &little.waiter);
	waiter_leave(&much.waiter);
	slab_pool_serve(&pool);
	assert_int_equal(little.resumed, 1);
	for (int i = 0; i < 3; i++)
		slab_unref(s[i]);
	slab_unref(little.got);
	slab_pool_fini(&pool);
}

TEST(a_frame_that_has_begun_may_go_on_though_others_wait)
{
	struct slab_pool pool;
	struct waiting w = waiting_for(&pool, 512 << 10);
	struct slab *begun, *s;

	assert_int_equal(slab_pool_init(&pool, 1 << 20, 1 << 20), 0);
	s = slab_new(&pool);
	begun = slab_new_large(&pool);
	assert_true(slab_reserve(begun, 512 << 10));
	waiters_add(&pool.waiters, &w.waiter);
	assert_true(slab_reserve(begun, 768 << 10));
	assert_false(slab_reserve(begun, 1 << 20));
	slab_unref(begun);
	assert_int_equal(w.resumed, 1);
	slab_unref(w.got);
	slab_unref(s);
	slab_pool_fini(&pool);
}

TEST(a_slab_is_free_before_those_who_wait_for_it_are_told)
{
	struct slab_pool pool;
	struct waiting w = waiting_for(&pool, 0);
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

/* How many of the pool's pages the kernel has given us. */
static size_t
resident_pages(const struct slab_pool *pool)
{
	static unsigned char there[1 << 16];
	size_t size = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	size_t pages = pool->n_plain * SLAB_SIZE / size;

	assert_true(pages <= sizeof(there));
	assert_int_equal(mincore(pool->memory, pages * size, (void *)there), 0);
	for (size_t i = 0; i < pages; i++)
		n += there[i] & 1u;
	return n;
}

/* So many slabs at a time, all of them written to, and free again. */
static void
use(struct slab_pool *pool, unsigned n)
{
	struct slab *s[16];

	for (unsigned i = 0; i < n; i++) {
		assert_non_null(s[i] = slab_new(pool));
		memset(s[i]->data, (int)i, s[i]->cap);
	}
	while (n > 0)
		slab_unref(s[--n]);
}

TEST(what_was_free_all_the_time_goes_back_to_the_kernel_and_can_be_had_again)
{
	size_t each = SLAB_SIZE / (size_t)sysconf(_SC_PAGESIZE);
	struct slab_pool pool;

	assert_int_equal(slab_pool_init(&pool, 16 * SLAB_SIZE, 65536), 0);
	assert_false(slab_pool_has_spare(&pool));
	use(&pool, 10);
	assert_int_equal(resident_pages(&pool), 10 * each);
	assert_true(slab_pool_has_spare(&pool));
	slab_pool_give_back(&pool); /* they were in use since the last time */
	assert_int_equal(resident_pages(&pool), 10 * each);
	use(&pool, 3); /* the warmest, and the others are idle */
	slab_pool_give_back(&pool);
	if (resident_pages(&pool) == 10 * each)
		skip(); /* this system takes nothing back */
	assert_int_equal(resident_pages(&pool), 3 * each);
	assert_true(slab_pool_has_spare(&pool));
	use(&pool, 1);
	slab_pool_give_back(&pool);
	assert_int_equal(resident_pages(&pool), 1 * each);
	assert_false(slab_pool_has_spare(&pool));

	use(&pool, 16);
	assert_int_equal(resident_pages(&pool), 16 * each);
	slab_pool_give_back(&pool);
	slab_pool_give_back(&pool);
	assert_int_equal(resident_pages(&pool), 0);
	use(&pool, 16);
	slab_pool_fini(&pool);
}

TEST(large_slabs_that_nobody_needs_are_not_kept_for_ever)
{
	struct slab_pool pool;
	struct slab *s[3];

	assert_int_equal(slab_pool_init(&pool, 64 << 20, 1 << 20), 0);
	for (int i = 0; i < 3; i++)
		s[i] = slab_new_large(&pool);
	for (int i = 0; i < 3; i++)
		slab_unref(s[i]);
	assert_true(slab_pool_has_spare(&pool));
	slab_pool_give_back(&pool);
	assert_int_equal(pool.n_free_large, 3);
	slab_unref(slab_new_large(&pool));
	slab_pool_give_back(&pool);
	assert_int_equal(pool.n_free_large, 1);
	slab_pool_give_back(&pool);
	assert_int_equal(pool.n_free_large, 0);
	assert_false(slab_pool_has_spare(&pool));
	slab_pool_fini(&pool);
}

/* Whatever is taken and given back in between, nobody's bytes are lost. */
TEST(nothing_that_is_in_use_is_given_back)
{
	struct chance c = chance_new("slab");
	struct slab *held[16] = { NULL };
	struct slab_pool pool;

	assert_int_equal(slab_pool_init(&pool, 16 * SLAB_SIZE, 65536), 0);
	for (unsigned k = 0; k < 3000; k++) {
		unsigned i = chance_below(&c, COUNT(held));

		if (held[i]) {
			for (size_t at = 0; at < SLAB_SIZE; at += 4096)
				assert_int_equal(held[i]->data[at], i + 1);
			slab_unref(held[i]);
			held[i] = NULL;
		} else {
			assert_non_null(held[i] = slab_new(&pool));
			memset(held[i]->data, (int)i + 1, SLAB_SIZE);
		}
		if (chance_below(&c, 4) == 0)
			slab_pool_give_back(&pool);
		assert_true(pool.n_cold <= pool.n_free);
		assert_true(pool.n_idle <= pool.n_free);
	}
	for (unsigned i = 0; i < COUNT(held); i++)
		slab_unref(held[i]);
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
			who_waits_goes_on_when_it_has_a_slab_and_the_next_when_it_has_one),
		cmocka_unit_test(
			who_wants_much_keeps_its_place_before_those_who_want_little),
		cmocka_unit_test(
			what_one_gives_back_for_what_it_gets_is_for_the_next),
		cmocka_unit_test(
			when_the_first_one_leaves_the_next_may_need_less),
		cmocka_unit_test(
			a_frame_that_has_begun_may_go_on_though_others_wait),
		cmocka_unit_test(
			a_slab_is_free_before_those_who_wait_for_it_are_told),
		cmocka_unit_test(
			what_was_free_all_the_time_goes_back_to_the_kernel_and_can_be_had_again),
		cmocka_unit_test(
			large_slabs_that_nobody_needs_are_not_kept_for_ever),
		cmocka_unit_test(nothing_that_is_in_use_is_given_back),
	};

	return RUN(tests);
}
