/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/page.h"

#include <unistd.h>

#include "bytes.h"
#include "proto/publish.h"

static struct slab_pool pool;

static int
set_up(void **state)
{
	(void)state;
	return slab_pool_init(&pool, 64u << 20, 1u << 20);
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(pool.used, 0);
	slab_pool_fini(&pool);
	return 0;
}

static struct page
begin(void)
{
	struct page g;

	assert_int_equal(page_begin(&g, &pool, text_from("$inbox.x.1.r")), 0);
	return g;
}

/* The frame is a PUBLISH that holds to every rule; what is in it. */
static struct publish
read_back(const struct page *g, uint32_t len)
{
	struct publish p;

	assert_true(len > 5 && len <= PAGE_MAX);
	assert_int_equal(g->slab->data[0], 0xce);
	assert_int_equal(load_be32(g->slab->data + 1), len - 5);
	assert_int_equal(publish_read(g->slab->data + 5, len - 5, &p),
	                 PUBLISH_OK);
	assert_int_equal(load_be32(g->slab->data + 5 + p.stamp_offset), 0);
	assert_int_equal(load_be32(g->slab->data + 5 + p.stamp_offset + 4),
	                 geteuid());
	assert_int_equal(p.topic_len, 12);
	assert_memory_equal(p.topic, "$inbox.x.1.r", 12);
	return p;
}

static void
expect_payload(const struct publish *p, const char *hex)
{
	struct bytes got = { 0 };

	put(&got, p->payload, p->payload_len);
	assert_bytes_are(&got, hex);
	bytes_free(&got);
}

TEST(an_answer_is_a_publish_of_the_broker_whose_payload_is_a_map)
{
	struct page g = begin();
	struct publish p;

	page_uint(&g, "n", 7);
	page_list(&g, "l");
	pack_uint(page_entry(&g), 1);
	pack_uint(page_entry(&g), 2);
	page_list_end(&g);
	page_text(&g, "t", "x");
	page_next(&g, 300);
	p = read_back(&g, page_end(&g));
	expect_payload(&p, "df 00 00 00 04 a1 6e 07 a1 6c dd 00 00 00 02 01 02 "
	                   "a1 74 a1 78 a4 6e 65 78 74 cd 01 2c");
	slab_unref(g.slab);
}

TEST(an_error_takes_the_place_of_what_was_begun)
{
	struct page g = begin();
	struct publish p;

	page_uint(&g, "n", 7);
	p = read_back(&g, page_end_with_error(&g, text_from("$inbox.x.1.r"),
	                                      STATUS_BAD_FRAME, "no"));
	expect_payload(&p, "6e 6f");
	assert_int_equal(p.headers[0], 0x82);
	slab_unref(g.slab);
}

TEST(a_list_ends_before_the_page_is_full)
{
	struct page g = begin();
	char text[1000];
	uint32_t n = 0;

	memset(text, 'x', sizeof(text));
	page_list(&g, "l");
	while (page_goes_on(&g)) {
		pack_str(page_entry(&g), text, sizeof(text));
		n++;
	}
	page_list_end(&g);
	page_next(&g, UINT64_MAX);
	assert_true(n > 200);
	assert_int_equal(g.n_entries, n);
	read_back(&g, page_end(&g));
	slab_unref(g.slab);
}

TEST(a_list_ends_when_it_was_enough_work)
{
	struct page g = begin();
	uint32_t n = 0;

	page_list(&g, "l");
	while (page_goes_on(&g))
		n++;
	page_list_end(&g);
	assert_int_equal(n, PAGE_WORK_MAX);
	read_back(&g, page_end(&g));
	slab_unref(g.slab);
}

TEST(what_does_not_fit_is_noticed_at_the_end)
{
	struct page g = begin();
	static char text[100000];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 4; i++)
		pack_str(page_pair(&g, "k"), text, sizeof(text));
	assert_int_equal(page_end(&g), 0);
	read_back(&g, page_end_with_error(&g, text_from("$inbox.x.1.r"),
	                                  STATUS_BAD_FRAME, "too long"));
	slab_unref(g.slab);
}

#define PAGE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PAGE_TEST(
			an_answer_is_a_publish_of_the_broker_whose_payload_is_a_map),
		PAGE_TEST(an_error_takes_the_place_of_what_was_begun),
		PAGE_TEST(a_list_ends_before_the_page_is_full),
		PAGE_TEST(a_list_ends_when_it_was_enough_work),
		PAGE_TEST(what_does_not_fit_is_noticed_at_the_end),
	};

	return RUN(tests);
}
