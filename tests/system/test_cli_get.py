#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel pub --retain, get and sub --retained; sub --overflow; match."""

import json
import os
import pty
import re
import signal
import unittest

from cli import PATIENCE, CliTest


class LastValues(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_get_prints_what_was_retained_last(self):
        self.pub("conf.a", "--retain", "one")
        self.pub("conf.a", "--retain", "two")
        self.pub("conf.a", "three, and not kept")
        done = self.umbel("get", "conf.a")
        self.assertEqual((done.returncode, done.stdout), (0, b"two\n"))

    def test_get_with_a_wildcard_prints_all_in_order(self):
        for topic in ("conf.b", "conf.a", "other"):
            self.pub(topic, "--retain", "x")
        done = self.umbel("get", "conf.*")
        self.assertEqual(done.stdout, b"conf.a x\nconf.b x\n")

    def test_get_as_json_tells_the_age(self):
        self.pub("conf.a", "--retain", "x")
        shown = json.loads(self.umbel("get", "--json", "conf.a").stdout)
        self.assertIs(shown["retained"], True)
        self.assertIsInstance(shown["age_ms"], int)

    def test_there_may_be_none(self):
        self.pub("conf.a", "x")
        done = self.umbel("get", "conf.a")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"no last value of conf.a", done.stderr)

    def test_an_empty_one_clears_it(self):
        self.pub("conf.a", "--retain", "x")
        self.pub("conf.a", "--retain", "--empty")
        self.assertEqual(self.umbel("get", "conf.a").returncode, 1)

    def test_sub_prints_last_values_first(self):
        self.pub("conf.a", "--retain", "kept")
        sub = self.subscribe("--retained", "--count", 2, "conf.*")
        self.pub("conf.b", "now")
        self.assertEqual(self.finish(sub), b"conf.a kept\nconf.b now\n")

    def test_two_filters_print_a_last_value_once(self):
        self.pub("conf.a", "--retain", "kept")
        sub = self.subscribe("--retained", "--count", 2, "conf.*", "conf.a")
        self.pub("end.x", "no")
        self.pub("conf.b", "now")
        self.assertEqual(self.finish(sub), b"conf.a kept\nconf.b now\n")


class Groups(CliTest):
    def test_each_message_goes_to_one_of_a_group(self):
        self.start_broker()
        subs = [self.subscribe("--group", "g", "--timeout", 2, "job.*")
                for _ in range(2)]
        for i in range(10):
            self.pub("job.x", i)
        lines = [line for sub in subs for line in self.finish(sub).split(b"\n")]
        self.assertEqual(sorted(filter(None, lines)),
                         sorted(b"job.x %d" % i for i in range(10)))

    def test_a_group_has_no_last_values(self):
        done = self.umbel("sub", "--group", "g", "--retained", "x")
        self.assertEqual(done.returncode, 2)


class Overflow(CliTest):
    def stopped_sub(self, *options, **spawn):
        sub = self.subscribe(*options, "t", **spawn)
        sub.send_signal(signal.SIGSTOP)
        self.addCleanup(sub.send_signal, signal.SIGCONT)
        return sub

    def flood(self):
        """How a publisher of more than a full outbox fares."""
        lines = b"\n".join(b"x" * 60000 for _ in range(100))
        return self.umbel("pub", "t", "--lines", input=lines, timeout=PATIENCE)

    def test_a_sub_that_drops_holds_nobody_up_and_says_what_it_lost(self):
        self.start_broker("--outbox-high", 1 << 20)
        sub = self.stopped_sub("--overflow", "drop-oldest", "--timeout", 3)
        self.assertNotIn(b"held up", self.flood().stderr)
        sub.send_signal(signal.SIGCONT)
        out, err = sub.communicate(timeout=PATIENCE)
        lost = int(err.split(b"lost ")[1].split()[0])
        self.assertEqual(out.count(b"\n") + lost, 100)

    def test_on_a_terminal_it_drops_and_tells_of_the_loss_in_its_place(self):
        self.start_broker("--outbox-high", 1 << 20)
        ours, its = pty.openpty()
        sub = self.subscribe("t", stdout=its, stderr=its)
        os.close(its)
        sub.send_signal(signal.SIGSTOP)
        lines = b"".join(b"%d %s\n" % (i, b"x" * 10000) for i in range(600))
        self.assertNotIn(b"held up", self.umbel("pub", "t", "--lines", input=lines).stderr)
        sub.send_signal(signal.SIGCONT)
        expected = losses = 0
        with open(ours, "rb") as terminal:
            while expected < 600:
                line = terminal.readline()
                if line.startswith(b"umbel: lost "):
                    expected += int(line.split()[2])
                    losses += 1
                    continue
                self.assertEqual(line.split()[:2], [b"t", b"%d" % expected])
                expected += 1
        self.assertGreater(losses, 0)

    def test_a_word_that_is_no_policy_is_refused(self):
        self.assertEqual(self.umbel("sub", "--overflow", "x", "t").returncode, 2)


class Match(CliTest):
    def test_a_match_needs_no_broker(self):
        done = self.umbel("match", "a.*", "a.b")
        self.assertEqual((done.returncode, done.stdout), (0, b"it matches\n"))

    def test_options_that_are_about_a_broker_are_not_taken(self):
        self.assertEqual(re.findall(rb"--[a-z]+", self.umbel("match", "--help").stdout), [b"--help"])
        self.assertEqual(self.umbel("match", "--wait", 1, "a", "a").returncode, 2)

    def test_where_they_part_is_said(self):
        for filter, topic, words in (
                ("a.*.c", "a.b.d", b"word 3 of the filter is c, of the topic d"),
                ("a.b.c", "a.b", b"the topic ends before"),
                ("a.b", "a.b.c", b"the filter ends before"),
                ("**", "$SYS.x", b"begins with $")):
            done = self.umbel("match", filter, topic)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)

    def test_what_is_neither_is_refused(self):
        self.assertEqual(self.umbel("match", "a..b", "a").returncode, 2)
        self.assertEqual(self.umbel("match", "a", "a.*").returncode, 2)


if __name__ == "__main__":
    unittest.main()
