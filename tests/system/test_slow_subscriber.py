#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""A subscriber that is slow but steady is waited for, as long as it takes, and gets all."""

import unittest

from harness import Case

SIZE = 8192
COUNT = 1200
STALL_MS = 800
PAUSE_MS = 100
TAKE = 32  # messages, 256 KiB, each PAUSE_MS: 4 seconds for all of them


class SlowSubscriber(Case):
    def test_it_is_not_evicted_and_gets_all(self):
        broker = self.broker("--settle-ms", "0", "--outbox-high", "256K", "--stall-ms", str(STALL_MS),
                             "--hold-max-ms", "600000")
        slow = self.program("subscriber", "-n", "slow", "-p", PAUSE_MS, "-t", TAKE, "flood", name="slow")
        slow.expect("^connected")
        publisher = self.program("publisher", "-c", COUNT, "-s", SIZE, "flood")
        publisher.expect("^held .* name=slow topic=flood$")
        report = publisher.report()
        self.assertEqual(report["unconfirmed_at_close"], 0)
        self.assertGreater(report["holds"], 0)
        report = self.report_of(slow)
        self.assertEqual(report["topics"], {"flood": [0, COUNT, 0, 0]})
        self.assertEqual((report["lost"], report["reconnects"]), (0, 0))
        self.assertNotIn("evicted", broker.text())


if __name__ == "__main__":
    unittest.main()
