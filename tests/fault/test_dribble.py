#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Clients that begin a frame and take their time: their time is bounded, and so is what they cost until then."""

import time

from fault import FULL, SANITIZED, FaultCase, main, need_descriptors, sized, wire

N = sized(300, 2000, 100)
FRAME_MS = 30000 if FULL else 1500
PACE = FRAME_MS / 6000  # seconds between bytes: 5 s in full
MESSAGE = wire.frame([wire.PUBLISH, 0, wire.ZEROS, "never.whole", None, None, bytes(1000)])


class Dribble(FaultCase):
    """Red when each byte starts the clock of the frame anew (conn.c, watch_time), or without a deadline at all."""

    def test_a_byte_now_and_then(self):
        need_descriptors(self, N + 200)
        self.begin("--frame-ms", str(FRAME_MS))
        slow = [self.session(f"slow{number}") for number in range(N)]
        base = self.memory_used()
        begun = time.monotonic()
        sent = 0
        spy = self.subscriber("never.whole", name="spy")
        held = 0
        while not all(one.ended for one in slow):
            self.assertLess(time.monotonic() - begun, 3 * FRAME_MS / 1000 + wire.DEADLINE / 3, "nobody ended them")
            for one in slow:
                if not one.ended:
                    one.send(MESSAGE[sent:sent + 1])
            sent += 1
            held = max(held, self.memory_used() - base)
            self.watch(slow, PACE)
        took = time.monotonic() - begun
        for one in slow:
            self.expect_fatal(one, "timeout")
            one.close()
        self.assertEqual(spy.barrier()[0], [])
        spy.close()
        self.say(f"{held / N:.0f} bytes of the broker's memory for each of {N}; closed after {took:.1f} s")
        if not SANITIZED:
            self.assertLess(abs(took - FRAME_MS / 1000), FRAME_MS / 1000)
        self.finish("slow dribble", connections=N)


if __name__ == "__main__":
    main()
