#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Last values and wills through the library: what comes first, what a new broker is given, and what the dead leave."""

import signal
import unittest

from harness import Case, wait_until

MANY = 5000


class KeptValues(Case):
    def values(self, *arguments, name="values"):
        return self.program("values", "-n", name, *arguments, name=name)

    def expect_snapshot(self, watcher, prefix, count):
        """All values, in the order of their topics, and then that it is active."""
        watcher.expect("^active$")
        lines = [line for line in watcher.lines[:watcher.n_taken] if line.startswith(f"{prefix}.")]
        topics = sorted(f"{prefix}.{n}" for n in range(count))
        self.assertEqual(lines, [f"{topic} {topic.rpartition('.')[2]} kept" for topic in topics])

    def test_last_values_come_first_and_live_ones_after_them(self):
        self.broker("--settle-ms", "0")
        self.values(MANY, "a").expect("^published")
        watcher = self.values("-r", "a.*", name="watcher")
        self.expect_snapshot(watcher, "a", MANY)
        self.session("live").publish("a.7", b"x")
        watcher.expect("^a.7 x live$")
        self.assertNotIn("too old", watcher.text())

    def test_without_any_a_subscription_is_active_at_once(self):
        self.broker("--settle-ms", "0")
        self.expect_snapshot(self.values("-r", "a.*", name="watcher"), "a", 0)

    def test_a_new_broker_is_given_the_last_values_by_those_who_keep_them(self):
        broker = self.broker()
        keeper = self.values("-k", MANY, "a", name="keeper")
        other = self.values(3, "b", name="other")
        keeper.expect("^published")
        other.expect("^published")
        for end in (broker.crash, lambda: broker.terminate()):
            end()
            broker = self.broker()
            keeper.expect("^connected again=")
            other.expect("^connected again=")
            watcher = self.values("-r", "*.*", name="watcher")
            # a broker that has just started may read the keeper after it has answered the watcher
            wait_until(lambda: sum("." in line for line in watcher.lines) >= MANY, "the last values", watcher)
            self.assertEqual(sum(line.startswith("a.") for line in watcher.lines), MANY)
            self.assertEqual(sum(line.startswith("b.") for line in watcher.lines), 0)
            watcher.kill()

    def test_a_will_is_for_those_who_vanish_and_not_for_those_who_leave(self):
        self.broker("--settle-ms", "0")
        watcher = self.subscriber("gone")
        for number, name in ((signal.SIGTERM, "leaver"), (signal.SIGKILL, "victim")):
            program = self.values("-w", "gone", 1, "a", name=name)
            program.expect("^published")
            program.signal(number)
            program.wait()
        self.expect_message(watcher, "gone", b"victim")


if __name__ == "__main__":
    unittest.main()
