#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""Two brokers on one path: the second goes, and the first does not notice."""

import os
import unittest

from harness import Case, Process, binary, wait_until

AT_ONCE = 20


class SecondBroker(Case):
    def test_it_is_refused_with_the_pid_of_the_first(self):
        first = self.broker("--settle-ms", "0")
        second = self.process(binary("umbeld"), "--socket", self.path)
        self.assertEqual(second.wait(), 1)
        self.assertRegex(second.text(), rf"another umbeld \(pid {first.pid}\) serves {self.path}")
        self.assertEqual(len(second.lines), 1, "one line says it all")

    def test_the_first_is_not_disturbed(self):
        first = self.broker("--settle-ms", "0")
        subscriber, publisher = self.subscriber("a"), self.session("publisher")
        before = os.stat(self.path)
        self.assertEqual(self.process(binary("umbeld"), "--socket", self.path, "--mode", "0666").wait(), 1)
        after = os.stat(self.path)
        self.assertEqual((before.st_ino, before.st_mode, before.st_ctime_ns), (after.st_ino, after.st_mode, after.st_ctime_ns))
        publisher.publish("a", b"old session")
        self.expect_message(subscriber, "a", b"old session")
        self.expect_service()
        subscriber.close()
        publisher.close()
        first.terminate()
        self.assertRegex(first.text(), r"(?s)^[^\n]* listening [^\n]*\n[^\n]* limits [^\n]*\n[^\n]* stopping [^\n]*\n[^\n]* stopped [^\n]*$")

    def test_it_may_start_when_the_first_has_ended(self):
        self.broker("--settle-ms", "0").terminate()
        self.broker("--settle-ms", "0")
        self.expect_service()

    def test_of_many_starts_at_once_exactly_one_wins(self):
        for old_pid in (None, "999999999\n"):
            if old_pid:  # as a crashed broker leaves it
                with open(self.path + ".lock", "w", encoding="ascii") as lock:
                    lock.write(old_pid)
            self.race()

    def race(self):
        starters = [Process([binary("umbeld"), "--socket", self.path, "--settle-ms", "0"]) for _ in range(AT_ONCE)]
        try:
            wait_until(lambda: sum(one.ended for one in starters) == AT_ONCE - 1 and
                       any("listening" in one.text() for one in starters), "all but one to give up", *starters)
            winners = [one for one in starters if not one.ended]
            self.assertEqual(len(winners), 1)
            self.expect_service()
            for loser in starters:
                if loser is winners[0]:
                    continue
                self.assertEqual(loser.wait(), 1, loser.text())
                self.assertRegex(loser.text(), rf"another umbeld \(pid {winners[0].pid}\)")
        finally:
            for one in starters:
                one.kill()


if __name__ == "__main__":
    unittest.main()
