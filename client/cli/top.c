/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel top - who publishes and subscribes what, how much, and who does not
 * keep up: on a screen that is drawn anew every few seconds, or as text.
 *
 * A sample is a few questions, one after the other, each under way while keys
 * are heeded. Rates are the difference between two samples of the broker's
 * counters; those of topics, for which it has none, are of what a watching
 * subscription sees, which lasts as long as topics are looked at.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "output.h"
#include "rates.h"
#include "screen.h"
#include "signals.h"
#include "table.h"
#include "tally.h"
#include "text.h"
#include "views.h"

/* More filters than this are not told, only counted. */
#define FILTERS_MAX 10000u
/* Of topics and sessions that many pages are asked for. */
#define PAGES_MAX   64u
/* From the first sample to the second, the first with rates. */
#define FIRST_MS    500
/* A broker that is lost may take so long to return, with --once. */
#define PATIENCE_MS 5000

/* In this order. */
enum question { INFO, SESSIONS, SUBSCRIPTIONS, TOPICS, N_QUESTIONS };

static const char *const subjects[] = {
	[INFO] = "info",
	[SESSIONS] = "sessions",
	[SUBSCRIPTIONS] = "subscriptions",
	[TOPICS] = "topics",
};

struct top {
	struct cli *cli;
	struct connection connection;
	int64_t interval_ms;
	bool once;
	bool objects;
	bool on_screen;

	const struct view *view;
	size_t column; /* by which it is sorted */
	bool reverse;
	size_t first;  /* row on the screen */
	bool explains; /* the keys */

	struct asking *asking; /* NULL: no sample is under way */
	enum question question;
	json_t *coming[N_QUESTIONS]; /* of the sample that is under way */
	json_t *known[N_QUESTIONS];  /* of the last one; NULL: not asked */
	int64_t next_ms;             /* when the next begins */
	int64_t tallied_us;          /* since when messages are counted */
	uint64_t n_samples;          /* of this broker */
	struct rates rates;
	struct umbel_sub *watching; /* all topics; or NULL */
	struct tally tally;
	struct views_rows rows;

	struct buf complaint; /* to be shown */
	bool done;
	int verdict; /* when done */
};

static const char help[] =
	"usage: umbel top [OPTION...]\n"
	"\n"
	"Who publishes and subscribes what, how much, and who does not keep up.\n"
	"On a terminal a screen, with keys: h tells them, q quits; else text.\n"
	"\n"
	"      --by WHAT        session (the default), process or topic\n"
	"      --sort COLUMN    by its heading, such as in, out, queued, dropped,\n"
	"                       rate or name; in small letters\n"
	"      --interval S     seconds between two samples; default 2\n"
	"      --once           one sample, all of it, as text; rates are those\n"
	"                       of one interval\n"
	"      --json           a JSON object for each sample: broker, by, rows\n" CLI_OPTIONS_HELP
	"\n"
	"IN and OUT are messages from and to a client. QUEUED bytes wait for it,\n"
	"DROPPED messages it lost. HELD BY is the session that it waits for.\n"
	"By topic, top watches all messages, to count them.\n";

static const char keys[] =
	"\n"
	"  s  by session          <  >  sort by another column (or left, right)\n"
	"  p  by process          r     the other way round\n"
	"  t  by topic            up, down, page up, page down, home, end\n"
	"\n"
	"  space  sample now      +  -  more or less often\n"
	"  Ctrl-Z stop            q     quit\n"
	"\n"
	"  IN/S and OUT/S are messages from and to a client, QUEUED bytes that\n"
	"  wait for it, DROPPED messages that it lost. HELD BY is the session\n"
	"  that it waits for: umbel why TOPIC tells more.\n"
	"\n"
	"  any key: back\n";

static void
end(struct top *t, int verdict)
{
	if (!t->done)
		t->verdict = verdict;
	t->done = true;
}

/* ---- watching topics ---------------------------------------------------- */

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct top *t = user;
	size_t len;

	(void)c;
	umbel_msg_data(m, &len);
	tally_count(&t->tally, umbel_msg_topic(m), umbel_msg_sender(m).session,
	            len);
}

static void
on_end(struct umbel *c, struct umbel_sub *sub, int error, void *user)
{
	struct top *t = user;

	if (sub == t->watching)
		t->watching = NULL;
	if (error != 0)
		cli_complain("cannot watch topics: %s",
		             *umbel_last_error(c) ? umbel_last_error(c)
		                                  : umbel_strerror(error));
}

static void
watch(struct top *t, bool on)
{
	int r;

	if (on == (t->watching != NULL))
		return;
	if (on) {
		t->tallied_us = cli_now_us();
		r = umbel_subscribe(t->connection.c, "**", on_message, t,
		                    UMBEL_SUB_OPTIONS(.monitor = true,
		                                      .on_end = on_end),
		                    &t->watching);
		if (r < 0)
			cli_die("cannot subscribe: %s", umbel_strerror(r));
	} else {
		umbel_unsubscribe(t->connection.c, t->watching);
		t->watching = NULL;
		tally_free(&t->tally);
	}
}

/* ---- a sample ----------------------------------------------------------- */

static struct sightings
sightings(const struct top *t)
{
	const json_t *const *known = (const json_t *const *)t->known;

	return (struct sightings){
		.sessions = json_object_get(known[SESSIONS], "sessions"),
		.subscriptions =
			json_object_get(known[SUBSCRIPTIONS], "subscriptions"),
		.topics = json_object_get(known[TOPICS], "topics"),
		.rates = &t->rates,
		.tally = &t->tally,
	};
}

static void
arrange(struct top *t)
{
	const struct sightings seen = sightings(t);

	views_collect(&t->rows, t->view, &seen);
	views_sort(&t->rows, t->view, t->column, t->reverse);
}

static void
forget_answers(json_t **answers)
{
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		json_decref(answers[i]);
		answers[i] = NULL;
	}
}

/* Counters of another broker are no measure. */
static bool
is_another_broker(const json_t *before, const json_t *now)
{
	return before &&
	       (ask_uint(before, "pid") != ask_uint(now, "pid") ||
	        ask_uint(before, "uptime_ms") > ask_uint(now, "uptime_ms"));
}

static void
count_broker(struct top *t)
{
	const json_t *info = t->known[INFO];
	const uint64_t count[] = {
		[COUNTER_IN] = ask_uint(info, "messages_in"),
		[COUNTER_OUT] = ask_uint(info, "messages_out"),
		[COUNTER_DROPPED] = ask_uint(info, "dropped"),
		[COUNTER_BYTES_IN] = ask_uint(info, "bytes_in"),
		[COUNTER_BYTES_OUT] = ask_uint(info, "bytes_out"),
	};

	rates_add(&t->rates, 0, count, RATES_COUNTERS);
}

static void
count_sessions(struct top *t)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(t->known[SESSIONS], "sessions"), i,
	                   one)
	{
		const uint64_t count[] = {
			[COUNTER_IN] = ask_uint(one, "messages_in"),
			[COUNTER_OUT] = ask_uint(one, "messages_out"),
			[COUNTER_DROPPED] = ask_uint(one, "dropped"),
		};

		rates_add(&t->rates, ask_uint(one, "session"), count,
		          sizeof(count) / sizeof(count[0]));
	}
}

static void
finish_sample(struct top *t)
{
	int64_t now = cli_now_us();

	if (is_another_broker(t->known[INFO], t->coming[INFO])) {
		rates_forget(&t->rates);
		t->n_samples = 0;
	}
	forget_answers(t->known);
	memcpy(t->known, t->coming, sizeof(t->known));
	memset(t->coming, 0, sizeof(t->coming));
	rates_begin(&t->rates, now);
	count_broker(t);
	count_sessions(t);
	tally_turn(&t->tally, now - t->tallied_us);
	t->tallied_us = now;
	t->n_samples++;
	arrange(t);
}

static bool
is_wanted(const struct top *t, enum question question)
{
	switch (question) {
	case INFO:
	case SESSIONS:
		break;
	case SUBSCRIPTIONS:
		return t->view == &view_sessions &&
		       ask_uint(t->coming[INFO], "subscriptions") <=
		               FILTERS_MAX;
	case TOPICS:
		return t->view == &view_topics;
	case N_QUESTIONS:
		return false;
	}
	return true;
}

static void
ask(struct top *t, enum question question)
{
	json_t *none = json_object();

	while (question < N_QUESTIONS && !is_wanted(t, question))
		question++;
	t->question = question;
	t->asking = NULL;
	if (question < N_QUESTIONS)
		t->asking = ask_begin(&t->connection, subjects[question], none,
		                      PAGES_MAX);
	json_decref(none);
}

static void
begin_sample(struct top *t)
{
	int64_t pause = t->interval_ms;

	if (t->n_samples == 0 && t->on_screen && pause > FIRST_MS)
		pause = FIRST_MS;
	t->next_ms = cli_now_ms() + pause;
	watch(t, t->view == &view_topics);
	ask(t, INFO);
}

/* Another question, or the sample is done: says so. */
static bool
take_answer(struct top *t)
{
	int r = ask_end(t->asking, &t->coming[t->question]);

	t->asking = NULL;
	if (r != CLI_OK) {
		forget_answers(t->coming);
		if (r == CLI_REFUSED || (t->once && r != CLI_NO_BROKER))
			end(t, r);
		return false;
	}
	ask(t, t->question + 1);
	if (t->asking)
		return false;
	finish_sample(t);
	return true;
}

/* ---- the page ----------------------------------------------------------- */

static double
rate(const struct top *t, enum counter counter)
{
	return rates_of(&t->rates, 0, counter);
}

static void
append_count(struct buf *out, double number)
{
	char text[TABLE_NUMBER_MAX];

	buf_puts(out, table_count(text, (unsigned long long)(number + 0.5)));
}

static void
append_figure(struct buf *out, const char *before, double number,
              const char *behind)
{
	buf_puts(out, before);
	append_count(out, number);
	buf_puts(out, behind);
}

static void
append_traffic(struct buf *out, const struct top *t)
{
	const json_t *info = t->known[INFO];

	append_figure(out, "", (double)ask_uint(info, "sessions"),
	              " clients, ");
	append_figure(out, "", (double)ask_uint(info, "subscriptions"),
	              " subscriptions;  in ");
	append_figure(out, "", rate(t, COUNTER_IN), "/s ");
	append_figure(out, "(", rate(t, COUNTER_BYTES_IN), "B/s)");
	append_figure(out, "  out ", rate(t, COUNTER_OUT), "/s ");
	append_figure(out, "(", rate(t, COUNTER_BYTES_OUT), "B/s)\n");
}

static void
append_state(struct buf *out, const struct top *t)
{
	const json_t *info = t->known[INFO];
	const json_t *limits = json_object_get(info, "limits");

	append_figure(out, "memory ", (double)ask_uint(info, "memory_used"),
	              "");
	append_figure(out, " of ", (double)ask_uint(limits, "memory_max"), "");
	append_figure(out, ", retained ", (double)ask_uint(info, "retained"),
	              "");
	append_figure(out, ", dropped ", (double)ask_uint(info, "dropped"), "");
	append_figure(out, ", holds ", (double)ask_uint(info, "holds"), "");
	append_figure(out, ", evicted ", (double)ask_uint(info, "evicted"), "");
	append_figure(out, ", refused ", (double)ask_uint(info, "refused"),
	              "\n");
}

static void
append_head(struct buf *out, const struct top *t)
{
	const json_t *info = t->known[INFO];
	char age[TABLE_NUMBER_MAX];

	if (!info) {
		buf_printf(out, "%s\n\n\n", umbel_address(t->connection.c));
		return;
	}
	buf_printf(out, "%s: umbeld ", umbel_address(t->connection.c));
	text_append_visible(out, ask_text(info, "version"),
	                    strlen(ask_text(info, "version")), "");
	buf_printf(out, ", pid %" PRIu64 ", up %s\n", ask_uint(info, "pid"),
	           table_age(age, ask_uint(info, "uptime_ms")));
	append_traffic(out, t);
	append_state(out, t);
}

/* ---- the screen --------------------------------------------------------- */

/* Lines that are not rows: three of the head, what is wrong, headings, keys. */
#define OTHER_LINES 6u

static size_t
rows_on_screen(void)
{
	size_t height = screen_size().height;

	return height > OTHER_LINES ? height - OTHER_LINES : 1;
}

static void
append_complaint(struct buf *out, const struct top *t)
{
	const char *text = t->complaint.len ? t->complaint.at : "";

	if (t->connection.state != UMBEL_CONNECTED)
		buf_puts(out, SCREEN_ALARM "no broker; waiting for it to "
		                           "return");
	else if (*text)
		buf_printf(out, SCREEN_ALARM "%s", text);
	buf_putc(out, '\n');
}

static void
append_foot(struct buf *out, const struct top *t, size_t shown)
{
	buf_printf(out,
	           SCREEN_FAINT "q quit  h help  s p t view  < > r sort   "
	                        "%zu-%zu of %zu by %s%s\n",
	           t->rows.n ? t->first + 1 : 0, t->first + shown, t->rows.n,
	           t->view->columns[t->column].word,
	           t->reverse ? " (reversed)" : "");
}

static void
append_rows(struct buf *out, struct top *t)
{
	const struct sightings seen = sightings(t);
	size_t room = rows_on_screen(), n;

	if (t->first + room > t->rows.n)
		t->first = t->rows.n > room ? t->rows.n - room : 0;
	n = t->rows.n - t->first < room ? t->rows.n - t->first : room;
	buf_puts(out, SCREEN_HEADING);
	views_append_table(out, t->view, &t->rows, t->first, n, &seen,
	                   screen_size().width);
	for (size_t i = n; i < room; i++)
		buf_putc(out, '\n');
	append_foot(out, t, n);
}

static void
draw(struct top *t)
{
	struct buf page = { 0 };

	append_head(&page, t);
	append_complaint(&page, t);
	if (t->explains)
		buf_puts(&page, keys);
	else
		append_rows(&page, t);
	screen_draw(buf_text(&page));
	buf_free(&page);
}

/* ---- keys --------------------------------------------------------------- */

static void
set_view(struct top *t, const struct view *view)
{
	if (t->view == view)
		return;
	t->view = view;
	t->column = view->sort;
	t->reverse = false;
	t->first = 0;
	arrange(t); /* with what is known */
	if (!t->asking)
		t->next_ms = cli_now_ms();
}

static void
sort_by_next(struct top *t, size_t step)
{
	t->column = (t->column + step) % t->view->n_columns;
	arrange(t);
}

static void
change_interval(struct top *t, bool longer)
{
	t->interval_ms = longer ? t->interval_ms * 2 : t->interval_ms / 2;
	if (t->interval_ms < 250)
		t->interval_ms = 250;
	if (t->interval_ms > 60000)
		t->interval_ms = 60000;
}

static void
scroll(struct top *t, int key)
{
	size_t page = rows_on_screen();

	switch (key) {
	case KEY_UP:
		t->first -= t->first > 0;
		break;
	case KEY_DOWN:
		t->first++;
		break;
	case KEY_PAGE_UP:
		t->first -= t->first < page ? t->first : page;
		break;
	case KEY_PAGE_DOWN:
		t->first += page;
		break;
	case KEY_HOME:
		t->first = 0;
		break;
	case KEY_END:
		t->first = t->rows.n;
		break;
	default:
		break;
	}
}

#define CTRL(letter) ((letter)&0x1f)

static void
press_letter(struct top *t, int key)
{
	switch (key) {
	case 's':
		set_view(t, &view_sessions);
		break;
	case 'p':
		set_view(t, &view_processes);
		break;
	case 't':
		set_view(t, &view_topics);
		break;
	case '<':
	case KEY_LEFT:
		sort_by_next(t, t->view->n_columns - 1);
		break;
	case '>':
	case KEY_RIGHT:
		sort_by_next(t, 1);
		break;
	case 'r':
		t->reverse = !t->reverse;
		arrange(t);
		break;
	case '+':
	case '-':
		change_interval(t, key == '-');
		break;
	case ' ':
		t->next_ms = cli_now_ms();
		break;
	default:
		scroll(t, key);
		break;
	}
}

static void
press(struct top *t, int key)
{
	switch (key) {
	case 'q':
	case CTRL('c'):
	case KEY_GONE:
		end(t, CLI_OK);
		break;
	case CTRL('z'):
		screen_suspend();
		break;
	case 'h':
	case '?':
		t->explains = !t->explains;
		break;
	default:
		if (t->explains)
			t->explains = false;
		else
			press_letter(t, key);
		break;
	}
	t->complaint.len = 0;
}

/* ---- as text ------------------------------------------------------------ */

static void
append_object(struct buf *out, struct top *t)
{
	const struct sightings seen = sightings(t);
	json_t *broker = json_deep_copy(t->known[INFO]);
	json_t *all = json_object();

	json_object_set_new(broker, "in", json_real(rate(t, COUNTER_IN)));
	json_object_set_new(broker, "out", json_real(rate(t, COUNTER_OUT)));
	json_object_set_new(all, "broker", broker);
	json_object_set_new(all, "by", json_string(t->view->name));
	json_object_set_new(all, "rows", views_json(t->view, &t->rows, &seen));
	ask_append(out, all);
	buf_putc(out, '\n');
	json_decref(all);
}

static void
append_text(struct buf *out, struct top *t)
{
	const struct sightings seen = sightings(t);

	append_head(out, t);
	buf_putc(out, '\n');
	if (t->rows.n > 0)
		views_append_table(out, t->view, &t->rows, 0, t->rows.n, &seen,
		                   table_terminal_width());
	if (!t->once)
		buf_putc(out, '\n');
}

static void
print(struct top *t)
{
	struct buf out = { 0 };

	if (t->objects)
		append_object(&out, t);
	else
		append_text(&out, t);
	switch (output_flush(&out)) {
	case OUTPUT_WRITTEN:
		if (t->once)
			end(t, CLI_OK);
		break;
	case OUTPUT_UNREAD:
		end(t, CLI_OK);
		break;
	case OUTPUT_FAILED:
	case OUTPUT_ENDED:
		end(t, CLI_FAILED);
		break;
	}
	buf_free(&out);
}

/* ---- life --------------------------------------------------------------- */

/* A sample is done. */
static void
show(struct top *t)
{
	if (t->on_screen)
		draw(t);
	else if (t->n_samples > 1) /* the first has no rates */
		print(t);
}

static void
hear_keys(struct top *t, const struct pollfd *input)
{
	int key;

	if (!input->revents)
		return;
	while (!t->done && (key = screen_key()) != KEY_NONE)
		press(t, key);
	if (input->revents & (POLLHUP | POLLERR))
		end(t, CLI_OK);
}

static int
step(struct top *t)
{
	bool idle = !t->asking && t->connection.state == UMBEL_CONNECTED;
	struct pollfd input = { .fd = screen_keys_fd(), .events = POLLIN };
	enum umbel_state before = t->connection.state;
	struct screen_size size = screen_size();
	int r = connection_step(&t->connection, &input, 1,
	                        idle ? t->next_ms : CLI_FOREVER);

	hear_keys(t, &input);
	if (r == CLI_TIMEOUT)
		r = CLI_OK;
	if (t->on_screen &&
	    (input.revents || before != t->connection.state ||
	     memcmp(&(struct screen_size){ screen_size().width,
	                                   screen_size().height },
	            &size, sizeof(size)) != 0))
		draw(t);
	return r;
}

static int
run_on(struct top *t)
{
	int r = CLI_OK;

	while (r == CLI_OK && !t->done) {
		if (t->asking && ask_is_done(t->asking) && take_answer(t))
			show(t);
		else if (!t->asking && t->connection.state == UMBEL_CONNECTED &&
		         cli_left(t->next_ms) == 0)
			begin_sample(t);
		if (!t->done && !(t->asking && ask_is_done(t->asking)))
			r = step(t);
	}
	return r;
}

static void
finish(struct top *t)
{
	struct buf last = t->complaint;

	screen_leave();
	cli_complain_into(NULL, NULL);
	if (t->on_screen && t->verdict != CLI_OK && last.len > 0)
		cli_complain("%s", buf_text(&last));
	connection_close(&t->connection);
	if (t->asking)
		ask_end(t->asking, NULL);
	forget_answers(t->known);
	forget_answers(t->coming);
	rates_free(&t->rates);
	tally_free(&t->tally);
	views_free(&t->rows);
	buf_free(&t->complaint);
}

static int
run(struct top *t)
{
	int r;

	signals_watch();
	connection_open(&t->connection, t->cli, UMBEL_DROP_OLDEST);
	r = connection_establish(&t->connection, CLI_FOREVER);
	if (r == CLI_OK) {
		if (t->once)
			t->connection.patience_ms = PATIENCE_MS;
		if (t->on_screen) {
			cli_complain_into(&t->complaint, screen_leave);
			screen_enter();
		}
		t->next_ms = cli_now_ms();
		r = run_on(t);
	}
	finish(t);
	if (r == CLI_OK || (r > CLI_SIGNAL && !t->once))
		return t->verdict;
	return r;
}

/* ---- the command line --------------------------------------------------- */

enum {
	OPT_BY = CLI_OPT_VERB,
	OPT_SORT,
	OPT_INTERVAL,
	OPT_ONCE,
	OPT_JSON,
};

static const struct option options[] = {
	CLI_OPTIONS,
	{ "by", required_argument, NULL, OPT_BY },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 },
};

static void
choose_view(struct top *t, const char *name)
{
	static const struct view *const all[] = { &view_sessions,
		                                  &view_processes,
		                                  &view_topics };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(name, all[i]->name) != 0)
			continue;
		t->view = all[i];
		return;
	}
	cli_misused(t->cli, "--by: session, process or topic, not %s", name);
}

static void
choose_column(struct top *t, const char *word)
{
	struct buf list = { 0 };

	t->column = word ? views_find_column(t->view, word) : t->view->sort;
	if (t->column < t->view->n_columns)
		return;
	for (size_t i = 0; i < t->view->n_columns; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "",
		           t->view->columns[i].word);
	cli_complain("--sort: by %s there is no %s", t->view->name, word);
	cli_hint("there are %s", buf_text(&list));
	exit(CLI_USAGE);
}

int
top_main(struct cli *cli, int argc, char **argv)
{
	struct top t = {
		.cli = cli,
		.view = &view_sessions,
		.interval_ms = 2000,
	};
	const char *sort = NULL;
	int option;

	while ((option = cli_next_option(cli, argc, argv, ":hs:", options,
	                                 help)) != -1) {
		if (option == OPT_BY)
			choose_view(&t, optarg);
		else if (option == OPT_SORT)
			sort = optarg;
		else if (option == OPT_INTERVAL)
			t.interval_ms = cli_seconds("--interval", optarg);
		else if (option == OPT_ONCE)
			t.once = true;
		else
			t.objects = true;
	}
	if (optind < argc)
		cli_misused(cli, "top takes no arguments");
	if (t.interval_ms < 100 || t.interval_ms > 3600 * 1000)
		cli_misused(cli, "--interval: from 0.1 to 3600 seconds");
	choose_column(&t, sort);
	t.on_screen = !t.once && !t.objects && screen_is_possible();
	return run(&t);
}
