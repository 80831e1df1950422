#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=120
"""The demo proves what it says, and leaves nothing behind."""

import os
import pathlib
import signal
import subprocess
import unittest

from cli import BIN, PATIENCE, CliTest

SOURCE = pathlib.Path(os.environ.get("UMBEL_SOURCE_DIR", "."))
DEMO = SOURCE.absolute() / "client/examples/demo"
PROGRAMS = ("umbeld", "umbel", "examples/host_publisher", "examples/host_table",
            "examples/load_alert")


class Demo(CliTest):
    def setUp(self):
        super().setUp()
        self.tmp = f"{self.folder}/tmp"
        os.mkdir(self.tmp)
        self.env["TMPDIR"] = self.tmp
        self.env["UMBEL_BIN_DIR"] = str(BIN)

    def start(self):
        return self.spawn(DEMO, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)

    def assert_nothing_is_left(self):
        """No folder, and no process whose folder it was."""
        self.assertEqual(os.listdir(self.tmp), [])
        for folder in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                self.assertNotIn(self.tmp, os.readlink(folder))
            except OSError:
                pass  # it ended while we looked, or is not ours

    def with_fake(self, name, script):
        """All programs but one, which is a shell script instead."""
        fakes = pathlib.Path(self.folder, "bin")
        (fakes / "examples").mkdir(parents=True)
        for program in PROGRAMS:
            if program != name:
                (fakes / program).symlink_to(BIN / program)
        (fakes / name).write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        (fakes / name).chmod(0o700)
        self.env["UMBEL_BIN_DIR"] = str(fakes)

    def assert_fails(self, word):
        demo = self.start()
        out, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 1, out)
        self.assertIn(word, out)
        self.assert_nothing_is_left()

    def test_it_works_and_fits_80_columns(self):
        demo = self.start()
        out, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 0, out)
        self.assertIn(b"It works", out)
        self.assertGreaterEqual(out.count(b'"state":"raised"'), 2)
        for line in out.decode().splitlines():
            if self.tmp not in line:
                self.assertLessEqual(len(line), 80, line)
        self.assert_nothing_is_left()

    def test_an_interrupt_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            demo = self.start()
            self.wait_for_line(demo.stdout, b"HOST")
            demo.send_signal(number)
            demo.stdout.read()
            self.assertEqual(demo.wait(PATIENCE), 128 + number)
            self.assert_nothing_is_left()

    def test_a_table_that_ends_with_the_broker_is_a_failure(self):
        real = BIN / "examples/host_table"
        self.with_fake("examples/host_table",
                       f"{real} 2>&1 | sed -u '/no broker/q'")
        self.assert_fails(b"host_table has ended")

    def test_an_alarm_that_ends_is_a_failure(self):
        self.with_fake("examples/load_alert", "exit 0")
        self.assert_fails(b"load_alert has ended")

    def test_a_broker_that_does_not_start_is_a_failure(self):
        self.with_fake("umbeld", "echo not today >&2; exit 1")
        self.assert_fails(b"not today")

    def test_programs_that_are_not_built_are_named(self):
        self.env["UMBEL_BIN_DIR"] = self.folder
        self.assert_fails(b"umbeld")


if __name__ == "__main__":
    unittest.main()
