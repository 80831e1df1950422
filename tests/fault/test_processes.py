#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=150
"""Brokers that are killed, started twice, or lose their directory, and all clients that come back at once."""

import os
import shutil
import signal
import time

from fault import ALONE, QUICK, FaultCase, main, need_descriptors, sized, wire
from harness import Process, binary, wait_until

CYCLES = sized(10, 100, 5)
STARTS = sized(20, 200, 10)
AT_ONCE = 10
STORM = sized(1000, 5000, 200)
BACK_WITHIN = 5.0
UP_WITHIN = 1.0


class Processes(FaultCase):
    """Red when listener.c removes a stale socket without holding the lock (two winners), or not at all (no start after SIGKILL)."""

    def test_killed_and_started_again_and_again(self):
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
        self.expect_canary()
        self.assertIsNone(self.umbeld.process.poll())
        subscriber.close()
        publisher.close()
        self.umbeld.terminate()

    def test_a_storm_of_clients_that_come_back(self):
        """All of them lose the broker at one moment; each is subscribed again within seconds."""
        need_descriptors(self, STORM + 300)
        first = self.broker("--log-level", "warn")
        self.crowd(STORM)
        before = first.memory()
        first.crash()
        begun = time.monotonic()
        self.begin(canary=False)
        clients = self.crowd(STORM)
        took = time.monotonic() - begun
        self.observer.publish("storm", b"back")
        wire.pump(clients, lambda: all(client.frames for client in clients), "all to hear it")
        self.say(f"{STORM} clients back after {took:.2f} s; resident {before / 1048576:.1f} -> {self.umbeld.memory() / 1048576:.1f} MiB")
        if ALONE:
            self.assertLess(took, BACK_WITHIN)
            self.assertLess(self.umbeld.memory(), 2 * before + (4 << 20))
        for client in clients:
            client.close()
        self.finish(f"a storm of {STORM}", connections=STORM)

    def crowd(self, n):
        clients = []
        for number in range(n):
            client = self.connection(f"storm{number}")
            client.queue(wire.frame([wire.HELLO, 1, client.name, {}]), wire.frame([wire.SUBSCRIBE, 1, 1, "storm", {}]))
            client.turn()
            clients.append(client)
        wire.pump(clients, lambda: all(len(client.frames) == 2 for client in clients), "all to be subscribed")
        for client in clients:
            client.frames.clear()
        return clients


if __name__ == "__main__":
    main()
