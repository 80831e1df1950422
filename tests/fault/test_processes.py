#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=150
"""Brokers that are killed, started twice, or lose their directory, and all clients that come back at once."""

import os
import shutil
import signal
import time

from fault import ALONE, LINUX, QUICK, FaultCase, main, need_descriptors, sized
from harness import Process, binary, wait_until

CYCLES = sized(10, 100, 5)
STARTS = sized(20, 200, 10)
AT_ONCE = 10
STORM = sized(1000, 5000, 200)
EACH = 1000  # handles, in a process
PER_HANDLE = 4  # descriptors
BACK_WITHIN = 5.0
UP_WITHIN = 1.0


class Processes(FaultCase):
    """Red when listener.c removes a stale socket without holding the lock (two winners), or not at all (no start after SIGKILL), and
    the storm when doors.c pauses after each ACCEPT_BATCH (full), when the client waits 9 s before it tries again (alone), or does not
    subscribe again."""

    def test_killed_and_started_again_and_again(self):
        """No canary: it would lose the broker, too. Nor where several start at once."""
        longest = 0.0
        for _ in range(CYCLES):
            begun = time.monotonic()
            broker = self.broker(*QUICK)
            longest = max(longest, time.monotonic() - begun)
            session = self.session("survivor")
            session.subscribe("a")
            self.expect_service()
            broker.crash()
            self.assertIsNone(session.receive())
            session.close()
            self.assertTrue(os.path.lexists(self.path), "nothing stale is left: the test is too tame")
        self.say(f"{CYCLES} cycles, up after at most {longest * 1000:.0f} ms")
        if ALONE:
            self.assertLess(longest, UP_WITHIN)

    def test_of_all_that_start_at_once_one_wins(self):
        """First with nothing there, then with what the last winner left when it was killed."""
        for _ in range(STARTS // AT_ONCE):
            starters = [Process([binary("umbeld"), "--socket", self.path, *QUICK[:2]]) for _ in range(AT_ONCE)]
            try:
                wait_until(lambda: sum(one.ended for one in starters) == AT_ONCE - 1 and
                           any("listening" in one.text() for one in starters), "all but one to give up", *starters)
                winners = [one for one in starters if not one.ended]
                self.assertEqual(len(winners), 1)
                self.expect_service()
                self.assertEqual({one.wait() for one in starters if one is not winners[0]}, {1})
                winners[0].signal(signal.SIGKILL)
                winners[0].wait()
            finally:
                for one in starters:
                    one.kill()
        self.say(f"{STARTS} starts, {AT_ONCE} at once: one winner each time")

    def test_a_second_start_does_not_disturb_the_first(self):
        self.begin()
        for _ in range(STARTS // 4):
            second = Process([binary("umbeld"), "--socket", self.path])
            try:
                self.assertEqual(second.wait(), 1)
            finally:
                second.kill()
        self.finish(f"{STARTS // 4} second starts")

    def test_without_its_directory(self):
        """Who is connected is served on; the broker ends in order all the same."""
        inner = self.directory / "inner"
        inner.mkdir()
        self.path = str(inner / "sock")
        self.begin()
        subscriber, publisher = self.subscriber("a"), self.session("publisher")
        shutil.rmtree(inner)
        for _ in range(100):
            publisher.publish("a", b"still here")
            self.expect_message(subscriber, "a", b"still here")
        subscriber.close()
        publisher.close()
        self.finish("no directory", reachable=False)
        self.umbeld.terminate()

    def test_a_storm_of_clients_that_come_back(self):
        """All of them lose the broker at one moment, and libumbel connects and subscribes again. No canary: it would lose it, too."""
        need_descriptors(self, max(STORM + 300, EACH * PER_HANDLE + 50))
        self.begin(canary=False)
        environment = {**os.environ, "UMBEL_SOCKET": self.path}
        storm = [self.process(binary("fault/storm"), str(min(EACH, STORM)), env=environment) for _ in range(0, STORM, EACH)]
        for part in storm:
            part.expect("^subscribed$")
        before = self.umbeld.memory() if LINUX else 0
        begun = time.monotonic()
        self.umbeld.crash()
        self.umbeld = self.broker(*QUICK)
        back = [float(part.expect(r"^back after ([\d.]+) s$")[1]) for part in storm]
        took = time.monotonic() - begun
        self.watch_again()
        self.assertEqual(self.info()["subscriptions"], STORM + 1)
        self.observer.publish("storm", b"back")
        for part in storm:
            part.expect("^heard$")
        now = self.umbeld.memory() if LINUX else 0
        self.say(f"{STORM} clients back {max(back):.2f} s after they were cut off, {took:.2f} s after SIGKILL; "
                 f"resident {before / 1048576:.1f} -> {now / 1048576:.1f} MiB")
        if ALONE:
            self.assertLess(took, BACK_WITHIN)
            self.assertLess(now, 2 * before + (4 << 20))
        for part in storm:
            part.signal(signal.SIGTERM)
            self.assertEqual(part.wait(), 0)
        self.finish(f"a storm of {STORM}", connections=STORM)


if __name__ == "__main__":
    main()
