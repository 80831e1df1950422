/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * A broker and four clients that say anything in any order: whole frames,
 * broken ones, bytes; that read or do not, leave, and come again, while time
 * passes and memory runs out.
 *
 * Whatever they did, what each is told is well formed and in order, the broker
 * serves the next client, and when all have left nothing is left of them.
 *
 * The input is a program, a few bytes for each step; see do_step().
 */
#include "fuzz.h"
#include "proto/hash.h"
#include "world.h"

#define MAX_STEPS 200u
#define MAX_SAID  (1u << 20) /* bytes that one client says at most */

/* Anything: as a frame's body, or not even that. */
static void
say_bytes(struct end *e, struct feed *f, bool as_body)
{
	size_t start = e->said.len;
	const uint8_t *at;
	size_t n = feed_bytes(f, feed_byte(f), &at);

	put(&e->said, at, n);
	if (as_body)
		put_prefix_before(&e->said, start);
	e->crude = true;
}

/* ---- the program ---------------------------------------------------------- */

enum { SAYS_A_PART = 0x80 };

static void
say_something(struct world *w, struct end *e, struct feed *f, uint8_t what)
{
	uint8_t how = feed_byte(f);
	uint32_t len;

	switch (what) {
	case 0:
		say_hello(e, how);
		break;
	case 1:
		say_subscribe(e, how, feed_byte(f));
		break;
	case 2:
		say_unsubscribe(e, how);
		break;
	case 3:
		say_publish(w, e, how, feed_byte(f));
		break;
	case 4: /* several large ones */
		len = 30000 + feed_number(f, 2) * (how & 32 ? 4 : 1);
		if (len > MAX_PAYLOAD)
			len = MAX_PAYLOAD;
		for (int i = 0; i < 1 + how % 4; i++)
			say_publish(w, e, how, len);
		break;
	case 5:
		say_ping(e);
		break;
	case 6:
		say_bytes(e, f, true);
		break;
	case 7:
		say_bytes(e, f, false);
		break;
	case 8: /* GOAWAY */
		put_frame(&e->said, "93 0c a0 00");
		break;
	default:
		break;
	}
}

/* The broker is told to stop, or has no memory, soon. */
static void
have_bad_luck(struct world *w, uint8_t how)
{
	if (how > 0)
		no_memory_at(how % 32 + 1, how / 32 + 1);
	else if (!w->broker.draining)
		broker_drain(&w->broker);
}

/*
 * A step: who (2 bits), what (4 bits), and whether only a part of what is said
 * is sent now.
 */
static void
do_step(struct world *w, struct feed *f)
{
	uint8_t op = feed_byte(f);
	struct end *e = &w->ends[op % N_ENDS];
	uint8_t what = op / N_ENDS % 16;

	if (what == 15) {
		step_time(w, feed_number(f, 2) % 12000);
		return;
	}
	if (e->fd < 0)
		end_connects(w, e);
	if (e->fd < 0)
		return;
	if (what <= 8 && e->said.len < MAX_SAID)
		say_something(w, e, f, what);
	else if (what == 9)
		end_reads(w, e, feed_number(f, 2));
	else if (what == 10)
		end_reads_all(w, e);
	else if (what == 11)
		end_leaves(e);
	else if (what == 12)
		shutdown(e->fd, feed_byte(f) % 2 ? SHUT_WR : SHUT_RDWR);
	else if (what == 13)
		have_bad_luck(w, feed_byte(f));
	else if (what == 14)
		broker_start_settling(&w->broker);
	if (e->fd >= 0)
		end_sends(e, op & SAYS_A_PART ? feed_byte(f) : SIZE_MAX);
	turn(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct feed f = { data, len };
	struct world w;

	world_init(&w, hash_bytes(len, data, len));
	for (unsigned i = 0; i < MAX_STEPS && f.left > 0; i++)
		do_step(&w, &f);
	all_leave(&w);
	check_service(&w);
	world_fini(&w);
	return 0;
}
