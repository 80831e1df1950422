#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=180 full
"""SIGTERM and a new start, again and again, lose nothing between clients of the library."""

import random
import time
import unittest

from harness import FULL, SANITIZED, Case

N = 20  # publishers, and as many subscribers
N_RESTARTS = 200 if FULL else 20 if SANITIZED else 30
N_ROUNDS = 10 if FULL else 1 if SANITIZED else 4
SETTLE = () if FULL else ("--settle-ms", "500" if SANITIZED else "400")  # beside other tests somebody needs more than 200
BURST, PAUSE_MS = (2, 40) if SANITIZED else (5, 10)


class PlannedRestarts(Case):
    def setUp(self):
        super().setUp()
        self.subscribers = []
        self.publishers = []

    def start_clients(self, n, burst, pause_ms):
        self.subscribers = [self.program("subscriber", "-n", f"s{i}", "load.*", name=f"s{i}") for i in range(n)]
        self.wait_for_all(0)  # what was published before them is not theirs
        self.publishers = [self.program("publisher", "-n", f"p{i}", "-b", burst, "-p", pause_ms, f"load.{i}", name=f"p{i}")
                           for i in range(n)]

    def wait_for_all(self, again):
        everybody = self.subscribers + self.publishers
        for client in everybody:
            client.expect(f"^connected again={again}( |$)")

    def wait_for_load(self, path=None):
        """Messages of some publishers go through again."""
        watcher = self.subscriber("load.*", name="watcher", path=path)
        heard = set()
        while len(heard) < min(3, len(self.publishers)):
            frame = watcher.receive()
            heard.add(frame.tree[3])
        watcher.close()

    def check_reports(self):
        """Every message that any publisher has published has come to every subscriber, once and in order."""
        for publisher in self.publishers:
            publisher.signal(15)
        published = {}
        for publisher in self.publishers:
            report = publisher.report()
            self.assertEqual(report["unconfirmed_at_close"], 0, publisher.text()[-2000:])
            published[report["topic"]] = report["published"]
        self.mark("all")
        for subscriber in self.subscribers:
            subscriber.expect("^mark end$")
            subscriber.signal(15)
        for subscriber in self.subscribers:
            report = subscriber.report()
            self.assertEqual(report["topics"], {topic: [0, n, 0, 0] for topic, n in published.items()},
                             f"{subscriber.name}: [first, next, missing, again] of each topic\n{subscriber.text()[-2000:]}")
            self.assertEqual((report["lost"], report["damaged"]), (0, 0))
        return sum(published.values())

    def test_again_and_again_under_load(self):
        broker = self.broker(*SETTLE)
        self.start_clients(N, BURST, PAUSE_MS)
        begun = time.monotonic()
        for _ in range(N_RESTARTS):
            self.wait_for_load()
            broker.terminate()
            broker = self.broker(*SETTLE)
        self.wait_for_load()
        took = time.monotonic() - begun
        n = self.check_reports()
        print(f"{N_RESTARTS} restarts of about {took / N_RESTARTS * 1000:.0f} ms each: {n} messages published, none lost")

    def test_at_full_speed(self):
        """With large and small messages under way, half written, waiting and held everywhere."""
        broker = self.broker("--outbox-high", "1M", *SETTLE)
        self.subscribers = [self.program("subscriber", "-n", f"s{i}", "load.*", name=f"s{i}") for i in range(2)]
        self.wait_for_all(0)
        self.publishers = [self.program("publisher", "-n", f"p{size}", "-s", size, f"load.{size}", name=f"p{size}")
                           for size in (16, 8192, 1000000)]
        for _ in range(N_ROUNDS):
            self.wait_for_load()
            broker.terminate()
            broker = self.broker("--outbox-high", "1M", *SETTLE)
        self.wait_for_load()
        self.check_reports()

    def test_at_any_moment(self):
        """Also while the clients are still coming back from the restart before."""
        chance = random.Random(20)
        broker = self.broker(*SETTLE)
        self.start_clients(N, BURST, PAUSE_MS)
        for _ in range(N_ROUNDS):
            self.wait_for_load()
            for _ in range(3):
                broker.terminate()
                broker = self.broker(*SETTLE)
                time.sleep(chance.uniform(0, 0.1))  # stimulus: the moment of the next restart
        self.wait_for_load()
        self.check_reports()

    def test_that_take_their_time(self):
        """The new broker comes a while after the old one has gone, as when a package is upgraded."""
        broker = self.broker(*SETTLE)
        self.start_clients(N, BURST, PAUSE_MS)
        for downtime in (0.3, 1.0, 3.0):
            self.wait_for_load()
            broker.terminate()
            time.sleep(downtime)  # stimulus: a slow upgrade
            broker = self.broker(*SETTLE)
        self.wait_for_load()
        self.check_reports()


if __name__ == "__main__":
    unittest.main()
