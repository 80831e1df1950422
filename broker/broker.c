/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

#include "broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "hold.h"
#include "report.h"
#include "session.h"
#include "shed.h"
#include "shortage.h"
#include "spare.h"
#include "throttle.h"
#include "unread.h"

#define REPORT_MS      1000u
/* The part of an outbox's mark at which its publishers continue. */
#define LOW_MARK(high) ((high) / 8 * 7)
/* The soft mark: what may wait for a reader that keeps up. Of the sizes from
   0.25 to 8 MiB, this one had the highest throughput from one publisher to one
   subscriber. It is half of a processor's L2 cache. */
#define SOFT_MARK      (512u << 10)
#define ANSWERS_MAX    (1u << 20)

static void
name_inboxes(struct broker *b, const uint8_t *random)
{
	size_t at = (size_t)sprintf(b->inbox_root, "$inbox.");

	for (size_t i = 0; i < INBOX_RANDOM_BYTES; i++)
		at += (size_t)sprintf(b->inbox_root + at, "%02x", random[i]);
}

static void
set_gate(struct broker *b)
{
	b->gated = b->settling || b->passing || b->config->publish_rate > 0;
}

void
broker_settle(struct broker *b)
{
	b->settling = false;
	set_gate(b);
	waiters_resume_all(&b->settlers);
}

void
broker_lets_pass(struct broker *b, bool passing)
{
	b->passing = passing;
	set_gate(b);
}

static void
on_settled(struct deadline *d, void *user)
{
	(void)d;
	broker_settle(user);
}

static void
init_deadlines(struct broker *b)
{
	const struct config *c = b->config;
	struct deadlines *all = &b->deadlines;
	uint32_t rest = c->hold_max_ms > c->hold_notice_ms
	                        ? c->hold_max_ms - c->hold_notice_ms
	                        : 0;

	deadlines_init(all);
	deadline_queue_init(&b->paces, all, PACE_MS, hold_on_paced, b);
	deadline_queue_init(&b->stalls, all, c->stall_ms, hold_on_stall, b);
	deadline_queue_init(&b->hold_notices, all, c->hold_notice_ms,
	                    hold_on_notice, b);
	deadline_queue_init(&b->hold_ends, all, rest, hold_on_too_long, b);
	deadline_queue_init(&b->overdue_holds, all, 0, hold_on_too_long, b);
	deadline_queue_init(&b->unread_notices, all, c->hold_notice_ms,
	                    unread_on_notice, b);
	deadline_queue_init(&b->overflows, all, 0, shed_on_overflow, b);
	deadline_queue_init(&b->memory_waits, all, c->stall_ms, shortage_on_due,
	                    b);
	deadline_queue_init(&b->memory_ticks, all,
	                    c->hold_notice_ms > 0 ? c->hold_notice_ms : 1,
	                    shortage_on_tick, b);
	deadline_queue_init(&b->reports, all, REPORT_MS, report_on_due, b);
	deadline_queue_init(&b->settles, all, c->settle_ms, on_settled, b);
	deadline_queue_init(&b->throttle_ticks, all, throttle_tick_ms(c),
	                    throttle_on_tick, b);
	deadline_queue_init(&b->spares, all, c->give_back_ms, spare_on_due, b);
}

static void
set_limits(struct outbox_limits *limits, size_t high)
{
	size_t soft = high < SOFT_MARK ? high : SOFT_MARK;

	*limits = (struct outbox_limits){
		.high = high,
		.low = LOW_MARK(high),
		.answers = ANSWERS_MAX,
		.soft = soft,
		.soft_low = LOW_MARK(soft),
	};
}

static void
init_retained(struct broker *b, uint64_t seed)
{
	retained_init(&b->retained, &b->pool, b->config->retained_max,
	              config_retained_bytes(b->config), seed);
}

int
broker_init(struct broker *b, const struct config *config)
{
	uint8_t random[INBOX_RANDOM_BYTES + sizeof(uint64_t)];
	uint64_t seed;
	int r = -ENOMEM;

	*b = (struct broker){
		.config = config,
		.started_ms = clock_now_ms(),
		.acl = config->acl,
		.spent_at = UINT64_MAX,
		.gated = config->publish_rate > 0,
		.log.level = config->log_level,
	};
	set_limits(&b->limits, config->outbox_high);
	TAILQ_INIT(&b->sessions);
	STAILQ_INIT(&b->letters);
	waiters_init(&b->settlers);
	waiters_init(&b->throttled);
	list_init(&b->slowed);
	stalled_init(&b->stalled);
	quota_init(&b->quota);
	init_deadlines(b);
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		r = -EIO;
		goto fail;
	}
	memcpy(&seed, random + INBOX_RANDOM_BYTES, sizeof(seed));
	name_inboxes(b, random);
	if (slab_pool_init(&b->pool, config->memory_max, config->max_frame) < 0)
		goto fail;
	if (router_init(&b->router, seed) < 0) {
		slab_pool_fini(&b->pool);
		goto fail;
	}
	init_retained(b, seed);
	return 0;

fail:
	*b = (struct broker){ .config = NULL }; /* nothing to give back */
	return r;
}

void
broker_fini(struct broker *b)
{
	struct letter *letter;

	while ((letter = STAILQ_FIRST(&b->letters))) {
		STAILQ_REMOVE_HEAD(&b->letters, link);
		letter_free(letter);
	}
	deadline_clear(&b->memory_wait);
	deadline_clear(&b->spare);
	stalled_fini(&b->stalled);
	quota_fini(&b->quota);
	router_fini(&b->router);
	roster_fini(&b->roster);
	retained_fini(&b->retained);
	slab_pool_fini(&b->pool);
}

struct letter *
letter_new(struct slab_pool *pool, uint32_t len)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	if (!letter)
		return NULL;
	letter->frame = slab_new_small(pool, len);
	if (!letter->frame) {
		free(letter);
		return NULL;
	}
	return letter;
}

void
letter_free(struct letter *letter)
{
	if (!letter)
		return;
	slab_unref(letter->frame);
	free(letter);
}

void
broker_post(struct broker *b, struct letter *letter)
{
	STAILQ_INSERT_TAIL(&b->letters, letter, link);
}

void
broker_begin_turn(struct broker *b)
{
	b->spent_at = broker_work(b) + TURN_WORK;
}

void
broker_start_settling(struct broker *b)
{
	if (b->config->settle_ms == 0)
		return;
	b->settling = true;
	set_gate(b);
	b->settle_until_ms =
		clock_now_ms() + SETTLE_MAX * (uint64_t)b->config->settle_ms;
	deadline_set(&b->settles, &b->settle);
}

void
broker_welcomes(struct broker *b)
{
	if (b->settling &&
	    clock_now_ms() + b->config->settle_ms <= b->settle_until_ms)
		deadline_set(&b->settles, &b->settle);
}

void
broker_drain(struct broker *b)
{
	struct session *s, *next;

	b->draining = true;
	for (s = TAILQ_FIRST(&b->sessions); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->state == SESSION_OPEN)
			session_send_away(s);
	}
}
