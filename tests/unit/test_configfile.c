/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/* The file of --config, by way of config_parse(), and what rules.c makes of it. */

#include "broker/setting.h"
#include "configs.h"

static void
expect_good(struct config *c, const char *text)
{
	put("umbeld.yaml", text);
	if (parse(c, NULL, NULL, NULL, NULL) != CONFIG_OK)
		fail_msg("%s: said %s", text, err.text);
	assert_string_equal(err.text, "");
}

static void
expect_bad(const char *text, const char *words)
{
	struct config c;

	put("umbeld.yaml", text);
	if (parse(&c, NULL, NULL, NULL, NULL) != CONFIG_BAD)
		fail_msg("%s: was taken", text);
	if (!strstr(err.text, words))
		fail_msg("%s: said %s", text, err.text);
	assert_null(c.file);
	assert_null(c.acl);
	assert_null(c.sockets);
}

TEST(settings_go_where_their_flags_go)
{
	struct config c;

	expect_good(&c, "log-level: warn\n"
	                "limits:\n"
	                "  memory-max: 64M\n"
	                "  max-subscriptions: 7\n"
	                "overflow:\n"
	                "  stall-ms: 77\n"
	                "sockets: [{path: /run/a}]\n");
	assert_int_equal(c.log_level, LOG_WARN);
	assert_int_equal(c.memory_max, 64 << 20);
	assert_int_equal(c.max_subscriptions, 7);
	assert_int_equal(c.stall_ms, 77);
	assert_int_equal(c.hold_max_ms, 10000);
	assert_null(c.acl);
	config_fini(&c);
}

TEST(every_setting_of_the_file_can_be_given_there)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		struct config c;
		char text[256];

		if (!s->section || s->kind == SETTING_PATH)
			continue;
		snprintf(text, sizeof(text), "%s%s%s%s: no sense\n", s->section,
		         *s->section ? ":\n" : "", *s->section ? "  " : "",
		         s->name);
		expect_bad(text, ": no sense: expected ");
		assert_non_null(strstr(err.text, s->name));
		snprintf(text, sizeof(text), "%s%s%s%s: %s\n", s->section,
		         *s->section ? ":\n" : "", *s->section ? "  " : "",
		         s->name,
		         s->kind == SETTING_LEVEL  ? "debug"
		         : s->kind == SETTING_MODE ? "0640"
		                                   : "1048576");
		expect_good(&c, text);
		assert_int_equal(c.origins[i].from, CONFIG_FILE);
		assert_int_equal(c.origins[i].line, *s->section ? 2 : 1);
		config_fini(&c);
	}
}

TEST(flags_win_over_the_file)
{
	struct config c;

	put("umbeld.yaml", "overflow: {stall-ms: 77, hold-max-ms: 88}\n"
	                   "sockets:\n"
	                   "  - {path: /run/a, mode: 0666, role: x}\n"
	                   "  - {path: /run/b}\n");
	assert_int_equal(parse(&c, "--stall-ms", "99", "--mode", "0640"),
	                 CONFIG_OK);
	assert_int_equal(c.stall_ms, 99);
	assert_int_equal(c.hold_max_ms, 88);
	assert_int_equal(c.n_sockets, 2);
	assert_string_equal(c.sockets[0].role, "x");
	assert_int_equal(c.sockets[0].mode, 0640);
	assert_int_equal(c.sockets[1].mode, 0640);
	config_fini(&c);
	assert_int_equal(parse(&c, "--socket", "/run/c", NULL, NULL),
	                 CONFIG_OK);
	assert_int_equal(c.n_sockets, 1);
	assert_string_equal(c.sockets[0].path, "/run/c");
	assert_int_equal(c.sockets[0].mode, 0600);
	assert_null(c.sockets[0].role);
	config_fini(&c);
}

TEST(there_may_be_several_sockets)
{
	struct config c;
	char text[256];

	expect_good(&c, "sockets:\n"
	                "  - path: /run/a\n"
	                "    mode: 0660\n"
	                "    owner: root\n"
	                "    group: 12345\n"
	                "    role: in-1_x\n"
	                "  - path: /run/b\n");
	assert_int_equal(c.n_sockets, 2);
	assert_string_equal(c.sockets[0].path, "/run/a");
	assert_int_equal(c.sockets[0].mode, 0660);
	assert_int_equal(c.sockets[0].owner, 0);
	assert_int_equal(c.sockets[0].group, 12345);
	assert_string_equal(c.sockets[0].role, "in-1_x");
	assert_int_equal(c.sockets[1].mode, 0600);
	assert_true(c.sockets[1].owner == (uid_t)-1);
	assert_null(c.sockets[1].role);
	assert_string_equal(c.socket_path, "/run/a");
	config_fini(&c);
	expect_bad("sockets: []\n", ":1: sockets: expected at least one");
	expect_bad("sockets:\n  - mode: 0600\n",
	           ":2: sockets[0]: expected path:");
	snprintf(text, sizeof(text), "sockets: [{path: /%0200d}]\n", 0);
	expect_bad(text, "expected an absolute path of at most 10");
	expect_bad("sockets: [{path: a}]\n",
	           ":1: sockets[0].path: a: expected");
	expect_bad("sockets:\n - path: /a\n - path: /a\n",
	           ":3: sockets[1].path: /a: given twice, first in line 2");
	expect_bad("sockets: [{path: /a, mode: 888}]\n",
	           "sockets[0].mode: 888: expected an octal mode up to 0777");
	expect_bad("sockets: [{path: /a, owner: no-such-user}]\n",
	           "sockets[0].owner: no-such-user: there is no such user");
	expect_bad("sockets: [{path: /a, group: -1}]\n",
	           "sockets[0].group: -1: there is no such group");
	expect_bad("sockets: [{path: /a, role: a b}]\n",
	           "sockets[0].role: a b: expected letters");
}

TEST(whatever_listens_has_a_place_of_its_own)
{
	struct config c;
	char text[512];

	expect_bad("http: web.sock\n",
	           ":1: http: web.sock: expected an absolute path of at most "
	           "10");
	snprintf(text, sizeof(text), "\ndatagram: /%0200d\n", 0);
	expect_bad(text, ":2: datagram: /");
	expect_bad("sockets:\n - path: /a\n - path: //a\n",
	           ":3: sockets[1].path: //a: given twice, first in line 2");
	expect_bad("http: /x\ndatagram: /./x\nsockets: [{path: /a}]",
	           ":1: http: /x: given twice, first as datagram\n");
	expect_bad("sockets: [{path: /b}, {path: /a}]\nhttp: //a\n",
	           ":2: http: //a: given twice, first as a socket\n");
	put("umbeld.yaml", "datagram: /run/d\nhttp: /run/h\n");
	assert_int_equal(parse(&c, "--check", "--http", "/run/d", NULL),
	                 CONFIG_BAD);
	assert_string_equal(err.text, "umbeld: --http /run/d: given twice, "
	                              "first as datagram\n");
	assert_int_equal(parse(&c, "--check", "--socket", "/run/h", NULL),
	                 CONFIG_BAD);
	snprintf(text, sizeof(text), "/%0200d", 0);
	assert_int_equal(parse(&c, "--check", "--http", text, NULL),
	                 CONFIG_BAD);
	assert_non_null(strstr(err.text, "this one has 201\n"));
	assert_int_equal(parse(&c, "--check", "--http", "relative", NULL),
	                 CONFIG_SHOWN);
}

TEST(a_fault_is_said_with_its_key_and_in_one_line)
{
	static const char *const faults[][2] = {
		{ "limits:\n  max-frame: 4K\n  max-frame: 5K\n",
		  ":3: limits.max-frame: given twice, first in line 2\n" },
		{ "acl:\n  - {allow: &x [hold], who: *x}\n",
		  ":2: acl[0].who: an alias;" },
		{ "limits:\n  max-frame: \"4\\0\"\n",
		  ":2: limits.max-frame: a NUL character in a value\n" },
		{ "limits: {? [a] : b}\n",
		  ":1: limits: a key has to be a word\n" },
		{ "limits:\n  max-frame:\n\t4096\n",
		  ":3: limits.max-frame: not YAML: " },
		{ "limits: {memory-max: 64m}\n",
		  ":1: limits.memory-max: 64m: expected a number from 1048576 "
		  "to 1099511627776, or with K, M or G behind it\n" },
		{ "log-level: \"info\\e[31m\\nwarn\\u2028\"\n",
		  ":1: log-level: info\\u001b[31m\\u000awarn\\u2028: expected "
		  "error, warn, info or debug\n" },
		{ "\"a\\nb\": c\n", ":1: a\\u000ab: no such key here;" },
	};
	struct config c;

	for (size_t i = 0; i < COUNT(faults); i++) {
		expect_bad(faults[i][0], faults[i][1]);
		assert_ptr_equal(strchr(err.text, '\n') + 1,
		                 err.text + strlen(err.text));
	}
	put("umbeld.yaml", "");
	assert_int_equal(parse(&c, "--log-level", "a\nb", NULL, NULL),
	                 CONFIG_BAD);
	assert_string_equal(err.text, "umbeld: --log-level a\\u000ab: expected "
	                              "error, warn, info or debug\n");
}

TEST(rules_are_people_verbs_and_topics)
{
	const struct acl_rule *rule;
	struct config c;

	expect_good(&c, "sockets: [{path: /a, role: local}]\n"
	                "acl:\n"
	                "  - allow: [publish, retain]\n"
	                "    who: [user root, uid 5-7, group 9, role local]\n"
	                "    topics: [door.*, \"**\"]\n"
	                "  - deny: [hold]\n"
	                "    who: [everyone]\n");
	assert_int_equal(c.acl->n_rules, 2);
	rule = c.acl->rules[0];
	assert_false(rule->deny);
	assert_int_equal(rule->verbs, 1 << ACL_PUBLISH | 1 << ACL_RETAIN);
	assert_int_equal(rule->line, 3);
	assert_non_null(strstr(rule->file, "/umbeld.yaml"));
	assert_int_equal(rule->n_who, 4);
	assert_int_equal(rule->who[0].kind, ACL_UIDS);
	assert_int_equal(rule->who[0].max, 0);
	assert_int_equal(rule->who[1].min, 5);
	assert_int_equal(rule->who[1].max, 7);
	assert_int_equal(rule->who[2].kind, ACL_GROUP);
	assert_int_equal(rule->who[2].min, 9);
	assert_string_equal(rule->who[3].role, "local");
	assert_int_equal(rule->n_topics, 2);
	assert_string_equal(rule->topics[0], "door.*");
	assert_string_equal(rule->topics[1], "**");
	assert_true(c.acl->rules[1]->deny);
	assert_int_equal(c.acl->rules[1]->who[0].kind, ACL_EVERYONE);
	config_fini(&c);
	expect_good(&c, "acl: []\n");
	assert_non_null(c.acl);
	assert_int_equal(c.acl->n_rules, 0);
	config_fini(&c);
}

#define RULE(verbs, who, topics) \
	"acl:\n  - {" verbs ", who: [" who "], topics: [" topics "]}\n"
#define RIGHT(verb, who) "acl:\n  - {allow: [" verb "], who: [" who "]}\n"

TEST(rules_that_make_no_sense_are_refused_with_their_line)
{
	struct config c;
	static const char *const who[] = {
		"nobody-at-all",
		"user",
		"user no-such-user",
		"group no-such-group",
		"uid",
		"uid x",
		"uid 5-",
		"uid -5",
		"uid 7-5",
		"uid 4294967295",
		"uid 1-2-3",
		"role",
		"\"role \"",
		"\"\"",
		"Everyone",
		"root",
		"user 65534",
		"uid 65534",
		"group 65534",
	};
	static const char *const topics[] = { "a..b", "\"*a\"", "\"\"",
		                              "\"a b\"", "$SYS.a" };

	expect_bad("acl: [{allow: [dance], who: [everyone], topics: [a]}]",
	           ":1: acl[0].allow[0]: dance: expected publish, subscribe");
	expect_bad(RULE("allow: [publish], deny: [retain]", "everyone", "a"),
	           ":2: acl[0]: expected either allow or deny");
	expect_bad("acl: [{who: [everyone], topics: [a]}]",
	           "acl[0]: expected either allow or deny");
	expect_bad("acl: [{allow: [], who: [everyone], topics: [a]}]",
	           "acl[0]: expected either allow or deny");
	expect_bad("acl: [{allow: [publish], topics: [a]}]",
	           "acl[0]: expected who");
	expect_bad("acl: [{allow: [publish], who: [everyone]}]",
	           "acl[0]: expected topics");
	expect_bad(RULE("allow: [hold]", "everyone", "a"),
	           ":2: acl[0].topics: expected none");
	expect_bad(RULE("allow: [publish, hold]", "everyone", "a"),
	           "acl[0]: reply, hold and introspect are not about topics");
	expect_bad(RIGHT("hold", "role local"),
	           ":2: acl[0].who[0]: role local: expected the role of one "
	           "of the sockets in /");
	expect_bad("acl:\n"
	           "  - {allow: [hold], who: [everyone]}\n"
	           "  - allow: [hold]\n"
	           "    who:\n"
	           "      - everyone\n"
	           "      - role none\n",
	           ":6: acl[1].who[1]: role none: expected the role of one");
	expect_good(&c, "http-role: web\nacl:\n"
	                "  - {allow: [hold], who: [role web]}\n");
	assert_string_equal(c.http_role, "web");
	config_fini(&c);
	for (size_t i = 0; i < COUNT(who); i++) {
		char text[256];

		snprintf(text, sizeof(text), RIGHT("hold", "%s"), who[i]);
		expect_bad(text, ":2: acl[0].who[0]: ");
	}
	for (size_t i = 0; i < COUNT(topics); i++) {
		char text[256];

		snprintf(text, sizeof(text),
		         RULE("allow: [publish]", "everyone", "x, %s"),
		         topics[i]);
		expect_bad(text, ":2: acl[0].topics[1]: ");
	}
}

TEST(all_who_have_no_number_here_can_be_denied_and_not_allowed)
{
	struct config c;

	expect_good(&c, "acl:\n"
	                "  - {deny: [hold], who: [user 65534, uid 65534, group "
	                "65534, uid 65530-65540]}\n"
	                "  - {allow: [hold], who: [uid 60000-70000]}\n");
	assert_int_equal(c.acl->rules[0]->n_who, 4);
	config_fini(&c);
	expect_bad(RIGHT("hold", "uid 65534"),
	           "acl[0].who[0]: uid 65534: expected one with a number of "
	           "its own; 65534 stands for all who have none here, and "
	           "only everyone and role allow them anything\n");
}

TEST(more_rules_come_from_acl_d_in_the_order_of_names)
{
	struct config c;

	put("acl.d/20.yaml", RIGHT("reply", "uid 20"));
	put("acl.d/10.yaml", "# nothing\n\n" RIGHT("reply", "uid 10"));
	put("acl.d/.30.yaml", "nonsense");
	expect_good(&c, RIGHT("reply", "uid 5"));
	assert_int_equal(c.acl->n_rules, 3);
	assert_int_equal(c.acl->rules[0]->who[0].min, 5);
	assert_int_equal(c.acl->rules[1]->who[0].min, 10);
	assert_int_equal(c.acl->rules[2]->who[0].min, 20);
	assert_non_null(strstr(c.acl->rules[1]->file, "/acl.d/10.yaml"));
	assert_int_equal(c.acl->rules[1]->line, 4);
	config_fini(&c);
	put("acl.d/20.yaml", "limits: {}\n");
	expect_bad("", "/acl.d/20.yaml:1: limits: no such key here; expected "
	               "one of: acl");
	put("acl.d/20.yaml", "acl: [");
	expect_bad("", "/acl.d/20.yaml:");
}

/* Who forgets the a in .yaml must not believe in rules that are not there. */
TEST(a_file_of_acl_d_that_is_not_read_is_named)
{
	struct config c;
	char want[512];

	put("umbeld.yaml", "");
	put("acl.d/.20.yaml", "hidden");
	put("acl.d/10.yml", RIGHT("reply", "uid 10"));
	put("acl.d/README", "nonsense");
	snprintf(want, sizeof(want),
	         "umbeld: warn: %s/acl.d/10.yml: not read: expected a name "
	         "that ends in .yaml\n"
	         "umbeld: warn: %s/acl.d/README: not read: expected a name "
	         "that ends in .yaml\n",
	         dir.directory, dir.directory);
	assert_int_equal(parse(&c, "--check", NULL, NULL, NULL), CONFIG_SHOWN);
	assert_string_equal(err.text, want);
	assert_string_equal(out.text, "umbeld: in order, but for the warnings "
	                              "above: 1 socket, 0 rules\n");
	assert_int_equal(parse(&c, NULL, NULL, NULL, NULL), CONFIG_OK);
	assert_string_equal(err.text, want);
	assert_null(c.acl);
	config_fini(&c);
}

TEST(an_empty_file_in_acl_d_denies)
{
	struct config c;

	expect_good(&c, "");
	assert_null(c.acl);
	config_fini(&c);
	put("acl.d/10.yaml", "");
	expect_good(&c, "");
	assert_non_null(c.acl);
	assert_int_equal(c.acl->n_rules, 0);
	config_fini(&c);
}

TEST(rules_are_about_the_role_that_the_flag_gives)
{
	struct config c;

	put("umbeld.yaml", "http-role: web\nacl:\n"
	                   "  - {allow: [hold], who: [role web]}\n");
	assert_int_equal(parse(&c, "--http-role", "page", NULL, NULL),
	                 CONFIG_BAD);
	assert_non_null(strstr(err.text, ":3: acl[0].who[0]: role web: "));
	put("umbeld.yaml", "http-role: web\nacl:\n"
	                   "  - {allow: [hold], who: [role page]}\n");
	assert_int_equal(parse(&c, "--http-role", "page", NULL, NULL),
	                 CONFIG_OK);
	assert_string_equal(c.http_role, "page");
	config_fini(&c);
	put("umbeld.yaml", "http-role: a b\n");
	assert_int_equal(parse(&c, "--http-role", "page", NULL, NULL),
	                 CONFIG_BAD);
	assert_non_null(strstr(err.text, ":1: http-role: a b: expected"));
}

TEST(a_folder_of_rules_that_cannot_be_read_is_an_error)
{
	put("acl.d", "a file");
	expect_bad("", "/acl.d: cannot read: Not a directory");
}

TEST(a_folder_of_rules_that_leads_nowhere_is_an_error)
{
	char path[256];

	assert_int_equal(symlink("/nowhere", files_path(&dir, "acl.d", path)),
	                 0);
	expect_bad("", "/acl.d: cannot read: No such file or directory");
}

TEST(check_says_that_all_is_in_order_or_what_is_not)
{
	struct config c;

	put("umbeld.yaml", RIGHT("reply", "uid 5"));
	assert_int_equal(parse(&c, "--check", NULL, NULL, NULL), CONFIG_SHOWN);
	assert_string_equal(out.text,
	                    "umbeld: all in order: 1 socket, 1 rule\n");
	unsetenv("XDG_RUNTIME_DIR"); /* it is for another user to run */
	assert_int_equal(parse(&c, "--check", NULL, NULL, NULL), CONFIG_SHOWN);
	assert_string_equal(out.text,
	                    "umbeld: all in order: 1 socket, 1 rule\n");
	put("umbeld.yaml", "acl: a");
	assert_int_equal(parse(&c, "--check", NULL, NULL, NULL), CONFIG_BAD);
	put("umbeld.yaml", "");
	assert_int_equal(parse(&c, "--check", "--stall-ms", "x", NULL),
	                 CONFIG_BAD);
}

TEST(a_file_that_is_not_there_is_an_error)
{
	struct config c;

	assert_int_equal(parse(&c, NULL, NULL, NULL, NULL), CONFIG_BAD);
	assert_non_null(strstr(err.text, "umbeld.yaml: cannot open"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(settings_go_where_their_flags_go),
		IN_DIRECTORY(every_setting_of_the_file_can_be_given_there),
		IN_DIRECTORY(flags_win_over_the_file),
		IN_DIRECTORY(there_may_be_several_sockets),
		IN_DIRECTORY(whatever_listens_has_a_place_of_its_own),
		IN_DIRECTORY(a_fault_is_said_with_its_key_and_in_one_line),
		IN_DIRECTORY(rules_are_people_verbs_and_topics),
		IN_DIRECTORY(
			rules_that_make_no_sense_are_refused_with_their_line),
		IN_DIRECTORY(
			all_who_have_no_number_here_can_be_denied_and_not_allowed),
		IN_DIRECTORY(more_rules_come_from_acl_d_in_the_order_of_names),
		IN_DIRECTORY(a_file_of_acl_d_that_is_not_read_is_named),
		IN_DIRECTORY(an_empty_file_in_acl_d_denies),
		IN_DIRECTORY(rules_are_about_the_role_that_the_flag_gives),
		IN_DIRECTORY(a_folder_of_rules_that_cannot_be_read_is_an_error),
		IN_DIRECTORY(a_folder_of_rules_that_leads_nowhere_is_an_error),
		IN_DIRECTORY(check_says_that_all_is_in_order_or_what_is_not),
		IN_DIRECTORY(a_file_that_is_not_there_is_an_error),
	};

	return RUN(tests);
}
