/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/reload.h"

#include "capture.h"
#include "files.h"
#include "sessions.h"

static struct capture err;
static struct files dir;

#define DENY "acl: [{deny: [publish], who: [everyone], topics: [a]}]\n"

/* A broker that has read this file, and those of acl.d. */
struct served {
	char path[256];
	const char *argv[6];
	struct config config;
	struct broker broker;
};

static void
begin(struct served *s)
{
	*s = (struct served){ 0 };
	files_begin(&dir);
}

static void
write_file(const char *name, const char *text)
{
	char path[256];

	files_write(&dir, name, text, strlen(text), path);
}

static void
serve_with_files(struct served *s, const char *text)
{
	files_write(&dir, "umbeld.yaml", text, strlen(text), s->path);
	s->argv[0] = "umbeld";
	s->argv[1] = "--config";
	s->argv[2] = s->path;
	s->argv[3] = "--socket";
	s->argv[4] = "/run/x";
	assert_int_equal(config_parse(&s->config, 5,
	                              (char **)(uintptr_t)s->argv),
	                 CONFIG_OK);
	assert_int_equal(broker_init(&s->broker, &s->config), 0);
}

static void
serve(struct served *s, const char *text)
{
	begin(s);
	serve_with_files(s, text);
}

/* What is said is in `err`. */
static void
reload_with(struct served *s, const char *text)
{
	write_file("umbeld.yaml", text);
	capture_begin(&err, stderr);
	reload(&s->broker, &s->config, 5, (char **)(uintptr_t)s->argv);
	capture_end(&err);
}

static void
finish(struct served *s)
{
	broker_fini(&s->broker);
	config_fini(&s->config);
	files_end(&dir);
}

static void
expect_said(const char *words)
{
	if (!strstr(err.text, words))
		fail_msg("said: %s", err.text);
}

TEST(rules_and_log_level_take_effect)
{
	struct served s;

	serve(&s, "log-level: info\n");
	assert_null(s.broker.acl);
	reload_with(&s, "log-level: debug\nacl: []\n");
	expect_said("info: reloaded rules=0 subscriptions_revoked=0\n");
	assert_int_equal(s.broker.log.level, LOG_DEBUG);
	assert_non_null(s.broker.acl);
	assert_ptr_equal(s.broker.acl, s.config.acl);
	reload_with(&s, "");
	expect_said("warn: reloaded rules=none (whoever may open the socket "
	            "may do all) subscriptions_revoked=0\n");
	reload_with(&s, "");
	expect_said("info: reloaded rules=none");
	assert_null(s.broker.acl);
	assert_int_equal(s.broker.log.level, LOG_INFO);
	finish(&s);
}

TEST(other_changes_are_named_and_wait_for_a_restart)
{
	struct served s;

	serve(&s, "overflow: {stall-ms: 77}\n");
	reload_with(&s, "overflow: {stall-ms: 78, hold-max-ms: 5}\n");
	expect_said("a change of stall-ms takes effect at a restart, until "
	            "then it is 77\n");
	expect_said("a change of hold-max-ms takes effect at a restart, until "
	            "then it is 10000\n");
	assert_null(strstr(err.text, "sockets"));
	reload_with(&s, "overflow: {stall-ms: 77}\nhttp: /run/h\n");
	expect_said("a change of http takes effect at a restart, until then "
	            "there is none\n");
	assert_int_equal(s.config.stall_ms, 77);
	assert_int_equal(s.config.hold_max_ms, 10000);
	reload_with(&s, "overflow: {stall-ms: 77}\n");
	assert_null(strstr(err.text, "takes effect"));
	finish(&s);
}

TEST(a_file_with_a_fault_leaves_all_as_it_was)
{
	struct served s;
	struct acl *acl;

	serve(&s, "log-level: warn\nacl: []\n");
	acl = s.broker.acl;
	reload_with(&s, "log-level: debug\nacl: [x]\n");
	expect_said("umbeld.yaml:2: acl[0]: expected keys and values\n");
	expect_said("error: reload failed, all stays as it was");
	assert_ptr_equal(s.broker.acl, acl);
	assert_ptr_equal(s.config.acl, acl);
	assert_int_equal(s.broker.log.level, LOG_WARN);
	assert_int_equal(unlink(s.path), 0);
	capture_begin(&err, stderr);
	reload(&s.broker, &s.config, 5, (char **)(uintptr_t)s.argv);
	capture_end(&err);
	expect_said("cannot open");
	assert_ptr_equal(s.broker.acl, acl);
	finish(&s);
}

static void
expect_old_rules(struct served *s, const char *words)
{
	const struct acl *acl = s->broker.acl;

	reload_with(s, "log-level: debug\n");
	expect_said(words);
	assert_non_null(acl);
	assert_ptr_equal(s->broker.acl, acl);
	assert_ptr_equal(s->config.acl, acl);
	assert_int_equal(acl->n_rules, 1);
	assert_int_equal(s->broker.log.level, LOG_INFO);
}

TEST(rules_whose_place_is_gone_stay)
{
	char path[256], away[256];
	struct served s;

	begin(&s);
	write_file("acl.d/10.yaml", DENY);
	serve_with_files(&s, "");
	files_path(&dir, "acl.d", path);
	files_path(&dir, "away", away);
	assert_int_equal(rename(path, away), 0);
	expect_old_rules(&s, "error: reload failed, all stays as it was: acl.d "
	                     "has no rules any more, files_before=1");
	assert_int_equal(symlink("/nowhere", path), 0);
	expect_old_rules(&s, "acl.d: cannot read: No such file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(rename(files_path(&dir, "acl.d/10.yaml", away),
	                        files_path(&dir, "acl.d/10.yml", path)),
	                 0);
	expect_old_rules(&s, "10.yml: not read");
	expect_said("acl.d has no rules any more");
	/* with a word, they go */
	write_file("acl.d/10.yaml", "acl: []\n");
	reload_with(&s, "");
	assert_int_equal(s.broker.acl->n_rules, 0);
	finish(&s);
}

TEST(each_file_of_acl_d_is_named_and_one_that_is_gone_as_a_warning)
{
	struct served s;
	char path[256];

	begin(&s);
	write_file("acl.d/10.yaml", DENY);
	write_file("acl.d/20.yaml", DENY);
	serve_with_files(&s, "");
	reload_with(&s, "");
	expect_said("umbeld.yaml\" rules=0\n");
	expect_said("acl.d/10.yaml\" rules=1\n");
	expect_said("acl.d/20.yaml\" rules=1\n");
	assert_null(strstr(err.text, "warn: "));
	assert_int_equal(unlink(files_path(&dir, "acl.d/10.yaml", path)), 0);
	write_file("acl.d/15.yaml", "acl: []\n");
	reload_with(&s, "");
	expect_said("warn: gone file=\"");
	expect_said("acl.d/10.yaml\" rules_before=1\n");
	expect_said("acl.d/15.yaml\" rules=0\n");
	expect_said("acl.d/20.yaml\" rules=1\n");
	expect_said("info: reloaded rules=1");
	reload_with(&s, "");
	assert_null(strstr(err.text, "warn: ")); /* it has been said */
	finish(&s);
}

TEST(a_file_of_acl_d_that_cannot_be_read_leaves_all_as_it_was)
{
	char path[256], away[256];
	struct served s;

	begin(&s);
	write_file("acl.d/10.yaml", DENY);
	write_file("acl.d/20.yaml", "acl: []\n");
	serve_with_files(&s, "");
	files_path(&dir, "acl.d/10.yaml", path);
	files_path(&dir, "away", away);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(symlink("/nowhere", path), 0);
	expect_old_rules(&s, "acl.d/10.yaml: cannot open: No such file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_old_rules(&s, "acl.d/10.yaml: cannot read: Is a directory");
	finish(&s);
}

TEST(rules_of_the_file_hold_without_those_of_acl_d)
{
	struct served s;
	char path[256];

	begin(&s);
	write_file("acl.d/10.yaml", DENY);
	serve_with_files(&s, "acl: []\n");
	assert_int_equal(unlink(files_path(&dir, "acl.d/10.yaml", path)), 0);
	reload_with(&s, "acl: []\n");
	expect_said("warn: acl.d has no rules any more, files_before=1\n");
	expect_said("info: reloaded rules=0");
	assert_int_equal(s.broker.acl->n_rules, 0);
	/* from now on they are those of the file, which may take them back */
	reload_with(&s, "");
	assert_null(strstr(err.text, "acl.d"));
	assert_null(s.broker.acl);
	finish(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_and_log_level_take_effect),
		cmocka_unit_test(
			other_changes_are_named_and_wait_for_a_restart),
		cmocka_unit_test(a_file_with_a_fault_leaves_all_as_it_was),
		cmocka_unit_test(rules_whose_place_is_gone_stay),
		cmocka_unit_test(
			each_file_of_acl_d_is_named_and_one_that_is_gone_as_a_warning),
		cmocka_unit_test(
			a_file_of_acl_d_that_cannot_be_read_leaves_all_as_it_was),
		cmocka_unit_test(rules_of_the_file_hold_without_those_of_acl_d),
	};

	return RUN(tests);
}
