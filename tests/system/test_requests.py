#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""Who asks is called back exactly once: with a reply, or with why there is none."""

import signal
import unittest

from harness import SANITIZED, Case, wire

MANY = 20000 if SANITIZED else 100000
TIMED_OUT, RESET, NO_RESPONDER, REPLY = "-110", "-104", "-10012", "-10013"


class Requests(Case):
    def responder(self, *flags, name="responder"):
        responder = self.program("responder", "-n", name, *flags, "question", name=name)
        responder.expect("^connected")
        return responder

    def requester(self, *flags):
        return self.program("requester", *flags, "question")

    def go(self, name="responder"):
        session = self.session("starter")
        session.publish(f"go.{name}", b"")
        session.barrier()
        session.close()

    def expect_report(self, requester, ok, errors=None, replies=None):
        report = requester.report()
        self.assertEqual((report["ok"], report["wrong"], report["errors"]), (ok, 0, errors or {}))
        self.assertEqual(report["replies"], ok if replies is None else replies)
        return report

    def test_each_question_gets_its_own_answer(self):
        self.broker("--settle-ms", "0")
        self.responder()
        self.expect_report(self.requester("-c", 5000), 5000)

    def test_a_hundred_thousand_may_be_under_way_at_once(self):
        self.broker("--settle-ms", "0")
        responder = self.responder("-k", MANY)
        requester = self.requester("-c", MANY, "-t", 600000)
        requester.expect(f"^asked {MANY}$")
        responder.expect(f"^keeps {MANY}$")
        self.go()
        self.expect_report(requester, MANY)

    def test_that_nobody_listens_is_told_at_once(self):
        self.broker("--settle-ms", "0")
        self.session("watcher").subscribe("**", monitor=True)
        before = wire.time.monotonic()
        self.expect_report(self.requester("-c", 1000, "-t", 600000), 0, {NO_RESPONDER: 1000})
        self.assertLess(wire.time.monotonic() - before, 60)

    def test_one_who_does_not_answer_is_waited_for_as_long_as_was_said(self):
        self.broker("--settle-ms", "0")
        responder = self.responder("-k", 10)
        self.expect_report(self.requester("-c", 10, "-t", 50), 0, {TIMED_OUT: 10})
        self.go()
        responder.expect("^answered 10$")
        responder.signal(signal.SIGTERM)
        self.assertEqual(responder.report(), {"requests": 10, "refused": 0})  # too late is nobody's fault

    def test_an_error_reply_has_code_and_words(self):
        self.broker("--settle-ms", "0")
        self.responder("-e", "-7")
        report = self.expect_report(self.requester("-c", 3), 0, {REPLY: 3})
        self.assertEqual((report["code"], report["text"]), (-7, "sorry"))

    def test_a_stream_of_replies_ends_with_the_last(self):
        self.broker("--settle-ms", "0")
        self.responder("-m", 9)
        self.expect_report(self.requester("-c", 100, "-r", 1000), 100, replies=1000)
        self.expect_report(self.requester("-c", 100, "-r", 4), 100, replies=400)
        self.expect_report(self.requester("-c", 100), 100)

    def test_members_of_a_group_share_the_questions(self):
        self.broker("--settle-ms", "0")
        names = ("one", "two", "three")
        members = [self.responder("-g", "answering", name=name) for name in names]
        self.expect_report(self.requester("-c", 3000), 3000)
        for member in members:
            member.signal(signal.SIGTERM)
        shares = [member.report()["requests"] for member in members]
        self.assertEqual(sum(shares), 3000)
        self.assertGreater(min(shares), 0)

    def test_what_was_asked_before_there_is_a_broker_waits_for_it(self):
        requester = self.requester("-c", 100, "-t", 600000)
        requester.expect("^asked")
        responder = self.program("responder", "question")
        self.broker("--settle-ms", "1000")
        responder.expect("^connected")
        self.expect_report(requester, 100)

    def test_when_the_broker_dies_all_end_and_replies_of_then_reach_nobody(self):
        broker = self.broker("--settle-ms", "0")
        responder = self.responder("-k", 1000)
        requester = self.requester("-c", 1000, "-t", -1)
        responder.expect("^keeps 1000$")
        broker.crash()
        self.expect_report(requester, 0, {RESET: 1000})
        self.broker("--settle-ms", "0")
        responder.expect("^connected again=1")
        # of the same numbers as those that the answers are for
        other = self.requester("-c", 1000, "-t", -1)
        other.expect("^asked")
        self.go()
        responder.expect("^refused -10005")
        self.expect_report(other, 1000)
        responder.signal(signal.SIGTERM)
        self.assertEqual(responder.report()["requests"], 2000)

    def test_a_planned_restart_ends_what_was_sent_and_nothing_else(self):
        broker = self.broker("--settle-ms", "0")
        responder = self.responder("-k", 100)
        first = self.requester("-c", 100, "-t", -1)
        responder.expect("^keeps 100$")
        broker.terminate()
        self.expect_report(first, 0, {RESET: 100})
        second = self.requester("-c", 100, "-t", -1)
        second.expect("^asked")
        self.broker("--settle-ms", "1000")
        responder.expect("^connected again=1")
        self.go()
        self.expect_report(second, 100)


if __name__ == "__main__":
    unittest.main()
