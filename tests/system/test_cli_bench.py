#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel bench: what it says, that it leaves nothing behind, and what goes wrong."""

import json
import signal
import unittest

from cli import PATIENCE, UMBEL, CliTest
from harness import SANITIZED

NAMES = ["pub", "latency", "fan-out", "requests"]


class Bench(CliTest):
    def rows(self, *args):
        done = self.umbel("bench", "--json", "--seconds", 0.1, *args)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def broker(self):
        return json.loads(self.umbel("ls", "broker", "--json").stdout)

    def test_all_of_it_and_nothing_stays(self):
        self.start_broker()
        rows = self.rows()
        self.assertEqual([row["bench"] for row in rows], NAMES)
        for row in rows:
            self.assertGreater(row["per_second"], 0, row)
        self.assertEqual((rows[0]["subscribers"], rows[2]["subscribers"]), (1, 10))
        for row in rows[1], rows[3]:
            self.assertTrue(0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"] <= row["p99.9_us"] <= row["max_us"], row)
        broker = self.broker()
        self.assertEqual([broker[key] for key in ("sessions", "subscriptions", "retained", "refused", "dropped", "evicted")],
                         [1, 1, 0, 0, 0, 0])  # ls itself

    @unittest.skipIf(SANITIZED, "it is about time")
    def test_it_waits_for_the_broker_and_not_for_a_clock(self):
        self.start_broker()
        runs = (self.rows("--size", 1000000, "pub")[0]["per_second"] for _ in range(20))
        self.assertTrue(any(rate > 300 for rate in runs))  # by a turn each 50 ms it is 80, however fast the machine

    def test_one_of_it_as_text(self):
        self.start_broker()
        done = self.umbel("bench", "pub", "--seconds", 0.1, "--size", 1000, "--subscribers", 3, "--publishers", 2)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout.decode(),
                         r"^pub       1000 B  2 publishers, 3 subscribers:  \d+ messages/s, [\d.]+ MB/s\n$")
        self.assertRegex(self.umbel("bench", "latency", "--seconds", 0.1).stdout.decode(),
                         r"^latency   128 B  \d+ messages/s, us:  p50 [\d.]+  p90 .*  max [\d.]+\n$")

    def test_what_is_wrong_is_said(self):
        for args, words in ((["speed"], b"pub, latency, fan-out or requests"), (["--seconds", "0"], b"0.1 to 3600"),
                            (["--size", "-1"], b"--size"), (["--subscribers", "0"], b"from 1 to 256")):
            done = self.umbel("bench", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr)
        self.assertEqual(self.umbel("bench").returncode, 4)
        self.start_broker("--max-frame", 2048)
        done = self.umbel("bench", "--size", 2000)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"takes 1024 bytes at most", done.stderr)

    def test_rules_that_forbid_it(self):
        with open(f"{self.folder}/umbeld.yaml", "w", encoding="ascii") as config:
            config.write("acl:\n  - allow: [subscribe]\n    who: [everyone]\n    topics: ['**']\n")
        self.start_broker("--config", f"{self.folder}/umbeld.yaml")
        done = self.umbel("bench")
        self.assertEqual((done.returncode, done.stdout), (6, b""))
        self.assertIn(b"below umbel.bench", done.stderr)

    def test_a_broker_that_dies_and_ctrl_c(self):
        broker = self.start_broker()
        for end, status in ((lambda bench: bench.send_signal(signal.SIGINT), 130), (lambda bench: broker.kill(), 4)):
            bench = self.spawn(UMBEL, "bench", "--seconds", PATIENCE, "fan-out", stderr=-1)
            while self.broker()["sessions"] < 13:
                self.assertIsNone(bench.poll())
            end(bench)
            self.assertEqual(bench.wait(PATIENCE), status)

    def test_progress_is_told_on_a_terminal(self):
        self.start_broker()
        told = self.told_on_a_terminal("bench", "pub", "--seconds", 1.3)
        self.assertRegex(told, rb"^pub: [1-9]\.\d of 1\.3 s, \d+ messages/s \.\.\.\x1b\[K\r")
        self.assertTrue(told.endswith(b"\x1b[K"), told)


if __name__ == "__main__":
    unittest.main()
