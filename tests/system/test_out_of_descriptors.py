#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Without a free descriptor the broker lets newcomers wait: it does not spin, says so, and serves them as soon as it can."""

import os
import resource
import time
import unittest

from harness import LINUX, SANITIZED, Broker, Case, wire

LIMIT = 64
N = 150
WINDOW = 1.0  # seconds in which the processor's time is counted
CPU_MAX = 0.2  # of it; measured: under 1 %


class OutOfDescriptors(Case):
    def newcomer(self, number):
        connection = self.connection(f"client{number}")
        connection.queue([wire.HELLO, 1, connection.name, {}])
        return connection

    def welcomed(self, clients):
        return [client for client in clients if client.frames]

    def test_it_waits_without_spinning_and_then_serves_all(self):
        broker = self.broker("--settle-ms", "0", "--log-level", "warn", "--descriptor-reserve", "0", files=LIMIT)
        clients = [self.newcomer(number) for number in range(N)]
        wire.pump(clients, lambda: not any(client.queued for client in clients), "all to write their HELLO")
        broker.expect(r"warn: cannot accept: Too many open files; connections=(\d+), others wait")
        served = self.welcomed(clients)
        wire.pump(clients, lambda: len(self.welcomed(clients)) > LIMIT // 2, "half of what fits to be welcomed")

        if LINUX:
            before = broker.cpu_seconds()
            time.sleep(WINDOW)  # stimulus: a second in which it can do nothing
            used = broker.cpu_seconds() - before
            print(f"processor time in {WINDOW:.0f} s without descriptors: {used * 1000:.0f} ms")
            if not SANITIZED:
                self.assertLess(used, CPU_MAX * WINDOW)
        lines = len(broker.lines)
        broker.read_some()
        self.assertLess(len(broker.lines) - lines, 30, "a line for each attempt is too many")

        # those who are in are served meanwhile
        served = self.welcomed(clients)
        self.assertLess(len(served), LIMIT)
        for client in served:
            client.frames.clear()
            client.queue([wire.PING, 5])
        wire.pump(served, lambda: all(client.frames for client in served), "those who are in to be answered")

        # and those who wait have their turn, in the order in which they came
        left = list(clients)
        while left:
            wire.pump(left, lambda: left[0].frames, "the next one to be welcomed")
            left.pop(0).close()

    @unittest.skipUnless(LINUX, "prlimit() is Linux's")
    def test_it_ends_when_it_cannot_even_wait(self):
        """poll() refuses more descriptors than there may be: waiting again would be a loop that no limit ends."""
        broker = Broker(self.path, "--settle-ms", "0", env={**os.environ, "EVENT_NOEPOLL": "1"})
        self.addCleanup(broker.kill)
        hard = resource.prlimit(broker.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (1, hard))
        self.connection("newcomer")
        self.assertEqual(broker.wait(), 1)
        self.assertRegex(broker.text(), r"error: stopped: the event loop \(poll\) failed: ")


if __name__ == "__main__":
    unittest.main()
