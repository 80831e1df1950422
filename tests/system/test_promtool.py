#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Prometheus' own linter (Debian package prometheus, which ./dev test does not install) finds nothing in our figures."""

import shutil
import subprocess
import sys
import unittest

from gateway import GatewayCase
from harness import binary


class Promtool(GatewayCase):
    def check(self, text):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_it_has_nothing_to_say(self):
        self.start()
        self.check(subprocess.run([binary("umbel"), "-s", self.path, "metrics"], stdout=subprocess.PIPE, check=True).stdout)
        self.check(self.ask("GET", "/metrics")[2])


if __name__ == "__main__":
    if not shutil.which("promtool"):
        sys.exit(77)
    unittest.main()
