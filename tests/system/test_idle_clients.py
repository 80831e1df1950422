#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""Two thousand clients that say nothing cost little, and nobody notices them."""

import time
import unittest

from harness import LINUX, SANITIZED, Case, raise_descriptor_limit, wire

N = 2000
RESERVE = 100  # descriptors for everything else
PER_CLIENT = 2048  # bytes of the broker's memory; measured: about 1000
FAST = 1.0  # seconds for a message and its PONG; measured: under 1 ms


class IdleClients(Case):
    def setUp(self):
        super().setUp()
        if not raise_descriptor_limit(N + RESERVE):
            self.skipTest(f"this system does not allow {N + RESERVE} descriptors")
        self.broker_process = self.broker("--settle-ms", "0")

    def idle_sessions(self, n, *filters):
        """n sessions at once, each with these subscriptions."""
        sessions = [self.connection(f"idle{number}") for number in range(n)]
        requests = [[wire.SUBSCRIBE, number, number, filter, {}] for number, filter in enumerate(filters, 1)]
        for session in sessions:
            session.queue([wire.HELLO, 1, session.name, {}], *requests)
        wire.pump(sessions, lambda: all(len(s.frames) == 1 + len(filters) for s in sessions), "all to be welcomed")
        for session in sessions:
            self.assertEqual([frame.type for frame in session.frames], [wire.WELCOME] + [wire.OK] * len(filters))
            session.frames.clear()
        return sessions

    def expect_quick_message(self, subscriber, publisher):
        begun = time.monotonic()
        publisher.publish("quick", b"?")
        self.expect_message(subscriber, "quick", b"?")
        publisher.barrier()
        took = time.monotonic() - begun
        if not SANITIZED:
            self.assertLess(took, FAST)
        return took

    def test_each_costs_little_and_a_message_still_gets_through_fast(self):
        subscriber, publisher = self.subscriber("quick"), self.session("publisher")
        self.idle_sessions(50)  # what the first ones cost is not theirs alone
        before = self.broker_process.memory() if LINUX else 0
        idle = self.idle_sessions(N - 50)
        took = self.expect_quick_message(subscriber, publisher)
        if LINUX and not SANITIZED:
            each = (self.broker_process.memory() - before) / len(idle)
            print(f"{each:.0f} bytes for each idle client; a message among {N} of them: {took * 1000:.2f} ms")
            self.assertLess(each, PER_CLIENT)

    def test_all_of_them_are_served_when_they_wake_up(self):
        idle = self.idle_sessions(N, "wake.up")
        publisher = self.session("publisher")
        publisher.publish("wake.up", b"all of you")
        wire.pump(idle, lambda: all(session.frames for session in idle), "all to hear it")
        for session in idle:
            self.expect_message(session, "wake.up", b"all of you")
        for session in idle:
            session.queue([wire.PING, 9])
        wire.pump(idle, lambda: all(session.frames for session in idle), "all to be answered")
        for session in idle:
            self.assertEqual(session.frames.popleft().tree, [wire.PONG, 9, 0, 0, 0])

    def test_they_may_all_leave_and_come_back_at_once(self):
        for _ in range(3):
            for session in self.idle_sessions(N, "wake.up"):
                session.close()
        self.expect_service()


if __name__ == "__main__":
    unittest.main()
