/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * host_publisher - publishes the load, memory, disk and network use of this
 * host.
 *
 * usage: host_publisher [-i SECONDS] [-n NAME] [-d DIRECTORY]
 *
 * Publishes msgpack maps on host.<name>.load, .memory, .disk and .network. It
 * needs no code for a broker that is not running yet or that dies, because the
 * library reconnects. Samples are skipped while there is no connection, because
 * old samples are of no use to anybody.
 */
#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <umbel.h>
#include <unistd.h>

struct publisher {
	struct umbel *c;
	char host[128];
	const char *directory; /* on the file system to report as the disk */
	bool complained;       /* whether it has reported a missing broker */
	msgpack_sbuffer map;
	msgpack_packer packer;
};

/* ---- msgpack ------------------------------------------------------------ */

static void
begin(struct publisher *p, size_t n_members)
{
	msgpack_sbuffer_clear(&p->map);
	msgpack_packer_init(&p->packer, &p->map, msgpack_sbuffer_write);
	msgpack_pack_map(&p->packer, n_members);
}

static void
add_key(struct publisher *p, const char *key)
{
	msgpack_pack_str(&p->packer, strlen(key));
	msgpack_pack_str_body(&p->packer, key, strlen(key));
}

static void
add_count(struct publisher *p, const char *key, uint64_t value)
{
	add_key(p, key);
	msgpack_pack_uint64(&p->packer, value);
}

static void
add_number(struct publisher *p, const char *key, double value)
{
	add_key(p, key);
	msgpack_pack_double(&p->packer, value);
}

static void
publish(struct publisher *p, const char *metric)
{
	char topic[256];
	int r = umbel_topic(topic, sizeof(topic), "host", p->host, metric,
	                    NULL);

	if (r >= 0)
		r = umbel_publish_opts(p->c, topic, p->map.data, p->map.size,
		                       UMBEL_PUB_OPTIONS(.content_type =
		                                                 "msgpack"));
	if (r < 0)
		fprintf(stderr, "host_publisher: %s: %s\n", metric,
		        umbel_strerror(r));
}

/* ---- the metrics -------------------------------------------------------- */

static void
publish_load(struct publisher *p)
{
	static const char *const keys[] = { "load1", "load5", "load15" };
	FILE *f = fopen("/proc/loadavg", "r");
	char line[128] = "";
	char *at = line;

	if (!f)
		return;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	begin(p, 4);
	for (int i = 0; i < 3; i++)
		add_number(p, keys[i], strtod(at, &at));
	add_count(p, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	publish(p, "load");
}

/* Take the number from a line such as "MemTotal:  24684092 kB", if the line has
   this name. */
static void
take_memory(const char *line, const char *name, uint64_t *bytes)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len) == 0)
		*bytes = strtoull(line + len, NULL, 10) * 1024;
}

static void
publish_memory(struct publisher *p)
{
	FILE *f = fopen("/proc/meminfo", "r");
	uint64_t total = 0;
	uint64_t available = 0;
	char line[128];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		take_memory(line, "MemTotal:", &total);
		take_memory(line, "MemAvailable:", &available);
	}
	fclose(f);
	begin(p, 2);
	add_count(p, "total", total);
	add_count(p, "available", available);
	publish(p, "memory");
}

static void
publish_disk(struct publisher *p)
{
	struct statvfs vfs;

	if (statvfs(p->directory, &vfs) < 0)
		return;
	begin(p, 3);
	add_key(p, "path");
	msgpack_pack_str(&p->packer, strlen(p->directory));
	msgpack_pack_str_body(&p->packer, p->directory, strlen(p->directory));
	add_count(p, "total", (uint64_t)vfs.f_blocks * vfs.f_frsize);
	add_count(p, "available", (uint64_t)vfs.f_bavail * vfs.f_frsize);
	publish(p, "disk");
}

/* All interfaces together, except the loopback interface. */
static void
publish_network(struct publisher *p)
{
	FILE *f = fopen("/proc/net/dev", "r");
	uint64_t received = 0;
	uint64_t sent = 0;
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *at = strchr(line, ':');
		uint64_t counters[9]; /* the first: received, the last: sent */

		if (!at || strstr(line, " lo:"))
			continue;
		at++;
		for (int i = 0; i < 9; i++)
			counters[i] = strtoull(at, &at, 10);
		received += counters[0];
		sent += counters[8];
	}
	fclose(f);
	begin(p, 2);
	add_count(p, "received", received);
	add_count(p, "sent", sent);
	publish(p, "network");
}

static void
sample(struct publisher *p)
{
	if (umbel_get_state(p->c) != UMBEL_CONNECTED)
		return;
	umbel_cork(p->c);
	publish_load(p);
	publish_memory(p);
	publish_disk(p);
	publish_network(p);
	umbel_uncork(p->c);
}

/* ---- the program -------------------------------------------------------- */

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	struct publisher *p = user;

	if (state == UMBEL_CONNECTED) {
		fprintf(stderr, "host_publisher: connected to %s\n",
		        umbel_address(c));
		p->complained = false;
		sample(p);
	} else if (state == UMBEL_DISCONNECTED && !p->complained) {
		fprintf(stderr, "host_publisher: no broker: %s\n", info->text);
		p->complained = true;
	}
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
run(struct publisher *p, int interval_ms)
{
	int64_t next = now_ms() + interval_ms;

	for (;;) {
		int64_t left = next - now_ms();
		int r = umbel_dispatch(p->c, left > 0 ? (int)left : 0);

		if (r < 0) {
			fprintf(stderr, "host_publisher: %s\n",
			        umbel_strerror(r));
			return 1;
		}
		if (now_ms() < next)
			continue;
		sample(p);
		next += interval_ms;
	}
}

/* Dots are replaced because a dot would split the name into two tokens. */
static void
name_host(struct publisher *p, const char *name)
{
	if (name)
		snprintf(p->host, sizeof(p->host), "%s", name);
	else if (gethostname(p->host, sizeof(p->host) - 1) < 0)
		strcpy(p->host, "localhost");
	for (char *dot = p->host; (dot = strchr(dot, '.')) != NULL;)
		*dot = '-';
}

int
main(int argc, char **argv)
{
	struct publisher p = { .directory = "/" };
	double interval = 1;
	int option;
	int r;

	name_host(&p, NULL);
	while ((option = getopt(argc, argv, "i:n:d:")) != -1) {
		if (option == 'i')
			interval = strtod(optarg, NULL);
		else if (option == 'n')
			name_host(&p, optarg);
		else if (option == 'd')
			p.directory = optarg;
		else
			return 2;
	}
	if (interval < 0.01 || interval > 86400) {
		fprintf(stderr, "host_publisher: -i 0.01 to 86400 seconds\n");
		return 2;
	}
	r = umbel_new(&p.c, UMBEL_OPTIONS(.name = "host_publisher",
	                                  .on_state = on_state, .user = &p));
	if (r < 0) {
		fprintf(stderr, "host_publisher: %s\n", umbel_strerror(r));
		return 1;
	}
	msgpack_sbuffer_init(&p.map);
	umbel_connect(p.c, 0);
	r = run(&p, (int)(interval * 1000));
	msgpack_sbuffer_destroy(&p.map);
	umbel_free(p.c);
	return r;
}
