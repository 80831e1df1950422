/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The broker when the k-th allocation of a scripted run fails, for every k:
 * it goes on, whoever it could not serve is told, and nobody loses what was
 * acknowledged.
 *
 * ctest: timeout=60
 */
#include <limits.h>

#include "broker/rules.h"
#include "no_memory.h"
#include "unit.h"
#include "world.h"

/* Whatever else happens, these are talked to before memory runs out. */
#define PUBLISHER 0
#define WITNESS   1 /* gets everything, and reads */
#define SLOW      2
#define LATE      3

enum { SUB_ALL = 3, SUB_A = 0, TOPIC_A = 0, TOPIC_AB = 1, TOPIC_SYS = 4 };
/* of say_hello(), say_subscribe() and say_publish() */
enum { WITH_WILL = 4, RETAINED = 20, RETAIN_CB = 128 };

static void
say(struct world *w, unsigned who)
{
	struct end *e = &w->ends[who];

	for (int i = 0; e->fd >= 0 && e->said.len > 0 && i < 50; i++) {
		end_sends(e, SIZE_MAX);
		turn(w);
	}
	end_reads_all(w, &w->ends[WITNESS]);
}

static void
come(struct world *w, unsigned who)
{
	struct end *e = &w->ends[who];

	end_connects(w, e);
	if (e->fd < 0)
		return;
	say_hello(e, 0);
	say(w, who);
	end_reads_all(w, e);
}

static void
subscribe(struct world *w, unsigned who, uint8_t sub, uint8_t filter)
{
	if (w->ends[who].fd < 0)
		return;
	say_subscribe(&w->ends[who], sub, filter);
	say(w, who);
}

static void
publish(struct world *w, unsigned who, uint8_t how, uint32_t len)
{
	if (w->ends[who].fd < 0)
		return;
	say_publish(w, &w->ends[who], how, len);
	say(w, who);
}

static void
ping(struct world *w, unsigned who)
{
	if (w->ends[who].fd < 0)
		return;
	say_ping(&w->ends[who]);
	say(w, who);
	end_reads_all(w, &w->ends[who]);
}

static void
begin(struct world *w)
{
	world_init(w, UINT64_C(0x756d62656c));
	come(w, PUBLISHER);
	come(w, WITNESS);
	subscribe(w, WITNESS, 0, SUB_ALL);
}

static void
watch_clients(struct world *w, unsigned who)
{
	struct end *e = &w->ends[who];
	size_t start = e->said.len;

	if (e->fd < 0)
		return;
	put_hex(&e->said, "95 04 ce");
	put_be(&e->said, ++e->asked, 4);
	put_hex(&e->said, "04");
	put_str(&e->said, "$SYS.client.*");
	put_hex(&e->said, "81 a8 72657461696e6564 c3");
	put_prefix_before(&e->said, start);
	say(w, who);
}

/* Values that are kept, replaced and asked for; who is there, and who comes
   with a will and vanishes. */
static void
run_script_of_last_values(struct world *w)
{
	struct end *e = &w->ends[LATE];

	publish(w, PUBLISHER, RETAIN_CB, 10);
	publish(w, PUBLISHER, RETAIN_CB, 2000);
	if (e->fd >= 0)
		say_unsubscribe(e, 0);
	subscribe(w, LATE, RETAINED, SUB_ALL);
	if (w->ends[SLOW].fd >= 0)
		say_unsubscribe(&w->ends[SLOW], 1);
	watch_clients(w, SLOW);
	end_reads_all(w, e);
	end_leaves(e);
	turn(w);
	end_connects(w, e);
	if (e->fd >= 0)
		say_hello(e, WITH_WILL);
	say(w, LATE);
	end_leaves(e);
	turn(w);
	come(w, LATE);
	end_reads_all(w, &w->ends[SLOW]);
}

/* What an ordinary day has: and every allocation that the broker knows. */
static void
run_script(struct world *w)
{
	come(w, SLOW);
	come(w, LATE);
	for (uint8_t sub = 0; sub < 3; sub++)
		subscribe(w, SLOW, sub, sub);
	subscribe(w, LATE, 0, SUB_A);
	publish(w, PUBLISHER, TOPIC_A, 10);
	publish(w, PUBLISHER, TOPIC_AB, 10);
	/* refused, twice: the second is reported later */
	publish(w, LATE, TOPIC_SYS, 0);
	publish(w, LATE, TOPIC_SYS, 0);
	step_time(w, 1001);
	/* with a reply, and nobody there to give one */
	publish(w, LATE, 8 * 3 + 3, 0);
	/* longer than a slab */
	publish(w, LATE, TOPIC_A, 280000);
	end_reads_all(w, &w->ends[SLOW]);
	end_reads_all(w, &w->ends[LATE]);
	/* held up by one that does not read, who then does */
	for (int i = 0; i < 8; i++)
		publish(w, PUBLISHER, TOPIC_A, 60000);
	step_time(w, 101);
	end_reads_all(w, &w->ends[SLOW]);
	say(w, PUBLISHER);
	ping(w, PUBLISHER);
	broker_start_settling(&w->broker);
	publish(w, LATE, TOPIC_AB, 10);
	step_time(w, 1000);
	ping(w, LATE);
	if (w->ends[SLOW].fd >= 0)
		say_unsubscribe(&w->ends[SLOW], 0);
	say(w, SLOW);
	run_script_of_last_values(w);
}

/* Is this one served as it was promised: all of its requests answered? Who is
   not was told that this is the end, or could not be told anything. */
static void
expect_answers(struct world *w, unsigned who)
{
	struct end *e = &w->ends[who];

	ping(w, who);
	for (int i = 0; i < 4 && e->fd >= 0; i++) {
		turn(w);
		end_reads_all(w, e);
	}
	if (e->fd < 0 || e->ended || e->eof)
		return;
	if (e->answered != e->asked || e->pongs != e->pings)
		fail_msg("client %u: %u of %u requests answered, %u of %u "
		         "pings",
		         who, e->answered, e->asked, e->pongs, e->pings);
}

static void
expect_no_lost_message(struct world *w)
{
	const struct end *witness = &w->ends[WITNESS];

	if (!witness->ended && !witness->eof)
		assert_true(witness->n_heard + witness->n_lost >= w->accepted);
}

static bool
run_with_failures(unsigned k, unsigned n)
{
	struct world w;
	bool happened;

	begin(&w);
	print_message("allocation %u fails\n", k);
	no_memory_at(k, n);
	run_script(&w);
	happened = no_memory_happened();
	no_memory_at(0, 0);
	step_time(&w, 20000);
	for (unsigned who = 0; who < N_ENDS; who++) {
		end_reads_all(&w, &w.ends[who]);
		expect_answers(&w, who);
	}
	expect_no_lost_message(&w);
	all_leave(&w);
	check_service(&w);
	world_fini(&w);
	return happened;
}

TEST(the_script_needs_memory_and_with_it_all_are_served)
{
	struct world w;

	begin(&w);
	run_script(&w);
	for (unsigned who = 0; who < N_ENDS; who++) {
		expect_answers(&w, who);
		assert_false(w.ends[who].ended || w.ends[who].eof);
	}
	assert_int_equal(w.ends[WITNESS].n_heard, w.accepted);
	assert_true(w.accepted >= 12);
	all_leave(&w);
	world_fini(&w);
}

TEST(any_one_allocation_may_fail)
{
	unsigned k = 1;

	while (run_with_failures(k, 1))
		k++;
	print_message("%u allocations\n", k - 1);
	assert_true(k > 40);
}

TEST(any_three_in_a_row_may_fail)
{
	unsigned k = 1;

	while (run_with_failures(k, 3))
		k++;
	assert_true(k > 40);
}

TEST(from_any_one_on_all_may_fail)
{
	unsigned k = 1;

	while (run_with_failures(k, UINT_MAX))
		k++;
	assert_true(k > 20);
}

TEST(a_broker_that_cannot_begin_says_so_and_leaves_nothing)
{
	struct config config = { .memory_max = 4u << 20, .max_frame = 100000 };
	struct broker b;
	unsigned k = 0;
	int r;

	do {
		no_memory_at(++k, 1);
		no_memory_begin();
		r = broker_init(&b, &config);
		no_memory_end();
		if (r == 0)
			broker_fini(&b);
		assert_true(r == 0 || r == -ENOMEM);
		/* what failed is not to be given back once more */
		assert_true((r == 0) == (b.config != NULL));
		assert_true((r == 0) == !no_memory_happened());
	} while (no_memory_happened());
	assert_true(k > 4);
}

TEST(a_rule_for_which_there_is_no_memory_is_not_called_wrong)
{
	char *publish[] = { (char *)"publish" };
	char *who[] = { (char *)"uid 5-7", (char *)"role local" };
	char *topics[] = { (char *)"a.*", (char *)"b" };
	const struct rule_words words = {
		.allow = publish,
		.who = who,
		.topics = topics,
		.allow_count = 1,
		.who_count = 2,
		.topics_count = 2,
	};
	const struct document d = { .path = (char *)"FILE" };
	const struct doc_node node = { .kind = DOC_MAPPING, .line = 1 };
	unsigned k = 0;

	do {
		struct acl *acl = acl_new();
		int r;

		assert_non_null(acl);
		no_memory_at(++k, 1);
		no_memory_begin();
		r = rules_add(acl, &d, &node, &words);
		no_memory_end();
		assert_int_equal(r, no_memory_happened() ? -ENOMEM : 0);
		acl_free(acl);
	} while (no_memory_happened());
	assert_true(k > 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_script_needs_memory_and_with_it_all_are_served),
		cmocka_unit_test(any_one_allocation_may_fail),
		cmocka_unit_test(any_three_in_a_row_may_fail),
		cmocka_unit_test(from_any_one_on_all_may_fail),
		cmocka_unit_test(
			a_broker_that_cannot_begin_says_so_and_leaves_nothing),
		cmocka_unit_test(
			a_rule_for_which_there_is_no_memory_is_not_called_wrong),
	};

	return RUN(tests);
}
