/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * agent - what the tests make libumbel do; interop.py has the language of
 * stdin and stdout.
 *
 * usage: agent NAME [OVERFLOW] | agent --golden
 *
 * --golden: it says all that it hears of a message, comes back at once, and
 * says why it went, for a script that plays the broker.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umbel.h>
#include <unistd.h>

#define MAX_WORDS   8
#define MAX_HEADERS 32

/* What was asked for and is not done, or a subscription. */
struct task {
	struct umbel *c;
	struct umbel_sub *sub;
	struct task *next; /* of the subscriptions */
	bool told;
	char key[32];
};

struct agent {
	struct umbel *c;
	struct task *subs;
	bool golden;
	char *input;
	size_t input_len;
};

static struct task *
task_new(struct umbel *c, const char *key)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t)
		exit(1);
	t->c = c;
	snprintf(t->key, sizeof(t->key), "%s", key);
	return t;
}

/* ---- words ---------------------------------------------------------- */

static void
write_hex(const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
}

/* In place, ended by a NUL byte: a byte takes less room than its digits. */
static size_t
read_hex(char *word)
{
	size_t len = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;

	for (size_t i = 0; i < len; i++) {
		char digits[3] = { word[2 * i], word[2 * i + 1] };

		word[i] = (char)strtoul(digits, NULL, 16);
	}
	word[len] = '\0';
	return len;
}

static void
write_header(const struct umbel_header *h)
{
	printf("%s=", h->key);
	switch (h->type) {
	case UMBEL_NIL:
		printf("~");
		break;
	case UMBEL_BOOL:
		printf("!%d", h->value.b);
		break;
	case UMBEL_INT:
		printf("#%" PRId64, h->value.i);
		break;
	case UMBEL_UINT:
		printf("#%" PRIu64, h->value.u);
		break;
	case UMBEL_FLOAT:
		printf("%%%.17g", h->value.f);
		break;
	case UMBEL_STR:
	case UMBEL_BIN:
		printf(h->type == UMBEL_STR ? "$" : "@");
		write_hex(h->value.bin.data, h->value.bin.len);
		break;
	}
}

static void
write_message(const struct umbel_msg *m)
{
	struct umbel_header h;
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	printf("%s", len == 0 ? "-" : "");
	write_hex(data, len);
	printf("%s", umbel_msg_n_headers(m) == 0 ? " -" : " ");
	for (size_t i = 0; umbel_msg_header_at(m, i, &h); i++) {
		printf("%s", i > 0 ? "," : "");
		write_header(&h);
	}
	printf("\n");
}

/* In place: %20 is a space. */
static char *
unquote(char *word)
{
	char *to = word;

	for (const char *from = word; *from; from++) {
		if (*from == '%' && from[1] && from[2]) {
			char digits[3] = { from[1], from[2] };

			*to++ = (char)strtoul(digits, NULL, 16);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return word;
}

static void
read_header(char *word, struct umbel_header *h)
{
	char *value = strchr(word, '=') + 1;
	char kind = *value++;

	value[-2] = '\0';
	*h = (struct umbel_header){ .key = unquote(word), .type = UMBEL_NIL };
	if (kind == '!') {
		h->type = UMBEL_BOOL;
		h->value.b = *value == '1';
	} else if (kind == '#' && *value != '-') {
		h->type = UMBEL_UINT;
		h->value.u = strtoull(value, NULL, 10);
	} else if (kind == '#') {
		h->type = UMBEL_INT;
		h->value.i = strtoll(value, NULL, 10);
	} else if (kind == '%') {
		h->type = UMBEL_FLOAT;
		h->value.f = strtod(value, NULL);
	} else if (kind == '$') {
		h->type = UMBEL_STR;
		read_hex(value);
		h->value.str = value;
	} else if (kind == '@') {
		h->type = UMBEL_BIN;
		h->value.bin.len = read_hex(value);
		h->value.bin.data = value;
	}
}

static size_t
read_headers(char *word, struct umbel_header *headers)
{
	char *rest;
	size_t n = 0;

	if (strcmp(word, "-") == 0)
		return 0;
	for (char *pair = strtok_r(word, ",", &rest); pair && n < MAX_HEADERS;
	     pair = strtok_r(NULL, ",", &rest))
		read_header(pair, &headers[n++]);
	return n;
}

/* The broker's own codes, where it was the broker. */
static void
say_failed(const char *key, int error, int64_t code)
{
	switch (error) {
	case UMBEL_E_REPLY:
		break;
	case UMBEL_E_NO_RESPONDER:
		code = 37;
		break;
	case UMBEL_E_DENIED:
		code = 35;
		break;
	default:
		code = error;
	}
	printf("failed %s %" PRId64 "\n", key, code);
}

/* ---- what comes ----------------------------------------------------- */

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	struct agent *a = user;

	(void)c;
	if (state == UMBEL_CONNECTED)
		printf("up\n");
	else if (state == UMBEL_DISCONNECTED && a->golden)
		printf("down %d %s\n", info->error, info->text);
	else if (state == UMBEL_DISCONNECTED)
		printf("down %" PRIu64 "\n", info->unconfirmed);
}

static void
on_loss(struct umbel *c, const struct umbel_loss_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("gap %" PRIu64 "\n", info->messages);
}

static void
on_hold(struct umbel *c, const struct umbel_hold_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("hold %d %s %s\n", info->held, info->name, info->topic);
}

static void
on_error(struct umbel *c, const struct umbel_error_info *info, void *user)
{
	(void)c;
	(void)user;
	printf("error %u %s\n", info->code, info->about);
}

static void
on_active(struct umbel *c, struct umbel_sub *s, void *user)
{
	struct task *t = user;

	(void)c;
	(void)s;
	if (!t->told)
		printf("ok %s\n", t->key);
	t->told = true;
}

static void
on_end(struct umbel *c, struct umbel_sub *s, int error, void *user)
{
	struct task *t = user;

	(void)c;
	(void)s;
	t->sub = NULL;
	if (error)
		say_failed(t->key, error, 0);
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct task *t = user;

	(void)c;
	printf("msg %s %s ", t->key, umbel_msg_topic(m));
	write_message(m);
}

/* All that the library tells. */
static void
on_golden(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct umbel_sender from = umbel_msg_sender(m);
	const char *reply = umbel_msg_reply(m);

	(void)c;
	(void)user;
	printf("heard %s %s %" PRIu32 " %" PRIu32 " %d %d %" PRIu64 " ",
	       umbel_msg_topic(m), reply ? reply : "-", from.session, from.uid,
	       umbel_msg_retain_flag(m), umbel_msg_retained(m),
	       umbel_msg_age_ms(m));
	write_message(m);
}

static void
on_request(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct task *t = user;
	struct umbel_header headers[MAX_HEADERS];
	struct umbel_pub_options options = { .size = sizeof(options),
		                             .headers = headers };
	size_t len;
	const char *data = umbel_msg_data(m, &len);
	char *reversed = malloc(len + 1);

	while (options.n_headers < MAX_HEADERS &&
	       umbel_msg_header_at(m, options.n_headers,
	                           &headers[options.n_headers]))
		options.n_headers++;
	for (size_t i = 0; reversed && i < len; i++)
		reversed[i] = data[len - 1 - i];
	printf("asked %s\n", t->key);
	if (reversed)
		umbel_reply_opts(c, m, reversed, len, &options);
	free(reversed);
}

static void
on_reply(struct umbel *c, const struct umbel_reply_info *info, void *user)
{
	struct task *t = user;

	(void)c;
	if (info->error) {
		say_failed(t->key, info->error, info->code);
	} else {
		printf("ok %s ", t->key);
		write_message(info->msg);
	}
	free(t);
}

static void
on_flushed(struct umbel *c, int error, void *user)
{
	struct task *t = user;

	(void)c;
	if (error)
		say_failed(t->key, error, 0);
	else
		printf("ok %s\n", t->key);
	free(t);
}

static void
on_relay(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct task *t = user;
	struct task *asked = task_new(c, "relayed");
	size_t len;
	const void *data = umbel_msg_data(m, &len);

	if (umbel_request(c, t->key, data, len, 5000, on_reply, asked) < 0)
		free(asked);
}

/* ---- what is asked for ---------------------------------------------- */

static void
verb_sub(struct agent *a, char **words, int n, umbel_msg_cb *cb)
{
	struct task *t = task_new(a->c, words[0]);
	struct umbel_sub_options options = { .size = sizeof(options),
		                             .on_active = on_active,
		                             .on_end = on_end };

	t->next = a->subs;
	a->subs = t;
	for (int i = 2; i < n; i++) {
		if (strncmp(words[i], "group=", 6) == 0)
			options.group = unquote(words[i] + 6);
		else if (strcmp(words[i], "monitor") == 0)
			options.monitor = true;
		else
			options.retained = strcmp(words[i], "retained") == 0;
	}
	if (umbel_subscribe(a->c, unquote(words[1]), cb, t, &options, &t->sub) <
	    0)
		printf("failed %s 0\n", t->key);
}

static void
verb_unsub(struct agent *a, char **words)
{
	for (struct task *t = a->subs; t; t = t->next)
		if (strcmp(t->key, words[1]) == 0 && t->sub)
			umbel_unsubscribe(a->c, t->sub);
	umbel_flush(a->c, on_flushed, task_new(a->c, words[0]));
}

static void
verb_pub(struct agent *a, char **words, int n)
{
	struct umbel_header headers[MAX_HEADERS];
	struct umbel_pub_options options = { .size = sizeof(options),
		                             .headers = headers };
	size_t len = read_hex(words[2]);
	int error;

	options.n_headers = read_headers(words[3], headers);
	for (int i = 4; i < n; i++) {
		if (strncmp(words[i], "reply=", 6) == 0)
			options.reply = unquote(words[i] + 6);
		else
			options.retain = strcmp(words[i], "retain") == 0;
	}
	error = umbel_publish_wait(a->c, unquote(words[1]), words[2], len,
	                           &options, 10000);
	if (error)
		say_failed(words[0], error, 0);
	else
		umbel_flush(a->c, on_flushed, task_new(a->c, words[0]));
}

static void
verb_burst(struct agent *a, char **words)
{
	uint32_t count = (uint32_t)strtoul(words[2], NULL, 10);
	size_t size = strtoul(words[3], NULL, 10);
	char *payload = malloc(size);
	int error = payload && size >= 4 ? 0 : -EINVAL;

	for (uint32_t i = 0; !error && i < count; i++) {
		memset(payload, 'x', size);
		for (int byte = 0; byte < 4; byte++)
			payload[byte] = (char)(i >> (24 - 8 * byte));
		error = umbel_publish_wait(a->c, words[1], payload, size, NULL,
		                           10000);
	}
	free(payload);
	if (error)
		say_failed(words[0], error, 0);
	else
		umbel_flush(a->c, on_flushed, task_new(a->c, words[0]));
}

static void
verb_req(struct agent *a, char **words)
{
	struct umbel_header headers[MAX_HEADERS];
	struct umbel_request_options options = { .size = sizeof(options),
		                                 .headers = headers };
	struct task *t = task_new(a->c, words[0]);
	size_t len = read_hex(words[2]);
	int error;

	options.n_headers = read_headers(words[3], headers);
	error = umbel_request_opts(a->c, words[1], words[2], len, on_reply, t,
	                           &options);
	if (error) {
		say_failed(t->key, error, 0);
		free(t);
	}
}

static enum umbel_overflow
overflow_of(const char *word)
{
	if (word && strcmp(word, "drop-oldest") == 0)
		return UMBEL_DROP_OLDEST;
	if (word && strcmp(word, "disconnect") == 0)
		return UMBEL_DISCONNECT;
	return UMBEL_BLOCK;
}

/* TOPIC,PAYLOAD or TOPIC,PAYLOAD,retain */
static void
read_will(char *words, struct umbel_options *options,
          struct umbel_pub_options *will)
{
	char *payload = strchr(words, ',') + 1;
	char *retain = strchr(payload, ',');

	payload[-1] = '\0';
	if (retain)
		*retain = '\0';
	will->retain = retain != NULL;
	options->will_topic = words;
	options->will_len = read_hex(payload);
	options->will_data = payload;
	options->will_options = will;
}

/* Another client, that comes and goes. */
static void
verb_hello(char **words, int n)
{
	struct umbel *c;
	struct umbel_options options;
	struct umbel_pub_options will;
	int error;

	umbel_options_init(&options);
	umbel_pub_options_init(&will);
	options.name = unquote(words[1]);
	for (int i = 2; i < n; i++) {
		if (strncmp(words[i], "overflow=", 9) == 0)
			options.overflow = overflow_of(words[i] + 9);
		else if (strncmp(words[i], "will=", 5) == 0)
			read_will(unquote(words[i] + 5), &options, &will);
	}
	error = umbel_new(&c, &options);
	if (!error) {
		error = umbel_connect(c, 10000);
		umbel_close(c, 10000);
	}
	if (error)
		say_failed(words[0], error, 0);
	else
		printf("ok %s\n", words[0]);
}

static void
obey(struct agent *a, char *line)
{
	char *words[MAX_WORDS];
	int n = 0;

	while (line && n < MAX_WORDS)
		words[n++] = strsep(&line, " ");
	if (n < 3)
		return;
	if (strcmp(words[0], "sub") == 0)
		verb_sub(a, words + 1, n - 1, on_message);
	else if (strcmp(words[0], "serve") == 0)
		verb_sub(a, words + 1, n - 1, on_request);
	else if (strcmp(words[0], "relay") == 0)
		verb_sub(a, words + 1, n - 1, on_relay);
	else if (strcmp(words[0], "unsub") == 0)
		verb_unsub(a, words + 1);
	else if (strcmp(words[0], "hello") == 0)
		verb_hello(words + 1, n - 1);
	else if (strcmp(words[0], "pub") == 0 && n >= 5)
		verb_pub(a, words + 1, n - 1);
	else if (strcmp(words[0], "burst") == 0 && n >= 5)
		verb_burst(a, words + 1);
	else if (strcmp(words[0], "req") == 0 && n >= 5)
		verb_req(a, words + 1);
}

/* Obey the lines that have come. False at the end of stdin. */
static bool
read_input(struct agent *a)
{
	char *end;
	ssize_t n;

	a->input = realloc(a->input, a->input_len + 65536);
	if (!a->input)
		exit(1);
	n = read(STDIN_FILENO, a->input + a->input_len, 65536);
	if (n <= 0)
		return false;
	a->input_len += (size_t)n;
	while ((end = memchr(a->input, '\n', a->input_len))) {
		*end++ = '\0';
		obey(a, a->input);
		a->input_len -= (size_t)(end - a->input);
		memmove(a->input, end, a->input_len);
	}
	return true;
}

/* One that each PUBLISH is for, and one that a DELIVER may be for. */
static void
subscribe_golden(struct agent *a)
{
	struct umbel_sub_options group = { .size = sizeof(group),
		                           .group = "golden" };

	umbel_subscribe(a->c, "**", on_golden, NULL, NULL, NULL);
	umbel_subscribe(a->c, "**", on_golden, NULL, &group, NULL);
}

int
main(int argc, char **argv)
{
	struct agent a = { 0 };
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		                 { .events = POLLIN } };

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	a.golden = argc > 1 && strcmp(argv[1], "--golden") == 0;
	if (argc < 2 ||
	    umbel_new(&a.c,
	              UMBEL_OPTIONS(.name = argv[1],
	                            .overflow = overflow_of(argv[2]),
	                            .retry_first_ms = a.golden ? 1 : 0,
	                            .retry_last_ms = a.golden ? 1 : 0,
	                            .user = &a, .on_state = on_state,
	                            .on_loss = on_loss, .on_hold = on_hold,
	                            .on_error = on_error)) < 0)
		return 1;
	if (a.golden)
		subscribe_golden(&a);
	umbel_connect(a.c, 0);
	fds[1].fd = umbel_fd(a.c);
	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents)
			umbel_dispatch(a.c, 0);
		if (fds[0].revents && !read_input(&a))
			break;
	}
	umbel_close(a.c, 5000);
	while (a.subs) {
		struct task *next = a.subs->next;

		free(a.subs);
		a.subs = next;
	}
	free(a.input);
	return 0;
}
