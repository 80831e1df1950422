#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel run: a private broker for one command, and nothing left of it."""

import os
import signal
import subprocess
import unittest

from cli import BIN, PATIENCE, UMBEL, CliTest

FOR_EVER = "tail -f /dev/null"


class Run(CliTest):
    def setUp(self):
        super().setUp()
        self.env["TMPDIR"] = self.folder
        del self.env["UMBEL_SOCKET"]

    def assert_nothing_is_left(self):
        self.assertEqual(os.listdir(self.folder), [])

    def spawn_run(self, *args):
        """A run in the background, and what is at its end when all its
        processes are gone."""
        alive, held_by_all = os.pipe()
        run = self.spawn(UMBEL, "run", *args, pass_fds=[held_by_all],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(held_by_all)
        alive = open(alive, "rb")
        self.addCleanup(alive.close)
        return run, alive

    def test_the_status_is_that_of_the_command(self):
        for status in (0, 1, 3, 77):
            result = self.umbel("run", "--", "sh", "-c", f"exit {status}")
            self.assertEqual((result.returncode, result.stderr), (status, b""))
        self.assert_nothing_is_left()

    def test_a_command_that_is_killed_gives_128_and_its_signal(self):
        result = self.umbel("run", "--", "sh", "-c", "kill -9 $$")
        self.assertEqual(result.returncode, 128 + 9)
        self.assert_nothing_is_left()

    def test_the_command_finds_its_broker(self):
        result = self.umbel(
            "run", "--", "sh", "-c",
            f'{UMBEL} sub --count 1 --on-ready "{UMBEL} pub a b" a')
        self.assertEqual((result.returncode, result.stdout), (0, b"a b\n"))
        self.assert_nothing_is_left()

    def test_the_dashes_may_be_left_out(self):
        result = self.umbel("run", "echo", "--", "-x")
        self.assertEqual((result.returncode, result.stdout), (0, b"-- -x\n"))

    def test_each_run_has_a_broker_of_its_own(self):
        result = self.umbel("run", "sh", "-c",
                            f'echo "$UMBEL_SOCKET"; '
                            f'{UMBEL} run sh -c \'echo "$UMBEL_SOCKET"\'')
        first, second = result.stdout.split()
        self.assertNotEqual(first, second)
        self.assert_nothing_is_left()

    def test_stdin_is_the_commands(self):
        result = self.umbel("run", "cat", input=b"through")
        self.assertEqual(result.stdout, b"through")

    def test_options_are_passed_to_umbeld(self):
        result = self.umbel("run", "--mode", "0666", "--", "sh", "-c",
                            'stat -c %a "$UMBEL_SOCKET"')
        self.assertEqual(result.stdout, b"666\n")

    def test_options_that_umbeld_refuses_are_explained_by_umbeld(self):
        result = self.umbel("run", "--no-such-option", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"no-such-option", result.stderr)
        self.assert_nothing_is_left()

    def test_the_socket_is_not_to_be_chosen(self):
        for args in (["run", "--socket", "x", "--", "true"],
                     ["-s", "x", "run", "true"]):
            self.assertEqual(self.umbel(*args).returncode, 2)

    def test_no_command_is_an_error(self):
        for args in ([], ["--"], ["--mode", "0600"]):
            self.assertEqual(self.umbel("run", *args).returncode, 2)

    def test_a_command_that_is_not_there_gives_127(self):
        result = self.umbel("run", "--", "no-such-command-here")
        self.assertEqual(result.returncode, 127)
        self.assertIn(b"no-such-command-here", result.stderr)
        self.assert_nothing_is_left()

    def test_a_command_that_cannot_be_run_gives_126(self):
        result = self.umbel("run", "--", "/dev/null")
        self.assertEqual(result.returncode, 126)

    def test_an_umbeld_that_is_not_there_gives_125(self):
        self.env["UMBELD"] = "/no/such/umbeld"
        result = self.umbel("run", "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"/no/such/umbeld", result.stderr)
        self.assert_nothing_is_left()

    def test_an_umbeld_that_dies_at_once_gives_125(self):
        self.env["UMBELD"] = "false"
        self.assertEqual(self.umbel("run", "--", "true").returncode, 125)

    def test_umbeld_can_be_named(self):
        self.env["UMBELD"] = str(BIN / "umbeld")
        self.assertEqual(self.umbel("run", "--", "true").returncode, 0)

    def test_signals_reach_the_command(self):
        run, alive = self.spawn_run(
            "--", "sh", "-c", f'trap "exit 5" TERM; echo; {FOR_EVER} & wait')
        run.stdout.readline()
        run.terminate()
        self.assertEqual(run.wait(PATIENCE), 5)
        # what the command left behind is its own affair, but for its broker
        self.assert_nothing_is_left()
        run.stdout.close()
        alive.close()

    def test_a_command_that_a_signal_ends_gives_its_number(self):
        run, alive = self.spawn_run("--", "sh", "-c", f"echo; exec {FOR_EVER}")
        run.stdout.readline()
        run.terminate()
        self.assertEqual(run.wait(PATIENCE), 128 + signal.SIGTERM)
        self.assertEqual(alive.read(), b"")
        self.assert_nothing_is_left()

    def test_everything_is_gone_when_the_parent_is_killed(self):
        run, alive = self.spawn_run(
            "--", "sh", "-c", f"{FOR_EVER} & echo; {FOR_EVER}; true")
        run.stdout.readline()
        self.assertEqual(len(os.listdir(self.folder)), 1)
        run.kill()
        self.assertEqual(alive.read(), b"")  # to its end: nobody has it open
        self.assert_nothing_is_left()

    def test_everything_is_gone_when_the_keeper_is_killed(self):
        run, alive = self.spawn_run(
            "--", "sh", "-c", f"echo $PPID; exec {FOR_EVER}")
        os.kill(int(run.stdout.readline()), signal.SIGKILL)
        self.assertEqual(run.wait(PATIENCE), 125)
        self.assertEqual(alive.read(), b"")
        self.assert_nothing_is_left()

    def test_a_broker_that_dies_on_the_way_is_told(self):
        fake = f"{self.folder}/fake"
        os.mkdir(f"{self.folder}/run")
        self.env["TMPDIR"] = f"{self.folder}/run"
        with open(fake, "w", encoding="ascii") as script:
            script.write("#!/bin/sh\n"
                         'while [ "$1" != --ready-fd ]; do shift; done\n'
                         'eval "echo >&$2"\necho my last words >&2\nexit 9\n')
        os.chmod(fake, 0o700)
        self.env["UMBELD"] = fake
        run, alive = self.spawn_run("--", *FOR_EVER.split())
        self.wait_for_line(run.stderr, b"my last words")
        run.terminate()
        self.assertEqual(alive.read(), b"")

    def test_a_folder_too_deep_for_a_socket_is_avoided(self):
        deep = f"{self.folder}/" + "x" * 100
        os.mkdir(deep)
        self.env["TMPDIR"] = deep
        self.assertEqual(self.umbel("run", "--", "true").returncode, 0)


if __name__ == "__main__":
    unittest.main()
