/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "webroutes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "rights.h"
#include "webevents.h"
#include "weblists.h"
#include "webmessages.h"
#include "webreply.h"
#include "webtalk.h"

/* The maximum number of options in a query. */
#define OPTIONS_MAX 200u

/* ---- pages ---------------------------------------------------------------- */

/* clang-format off */
static const char *const index_lines[][2] = {
	{ "/healthz",            "is it at work?" },
	{ "/metrics",            "its figures, for Prometheus" },
	{ "/sessions",           "who is connected; ?uid=N ?session=N" },
	{ "/subscriptions",      "who listens to what; ?filter=F" },
	{ "/topics",             "what there is, and what is retained; ?filter=F" },
	{ "GET /topics/NAME",    "the retained value" },
	{ "POST /topics/NAME",   "publish the body; ?retain=1" },
	{ "POST /requests/NAME", "ask, and get the reply; ?timeout=SECONDS" },
	{ "/subscribe?filter=F", "messages as they come, as server-sent events; "
	                         "&retained=1 &group=G &heartbeat=SECONDS "
	                         "&overflow=drop-oldest &name=N" },
};
/* clang-format on */
#define N_LINES (sizeof(index_lines) / sizeof(index_lines[0]))

static void
print_index_text(struct print *out)
{
	print_text(out, "umbeld " UMBEL_VERSION
	                ", a message broker for the services of one "
	                "machine\n\n");
	for (size_t i = 0; i < N_LINES; i++)
		print_format(out, "%-22s %s\n", index_lines[i][0],
		             index_lines[i][1]);
}

/* Paths that can be opened are links. Nothing in the table but & needs
   escaping. */
static void
print_index_html(struct print *out)
{
	print_text(out,
	           "<!doctype html><meta charset=utf-8><title>umbeld</title>\n"
	           "<h1>umbeld " UMBEL_VERSION "</h1>\n"
	           "<p>A message broker for the services of one machine.\n"
	           "<dl>\n");
	for (size_t i = 0; i < N_LINES; i++) {
		const char *path = index_lines[i][0];
		bool link = path[0] == '/' && !strchr(path, '?');

		print_format(out, link ? "<dt><a href=\"%s\">" : "<dt>", path);
		print_format(out, link ? "%s</a>" : "%s", path);
		print_text(out, "<dd>");
		for (const char *c = index_lines[i][1]; *c; c++)
			print_format(out, *c == '&' ? "&amp;" : "%c", *c);
		print_text(out, "\n");
	}
	print_text(out, "</dl>\n");
}

static void
send_print(struct web *w, unsigned status, const char *type, struct print *body)
{
	w->out.failed |= body->failed;
	webreply_send(w, status, type, "", body->at, body->len);
	print_fini(body);
}

static bool
accepts_html(const struct web *w)
{
	struct text accept = http_field(&w->head, "accept");

	return accept.at && memmem(accept.at, accept.len, "text/html", 9);
}

static void
get_index(struct web *w)
{
	struct print body = { 0 };
	bool html = accepts_html(w);

	if (html)
		print_index_html(&body);
	else
		print_index_text(&body);
	send_print(w, 200, html ? "text/html; charset=utf-8" : WEB_TEXT, &body);
}

static void
get_health(struct web *w)
{
	const struct broker *b = w->session.broker;
	const char *word = "ok\n";

	if (b->settling)
		word = "starting: clients are coming back\n";
	if (b->draining)
		word = "stopping\n";
	webreply_send(w, b->settling || b->draining ? 503 : 200, WEB_TEXT, "",
	              word, strlen(word));
}

static void
get_metrics(struct web *w)
{
	struct print body = { 0 };

	metrics_print(w->session.broker, &body);
	send_print(w, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

/* ---- the table ------------------------------------------------------------ */

struct web_route {
	const char *path;
	bool names_topic; /* followed by a topic */
	bool introspects; /* requires the right to introspect */
	void (*get)(struct web *w);
	/* called when the head has been read; false if it has answered */
	bool (*post)(struct web *w);
	/* options of the query, separated by spaces; a + allows an option
	   several times */
	const char *options;
};

static const struct web_route routes[] = {
	{ "/", false, false, get_index, NULL, "" },
	{ "/healthz", false, false, get_health, NULL, "" },
	{ "/metrics", false, true, get_metrics, NULL, "" },
	{ "/sessions", false, true, weblists_begin, NULL,
	  "session uid filter" },
	{ "/subscriptions", false, true, weblists_begin, NULL,
	  "session uid filter" },
	{ "/topics", false, true, weblists_begin, NULL, "session uid filter" },
	{ "/topics/", true, false, webmessages_get, webmessages_publish,
	  "retain" },
	{ "/requests/", true, false, NULL, webmessages_ask, "timeout" },
	{ "/subscribe", false, false, webevents_subscribe, NULL,
	  "filter+ group retained heartbeat overflow name" },
};

const char *
webroutes_path(const struct web *w)
{
	return w->route->path;
}

static bool
leads_to(const struct web_route *r, struct text path)
{
	size_t len = strlen(r->path);

	return path.len >= len && memcmp(path.at, r->path, len) == 0 &&
	       (path.len == len) != r->names_topic;
}

static const struct web_route *
find_route(struct text path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (leads_to(&routes[i], path))
			return &routes[i];
	}
	return NULL;
}

/* ---- a request ------------------------------------------------------------ */

static bool
is_get(const struct web *w)
{
	return text_equals(w->head.method, "GET") ||
	       text_equals(w->head.method, "HEAD");
}

static bool
method_is_allowed(struct web *w)
{
	const struct web_route *r = w->route;
	bool post = text_equals(w->head.method, "POST");

	if ((is_get(w) && r->get) || (post && r->post))
		return true;
	if (r->get && r->post)
		webreply_wrong_method(w, "GET, HEAD, POST");
	else
		webreply_wrong_method(w, r->get ? "GET, HEAD" : "POST");
	return false;
}

/* May it be said (again)? `said` has a bit for each option that was. */
static bool
may_be_said(const char *options, struct text name, uint32_t *said)
{
	const char *word = options;

	for (uint32_t bit = 1; *word; bit <<= 1) {
		size_t len = strcspn(word, "+ ");

		if (len == name.len && memcmp(word, name.at, len) == 0) {
			bool first = !(*said & bit);

			*said |= bit;
			return first || word[len] == '+';
		}
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	return false;
}

/* Reject unknown options: a misspelled one must not be ignored. */
static bool
options_are_known(struct web *w)
{
	const char *options = w->route->options;
	struct text rest = w->head.query, name;
	uint32_t said = 0;

	for (unsigned n = 0; http_query_next(&rest, &name); n++) {
		if (n < OPTIONS_MAX &&
		    (name.len == 0 || may_be_said(options, name, &said)))
			continue;
		if (!*options)
			print_text(webreply_words(w),
			           "there are no options here");
		else
			print_format(webreply_words(w),
			             "options here are %s, each once%s",
			             options,
			             strchr(options, '+') ? ", or as often (+)"
			                                  : "");
		webreply_why(w, 400);
		return false;
	}
	return true;
}

static bool
topic_is_named(struct web *w)
{
	size_t prefix = strlen(w->route->path);
	struct text rest = { w->head.path.at + prefix,
		             w->head.path.len - (uint32_t)prefix };
	int len;

	if (!w->route->names_topic)
		return true;
	len = http_decode(rest, w->topic, sizeof(w->topic));
	w->topic_len = len > 0 ? (uint32_t)len : 0;
	if (topic_is_valid(w->topic, w->topic_len))
		return true;
	print_format(webreply_words(w),
	             "not a valid topic: tokens with dots between them, at "
	             "most %u bytes, without spaces or *",
	             TOPIC_MAX);
	webreply_why(w, 400);
	return false;
}

static bool
right_is_given(struct web *w)
{
	struct verdict v = rights_of(&w->session, ACL_INTROSPECT);
	char words[RIGHTS_WORDS_MAX];

	if (!w->route->introspects || v.ok)
		return true;
	webreply_error(w, 403, rights_words(&v, words));
	return false;
}

/* The first request of a session sends HELLO, with the options in its query. */
static void
introduce(struct web *w)
{
	char word[16];
	int len = http_query(&w->head, "overflow", 0, word, sizeof(word));
	struct text overflow = { NULL, 0 };

	if (w->session.state != SESSION_NEW)
		return;
	if (len > 0)
		overflow = (struct text){ word, (uint32_t)len };
	webtalk_hello(w, overflow);
}

/* Is the request acceptable, as far as its head tells? */
static bool
is_acceptable(struct web *w)
{
	w->route = find_route(w->head.path);
	if (!w->route) {
		webreply_error(w, 404,
		               "no such path; GET / tells those that "
		               "there are");
		return false;
	}
	return method_is_allowed(w) && topic_is_named(w) && right_is_given(w) &&
	       options_are_known(w);
}

void
webroutes_begin(struct web *w)
{
	introduce(w);
	if (w->dead || w->session.state != SESSION_OPEN || !is_acceptable(w))
		return;
	w->takes_body = !is_get(w);
	if (w->takes_body && !w->route->post(w))
		return;
	w->stage = WEB_BODY;
}

void
webroutes_run(struct web *w)
{
	if (w->takes_body)
		webmessages_say(w);
	else
		w->route->get(w);
}

/* ---- options -------------------------------------------------------------- */

bool
webroutes_flag(struct web *w, const char *name, bool *out)
{
	char value[8];
	int len = http_query(&w->head, name, 0, value, sizeof(value));

	if (len == HTTP_ABSENT)
		return true;
	if ((len == 1 && (value[0] == '0' || value[0] == '1')) ||
	    (len == 4 && memcmp(value, "true", 4) == 0) ||
	    (len == 5 && memcmp(value, "false", 5) == 0)) {
		*out = value[0] == '1' || value[0] == 't';
		return true;
	}
	print_format(webreply_words(w), "%s is 1, true, 0 or false", name);
	webreply_why(w, 400);
	return false;
}

bool
webroutes_seconds(struct web *w, const char *name, uint32_t most, uint32_t *out)
{
	char value[24], *end = value;
	int len = http_query(&w->head, name, 0, value, sizeof(value) - 1);
	double seconds = -1;

	if (len == HTTP_ABSENT)
		return true;
	if (len > 0) {
		value[len] = '\0';
		if (value[0] >= '0' && value[0] <= '9')
			seconds = strtod(value, &end);
	}
	if (len > 0 && end == value + len && isfinite(seconds) &&
	    seconds >= 0.001 && seconds <= most / 1000.0) {
		*out = (uint32_t)(seconds * 1000);
		return true;
	}
	print_format(webreply_words(w),
	             "%s is a number of seconds, from 0.001 to %u", name,
	             most / 1000);
	webreply_why(w, 400);
	return false;
}
