#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Clients that begin a frame and take their time: their time is bounded, and so is what they cost until then."""

import time

from fault import ALONE, FULL, LINUX, SANITIZED, FaultCase, main, need_descriptors, sized, wire

N = sized(300, 2000, 100)
FRAME_MS = 30000 if FULL else 1500
PACE = FRAME_MS / 6000  # seconds between bytes: 5 s in full
LATE = 1.0 if ALONE else 20.0 if SANITIZED else 1.5
SLAB = 256 << 10  # bytes of the broker's memory for each: what has begun has a slab ...
RESIDENT = 8192  # ... of which one page is touched; measured: 4.9 KiB with the connection
OTHERS = 2 << 20  # bytes of the broker's memory for the canary and us
MESSAGE = wire.frame([wire.PUBLISH, 0, wire.ZEROS, "never.whole", None, None, bytes(1000)])


class Dribble(FaultCase):
    """Red when each byte starts the clock of the frame anew (conn.c, watch_time), without a deadline at all, or when that is 20 ms or
    2700 instead of 1500 (alone); when all of a slab is touched, or room_in_plain() takes another for each byte and keeps the last."""

    def test_a_byte_now_and_then(self):
        need_descriptors(self, N + 200)
        self.begin("--frame-ms", str(FRAME_MS))
        slow = [self.session(f"slow{number}") for number in range(N)]
        base = self.memory_used()
        spy = self.subscriber("never.whole", name="spy")
        begun = []
        sent = held = 0
        while not all(one.ended for one in slow):
            self.assertLess(sent * PACE, 3 * FRAME_MS / 1000 + wire.DEADLINE / 3, "nobody ended them")
            for one in slow:
                if len(begun) < N:
                    begun.append(time.monotonic())
                if not one.ended:
                    one.send(MESSAGE[sent:sent + 1])
            sent += 1
            held = max(held, self.memory_used() - base)
            self.watch(slow, PACE)
        shortest, longest = self.expect_lives(slow, begun, FRAME_MS / 1000, LATE)
        for one in slow:
            self.expect_fatal(one, "timeout")
            one.close()
        self.assertEqual(spy.barrier()[0], [])
        spy.close()
        self.say(f"{N} closed after {shortest:.2f} to {longest:.2f} s; for each {held / N:.0f} bytes of the broker's memory, "
                 f"{self.most_grown() / N:.0f} resident")
        self.assertLessEqual(held, N * SLAB + OTHERS)
        self.assertLess(self.most_grown() / N, RESIDENT)
        self.finish("slow dribble", connections=N)


if __name__ == "__main__":
    main()
