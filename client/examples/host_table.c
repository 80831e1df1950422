/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * host_table - shows all hosts that run host_publisher as a table.
 *
 * usage: host_table
 *
 * On a terminal the table is redrawn whenever a message arrives. Into a pipe, a
 * host's row is printed each time a message of that host arrives.
 */
#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umbel.h>
#include <unistd.h>

#define MAX_HOSTS 100

struct row {
	char host[40];
	bool changed;
	double load;
	double memory_total;
	double memory_available;
	double disk_total;
	double disk_available;
	double received; /* bytes per second ... */
	double sent;
	double last_received; /* ... and the counters they are based on */
	double last_sent;
	double network_at; /* when the counters arrived */
	time_t heard;
};

static struct row rows[MAX_HOSTS];
static size_t n_rows;
static const char *status = "connecting";
static bool terminal;
static const char *line_end = ""; /* on a terminal: clears the old line */

/* ---- messages ----------------------------------------------------------- */

static struct row *
row_of(const char *host, size_t len)
{
	struct row *row;

	for (size_t i = 0; i < n_rows; i++)
		if (strlen(rows[i].host) == len &&
		    memcmp(rows[i].host, host, len) == 0)
			return &rows[i];
	if (n_rows == MAX_HOSTS || len >= sizeof(row->host))
		return NULL;
	row = &rows[n_rows++];
	memcpy(row->host, host, len);
	return row;
}

static double
number_in(const msgpack_object *map, const char *key)
{
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->key.type != MSGPACK_OBJECT_STR ||
		    kv->key.via.str.size != strlen(key) ||
		    memcmp(kv->key.via.str.ptr, key, strlen(key)) != 0)
			continue;
		if (kv->val.type == MSGPACK_OBJECT_POSITIVE_INTEGER)
			return (double)kv->val.via.u64;
		if (kv->val.type == MSGPACK_OBJECT_FLOAT64)
			return kv->val.via.f64;
	}
	return 0;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
take_network(struct row *row, const msgpack_object *map)
{
	double received = number_in(map, "received");
	double sent = number_in(map, "sent");
	double seconds = now() - row->network_at;

	if (row->network_at > 0 && received >= row->last_received &&
	    sent >= row->last_sent && seconds > 0) {
		row->received = (received - row->last_received) / seconds;
		row->sent = (sent - row->last_sent) / seconds;
	}
	row->last_received = received;
	row->last_sent = sent;
	row->network_at = now();
}

static void
take_metric(struct row *row, const char *metric, const msgpack_object *map)
{
	if (strcmp(metric, "load") == 0) {
		row->load = number_in(map, "load1");
	} else if (strcmp(metric, "memory") == 0) {
		row->memory_total = number_in(map, "total");
		row->memory_available = number_in(map, "available");
	} else if (strcmp(metric, "disk") == 0) {
		row->disk_total = number_in(map, "total");
		row->disk_available = number_in(map, "available");
	} else if (strcmp(metric, "network") == 0) {
		take_network(row, map);
	}
	row->heard = time(NULL);
	row->changed = true;
}

/* host.<name>.<metric> */
static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	const char *host = strchr(umbel_msg_topic(m), '.') + 1;
	size_t host_len = strcspn(host, ".");
	size_t len;
	const char *data = umbel_msg_data(m, &len);
	struct row *row = row_of(host, host_len);
	msgpack_unpacked unpacked;

	(void)c;
	(void)user;
	if (!row || host[host_len] == '\0')
		return;
	msgpack_unpacked_init(&unpacked);
	/* anybody may publish here: the data may be anything */
	if (msgpack_unpack_next(&unpacked, data, len, NULL) ==
	            MSGPACK_UNPACK_SUCCESS &&
	    unpacked.data.type == MSGPACK_OBJECT_MAP)
		take_metric(row, host + host_len + 1, &unpacked.data);
	msgpack_unpacked_destroy(&unpacked);
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	static const char *const words[] = {
		[UMBEL_DISCONNECTED] = "no broker, trying again",
		[UMBEL_CONNECTING] = "connecting",
		[UMBEL_CONNECTED] = "connected",
		[UMBEL_FAILED] = "failed",
	};

	(void)c;
	(void)info;
	(void)user;
	if (status != words[state] && !terminal && state != UMBEL_CONNECTING)
		fprintf(stderr, "host_table: %s\n", words[state]);
	status = words[state];
}

/* ---- output ------------------------------------------------------------- */

#define ROW_FORMAT "%-16.16s %5s  %14s  %14s  %7s %7s%s\n"

/* "1.2 M" */
static const char *
size_text(char *text, size_t size, double bytes)
{
	static const char units[] = " KMGTP";
	size_t unit = 0;

	while (bytes >= 1000 && unit < sizeof(units) - 2) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, size, bytes < 10 && unit > 0 ? "%.1f %c" : "%.0f %c",
	         bytes, units[unit]);
	return text;
}

static const char *
share_text(char *text, size_t size, double total, double available)
{
	char a[16];
	char b[16];

	snprintf(text, size, "%s of %s",
	         size_text(a, sizeof(a), total - available),
	         size_text(b, sizeof(b), total));
	return text;
}

static void
print_head(void)
{
	printf(ROW_FORMAT, "HOST", "LOAD", "MEMORY", "DISK", "IN/s", "OUT/s",
	       line_end);
}

static void
print_row(const struct row *row)
{
	char load[16];
	char memory[40];
	char disk[40];
	char in[16];
	char out[16];

	snprintf(load, sizeof(load), "%.2f", row->load);
	printf(ROW_FORMAT, row->host, load,
	       share_text(memory, sizeof(memory), row->memory_total,
	                  row->memory_available),
	       share_text(disk, sizeof(disk), row->disk_total,
	                  row->disk_available),
	       size_text(in, sizeof(in), row->received),
	       size_text(out, sizeof(out), row->sent), line_end);
}

static void
draw_table(void)
{
	printf("\033[H"); /* to the top: overwriting does not flicker */
	print_head();
	for (size_t i = 0; i < n_rows; i++)
		print_row(&rows[i]);
	printf("%s\n%s, %zu host%s%s\n\033[J", line_end, status, n_rows,
	       n_rows == 1 ? "" : "s", line_end);
}

static void
print_changed_rows(void)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].changed)
			print_row(&rows[i]);
		rows[i].changed = false;
	}
}

/* ---- the program -------------------------------------------------------- */

int
main(void)
{
	struct umbel *c;
	int r;

	terminal = isatty(STDOUT_FILENO);
	r = umbel_new(&c, UMBEL_OPTIONS(.name = "host_table",
	                                .on_state = on_state));
	if (r < 0) {
		fprintf(stderr, "host_table: %s\n", umbel_strerror(r));
		return 1;
	}
	umbel_subscribe(c, "host.**", on_message, NULL, NULL, NULL);
	umbel_connect(c, 0);
	if (terminal) {
		line_end = "\033[K";
		printf("\033[H\033[J");
	} else {
		print_head();
	}
	while (!ferror(stdout) && r >= 0) {
		if (terminal)
			draw_table();
		else
			print_changed_rows();
		fflush(stdout);
		r = umbel_dispatch(c, -1);
	}
	umbel_free(c);
	return 1;
}
