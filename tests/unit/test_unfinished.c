/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/unfinished.h"

#include "sessions.h"

enum { N = 7 };

/* Eight slabs of memory, all of them taken: by frames that have begun, of which
   uid 20 has most, by one of "waits" that needs more, and by others. */
struct scene {
	struct rig rig;
	struct client *c[N];
	int n;
	size_t charged;
	struct client *waits;
	struct bytes frame, long_frame;
};

static void
scene_init(struct scene *s, int n)
{
	static const uid_t uids[N] = { 10, 20, 20, 10, 20, 30, 20 };
	static const char zeros[900000];
	struct config config = some_config();

	*s = (struct scene){ .n = n, .charged = (size_t)(N - n) * SLAB_SIZE };
	config.memory_max = 2u << 20;
	rig_init_with(&s->rig, config);
	slab_pool_charge(&s->rig.broker.pool, s->charged);
	put_publish(&s->frame, "a", NULL, zeros, 200000);
	put_publish(&s->long_frame, "a", NULL, zeros, sizeof(zeros));
	for (int i = 0; i < s->n; i++) {
		s->c[i] = client_open(&s->rig, "c", uids[i]);
		put(&s->c[i]->said, s->frame.at, 150000);
		client_goes_on(s->c[i]);
	}
	s->waits = client_open(&s->rig, "waits", 40);
	put(&s->waits->said, s->long_frame.at, s->long_frame.len);
	client_goes_on(s->waits);
	assert_true(session_is_waiting(&s->waits->session));
}

static void
scene_fini(struct scene *s)
{
	client_free(s->waits);
	for (int i = 0; i < s->n; i++)
		client_free(s->c[i]);
	slab_pool_uncharge(&s->rig.broker.pool, s->charged);
	bytes_free(&s->frame);
	bytes_free(&s->long_frame);
	rig_fini(&s->rig);
}

static void
steps(struct scene *s, int ms)
{
	for (int i = 0; i < ms; i += 50)
		rig_step(&s->rig, 50);
}

static void
expect_ended(const struct scene *s, const char *which)
{
	for (int i = 0; i < s->n; i++)
		assert_int_equal(s->c[i]->session.state,
		                 which[i] == '1' ? SESSION_ENDING
		                                 : SESSION_OPEN);
}

TEST(frames_of_which_nothing_comes_give_way_as_many_as_it_takes_of_the_user_with_most)
{
	struct scene s;

	scene_init(&s, N);
	steps(&s, 450);
	expect_ended(&s, "0000000");
	steps(&s, 200);
	/* eight slabs are taken and four may be; the last three stay */
	expect_ended(&s, "0110101");
	client_expect_error(s.c[1], STATUS_NO_MEMORY, true, 0,
	                    "(limit 1048576, half of memory-max)");
	assert_null(s.c[1]->input.slab);
	rig_turn(&s.rig);
	assert_int_equal(s.waits->session.accepted, 1);
	steps(&s, 5000);
	expect_ended(&s, "0110101");
	scene_fini(&s);
}

TEST(one_that_comes_on_does_not_give_way_before_somebody_has_waited_for_long)
{
	struct scene s;

	scene_init(&s, N);
	for (int ms = 0; ms < 1950; ms += 50) {
		for (int i = 0; i < N; i++) {
			put(&s.c[i]->said, "\0", 1);
			client_goes_on(s.c[i]);
		}
		rig_step(&s.rig, 50);
	}
	expect_ended(&s, "0000000");
	rig_step(&s.rig, 50);
	expect_ended(&s, "0110101");
	rig_turn(&s.rig);
	scene_fini(&s);
}

TEST(while_all_of_them_have_no_more_than_half_of_memory_none_gives_way)
{
	struct scene s;

	scene_init(&s, 3);
	steps(&s, 1800);
	expect_ended(&s, "000");
	s.waits->cut_off = true; /* and so goes before the others */
	steps(&s, 100);
	scene_fini(&s);
}

TEST(one_that_waits_and_whose_other_end_has_gone_is_let_go)
{
	struct scene s;

	scene_init(&s, N);
	s.c[0]->cut_off = true; /* it does not wait: its end will be read */
	s.waits->cut_off = true;
	steps(&s, 100);
	expect_ended(&s, "0000000");
	assert_int_equal(s.waits->session.state, SESSION_ENDING);
	assert_null(s.waits->input.slab);
	scene_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			frames_of_which_nothing_comes_give_way_as_many_as_it_takes_of_the_user_with_most),
		cmocka_unit_test(
			one_that_comes_on_does_not_give_way_before_somebody_has_waited_for_long),
		cmocka_unit_test(
			while_all_of_them_have_no_more_than_half_of_memory_none_gives_way),
		cmocka_unit_test(
			one_that_waits_and_whose_other_end_has_gone_is_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
