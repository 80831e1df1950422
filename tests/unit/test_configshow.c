/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker/configshow.h"

#include "configs.h"

/* Without comments, which name the origins. */
static void
strip_comments(char *text)
{
	char *to = text;

	for (char *line = text; *line;) {
		char *end = strchr(line, '\n');
		char *mark = strstr(line, "  # ");
		size_t n = (size_t)((mark && mark < end ? mark : end) - line);

		memmove(to, line, n);
		to += n;
		*to++ = '\n';
		line = end + 1;
	}
	*to = '\0';
}

TEST(what_is_printed_is_a_file_that_means_the_same)
{
	static char first[65536];
	struct config c;

	put("umbeld.yaml",
	    "limits: {max-frame: 2M}\n"
	    "sockets: [{path: \"/it's\", role: local, group: 5}]\n"
	    "acl:\n"
	    "  - {allow: [publish], who: [role local, uid 1-2, group 3], "
	    "topics: [\"*.it's\"]}\n"
	    "  - {deny: [hold, reply], who: [everyone]}\n");
	assert_int_equal(parse(&c, "--print-config", "--stall-ms", "5", NULL),
	                 CONFIG_SHOWN);
	assert_non_null(strstr(out.text, "max-frame: 2097152  # /"));
	assert_non_null(strstr(out.text, "umbeld.yaml:1\n"));
	assert_non_null(strstr(out.text, "stall-ms: 5  # --stall-ms\n"));
	assert_non_null(strstr(out.text, "frame-ms: 30000  # default\n"));
	strcpy(first, out.text);
	put("umbeld.yaml", first);
	assert_int_equal(parse(&c, "--print-config", NULL, NULL, NULL),
	                 CONFIG_SHOWN);
	strip_comments(first);
	strip_comments(out.text);
	assert_string_equal(first, out.text);
}

static void
expect_printed(const char *words)
{
	if (!strstr(out.text, words))
		fail_msg("no %s in %s", words, out.text);
}

TEST(what_is_printed_is_what_holds_and_where_each_value_is_from)
{
	struct config c;

	put("umbeld.yaml", "limits: {memory-max: 8M}\n"
	                   "sockets:\n"
	                   "  - path: /a\n"
	                   "    mode: 0660\n"
	                   "    group: 5\n"
	                   "  - path: /b\n"
	                   "    role: x\n");
	assert_int_equal(parse(&c, "--print-config", NULL, NULL, NULL),
	                 CONFIG_SHOWN);
	expect_printed("retained-bytes: 2097152  # a quarter of memory-max\n");
	expect_printed("  - path: '/a'  # /");
	expect_printed("    mode: 0660  # /");
	expect_printed("umbeld.yaml:4\n    group: 5  # /");
	expect_printed("umbeld.yaml:5\n  - path: '/b'  # /");
	expect_printed("umbeld.yaml:6\n    mode: 0600  # default\n");
	expect_printed("    role: 'x'  # /");
	expect_printed("umbeld.yaml:7\n");
	assert_int_equal(parse(&c, "--print-config", "--mode", "0640", NULL),
	                 CONFIG_SHOWN);
	expect_printed("    mode: 0640  # --mode\n    group: 5  # /");
	assert_int_equal(parse(&c, "--print-config", "--socket", "/c", NULL),
	                 CONFIG_SHOWN);
	expect_printed("  - path: '/c'  # --socket\n"
	               "    mode: 0600  # default\n");
}

static void
expect_verdict(enum config_result want, const char *user, const char *verb,
               const char *topic, const char *words)
{
	struct config c;

	assert_int_equal(parse(&c, "--acl-test", user, verb, topic), want);
	if (!strstr(want == CONFIG_BAD ? err.text : out.text, words))
		fail_msg("%s %s: said %s%s", user, verb, out.text, err.text);
}

TEST(somebodys_rights_can_be_asked_for)
{
	put("umbeld.yaml", "");
	expect_verdict(CONFIG_SHOWN, "5", "publish", "a",
	               "allowed: there is no acl");
	put("umbeld.yaml", "acl:\n"
	                   "  - {allow: [publish, subscribe], who: [uid 5], "
	                   "topics: [a.**]}\n"
	                   "  - {deny: [subscribe], who: [everyone], topics: "
	                   "[a.b]}\n"
	                   "  - {allow: [hold, reply], who: [group 0]}\n");
	expect_verdict(CONFIG_SHOWN, "5", "publish", "a.b", "umbeld.yaml:2\n");
	expect_verdict(CONFIG_DENIED, "5", "subscribe", "a.*", "denied by /");
	expect_verdict(CONFIG_DENIED, "6", "publish", "a.b",
	               "denied: no rule allows it");
	expect_verdict(CONFIG_SHOWN, "root", "hold", NULL, "allowed by /");
	expect_verdict(CONFIG_DENIED, "5", "hold", NULL, "no rule");
	expect_verdict(CONFIG_DENIED, "5", "subscribe", "$SYS.**",
	               "introspect: denied: no rule allows it\n");
	expect_verdict(CONFIG_SHOWN, "0", "publish", "$inbox.a.1",
	               "reply: allowed by /");
	expect_verdict(CONFIG_DENIED, "0", "publish", "$a",
	               "denied: topics that begin with $ belong to the "
	               "broker\n");
	expect_verdict(CONFIG_DENIED, "0", "subscribe", "$inbox.**",
	               "denied: this is not your inbox\n");
	expect_verdict(CONFIG_BAD, "5", "publish", "a.*", "a valid topic");
	expect_verdict(CONFIG_BAD, "5", "publish", NULL, "a valid topic");
	expect_verdict(CONFIG_BAD, "5", "dance", "a", "expected publish");
	expect_verdict(CONFIG_BAD, "5", NULL, NULL, "expected VERB");
	expect_verdict(CONFIG_BAD, "no-such-user", "hold", NULL,
	               "no such user");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(what_is_printed_is_a_file_that_means_the_same),
		IN_DIRECTORY(
			what_is_printed_is_what_holds_and_where_each_value_is_from),
		IN_DIRECTORY(somebodys_rights_can_be_asked_for),
	};

	return RUN(tests);
}
