#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel req and umbel reply: questions, answers, and what goes wrong."""

import json
import os
import signal
import time
import unittest

from cli import PATIENCE, UMBEL, CliTest


class Requests(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def replier(self, command, *options, filter="q.*"):
        """A umbel reply that answers from now on."""
        ready, ready_for_umbel = os.pipe()
        process = self.spawn(UMBEL, "reply", *options, "--on-ready", f"echo >/dev/fd/{ready_for_umbel}", filter,
                             "--exec", command, pass_fds=[ready_for_umbel])
        os.close(ready_for_umbel)
        with open(ready, "rb") as active:
            self.assertTrue(active.read(1), "umbel reply did not get ready")
        return process

    def test_the_reply_is_what_the_command_prints(self):
        self.replier("tr a-z A-Z")
        done = self.umbel("req", "q.up", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, b"HELLO\n"))

    def test_the_command_is_told_topic_and_sender(self):
        self.replier('printf "%s %s" "$UMBEL_TOPIC" "$UMBEL_SENDER_UID"')
        done = self.umbel("req", "q.who")
        self.assertEqual(done.stdout.decode(), f"q.who {os.getuid()}\n")

    def test_nobody_there_is_said_at_once(self):
        started = time.monotonic()
        done = self.umbel("req", "q.x", "--timeout", PATIENCE)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"nobody answers on q.x", done.stderr)
        self.assertLess(time.monotonic() - started, PATIENCE / 2)

    def test_a_sub_that_watches_is_nobody(self):
        self.subscribe("q.*")
        self.assertEqual(self.umbel("req", "q.x").returncode, 3)

    def test_a_command_that_fails_is_an_error_reply(self):
        self.replier('cat >/dev/null; test "$UMBEL_TOPIC" = q.ready || exit 7')
        done = self.umbel("req", "q.x")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"exit status 7", done.stderr)
        self.assertIn(b"code 7", done.stderr)

    def test_no_answer_in_time_is_a_timeout(self):
        self.replier('test "$UMBEL_TOPIC" = q.ready || tail --pid=$PPID -f /dev/null')
        done = self.umbel("req", "q.slow", "--timeout", 0.2)
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"no reply on q.slow in 0.2 s", done.stderr)

    def test_a_reply_as_large_as_a_pipe_never_holds_arrives_whole(self):
        self.replier("cat; head -c 1000000 /dev/zero | tr '\\0' x")
        done = self.umbel("req", "--form", "raw", "q.big", "a")
        self.assertEqual(done.stdout, b"a" + b"x" * 1000000 + b"\n")

    def test_a_reply_that_is_too_large_is_an_error(self):
        self.replier('test "$UMBEL_TOPIC" = q.ready || cat /dev/zero')
        done = self.umbel("req", "q.big", "--timeout", PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"too long", done.stderr)

    def test_the_payload_may_be_checked_json_and_the_reply_an_object(self):
        self.replier("cat", "--content-type", "json")
        self.assertEqual(self.umbel("req", "q.x", "--json", "{").returncode, 2)
        done = self.umbel("req", "q.x", "--json", '{"a": 1}', "--form", "json")
        self.assertEqual(json.loads(done.stdout)["payload"], {"a": 1})

    def test_gather_takes_the_answers_of_all(self):
        self.replier("printf one")
        self.replier("printf two")
        done = self.umbel("req", "q.x", "--gather", "--replies", 2)
        self.assertEqual(sorted(done.stdout.split()), [b"one", b"two"])

    def test_a_group_answers_once(self):
        asked = f'test "$UMBEL_TOPIC" = q.ready || echo >>{self.folder}/asked'
        repliers = [self.replier(asked, "--group", "g") for _ in range(2)]
        for _ in range(10):
            self.assertEqual(self.umbel("req", "q.x").returncode, 0)
        for replier in repliers:
            replier.send_signal(signal.SIGINT)
            self.assertEqual(replier.wait(PATIENCE), 0)
        with open(f"{self.folder}/asked", "rb") as lines:
            self.assertEqual(len(lines.readlines()), 10)

    def test_ctrl_c_ends_reply_when_it_has_answered(self):
        replier = self.replier(
            "cat; kill -INT $PPID")
        done = self.umbel("req", "q.x", "said")
        self.assertEqual((done.returncode, done.stdout), (0, b"said\n"))
        self.assertEqual(replier.wait(PATIENCE), 0)

    def test_count_ends_reply(self):
        replier = self.replier("cat", "--count", 2)
        for text in b"a", b"b":
            self.assertEqual(self.umbel("req", "q.x", text.decode()).stdout, text + b"\n")
        self.assertEqual(replier.wait(PATIENCE), 0)

    def test_what_is_missing_is_said(self):
        for args, words in ((["req"], b"which topic"),
                            (["reply", "q"], b"--exec"),
                            (["reply", "--exec", "cat"], b"one filter"),
                            (["req", "q.*"], b"*"),
                            (["req", "--form", "odd", "q"], b"--form")):
            done = self.umbel(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
