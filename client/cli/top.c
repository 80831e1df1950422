/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel top - who publishes and subscribes what, how much, and who does not
 * keep up: on a screen that is drawn anew every few seconds, or as text.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client/umbel.h"
#include "connection.h"
#include "output.h"
#include "progress.h"
#include "sampling.h"
#include "screen.h"
#include "signals.h"
#include "toppage.h"
#include "views.h"

/* From the first sample to the second, the first with rates. */
#define FIRST_MS    500
/* A broker that is lost may take so long to return, with --once. */
#define PATIENCE_MS 5000

struct top {
	struct cli *cli;
	struct connection connection;
	struct sampling sampling;
	struct progress progress; /* with --once */
	struct toppage page;
	int64_t interval_ms;
	int64_t next_ms; /* when the next sample begins */
	bool once;
	bool objects;
	bool on_screen;
	bool explains;        /* the keys */
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

static void
end(struct top *t, int verdict)
{
	if (!t->done)
		t->verdict = verdict;
	t->done = true;
}

/* ---- keys --------------------------------------------------------------- */

static void
set_view(struct top *t, const struct view *view)
{
	if (t->page.view == view)
		return;
	t->page.view = view;
	t->page.column = view->sort;
	t->page.reverse = false;
	t->page.first = 0;
	toppage_arrange(&t->page, &t->sampling); /* with what is known */
	t->next_ms = cli_now_ms();
}

static void
sort_by_next(struct top *t, size_t step)
{
	t->page.column = (t->page.column + step) % t->page.view->n_columns;
	toppage_arrange(&t->page, &t->sampling);
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
	size_t height = toppage_height();

	switch (key) {
	case KEY_UP:
		t->page.first -= t->page.first > 0;
		break;
	case KEY_DOWN:
		t->page.first++;
		break;
	case KEY_PAGE_UP:
		t->page.first -=
			t->page.first < height ? t->page.first : height;
		break;
	case KEY_PAGE_DOWN:
		t->page.first += height;
		break;
	case KEY_HOME:
		t->page.first = 0;
		break;
	case KEY_END:
		t->page.first = t->page.rows.n;
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
		sort_by_next(t, t->page.view->n_columns - 1);
		break;
	case '>':
	case KEY_RIGHT:
		sort_by_next(t, 1);
		break;
	case 'r':
		t->page.reverse = !t->page.reverse;
		toppage_arrange(&t->page, &t->sampling);
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

/* ---- a sample is there -------------------------------------------------- */

static void
draw(struct top *t)
{
	const char *complaint = t->complaint.len ? t->complaint.at : "";
	struct buf page = { 0 };

	if (t->explains)
		toppage_append_keys(&page, &t->sampling, complaint);
	else
		toppage_append_screen(&page, &t->page, &t->sampling, complaint);
	screen_draw(buf_text(&page));
	buf_free(&page);
}

static void
print(struct top *t)
{
	struct buf out = { 0 };

	progress_end(&t->progress);
	if (t->objects)
		toppage_append_object(&out, &t->page, &t->sampling);
	else
		toppage_append_text(&out, &t->page, &t->sampling);
	if (!t->objects && !t->once)
		buf_putc(&out, '\n');
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

static void
show(struct top *t)
{
	toppage_arrange(&t->page, &t->sampling);
	if (t->on_screen)
		draw(t);
	else if (t->sampling.n > 1) /* the first has no rates */
		print(t);
}

/* ---- life --------------------------------------------------------------- */

static void
begin_sample(struct top *t)
{
	int64_t pause = t->interval_ms;

	if (t->sampling.n == 0 && t->on_screen && pause > FIRST_MS)
		pause = FIRST_MS;
	t->next_ms = cli_now_ms() + pause;
	sampling_begin(&t->sampling, t->page.view);
}

static void
take_answer(struct top *t)
{
	int r = sampling_go_on(&t->sampling);

	if (r == CLI_REFUSED || (r != CLI_OK && t->once && r != CLI_NO_BROKER))
		end(t, r);
	else if (r == CLI_OK && !sampling_is_under_way(&t->sampling))
		show(t);
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

/* What is on the screen besides samples. */
struct look {
	enum umbel_state state;
	bool ends;
	int waits; /* for an answer, in seconds */
	struct screen_size size;
};

static struct look
look(const struct top *t)
{
	return (struct look){ t->connection.state,
		              connection_is_ending(&t->connection),
		              sampling_waits(&t->sampling), screen_size() };
}

static bool
looks_alike(struct look a, struct look b)
{
	return a.state == b.state && a.ends == b.ends && a.waits == b.waits &&
	       a.size.width == b.size.width && a.size.height == b.size.height;
}

static bool
may_begin(const struct top *t)
{
	return !sampling_is_under_way(&t->sampling) &&
	       t->connection.state == UMBEL_CONNECTED;
}

static int
step(struct top *t)
{
	struct pollfd input = { .fd = screen_keys_fd(), .events = POLLIN };
	int64_t until =
		may_begin(t) ? t->next_ms : sampling_waits_until(&t->sampling);
	struct look before = look(t);
	int r = progress_step(&t->progress, &t->connection, &input, 1, until);

	progress_tell(&t->progress, "measuring for %d s ...",
	              progress_seconds(&t->progress));
	hear_keys(t, &input);
	if (t->on_screen && (input.revents || !looks_alike(before, look(t))))
		draw(t);
	return r == CLI_TIMEOUT ? CLI_OK : r;
}

static int
run_on(struct top *t)
{
	int r = CLI_OK;

	while (r == CLI_OK && !t->done) {
		if (sampling_is_ready(&t->sampling))
			take_answer(t);
		else if (may_begin(t) && cli_left(t->next_ms) == 0)
			begin_sample(t);
		else
			r = step(t);
	}
	return r;
}

static void
finish(struct top *t)
{
	struct buf last = t->complaint;

	progress_end(&t->progress);
	screen_leave();
	cli_complain_into(NULL, NULL);
	if (t->on_screen && t->verdict != CLI_OK && last.len > 0)
		cli_complain("%s", buf_text(&last));
	connection_close(&t->connection);
	sampling_free(&t->sampling);
	views_free(&t->page.rows);
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
		if (t->once) {
			t->connection.patience_ms = PATIENCE_MS;
			progress_begin(&t->progress);
		}
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
		t->page.view = all[i];
		return;
	}
	cli_misused(t->cli, "--by: session, process or topic, not %s", name);
}

static void
choose_column(struct top *t, const char *word)
{
	struct buf list = { 0 };

	t->page.column = word ? views_find_column(t->page.view, word)
	                      : t->page.view->sort;
	if (t->page.column < t->page.view->n_columns)
		return;
	for (size_t i = 0; i < t->page.view->n_columns; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "",
		           t->page.view->columns[i].word);
	cli_complain("--sort: by %s there is no %s", t->page.view->name, word);
	cli_hint("there are %s", buf_text(&list));
	exit(CLI_USAGE);
}

int
top_main(struct cli *cli, int argc, char **argv)
{
	struct top t = {
		.cli = cli,
		.page = { .view = &view_sessions },
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
	t.sampling.connection = &t.connection;
	return run(&t);
}
