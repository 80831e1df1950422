/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * threads - several threads publish on one handle, and one dispatches it.
 *
 * usage: threads [THREADS [MESSAGES]]
 *
 * Publishing is safe from any thread. Callbacks run only in the dispatching
 * thread, so the data that they use needs no lock.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <umbel.h>

#define MAX_THREADS 64

struct worker {
	struct umbel *c;
	int number;
	int n_messages;
	int failed; /* read after pthread_join() */
	pthread_t thread;
};

struct tally {
	bool active;
	int wanted;
	int came;
	int out_of_order;
	int next[MAX_THREADS]; /* of each worker */
};

static void *
work(void *user)
{
	struct worker *w = user;
	char topic[64];
	char text[32];

	snprintf(topic, sizeof(topic), "work.%d", w->number);
	for (int i = 0; i < w->n_messages; i++) {
		int len = snprintf(text, sizeof(text), "%d %d", w->number, i);

		/* waits when the broker is behind: another thread dispatches */
		if (umbel_publish_wait(w->c, topic, text, (size_t)len, NULL,
		                       10000) < 0)
			w->failed++;
	}
	return NULL;
}

static void
on_message(struct umbel *c, const struct umbel_msg *m, void *user)
{
	struct tally *t = user;
	char text[32];
	char *end;
	size_t len;
	const char *data = umbel_msg_data(m, &len);
	long number;
	long i;

	snprintf(text, sizeof(text), "%.*s", (int)len, data);
	number = strtol(text, &end, 10);
	i = strtol(end, NULL, 10);
	if (number < 0 || number >= MAX_THREADS)
		return; /* not one of ours */
	if (t->next[number]++ != i)
		t->out_of_order++;
	if (++t->came == t->wanted)
		umbel_stop(c);
}

static void
on_active(struct umbel *c, struct umbel_sub *s, void *user)
{
	struct tally *t = user;

	(void)s;
	/* subscribed: let the workers start; called after reconnects, too */
	if (!t->active)
		umbel_stop(c);
	t->active = true;
}

static int
argument(int argc, char **argv, int i, int otherwise)
{
	int n = argc > i ? (int)strtol(argv[i], NULL, 10) : otherwise;

	return n > 0 ? n : otherwise;
}

int
main(int argc, char **argv)
{
	static struct worker workers[MAX_THREADS];
	struct tally tally = { 0 };
	int n = argument(argc, argv, 1, 4);
	int n_messages = argument(argc, argv, 2, 10000);
	int failed = 0;
	struct umbel *c;

	if (n > MAX_THREADS)
		n = MAX_THREADS;
	if (umbel_new(&c, UMBEL_OPTIONS(.name = "threads")) < 0)
		return 1;
	tally.wanted = n * n_messages;
	umbel_subscribe(c, "work.*", on_message, &tally,
	                UMBEL_SUB_OPTIONS(.on_active = on_active), NULL);
	umbel_connect(c, 0);
	umbel_run(c);

	for (int i = 0; i < n; i++) {
		workers[i] = (struct worker){ c, i, n_messages, 0, 0 };
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	umbel_run(c);
	for (int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		failed += workers[i].failed;
	}
	printf("%d threads, %d messages, %d came, %d out of order\n", n,
	       tally.wanted, tally.came, tally.out_of_order);
	umbel_free(c);
	return failed || tally.out_of_order || tally.came != tally.wanted;
}
