/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel why - for "my subscriber gets nothing": the broker says who gets the
 * messages of a topic, and why somebody does not.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "buf.h"
#include "cli.h"
#include "connection.h"
#include "names.h"
#include "output.h"
#include "reasons.h"
#include "signals.h"
#include "text.h"
#include "users.h"

/* Filters that are told when none matches. */
#define N_NEAREST 5u

struct why_verb {
	struct cli *cli;
	struct connection connection;
	const char *topic;
	uint64_t session; /* 0: not asked for */
	const char *user; /* NULL: not asked for */
	json_t *options;  /* of the question */
	bool objects;
	struct buf out;
	bool heard; /* somebody of those asked for gets it */
};

static const char help[] =
	"usage: umbel why [OPTION...] TOPIC\n"
	"\n"
	"Who gets the messages of TOPIC? And with --session or --user: why does\n"
	"this client not? A line for each subscription says that it gets them, or\n"
	"shares them with its group, or which word of its filter fails; then who\n"
	"does not read, who lost messages, which rule forbids it, and, if nobody\n"
	"listens, the filters that come nearest.\n"
	"\n"
	"      --session N      why (or why not) this session: all its filters\n"
	"      --user NAME      the same for all sessions of a user, or uid\n"
	"      --json           what the broker said, as one JSON object\n" CLI_OPTIONS_HELP
	"\n"
	"umbel ls clients tells the sessions. Exits 0 when somebody of those asked\n"
	"for gets the messages, 1 when nobody does.\n";

/* ---- sentences ---------------------------------------------------------- */

static void
append_text(struct buf *out, const char *text)
{
	text_append_visible(out, text, strlen(text), "");
}

/* session 7 (umbel sub, alice) */
static void
append_who(struct buf *out, const json_t *o)
{
	const char *name = ask_text(o, "name");
	char user[64];

	buf_printf(out, "session %" PRIu64 " (", ask_uint(o, "session"));
	append_text(out, *name ? name : ask_text(o, "command"));
	if (json_object_get(o, "uid")) {
		buf_puts(out, ", ");
		append_text(out,
		            users_name(ask_uint(o, "uid"), user, sizeof(user)));
	}
	buf_putc(out, ')');
}

static void
append_member(struct buf *out, const json_t *candidate)
{
	uint64_t members = ask_uint(candidate, "members");

	if (members > 1)
		buf_printf(out,
		           "shares them with %" PRIu64 " other%s of group ",
		           members - 1, cli_plural(members - 1));
	else
		buf_puts(out, "gets them, alone in group ");
	append_text(out, ask_text(candidate, "group"));
}

static void
append_mismatch(struct why_verb *w, const json_t *candidate)
{
	const char *verdict = ask_text(candidate, "verdict");
	enum why why;

	buf_puts(&w->out, "not by ");
	append_text(&w->out, ask_text(candidate, "filter"));
	buf_puts(&w->out, ": ");
	if (reasons_parse(verdict, &why))
		reasons_append(&w->out, why,
		               (unsigned)ask_uint(candidate, "token"),
		               ask_text(candidate, "filter"), w->topic);
	else /* a later broker's */
		append_text(&w->out, verdict);
}

static void
append_troubles(struct buf *out, const json_t *candidate)
{
	uint64_t lost = ask_uint(candidate, "dropped");

	if (json_is_true(json_object_get(candidate, "full")))
		buf_printf(out,
		           "; it does not read: %" PRIu64
		           " bytes wait, and its outbox is full",
		           ask_uint(candidate, "queued_bytes"));
	if (lost > 0)
		buf_printf(out,
		           "; did not keep up, and has lost %" PRIu64
		           " message%s",
		           lost, cli_plural(lost));
}

static void
append_candidate(struct why_verb *w, const json_t *candidate)
{
	bool member = strcmp(ask_text(candidate, "verdict"), "member") == 0;
	bool delivered =
		strcmp(ask_text(candidate, "verdict"), "delivered") == 0;

	append_who(&w->out, candidate);
	buf_puts(&w->out, ": ");
	if (member)
		append_member(&w->out, candidate);
	else if (delivered)
		buf_puts(&w->out, "gets them");
	else
		append_mismatch(w, candidate);
	if (member || delivered) {
		buf_puts(&w->out, ", by ");
		append_text(&w->out, ask_text(candidate, "filter"));
		append_troubles(&w->out, candidate);
		w->heard = true;
	}
	buf_putc(&w->out, '\n');
}

/* Every session has an inbox, which is of no interest elsewhere. */
static bool
is_of_interest(const struct why_verb *w, const json_t *candidate)
{
	return strncmp(ask_text(candidate, "filter"), "$inbox.", 7) != 0 ||
	       strncmp(w->topic, "$inbox.", 7) == 0;
}

static size_t
append_candidates(struct why_verb *w, const json_t *answer)
{
	uint64_t unlisted = ask_uint(answer, "unlisted");
	json_t *candidate;
	size_t i, n = 0;

	json_array_foreach (json_object_get(answer, "candidates"), i,
	                    candidate) {
		if (!is_of_interest(w, candidate))
			continue;
		append_candidate(w, candidate);
		n++;
	}
	if (unlisted > 0)
		buf_printf(&w->out, "and %" PRIu64 " more\n", unlisted);
	return n;
}

/* ---- what the rules say ------------------------------------------------- */

static void
append_right(struct buf *out, const json_t *session, const char *verb,
             const char *rule_key, const char *topic)
{
	const char *rule = ask_text(session, rule_key);

	if (!json_is_false(json_object_get(session, verb)))
		return;
	append_who(out, session);
	buf_printf(out, ": may not %s to %s: ", verb, topic);
	append_text(out, *rule ? rule : "no rule allows it");
	buf_puts(out, *rule ? " denies it\n" : "\n");
}

static bool
has_candidate(const struct why_verb *w, const json_t *answer, uint64_t session)
{
	json_t *candidate;
	size_t i;

	json_array_foreach (json_object_get(answer, "candidates"), i, candidate)
		if (ask_uint(candidate, "session") == session &&
		    is_of_interest(w, candidate))
			return true;
	return false;
}

/* Returns how many sessions there are to speak of. */
static size_t
append_rights(struct why_verb *w, const json_t *answer)
{
	json_t *session;
	size_t i, n = 0;

	json_array_foreach (json_object_get(answer, "rights"), i, session) {
		uint64_t id = ask_uint(session, "session");

		if (id == umbel_session(w->connection.c) && id != w->session)
			continue; /* this is ourselves */
		n++;
		append_right(&w->out, session, "subscribe", "subscribe_rule",
		             w->topic);
		append_right(&w->out, session, "publish", "publish_rule",
		             w->topic);
		if (has_candidate(w, answer, id))
			continue;
		append_who(&w->out, session);
		buf_puts(&w->out, ": subscribes to nothing\n");
	}
	return n;
}

/* ---- nobody ------------------------------------------------------------- */

static int
compare_distances(const void *a, const void *b)
{
	uint64_t x = ask_uint(*(json_t *const *)a, "distance");
	uint64_t y = ask_uint(*(json_t *const *)b, "distance");

	return (x > y) - (x < y);
}

/* Each page had its own. */
static void
append_filters(struct buf *out, const json_t *nearest)
{
	size_t n = json_array_size(nearest);
	json_t **filters = calloc(n + 1, sizeof(*filters));

	if (!filters)
		cli_die("out of memory");
	for (size_t i = 0; i < n; i++)
		filters[i] = json_array_get(nearest, i);
	qsort(filters, n, sizeof(json_t *), compare_distances);
	for (size_t i = 0; i < n && i < N_NEAREST; i++) {
		uint64_t distance = ask_uint(filters[i], "distance");

		buf_puts(out, "  ");
		append_text(out, ask_text(filters[i], "filter"));
		buf_printf(out, " (%" PRIu64 " letter%s off)\n", distance,
		           cli_plural(distance));
	}
	free(filters);
}

static void
append_nobody(struct why_verb *w, const json_t *answer)
{
	const json_t *nearest = json_object_get(answer, "nearest");

	if (ask_uint(answer, "receivers") > 0)
		return;
	buf_printf(&w->out, "nobody subscribes to %s", w->topic);
	buf_puts(&w->out, json_array_size(nearest) > 0
	                          ? "; the nearest filters are\n"
	                          : ", nor to anything like it\n");
	append_filters(&w->out, nearest);
}

static void
complain_of_nobody(const struct why_verb *w)
{
	if (w->session > 0)
		cli_complain("no session %" PRIu64 " is connected", w->session);
	else
		cli_complain("no client of user %s is connected", w->user);
	cli_hint("who is: umbel ls clients");
}

static void
append_answer(struct why_verb *w, const json_t *answer)
{
	bool of_somebody = w->session > 0 || w->user;
	size_t sessions = append_rights(w, answer);
	size_t candidates = append_candidates(w, answer);

	if (of_somebody && sessions + candidates == 0)
		complain_of_nobody(w);
	append_nobody(w, answer);
}

static void
append_object(struct why_verb *w, const json_t *answer)
{
	json_t *candidate;
	size_t i;

	json_array_foreach (json_object_get(answer, "candidates"), i, candidate)
		if (!json_object_get(candidate, "token"))
			w->heard = true;
	ask_append(&w->out, answer);
	buf_putc(&w->out, '\n');
}

/* ---- life --------------------------------------------------------------- */

static int
ask(struct why_verb *w)
{
	json_t *answer;
	int r = ask_broker(&w->connection, "explain", w->options, "candidates",
	                   &answer);

	if (r != CLI_OK)
		return r;
	if (w->objects)
		append_object(w, answer);
	else
		append_answer(w, answer);
	json_decref(answer);
	if (output_flush(&w->out) == OUTPUT_FAILED)
		return CLI_FAILED;
	return w->heard ? CLI_OK : CLI_FAILED;
}

static int
run(struct why_verb *w)
{
	int r;

	signals_watch();
	connection_open(&w->connection, w->cli, UMBEL_BLOCK);
	r = connection_establish(&w->connection, CLI_FOREVER);
	if (r == CLI_OK)
		r = ask(w);
	connection_close(&w->connection);
	return r;
}

enum { OPT_SESSION = CLI_OPT_VERB, OPT_USER, OPT_JSON };

static const struct option options[] = {
	CLI_OPTIONS,
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "user", required_argument, NULL, OPT_USER },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 },
};

static void
set_option(struct why_verb *w, const char *key, json_t *value)
{
	json_object_set_new(w->options, key, value);
}

static void
take_option(struct why_verb *w, int option)
{
	switch (option) {
	case OPT_SESSION:
		w->session = cli_number("--session", optarg, 1, UINT32_MAX);
		set_option(w, "session", json_integer((json_int_t)w->session));
		break;
	case OPT_USER:
		w->user = optarg;
		set_option(w, "uid", json_integer(users_uid("--user", optarg)));
		break;
	case OPT_JSON:
		w->objects = true;
		break;
	default:
		break;
	}
}

int
why_main(struct cli *cli, int argc, char **argv)
{
	struct why_verb w = { .cli = cli, .options = json_object() };
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1)
		take_option(&w, option);
	if (argc - optind != 1)
		cli_misused(cli, "why wants one topic, without wildcards");
	if (w.session > 0 && w.user)
		cli_misused(cli, "one of --session and --user");
	w.topic = argv[optind];
	if (names_fault(w.topic, false))
		names_refuse(cli, w.topic, false);
	set_option(&w, "topic", json_string(w.topic));
	r = run(&w);
	json_decref(w.options);
	buf_free(&w.out);
	return r;
}
