#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""From a rootless container the users outside have no numbers: whom the client trusts there is for the folder to say."""

import os
import shutil
import subprocess
import sys
import unittest

from cli import UMBEL, CliTest
from test_cli_errors import may_execute

# root of a user namespace, for whom the broker, the folder and the socket are 65534's
INSIDE = ["setpriv", "--reuid", "21001", "--regid", "21001", "--clear-groups", "unshare", "--map-root-user"]


def may_unshare():
    return (os.getuid() == 0 and may_execute(UMBEL) and all(map(shutil.which, ("setpriv", "unshare"))) and
            subprocess.run([*INSIDE, "true"], stderr=subprocess.DEVNULL).returncode == 0)


class Rootless(CliTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.start_broker("--mode", "0666")

    def ping(self):
        return subprocess.run([*INSIDE, UMBEL, "-s", self.socket, "ping", "--count", "1"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_a_broker_in_a_folder_that_only_its_owner_writes_to_is_trusted(self):
        done = self.ping()
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_one_where_anybody_could_be_the_broker_is_not(self):
        for mode in 0o775, 0o1777:
            os.chmod(self.folder, mode)
            done = self.ping()
            self.assertEqual(done.returncode, 4, done.stdout)
            self.assertIn("only if nobody else may write to the folder", done.stdout)


if __name__ == "__main__":
    if not may_unshare():
        sys.exit(77)
    unittest.main()
