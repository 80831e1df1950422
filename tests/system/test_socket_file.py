#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The life of the socket file: whose it is, who may open it, and when it goes."""

import os
import pathlib
import shutil
import signal
import socket
import stat
import unittest

from harness import Case, binary

LONGEST = 107  # bytes of a socket's path on Linux
NOBODY = 65534


class SocketFile(Case):
    def refused(self, *flags, status=1, **options):
        """umbeld with these flags ends at once. Returns the one line that says why."""
        process = self.process(binary("umbeld"), *flags, **options)
        self.assertEqual(process.wait(), status, process.text())
        return process.text()

    def test_it_goes_on_sigterm_and_on_sigint(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            broker = self.broker("--settle-ms", "0")
            self.assertTrue(stat.S_ISSOCK(os.lstat(self.path).st_mode))
            broker.signal(number)
            broker.expect_end()

    def test_what_a_killed_broker_left_is_replaced(self):
        self.broker("--settle-ms", "0").crash()
        left = os.lstat(self.path)
        self.assertTrue(stat.S_ISSOCK(left.st_mode))
        self.broker("--settle-ms", "0")
        self.expect_service()

    def test_what_another_program_left_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.bind(self.path)
        self.broker("--settle-ms", "0")
        self.expect_service()

    def test_what_is_no_socket_stays(self):
        file = pathlib.Path(self.path)
        file.write_text("mine", encoding="ascii")
        self.assertIn(f"{self.path} exists and is not a socket", self.refused("--socket", self.path))
        self.assertEqual(file.read_text(encoding="ascii"), "mine")
        file.unlink()
        file.mkdir()
        self.assertIn("not a socket", self.refused("--socket", self.path))
        self.assertTrue(file.is_dir())
        file.rmdir()

    def test_a_symbolic_link_is_not_followed(self):
        other = self.directory / "other"
        self.broker("--settle-ms", "0", path=str(other))
        os.symlink(other, self.path)
        self.assertIn("not a socket", self.refused("--socket", self.path))
        self.assertTrue(os.path.islink(self.path))
        self.expect_service(str(other))

    def test_only_its_own_is_removed_at_the_end(self):
        broker = self.broker("--settle-ms", "0")
        os.unlink(self.path)
        pathlib.Path(self.path).write_text("another's", encoding="ascii")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.wait(), 0)
        self.assertEqual(pathlib.Path(self.path).read_text(encoding="ascii"), "another's")
        os.unlink(self.path)

    def test_its_mode_is_as_asked_whatever_the_umask(self):
        for mode, flags in ((0o600, ()), (0o660, ("--mode", "0660")), (0o666, ("--mode", "666"))):
            for umask in (0o000, 0o027, 0o077):
                with self.subTest(mode=oct(mode), umask=oct(umask)):
                    broker = self.broker("--settle-ms", "0", *flags, umask=umask)
                    status = os.lstat(self.path)
                    self.assertEqual(stat.S_IMODE(status.st_mode), mode)
                    self.assertEqual(status.st_uid, os.geteuid())
                    broker.terminate()
        for mode in ("0999", "rw", "", "010000"):
            self.assertIn("--mode", self.refused("--socket", self.path, "--mode", mode, status=2))

    def test_the_longest_path_works_and_one_byte_more_is_a_clear_error(self):
        longest = str(self.directory) + "/" + "x" * (LONGEST - len(str(self.directory)) - 1)
        self.assertEqual(len(longest), LONGEST)
        self.broker("--settle-ms", "0", path=longest)
        self.expect_service(longest)
        said = self.refused("--socket", longest + "x", status=2)
        self.assertIn(f"at most {LONGEST} bytes", said)
        self.assertIn(str(LONGEST + 1), said)
        self.assertNotIn(os.path.basename(longest) + "x.lock", os.listdir(self.directory))

    def test_a_directory_that_is_missing_is_made_and_is_private(self):
        path = self.directory / "run" / "sock"
        self.broker("--settle-ms", "0", path=str(path))
        mode = stat.S_IMODE(path.parent.stat().st_mode)
        self.assertEqual(mode, 0o755 if os.geteuid() == 0 else 0o700)
        said = self.refused("--socket", str(self.directory / "no" / "such" / "sock"))
        self.assertIn("No such file or directory", said)
        self.assertRegex(said, rf"as root: install -d -o \w+ {self.directory}/no/such$")

    def test_a_directory_that_we_may_not_write_is_a_clear_error(self):
        options = {}
        if os.geteuid() == 0:  # root may write everywhere
            options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        os.chmod(self.directory, 0o755)
        program = shutil.copy(binary("umbeld"), self.directory / "umbeld")
        closed = self.directory / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        process = self.process(program, "--socket", str(closed / "sock"), **options)
        self.assertEqual(process.wait(), 1, process.text())
        self.assertEqual(len(process.lines), 1, process.text())
        self.assertRegex(process.text(), rf"{closed}/sock.*Permission denied")
        self.assertEqual(os.listdir(closed), [])


if __name__ == "__main__":
    unittest.main()
