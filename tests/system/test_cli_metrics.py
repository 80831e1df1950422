#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel metrics: the broker's figures, as Prometheus reads them."""

import unittest

import exposition
from cli import CliTest


class Metrics(CliTest):
    def metrics(self):
        done = self.umbel("metrics")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def test_they_hold_to_the_format_and_to_the_guide_and_count(self):
        self.start_broker("--memory-max", "64M")
        before = exposition.check(self.metrics())
        self.pub("nobody.listens", "x")
        self.pub("kept", "value", "--retain")
        after = exposition.check(self.metrics())
        self.assertEqual(before.keys(), after.keys())
        self.assertEqual(after["umbel_memory_max_bytes"][2], {None: 64 << 20})
        self.assertEqual(after["umbel_retained_values"][2], {None: 1})
        self.assertEqual(after["umbel_sessions"][2], {None: 1})
        for name, (kind, _, samples) in after.items():
            for labels, value in samples.items():
                if kind == "counter":
                    self.assertGreaterEqual(value, before[name][2][labels], name)
        name = "umbel_unmatched_messages_total"
        self.assertEqual(after[name][2][None] - before[name][2][None], 2)

    def test_without_a_broker_it_prints_nothing_and_says_so(self):
        done = self.umbel("metrics")
        self.assertEqual((done.returncode, done.stdout), (4, b""))
        self.assertIn(b"umbel: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
