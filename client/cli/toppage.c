/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "toppage.h"

#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "screen.h"
#include "table.h"
#include "text.h"

/* Lines that are not rows: three of the head, what is wrong, headings, keys. */
#define OTHER_LINES 6u

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

void
toppage_arrange(struct toppage *p, const struct sampling *s)
{
	const struct sightings seen = sampling_seen(s);

	views_collect(&p->rows, p->view, &seen);
	views_sort(&p->rows, p->view, p->column, p->reverse);
}

/* ---- of the broker ------------------------------------------------------ */

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
append_traffic(struct buf *out, const struct sampling *s)
{
	const json_t *info = sampling_info(s);
	uint64_t clients = ask_uint(info, "sessions");
	uint64_t subs = ask_uint(info, "subscriptions");

	append_figure(out, "", (double)clients, " client");
	buf_puts(out, cli_plural(clients));
	append_figure(out, ", ", (double)subs, " subscription");
	buf_puts(out, cli_plural(subs));
	append_figure(out, ";  in ", sampling_rate(s, COUNTER_IN), "/s ");
	append_figure(out, "(", sampling_rate(s, COUNTER_BYTES_IN), "B/s)");
	append_figure(out, "  out ", sampling_rate(s, COUNTER_OUT), "/s ");
	append_figure(out, "(", sampling_rate(s, COUNTER_BYTES_OUT), "B/s)\n");
}

static void
append_state(struct buf *out, const struct sampling *s)
{
	const json_t *info = sampling_info(s);
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
append_head(struct buf *out, const struct sampling *s)
{
	const json_t *info = sampling_info(s);
	char age[TABLE_NUMBER_MAX];

	if (!info) {
		buf_printf(out, "%s\n\n\n", umbel_address(s->connection->c));
		return;
	}
	buf_printf(out, "%s: umbeld ", umbel_address(s->connection->c));
	text_append_visible(out, ask_text(info, "version"),
	                    strlen(ask_text(info, "version")), "");
	buf_printf(out, ", pid %" PRIu64 ", up %s\n", ask_uint(info, "pid"),
	           table_age(age, ask_uint(info, "uptime_ms")));
	append_traffic(out, s);
	append_state(out, s);
}

/* ---- the screen --------------------------------------------------------- */

size_t
toppage_height(void)
{
	size_t height = screen_size().height;

	return height > OTHER_LINES ? height - OTHER_LINES : 1;
}

static void
append_top(struct buf *out, const struct sampling *s, const char *complaint)
{
	append_head(out, s);
	if (s->connection->state != UMBEL_CONNECTED)
		buf_puts(out, SCREEN_ALARM "no broker; waiting for it to "
		                           "return");
	else if (connection_is_ending(s->connection))
		buf_puts(out, SCREEN_ALARM "the broker is shutting down; "
		                           "waiting for the next");
	else if (sampling_waits(s) > 0)
		buf_printf(out,
		           SCREEN_ALARM "no answer for %d s: the broker is "
		                        "busy or stopped",
		           sampling_waits(s));
	else if (*complaint)
		buf_printf(out, SCREEN_ALARM "%s", complaint);
	buf_putc(out, '\n');
}

static void
append_foot(struct buf *out, const struct toppage *p, size_t shown)
{
	buf_printf(out,
	           SCREEN_FAINT "q quit  h help  s p t view  < > r sort   "
	                        "%zu-%zu of %zu by %s%s\n",
	           p->rows.n ? p->first + 1 : 0, p->first + shown, p->rows.n,
	           p->view->columns[p->column].word,
	           p->reverse ? " (reversed)" : "");
}

static void
append_rows(struct buf *out, struct toppage *p, const struct sampling *s)
{
	const struct sightings seen = sampling_seen(s);
	size_t room = toppage_height(), n;

	if (p->first + room > p->rows.n)
		p->first = p->rows.n > room ? p->rows.n - room : 0;
	n = p->rows.n - p->first < room ? p->rows.n - p->first : room;
	buf_puts(out, SCREEN_HEADING);
	views_append_table(out, p->view, &p->rows,
	                   &(struct views_part){ p->first, n,
	                                         screen_size().width,
	                                         p->column },
	                   &seen);
	for (size_t i = n; i < room; i++)
		buf_putc(out, '\n');
	append_foot(out, p, n);
}

void
toppage_append_screen(struct buf *out, struct toppage *p,
                      const struct sampling *s, const char *complaint)
{
	append_top(out, s, complaint);
	append_rows(out, p, s);
}

void
toppage_append_keys(struct buf *out, const struct sampling *s,
                    const char *complaint)
{
	append_top(out, s, complaint);
	buf_puts(out, keys);
}

/* ---- for scripts -------------------------------------------------------- */

void
toppage_append_object(struct buf *out, const struct toppage *p,
                      const struct sampling *s)
{
	const struct sightings seen = sampling_seen(s);
	json_t *broker = json_deep_copy(sampling_info(s));
	json_t *all = json_object();

	json_object_set_new(broker, "in_per_second",
	                    views_rate_json(sampling_rate(s, COUNTER_IN)));
	json_object_set_new(broker, "out_per_second",
	                    views_rate_json(sampling_rate(s, COUNTER_OUT)));
	json_object_set_new(all, "broker", broker);
	json_object_set_new(all, "by", json_string(p->view->name));
	json_object_set_new(all, "rows", views_json(p->view, &p->rows, &seen));
	ask_append(out, all);
	buf_putc(out, '\n');
	json_decref(all);
}

void
toppage_append_text(struct buf *out, const struct toppage *p,
                    const struct sampling *s)
{
	const struct sightings seen = sampling_seen(s);

	append_head(out, s);
	buf_putc(out, '\n');
	if (p->rows.n > 0)
		views_append_table(out, p->view, &p->rows,
		                   &(struct views_part){
					   .n = p->rows.n,
					   .width = table_terminal_width(),
				   },
		                   &seen);
}
