/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel ls - what the broker knows: who is connected, who listens to what, which
 * topics there are, and how it is.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "buf.h"
#include "cli.h"
#include "connection.h"
#include "names.h"
#include "output.h"
#include "signals.h"
#include "table.h"
#include "users.h"

struct ls;

struct kind {
	const char *name;
	const char *asked; /* $SYS.broker.asked */
	const char *list;  /* its member with the rows; NULL: itself is one */
	const struct table_column *columns;
	size_t n_columns;
	void (*add)(struct ls *ls, struct table *t, const json_t *row);
	int (*compare)(const void *a, const void *b);
	bool of_sessions;  /* --session, --uid, --user */
	bool takes_filter; /* --filter */
};

struct ls {
	struct cli *cli;
	struct connection connection;
	const struct kind *kind;
	json_t *options; /* of the question */
	bool filtered;   /* there are some */
	bool objects;
	json_t *sessions; /* by number: who has a subscription */
	struct buf out;
};

static const char help[] =
	"usage: umbel ls [OPTION...] clients|subs|topics|broker\n"
	"\n"
	"  clients              who is connected, in the order in which they came\n"
	"  subs                 who listens to what, by filter\n"
	"  topics               those that have a retained value, or were lately\n"
	"                       published to, and how many get a message there\n"
	"  broker               its figures and limits\n"
	"\n"
	"      --session N      clients, subs: only of this session\n"
	"      --uid UID, --user NAME\n"
	"                       clients, subs: only of this user\n"
	"      --filter F       subs: only those with exactly this filter;\n"
	"                       topics: only those that it matches\n"
	"      --json           one JSON object a line, nothing cut or rounded\n" CLI_OPTIONS_HELP
	"\n"
	"On a terminal the table is made to fit, and what was cut ends in \u2026;\n"
	"IN and OUT are messages from and to a client since it came, QUEUED bytes\n"
	"that wait for it. Inboxes are only told by subs --json. Exits 1 when there\n"
	"is none of what was asked for.\n";

/* ---- clients ------------------------------------------------------------ */

static const struct table_column client_columns[] = {
	{ "SESSION", TABLE_NUMBER }, { "USER", TABLE_TEXT },
	{ "PID", TABLE_NUMBER },     { "COMMAND", TABLE_TEXT },
	{ "NAME", TABLE_TEXT },      { "SUBS", TABLE_NUMBER },
	{ "QUEUED", TABLE_NUMBER },  { "IN", TABLE_NUMBER },
	{ "OUT", TABLE_NUMBER },     { "AGE", TABLE_NUMBER },
};

static void
add_uint(struct table *t, const json_t *row, const char *key)
{
	table_printf(t, "%" PRIu64, ask_uint(row, key));
}

static void
add_client(struct ls *ls, struct table *t, const json_t *row)
{
	char user[64];

	(void)ls;
	add_uint(t, row, "session");
	table_add(t, users_name(ask_uint(row, "uid"), user, sizeof(user)));
	add_uint(t, row, "pid");
	table_add(t, ask_text(row, "command"));
	table_add(t, ask_text(row, "name"));
	add_uint(t, row, "subscriptions");
	table_add_count(t, ask_uint(row, "queued_bytes"));
	table_add_count(t, ask_uint(row, "messages_in"));
	table_add_count(t, ask_uint(row, "messages_out"));
	table_add_age(t, ask_uint(row, "age_ms"));
}

static int
compare_uint(const json_t *a, const json_t *b, const char *key)
{
	uint64_t x = ask_uint(a, key), y = ask_uint(b, key);

	return (x > y) - (x < y);
}

static int
compare_clients(const void *a, const void *b)
{
	return compare_uint(*(json_t *const *)a, *(json_t *const *)b,
	                    "session");
}

/* What does not fit into a column, a line each below the table. */
static void
append_remarks(struct buf *out, const json_t *row)
{
	uint64_t session = ask_uint(row, "session");
	uint64_t lost = ask_uint(row, "dropped");

	if (json_object_get(row, "held_by") && ask_uint(row, "held_by") == 0)
		buf_printf(out,
		           "session %" PRIu64
		           " waits for the broker's memory\n",
		           session);
	else if (ask_uint(row, "held_by") == session)
		buf_printf(out,
		           "session %" PRIu64
		           " does not read its answers, and is not read\n",
		           session);
	else if (json_object_get(row, "held_by"))
		buf_printf(out,
		           "session %" PRIu64 " is held up by session "
		           "%" PRIu64 "\n",
		           session, ask_uint(row, "held_by"));
	if (lost > 0)
		buf_printf(out,
		           "session %" PRIu64 " did not keep up, and lost "
		           "%" PRIu64 " message%s\n",
		           session, lost, cli_plural(lost));
	if (strcmp(ask_text(row, "state"), "ending") == 0)
		buf_printf(out, "session %" PRIu64 " is ending\n", session);
}

/* ---- subscriptions ------------------------------------------------------ */

static const struct table_column sub_columns[] = {
	{ "FILTER", TABLE_TEXT },    { "GROUP", TABLE_TEXT },
	{ "SESSION", TABLE_NUMBER }, { "USER", TABLE_TEXT },
	{ "COMMAND", TABLE_TEXT },   { "NAME", TABLE_TEXT },
};

/* Who has it: subscriptions tell only the session's number. */
static const json_t *
session_of(const struct ls *ls, const json_t *row)
{
	char key[24];

	snprintf(key, sizeof(key), "%" PRIu64, ask_uint(row, "session"));
	return json_object_get(ls->sessions, key);
}

static void
add_sub(struct ls *ls, struct table *t, const json_t *row)
{
	const json_t *session = session_of(ls, row);
	char user[64] = "";

	if (session)
		users_name(ask_uint(session, "uid"), user, sizeof(user));
	table_add(t, ask_text(row, "filter"));
	table_add(t, ask_text(row, "group"));
	add_uint(t, row, "session");
	table_add(t, user);
	table_add(t, ask_text(session, "command"));
	table_add(t, ask_text(session, "name"));
}

static int
compare_subs(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int order = strcmp(ask_text(x, "filter"), ask_text(y, "filter"));

	if (order == 0)
		order = strcmp(ask_text(x, "group"), ask_text(y, "group"));
	if (order == 0)
		order = compare_uint(x, y, "session");
	return order != 0 ? order : compare_uint(x, y, "sub");
}

static int
learn_sessions(struct ls *ls)
{
	json_t *options = json_deep_copy(ls->options);
	json_t *answer, *row;
	size_t i;
	int r;

	json_object_del(options, "filter");
	r = ask_broker(&ls->connection, "sessions", options, NULL, &answer);
	json_decref(options);
	if (r != CLI_OK)
		return r;
	ls->sessions = json_object();
	json_array_foreach (json_object_get(answer, "sessions"), i, row) {
		char key[24];

		snprintf(key, sizeof(key), "%" PRIu64,
		         ask_uint(row, "session"));
		json_object_set(ls->sessions, key, row);
	}
	json_decref(answer);
	return CLI_OK;
}

/* ---- topics ------------------------------------------------------------- */

static const struct table_column topic_columns[] = {
	{ "TOPIC", TABLE_TEXT },
	{ "RECEIVERS", TABLE_NUMBER },
	{ "RETAINED", TABLE_NUMBER },
	{ "AGE", TABLE_NUMBER },
};

static void
add_topic(struct ls *ls, struct table *t, const json_t *row)
{
	(void)ls;
	table_add(t, ask_text(row, "topic"));
	add_uint(t, row, "receivers");
	if (json_object_get(row, "retained_bytes")) {
		table_add_count(t, ask_uint(row, "retained_bytes"));
		table_add_age(t, ask_uint(row, "age_ms"));
	} else {
		table_add(t, "");
		table_add(t, "");
	}
}

static int
compare_topics(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int order = strcmp(ask_text(x, "topic"), ask_text(y, "topic"));

	if (order != 0)
		return order;
	return !json_object_get(x, "retained_bytes") -
	       !json_object_get(y, "retained_bytes");
}

/* Over several pages one may be told twice. */
static size_t
drop_doubles(json_t **rows, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(ask_text(rows[kept - 1], "topic"),
		                        ask_text(rows[i], "topic")) != 0)
			rows[kept++] = rows[i];
	return kept;
}

/* ---- the broker --------------------------------------------------------- */

static const struct table_column figure_columns[] = {
	{ NULL, TABLE_TEXT },
	{ NULL, TABLE_TEXT },
};

static void
add_figure(struct table *t, const char *prefix, const char *key, json_t *value)
{
	table_printf(t, "%s%s", prefix, key);
	if (json_is_string(value))
		table_add(t, json_string_value(value));
	else
		table_printf(t, "%" PRIu64,
		             (uint64_t)json_integer_value(value));
}

static void
add_figures(struct ls *ls, struct table *t, const json_t *row)
{
	const char *key, *inner;
	json_t *value, *part;

	(void)ls;
	json_object_foreach ((json_t *)(uintptr_t)row, key, value) {
		char prefix[64];

		if (!json_is_object(value))
			add_figure(t, "", key, value);
		snprintf(prefix, sizeof(prefix), "%s.", key);
		json_object_foreach (value, inner, part)
			add_figure(t, prefix, inner, part);
	}
}

/* ---- all of them -------------------------------------------------------- */

#define COLUMNS(columns) columns, sizeof(columns) / sizeof((columns)[0])

static const struct kind kinds[] = {
	{ "clients", "sessions", "sessions", COLUMNS(client_columns),
	  add_client, compare_clients, true, false },
	{ "subs", "subscriptions", "subscriptions", COLUMNS(sub_columns),
	  add_sub, compare_subs, true, true },
	{ "topics", "topics", "topics", COLUMNS(topic_columns), add_topic,
	  compare_topics, false, true },
	{ "broker", "info", NULL, COLUMNS(figure_columns), add_figures, NULL,
	  false, false },
};

static const struct kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	return NULL;
}

/* Every client that asks has an inbox, which is of no interest to people. */
static bool
is_shown(const struct ls *ls, const json_t *row)
{
	return ls->objects ||
	       strncmp(ask_text(row, "filter"), "$inbox.", 7) != 0;
}

/* The members of a list in their order: borrowed. */
static json_t **
sorted(const struct ls *ls, const json_t *list, size_t *n)
{
	json_t **rows = calloc(json_array_size(list) + 1, sizeof(*rows));
	json_t *row;
	size_t i;

	if (!rows)
		cli_die("out of memory");
	*n = 0;
	json_array_foreach (list, i, row)
		if (is_shown(ls, row))
			rows[(*n)++] = row;
	qsort(rows, *n, sizeof(json_t *), ls->kind->compare);
	if (ls->kind->compare == compare_topics)
		*n = drop_doubles(rows, *n);
	return rows;
}

static void
show_objects(struct ls *ls, json_t *const *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ask_append(&ls->out, rows[i]);
		buf_putc(&ls->out, '\n');
	}
}

static void
show_table(struct ls *ls, json_t *const *rows, size_t n)
{
	struct table t;

	table_init(&t, ls->kind->columns, ls->kind->n_columns);
	for (size_t i = 0; i < n; i++)
		ls->kind->add(ls, &t, rows[i]);
	table_append(&t, table_terminal_width(), &ls->out);
	table_free(&t);
	for (size_t i = 0; i < n; i++)
		if (ls->kind->compare == compare_clients)
			append_remarks(&ls->out, rows[i]);
}

static void
show(struct ls *ls, json_t *const *rows, size_t n)
{
	if (ls->objects)
		show_objects(ls, rows, n);
	else if (n > 0)
		show_table(ls, rows, n);
}

static int
show_answer(struct ls *ls, json_t *answer)
{
	json_t *list, **rows;
	size_t n;

	if (!ls->kind->list) {
		show(ls, &answer, 1);
		return CLI_OK;
	}
	list = json_object_get(answer, ls->kind->list);
	rows = sorted(ls, list, &n);
	show(ls, rows, n);
	free(rows);
	if (n > 0)
		return CLI_OK;
	cli_complain("no %s%s", ls->kind->name,
	             ls->filtered ? " like that" : "");
	return CLI_FAILED;
}

static int
ask(struct ls *ls)
{
	json_t *answer;
	int r = CLI_OK;

	if (ls->kind->compare == compare_subs && !ls->objects)
		r = learn_sessions(ls);
	if (r == CLI_OK)
		r = ask_broker(&ls->connection, ls->kind->asked, ls->options,
		               ls->kind->list, &answer);
	if (r != CLI_OK)
		return r;
	r = show_answer(ls, answer);
	json_decref(answer);
	return output_flush(&ls->out) == OUTPUT_FAILED ? CLI_FAILED : r;
}

static int
run(struct ls *ls)
{
	int r;

	signals_watch();
	connection_open(&ls->connection, ls->cli, UMBEL_BLOCK);
	r = connection_establish(&ls->connection, CLI_FOREVER);
	if (r == CLI_OK)
		r = ask(ls);
	connection_close(&ls->connection);
	return r;
}

/* ---- the command line --------------------------------------------------- */

enum {
	OPT_SESSION = CLI_OPT_VERB,
	OPT_UID,
	OPT_USER,
	OPT_FILTER,
	OPT_JSON,
};

static const struct option options[] = {
	CLI_OPTIONS,
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "user", required_argument, NULL, OPT_USER },
	{ "filter", required_argument, NULL, OPT_FILTER },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 },
};

static void
set_number(struct ls *ls, const char *key, uint64_t n)
{
	json_object_set_new(ls->options, key, json_integer((json_int_t)n));
}

static void
take_option(struct ls *ls, int option)
{
	switch (option) {
	case OPT_SESSION:
		set_number(ls, "session",
		           cli_number("--session", optarg, 1, UINT32_MAX));
		break;
	case OPT_UID:
		set_number(ls, "uid",
		           cli_number("--uid", optarg, 0, UINT32_MAX));
		break;
	case OPT_USER:
		set_number(ls, "uid", users_uid("--user", optarg));
		break;
	case OPT_FILTER:
		if (names_fault(optarg, true))
			names_refuse(ls->cli, optarg, true);
		json_object_set_new(ls->options, "filter", json_string(optarg));
		break;
	case OPT_JSON:
		ls->objects = true;
		break;
	default:
		break;
	}
}

static void
take_kind(struct ls *ls, int argc, char **argv)
{
	bool of_sessions = json_object_get(ls->options, "session") ||
	                   json_object_get(ls->options, "uid");

	if (argc != 1)
		cli_misused(ls->cli, "ls wants one of clients, subs, topics "
		                     "and broker");
	ls->kind = find_kind(argv[0]);
	if (!ls->kind)
		cli_misused(ls->cli,
		            "no list of %s: clients, subs, topics or "
		            "broker",
		            argv[0]);
	if (of_sessions && !ls->kind->of_sessions)
		cli_misused(ls->cli, "--session, --uid and --user are for "
		                     "clients and subs");
	if (json_object_get(ls->options, "filter") && !ls->kind->takes_filter)
		cli_misused(ls->cli, "--filter is for subs and topics");
	ls->filtered = json_object_size(ls->options) > 0;
}

int
ls_main(struct cli *cli, int argc, char **argv)
{
	struct ls ls = { .cli = cli, .options = json_object() };
	int option;
	int r;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1)
		take_option(&ls, option);
	take_kind(&ls, argc - optind, argv + optind);
	r = run(&ls);
	json_decref(ls.options);
	json_decref(ls.sessions);
	buf_free(&ls.out);
	return r;
}
