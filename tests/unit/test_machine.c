/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/machine.h"

#include "files.h"

static void
write_text(const struct files *f, const char *name, const char *text)
{
	char path[256];

	files_write(f, name, text, strlen(text), path);
}

static uint64_t
memory(const struct files *f)
{
	char self[256];

	return machine_cgroup_memory(files_path(f, "self", self), f->directory);
}

TEST(the_lowest_limit_on_the_way_up_counts)
{
	struct files f;

	files_begin(&f);
	write_text(&f, "self", "1:name=systemd:/x\n0::/a\n");
	write_text(&f, "a/memory.max", "5000\n");
	write_text(&f, "memory.max", "7000\n");
	assert_true(memory(&f) == 5000);
	write_text(&f, "memory.max", "3000\n");
	assert_true(memory(&f) == 3000);
	write_text(&f, "a/memory.max", "max\n");
	write_text(&f, "memory.max", "max\n");
	assert_true(memory(&f) == UINT64_MAX);
	files_end(&f);
}

TEST(without_cgroups_there_is_no_limit)
{
	struct files f;

	files_begin(&f);
	assert_true(memory(&f) == UINT64_MAX);
	write_text(&f, "self", "1:name=systemd:/x\n");
	assert_true(memory(&f) == UINT64_MAX);
	write_text(&f, "self", "0::/\n");
	assert_true(memory(&f) == UINT64_MAX);
	files_end(&f);
}

TEST(this_machine_has_some_of_each)
{
	assert_true(machine_memory() > 1u << 20);
	assert_true(machine_descriptors() > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_limit_on_the_way_up_counts),
		cmocka_unit_test(without_cgroups_there_is_no_limit),
		cmocka_unit_test(this_machine_has_some_of_each),
	};

	return RUN(tests);
}
