#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=120
"""SIGKILL of the broker under load: a hundred clients come back by themselves, and go on."""

import time
import unittest

from harness import SANITIZED, Case, wait_until

N_PUBLISHERS = 20
N_SUBSCRIBERS = 80
N_KILLS = 2 if SANITIZED else 4
DOWN = 1.5  # seconds without a broker, once
PAUSE_MS = 50 if SANITIZED else 10


class KilledBroker(Case):
    def setUp(self):
        super().setUp()
        self.publishers = []
        self.subscribers = []

    def start_clients(self):
        self.subscribers = [self.program("subscriber", "-n", f"s{n}", "load.*", name=f"s{n}") for n in range(N_SUBSCRIBERS)]
        self.publishers = [self.program("publisher", "-n", f"p{n}", "-p", PAUSE_MS, f"load.{n}", name=f"p{n}")
                           for n in range(N_PUBLISHERS)]

    def wait_for_all(self, again):
        """Every client has been connected `again` times more, its subscriptions put back."""
        everybody = self.subscribers + self.publishers
        line = f"connected again={again}"
        wait_until(lambda: all(line in client.text() for client in everybody), f"all to be connected for the {again + 1}. time",
                   *everybody)

    def wait_for_load(self, session, n_messages):
        """This many messages more have gone through; all subscribers see them."""
        seen = []
        while len(seen) < n_messages:
            frame = session.receive()
            self.assertIsNotNone(frame, "the end of the stream")
            seen.append(frame)

    def mark_reaches_all(self, text):
        self.mark("all", text)
        for subscriber in self.subscribers:
            subscriber.expect(f"^mark {text}$")

    def test_all_are_resubscribed_none_duplicated_none_stuck(self):
        broker = self.broker()
        self.start_clients()
        self.wait_for_all(0)
        for kill in range(1, N_KILLS + 1):
            watcher = self.subscriber("load.*", name="watcher")
            self.wait_for_load(watcher, 500)
            watcher.close()
            broker.crash()
            if kill == N_KILLS:
                time.sleep(DOWN)  # stimulus: long enough for the clients' pauses to have grown
            broker = self.broker()
            self.wait_for_all(kill)
            self.mark_reaches_all(f"after {kill}")
        self.check_fresh_messages()
        self.check_reports()

    def check_fresh_messages(self):
        """Of every publisher every subscriber still hears."""
        watcher = self.subscriber("load.*", name="watcher")
        heard = set()
        while len(heard) < N_PUBLISHERS:
            heard.add(watcher.receive().tree[3])
        watcher.close()

    def check_reports(self):
        published = {}
        for publisher in self.publishers:
            publisher.signal(15)
        for publisher in self.publishers:
            report = publisher.report()
            self.assertEqual((report["reconnects"], report["refused"]), (N_KILLS, 0), publisher.text())
            published[report["topic"]] = report["published"]
        self.mark_reaches_all("end")
        n_lost = n_received = 0
        for subscriber in self.subscribers:
            subscriber.signal(15)
        for subscriber in self.subscribers:
            report = subscriber.report()
            self.assertEqual((report["reconnects"], report["lost"], report["damaged"]), (N_KILLS, 0, 0), subscriber.text())
            self.assertEqual(sorted(report["topics"]), sorted(published))
            for topic, (_, following, missing, again) in report["topics"].items():
                self.assertEqual(again, 0, f"{subscriber.name}: messages of {topic} came twice or too late")
                self.assertEqual(following, published[topic], f"{subscriber.name}: the last messages of {topic} did not come")
                n_lost += missing
            n_received += report["received"]
        print(f"{N_KILLS} kills: {n_received} messages received, {n_lost} lost with a broker, none twice")


if __name__ == "__main__":
    unittest.main()
