#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=180
"""A log of this machine, line by line, to two subscribers: all of it."""

import glob
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from cli import PATIENCE, UMBEL, CliTest

LINES = 200_000

# Logs first of all; on a machine that keeps none, what dpkg writes.
CANDIDATES = ("/var/log/*.log", "/var/log/*/*.log", "/var/log/syslog",
              "/var/log/messages", "/var/lib/dpkg/status")


def read_text(path):
    """The content, or b"" when it cannot be read or is no text."""
    try:
        with open(path, "rb") as file:
            data = file.read(16 << 20)
    except OSError:
        return b""
    return b"" if b"\0" in data[:65536] else data


def real_log():
    """A real log, repeated until it has so many lines."""
    for pattern in CANDIDATES:
        log = max(map(read_text, glob.glob(pattern)), key=len, default=b"")
        lines = log.count(b"\n")
        if lines >= 100:
            log = log[:log.rindex(b"\n") + 1]
            return log * (LINES // lines + 1)
    return b""


LOG = real_log()


class Reader(threading.Thread):
    """Collects what a subscriber prints, and may do something on the way."""

    def __init__(self, stream, after=None, do=None):
        super().__init__(daemon=True)
        self.stream, self.after, self.do = stream, after, do
        self.data = bytearray()
        self.start()

    def run(self):
        for chunk in iter(lambda: self.stream.read1(65536), b""):
            self.data += chunk
            if self.do and len(self.data) >= self.after:
                self.do()
                self.do = None


class RealInput(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()
        self.count = LOG.count(b"\n")

    def pub(self):
        with open(f"{self.folder}/log", "wb") as file:
            file.write(LOG)
        with open(f"{self.folder}/log", "rb") as file:
            result = self.umbel("pub", "--lines", "log", stdin=file)
        self.assertEqual(result.returncode, 0, result.stderr)
        for line in result.stderr.splitlines():
            self.assertIn(b"held up: ", line)

    def subscriber(self):
        return self.subscribe("--raw", "--count", self.count, "log")

    def assert_complete(self, sub, reader):
        reader.join(PATIENCE)
        self.assertEqual(sub.wait(PATIENCE), 0, sub.stderr.read())
        self.assertEqual(len(reader.data), len(LOG))
        self.assertTrue(reader.data == LOG, "not byte-identical")
        self.assertEqual(sub.stderr.read(), b"")

    def test_two_subscribers_get_every_byte(self):
        subs = [self.subscriber() for _ in range(2)]
        readers = [Reader(sub.stdout) for sub in subs]
        self.pub()
        for sub, reader in zip(subs, readers):
            self.assert_complete(sub, reader)

    def test_they_do_when_one_is_stopped_for_a_second_in_the_middle(self):
        quick, stopped = self.subscriber(), self.subscriber()

        def stop():
            stopped.send_signal(signal.SIGSTOP)
            time.sleep(1)  # stimulus: this long it does not read
            stopped.send_signal(signal.SIGCONT)

        readers = [Reader(quick.stdout),
                   Reader(stopped.stdout, len(LOG) // 2, stop)]
        self.pub()
        self.assert_complete(quick, readers[0])
        self.assert_complete(stopped, readers[1])

    def test_a_pipe_is_as_good_as_a_file(self):
        sub = self.subscriber()
        reader = Reader(sub.stdout)
        cat = self.spawn("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        pub = self.spawn(UMBEL, "pub", "--lines", "log", stdin=cat.stdout)
        cat.stdout.close()
        cat.stdin.write(LOG)
        cat.stdin.close()
        self.assertEqual(pub.wait(PATIENCE), 0)
        self.assert_complete(sub, reader)


if __name__ == "__main__":
    if not LOG:
        print("this machine has no log to read")
        sys.exit(77)
    unittest.main()
