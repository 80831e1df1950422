/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * load_alert - publishes alert.<host>.load when the load of a host is too high.
 *
 * usage: load_alert [-t THRESHOLD] [-r SECONDS]
 *
 * The threshold is load per processor, default 1. An alert is raised when the
 * load reaches it and cleared below 80 % of it, so that a load close to it does
 * not flap. While an alert is raised, it is repeated every 60 seconds (-r), so
 * that new subscribers, and those that were disconnected when the broker died,
 * get it as well.
 */
#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umbel.h>
#include <unistd.h>

#define MAX_HOSTS 1000
#define CLEAR_AT  0.8

struct host {
	char name[128];
	double load; /* per processor, latest */
	bool raised;
	time_t said; /* when the alert was last published */
};

static struct host hosts[MAX_HOSTS];
static size_t n_hosts;
static double threshold = 1;
static double repeat = 60;

/* ---- alerts ------------------------------------------------------------- */

static void
pack_key(msgpack_packer *packer, const char *key)
{
	msgpack_pack_str(packer, strlen(key));
	msgpack_pack_str_body(packer, key, strlen(key));
}

static void
publish_alert(struct umbel *c, struct host *host)
{
	char topic[256];
	msgpack_sbuffer map;
	msgpack_packer packer;
	int r = umbel_topic(topic, sizeof(topic), "alert", host->name, "load",
	                    NULL);

	msgpack_sbuffer_init(&map);
	msgpack_packer_init(&packer, &map, msgpack_sbuffer_write);
	msgpack_pack_map(&packer, 3);
	pack_key(&packer, "state");
	pack_key(&packer, host->raised ? "raised" : "cleared");
	pack_key(&packer, "load");
	msgpack_pack_double(&packer, host->load);
	pack_key(&packer, "threshold");
	msgpack_pack_double(&packer, threshold);
	if (r >= 0)
		r = umbel_publish_opts(c, topic, map.data, map.size,
		                       UMBEL_PUB_OPTIONS(.content_type =
		                                                 "msgpack"));
	if (r < 0)
		fprintf(stderr, "load_alert: %s: %s\n", host->name,
		        umbel_strerror(r));
	msgpack_sbuffer_destroy(&map);
	host->said = time(NULL);
}

static void
judge(struct umbel *c, struct host *host, double load)
{
	double limit = host->raised ? threshold * CLEAR_AT : threshold;
	bool changed = host->raised != (load >= limit);

	host->load = load;
	host->raised = load >= limit;
	if (changed ||
	    (host->raised && difftime(time(NULL), host->said) >= repeat))
		publish_alert(c, host);
}

/* ---- messages ----------------------------------------------------------- */

static struct host *
find_host(const char *name, size_t len)
{
	struct host *host;

	for (size_t i = 0; i < n_hosts; i++)
		if (strlen(hosts[i].name) == len &&
		    memcmp(hosts[i].name, name, len) == 0)
			return &hosts[i];
	if (n_hosts == MAX_HOSTS || len >= sizeof(host->name))
		return NULL;
	host = &hosts[n_hosts++];
	memcpy(host->name, name, len);
	return host;
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

static void
on_load(struct umbel *c, const struct umbel_msg *m, void *user)
{
	const char *name = strchr(umbel_msg_topic(m), '.') + 1;
	struct host *host = find_host(name, strcspn(name, "."));
	size_t len;
	const char *data = umbel_msg_data(m, &len);
	msgpack_unpacked unpacked;

	(void)user;
	if (!host)
		return;
	msgpack_unpacked_init(&unpacked);
	if (msgpack_unpack_next(&unpacked, data, len, NULL) ==
	            MSGPACK_UNPACK_SUCCESS &&
	    unpacked.data.type == MSGPACK_OBJECT_MAP) {
		double cpus = number_in(&unpacked.data, "cpus");
		double load = number_in(&unpacked.data, "load1");

		judge(c, host, load / (cpus > 0 ? cpus : 1));
	}
	msgpack_unpacked_destroy(&unpacked);
}

static void
on_state(struct umbel *c, enum umbel_state state,
         const struct umbel_state_info *info, void *user)
{
	static bool complained;

	(void)user;
	if (state == UMBEL_CONNECTED) {
		fprintf(stderr, "load_alert: connected to %s\n",
		        umbel_address(c));
		complained = false;
	} else if (state == UMBEL_DISCONNECTED && !complained) {
		fprintf(stderr, "load_alert: no broker: %s\n", info->text);
		complained = true;
	}
}

int
main(int argc, char **argv)
{
	struct umbel *c;
	int option;
	int r;

	while ((option = getopt(argc, argv, "t:r:")) != -1) {
		if (option == 't')
			threshold = strtod(optarg, NULL);
		else if (option == 'r')
			repeat = strtod(optarg, NULL);
		else
			return 2;
	}
	r = umbel_new(&c, UMBEL_OPTIONS(.name = "load_alert",
	                                .on_state = on_state));
	if (r < 0) {
		fprintf(stderr, "load_alert: %s\n", umbel_strerror(r));
		return 1;
	}
	umbel_subscribe(c, "host.*.load", on_load, NULL, NULL, NULL);
	umbel_connect(c, 0);
	r = umbel_run(c);
	fprintf(stderr, "load_alert: %s\n", umbel_strerror(r));
	umbel_free(c);
	return 1;
}
