#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What umbeld says when it begins: on its first lines, and on the ready descriptor."""

import os
import re
import unittest

from harness import DEADLINE, Case, Process, binary


class FirstLine(Case):
    def first_lines(self, *flags, **options):
        """Where it listens, and the limits; for no more than that there is room above a prompt."""
        broker = self.broker(*flags, **options)
        line = broker.expect(r"^umbeld: info: limits .*").string
        self.assertEqual(broker.lines[1:], [line], "something else was said before")
        self.assertRegex(broker.lines[0], "^umbeld: info: listening ")
        return broker, broker.lines[0], line

    def test_it_tells_socket_rules_and_limits(self):
        broker, where, line = self.first_lines()
        self.assertRegex(where, f"listening socket={self.path} mode=0600 role=none rules=none .*pid={broker.pid} "
                         r"version=\d+\.\d+\.\d+$")
        for words in ("max_frame=4194304", "outbox_high=8388608", "stall_ms=2000"):
            self.assertIn(words, line)
        descriptors = int(re.search(r" descriptors=(\d+) ", line)[1])
        for words in (f"max_connections={descriptors - 32}", f"max_user_connections={descriptors - 32}", "max_handshakes=8192",
                      "max_subscriptions=200000", "max_user_subscriptions=1000000"):
            self.assertIn(f" {words} ", line)
        memory = int(re.search(r" memory_max=(\d+) ", line)[1])
        self.assertLessEqual(memory, 256 << 20)
        self.assertGreater(memory, 1 << 20)

    def test_it_tells_what_was_asked_for(self):
        _, where, line = self.first_lines("--mode", "0660", "--max-frame", "64K", "--memory-max", "32M", "--outbox-high", "1M",
                                          "--stall-ms", "500")
        self.assertIn("mode=0660", where)
        for words in ("max_frame=65536", "memory_max=33554432", "outbox_high=1048576", "stall_ms=500"):
            self.assertIn(words, line)

    def test_the_descriptor_limit_is_raised_as_far_as_allowed(self):
        _, _, line = self.first_lines(files=777)
        self.assertIn(" descriptors=777 ", line)

    def test_ready_is_one_newline_and_the_end_of_the_pipe(self):
        reader, writer = os.pipe()
        try:
            process = Process([binary("umbeld"), "--socket", self.path, "--ready-fd", str(writer)], pass_fds=[writer])
            self.addCleanup(process.kill)
        finally:
            os.close(writer)
        with open(reader, "rb", buffering=0) as ready:
            self.assertEqual(ready.readall(), b"\n")
        self.expect_service()  # it listens since then

    def test_a_broker_that_cannot_start_says_nothing_on_it(self):
        self.broker()
        reader, writer = os.pipe()
        try:
            process = Process([binary("umbeld"), "--socket", self.path, "--ready-fd", str(writer)], pass_fds=[writer])
            self.addCleanup(process.kill)
        finally:
            os.close(writer)
        with open(reader, "rb", buffering=0) as ready:
            self.assertEqual(ready.readall(), b"")
        self.assertEqual(process.wait(DEADLINE), 1)


if __name__ == "__main__":
    unittest.main()
