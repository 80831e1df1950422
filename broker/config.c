/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configfile.h"
#include "configshow.h"
#include "document.h"
#include "machine.h"
#include "places.h"
#include "proto/frame.h"
#include "setting.h"

#define MEMORY_MAX    ((size_t)256 << 20)
/* The default of memory-max is at most this part of the machine's memory. */
#define MEMORY_PART   8u
/* Retained values may take this part of memory-max. */
#define RETAINED_PART 4u

/* The command line, not interpreted yet. */
struct flags {
	const char *given[CONFIG_MAX_SETTINGS]; /* indexed by setting */
	bool check;
	bool print;
	/* --acl-test, and the arguments of its question: */
	const char *test_user;
	char **question;
	int n_question;
};

/* ---- help ----------------------------------------------------------------- */

/* Print a flag, with the lines of `text` beside and below it. */
static void
print_flag(const char *flag, const char *text)
{
	printf("  %-24s", flag);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%26s", "");
	}
	putchar('\n');
}

static void
print_help(void)
{
	const struct setting *s;

	printf("usage: umbeld [--config FILE] [--socket PATH] ...\n"
	       "\n"
	       "The message broker for the services of this machine. Runs in\n"
	       "the foreground, logs to stderr, ends on SIGTERM or SIGINT.\n"
	       "\n");
	for (size_t i = 0; (s = setting_at(i)); i++) {
		char flag[32];

		snprintf(flag, sizeof(flag), "--%s %s", s->name, s->value);
		print_flag(flag, s->help);
	}
	print_flag("--check", "say whether all of this is in order, and end");
	print_flag("--print-config",
	           "print every value, and where it comes from");
	print_flag("--acl-test USER VERB [TOPIC [ROLE]]",
	           "\nmay USER do this? print which rule decides;\n"
	           "VERB is publish, subscribe, retain, reply, hold or\n"
	           "introspect");
	print_flag("--help", "this");
	print_flag("--version", "print the version");
	printf("\n"
	       "BYTES may end in K, M or G (1024 and its powers). What a file\n"
	       "may say is in docs/umbeld.yaml, an example with comments.\n"
	       "Exit status: 0 after an orderly end, 1 when it could not run,\n"
	       "2 for wrong usage or a wrong file, 3 when --acl-test says no.\n");
}

/* ---- defaults ------------------------------------------------------------ */

static size_t
default_memory_max(void)
{
	uint64_t part = machine_memory() / MEMORY_PART;

	return part < MEMORY_MAX ? (size_t)part : MEMORY_MAX;
}

/* Derive the limits on connections from the available descriptors. */
static void
share_descriptors(struct config *c)
{
	uint32_t n = machine_descriptors();

	c->max_connections =
		n > c->descriptor_reserve ? n - c->descriptor_reserve : 1;
	if (c->max_user_connections == 0)
		c->max_user_connections = c->max_connections;
}

static bool
is_system_user(void)
{
	const struct passwd *pw;

	if (geteuid() == 0)
		return true;
	pw = getpwnam(CONFIG_SYSTEM_USER);
	return pw && pw->pw_uid == geteuid();
}

static int
default_socket_path(struct config *c)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (is_system_user()) {
		c->socket_path = strdup(CONFIG_SYSTEM_SOCKET);
	} else if (dir && dir[0] == '/') {
		if (asprintf(&c->socket_path, "%s/umbel/umbel.sock", dir) < 0)
			c->socket_path = NULL;
	} else {
		fprintf(stderr, "umbeld: XDG_RUNTIME_DIR is not set, so there "
		                "is no default place for the socket; say "
		                "--socket PATH\n");
		return -EINVAL;
	}
	return c->socket_path ? 0 : -ENOMEM;
}

static void
set_defaults(struct config *c)
{
	*c = (struct config){
		.mode = 0600,
		.datagram_mode = 0600,
		.http_mode = 0600,
		.datagram_rate = 10000,
		.ready_fd = -1,
		.log_level = LOG_INFO,
		.memory_max = default_memory_max(),
		.max_frame = FRAME_MAX_DEFAULT,
		.outbox_high = 8u << 20,
		.max_handshakes = 8192,
		.max_subscriptions = 200000,
		.max_user_subscriptions = 1000000,
		.descriptor_reserve = 32,
		.retained_max = 100000,
		.retained_bytes = 64u << 20,
		.handshake_ms = 10000,
		.frame_ms = 30000,
		.stall_ms = 2000,
		.hold_max_ms = 10000,
		.hold_notice_ms = 100,
		.linger_ms = 5000,
		.settle_ms = 200,
		.drain_ms = 3000,
		.give_back_ms = 5000,
	};
}

/* ---- the command line ----------------------------------------------------- */

/* The value that getopt_long() returns for the first setting; others follow. */
#define FIRST_SETTING 1000

static enum config_result
read_flags(struct flags *f, int argc, char **argv)
{
	struct option options[CONFIG_MAX_SETTINGS + 6] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "check", no_argument, NULL, 'c' },
		{ "print-config", no_argument, NULL, 'p' },
		{ "acl-test", required_argument, NULL, 't' },
	};
	const struct setting *s;
	int which;

	*f = (struct flags){ 0 };
	for (int i = 0; (s = setting_at((size_t)i)); i++)
		options[5 + i] = (struct option){ s->name, required_argument,
			                          NULL, FIRST_SETTING + i };
	optind = 0; /* glibc: restart the scan */
	while ((which = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		if (which == 'h')
			print_help();
		else if (which == 'V')
			puts("umbeld " UMBEL_VERSION);
		else if (which == 'c')
			f->check = true;
		else if (which == 'p')
			f->print = true;
		else if (which == 't')
			f->test_user = optarg;
		else if (which >= FIRST_SETTING)
			f->given[which - FIRST_SETTING] = optarg;
		else
			break;
		if (which == 'h' || which == 'V')
			return CONFIG_SHOWN;
	}
	f->question = argv + optind;
	f->n_question = argc - optind;
	if (which != -1)
		fputs("umbeld: see umbeld --help\n", stderr);
	else if (f->n_question > 0 && !f->test_user)
		fprintf(stderr, "umbeld: unexpected argument: %s\n",
		        argv[optind]);
	else
		return CONFIG_OK;
	return CONFIG_BAD;
}

static int
take_flag(struct config *c, size_t i, const char *text)
{
	const struct setting *s = setting_at(i);
	char words[SETTING_WORDS_MAX];
	int r = setting_take(s, c, text);

	if (r == -EINVAL) {
		fprintf(stderr, "umbeld: --%s ", s->name);
		document_say(stderr, *text ? text : "\"\"");
		fprintf(stderr, ": expected %s\n", setting_expected(s, words));
	}
	c->origins[i].from = CONFIG_FLAG;
	return r;
}

static bool
is_given(const struct config *c, const struct flags *f, const void *member)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		if ((const char *)c + s->offset == member)
			return f->given[i];
	}
	return false;
}

static struct config_origin *
origin_of(struct config *c, const void *member)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		if ((const char *)c + s->offset == member)
			return &c->origins[i];
	}
	return NULL;
}

/* ---- putting it together -------------------------------------------------- */

size_t
config_retained_bytes(const struct config *c)
{
	size_t most = c->memory_max / RETAINED_PART;

	return c->retained_bytes < most ? c->retained_bytes : most;
}

/* Set the limit that will apply. */
static void
bound_retained(struct config *c)
{
	size_t bytes = config_retained_bytes(c);

	if (bytes != c->retained_bytes)
		origin_of(c, &c->retained_bytes)->from = CONFIG_PART;
	c->retained_bytes = bytes;
}

/* Use the one socket of the command line, or the default one. */
static int
use_one_socket(struct config *c)
{
	if (!c->socket_path && default_socket_path(c) < 0)
		return -EINVAL;
	config_free_sockets(c);
	c->sockets = calloc(1, sizeof(*c->sockets));
	if (!c->sockets)
		return -ENOMEM;
	c->n_sockets = 1;
	c->sockets[0] = (struct config_socket){
		.path = strdup(c->socket_path),
		.mode = c->mode,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.from = { .path = *origin_of(c, &c->socket_path),
		          .mode = *origin_of(c, &c->mode) },
	};
	return c->sockets[0].path ? 0 : -ENOMEM;
}

/* --socket replaces all sockets of the file, --mode all their modes. */
static int
choose_sockets(struct config *c, const struct flags *f)
{
	if (c->n_sockets == 0 || is_given(c, f, &c->socket_path))
		return use_one_socket(c);
	for (size_t i = 0; i < c->n_sockets; i++) {
		if (!is_given(c, f, &c->mode))
			continue;
		c->sockets[i].mode = c->mode;
		c->sockets[i].from.mode = *origin_of(c, &c->mode);
	}
	c->mode = c->sockets[0].mode;
	c->socket_path = strdup(c->sockets[0].path);
	return c->socket_path ? 0 : -ENOMEM;
}

/* A configuration that is only checked may be for another user, who has a
   default place for the socket. */
static bool
needs_sockets(const struct config *c, const struct flags *f)
{
	bool looks = f->check || f->test_user;

	return c->n_sockets > 0 || c->socket_path || !looks;
}

static int
put_together(struct config *c, const struct flags *f)
{
	int r = 0;

	for (size_t i = 0; setting_at(i) && r == 0; i++) {
		if (f->given[i])
			r = take_flag(c, i, f->given[i]);
	}
	if (r == 0 && c->file)
		r = configfile_read(c);
	share_descriptors(c);
	if (r == 0 && needs_sockets(c, f))
		r = choose_sockets(c, f);
	return r == 0 ? places_check(c) : r;
}

static enum config_result
answer(struct config *c, const struct flags *f)
{
	if (f->test_user)
		return configshow_test(c, f->test_user, f->question,
		                       f->n_question);
	if (f->print) {
		bound_retained(c);
		configshow_print(c, stdout);
	} else {
		configshow_check(c);
	}
	return CONFIG_SHOWN;
}

enum config_result
config_parse(struct config *c, int argc, char **argv)
{
	enum config_result result;
	struct flags f;
	int r;

	set_defaults(c);
	result = read_flags(&f, argc, argv);
	if (result != CONFIG_OK)
		return result;
	r = put_together(c, &f);
	if (r == -ENOMEM)
		fputs("umbeld: out of memory\n", stderr);
	if (r < 0)
		result = CONFIG_BAD;
	else if (f.check || f.print || f.test_user)
		result = answer(c, &f);
	if (result != CONFIG_OK)
		config_fini(c);
	return result;
}

void
config_free_sockets(struct config *c)
{
	for (size_t i = 0; i < c->n_sockets; i++) {
		free(c->sockets[i].path);
		free(c->sockets[i].role);
	}
	free(c->sockets);
	c->sockets = NULL;
	c->n_sockets = 0;
}

void
config_fini(struct config *c)
{
	config_free_sockets(c);
	acl_free(c->acl);
	c->acl = NULL;
	for (size_t i = 0; i < c->n_rule_files; i++)
		free(c->rule_files[i]);
	free(c->rule_files);
	c->rule_files = NULL;
	c->n_rule_files = 0;
	for (size_t i = 0; setting_at(i); i++)
		setting_free(setting_at(i), c);
}
