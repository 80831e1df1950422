#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 13. Rights, as far as one user can see them; tests/system/test_rights.py has several."""

import os
import pathlib
import shutil
import signal
import tempfile
import unittest

import wire
from case import BrokerCase, covers, publish

ME = f"uid {os.geteuid()}"
RULES = f"""
acl:
  - allow: [publish, subscribe]
    who: [{ME}]
    topics: [open.**]
  - deny: [publish, subscribe]
    who: [everyone]
    topics: [open.secret]
  - allow: [subscribe]
    who: [{ME}]
    topics: [read.*]
"""
DENY = 6  # the line of that rule


class Rights(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="umbel-conformance-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.file = cls.directory / "umbeld.yaml"
        cls.file.write_text(RULES, encoding="ascii")
        cls.flags = ("--config", str(cls.file))
        super().setUpClass()

    def refusals(self, session, topic, reply=None, flags=0):
        """What is said of one PUBLISH: refusals come at once, of each session the first."""
        session.send(publish(topic, reply=reply, flags=flags))
        return self.expect_refusal(session, "denied", 0, about=reply or topic)

    def reload(self, rules, witness):
        """New rules, and they hold when this returns, or have been found wanting."""
        self.file.write_text(rules, encoding="ascii")
        before = self.broker.log().count("reload")
        self.broker.process.send_signal(signal.SIGHUP)
        while self.broker.log().count("reload") == before:
            witness.barrier_and_more()

    def tearDown(self):
        super().tearDown()
        if self.file.read_text(encoding="ascii") != RULES:
            self.reload(RULES, self.keeper())

    def keeper(self):
        """A session that keeps what comes before its PONG."""
        keeper = self.session("keeper")
        keeper.kept = []
        keeper.barrier_and_more = lambda: keeper.kept.extend(keeper.barrier()[0])
        return keeper

    @covers("A1")
    def test_what_no_rule_allows_is_denied(self):
        text = self.refusals(self.session(), "closed")
        self.assertEqual(text, "publish: no rule allows it")

    @covers("A1")
    def test_what_a_rule_denies_is_denied_by_it(self):
        reader = self.subscriber("open.*.**")
        text = self.refusals(self.session(), "open.secret")
        self.assertEqual(text, f"publish: denied by {self.file}:{DENY}")
        me = self.session()
        me.send(publish("open.a.b"))
        self.assertEqual(me.barrier(), ([], (1, 0, 0)))
        self.assertEqual(len(reader.barrier()[0]), 1)

    @covers("A1", "P9")
    def test_a_reply_needs_the_same_right(self):
        self.refusals(self.session(), "open.a", reply="closed.b")
        self.refusals(self.session(), "open.a", reply="open.secret")
        me = self.subscriber("open.a")
        me.send(publish("open.a", reply="open.b"))
        self.assertEqual(me.receive().tree[4], "open.b")

    @covers("A1")
    def test_to_answer_and_to_retain_are_rights_of_their_own(self):
        other = self.session("other")
        self.assertIn("reply: no rule", self.refusals(self.session(), other.inbox + ".1"))
        self.assertIn("retain: no rule", self.refusals(self.session(), "open.a", flags=1))

    @covers("A2")
    def test_a_subscription_is_covered_by_one_rule_and_denied_by_none(self):
        me = self.session()
        for filter in ("open.a", "open.a.**", "open.*.b", "read.*", "read.a"):
            me.subscribe(filter)
        for filter in ("open.*", "open.**", "**", "*", "*.a", "read.**", "read.a.b", "open", "$SYS.client.**"):
            request = me.request(filter)
            self.expect_refusal(me, "denied", request)

    @covers("A3")
    def test_ones_own_inbox_needs_no_rule(self):
        me = self.session()
        me.subscribe(me.inbox + ".**")
        me.send(publish(me.inbox + ".1"))
        self.assertEqual(me.receive().tree[3], me.inbox + ".1")

    @covers("A4", "A5")
    def test_what_is_revoked_ends_and_nothing_else_does(self):
        me = self.keeper()
        me.subscribe("open.a", sub=1)
        me.subscribe("open.b", sub=2)
        me.subscribe("read.*", sub=3)
        me.send(publish("open.a", b"1"), publish("open.b", b"2"))
        self.reload(RULES.replace("[open.**]", "[open.b]"), me)
        me.send(publish("open.a", b"3"), publish("open.b", b"4"))
        me.barrier_and_more()
        said = [frame.tree[6] if frame.type == wire.PUBLISH else self.error(frame) for frame in me.kept]
        self.assertEqual(said, [b"1", b"2", [wire.ERROR, 38, "subscribe: no rule allows it", 0, False, "open.a"],
                                [wire.ERROR, 35, "publish: no rule allows it", 0, False, "open.a"], b"4"])
        me.subscribe("open.b", sub=1)

    @covers("A6", "H8")
    def test_without_the_right_to_hold_block_is_not_granted(self):
        for asked, granted in ((None, "drop-oldest"), ("block", "drop-oldest"), ("drop-oldest", "drop-oldest"),
                               ("disconnect", "disconnect")):
            options = {"overflow": asked} if asked else {}
            self.assertEqual(self.session(**options).limits["overflow"], granted)
        keeper = self.keeper()
        self.reload(RULES + f"  - {{allow: [hold], who: [{ME}]}}\n", keeper)
        self.assertEqual(self.session().limits["overflow"], "block")

    @covers("A5")
    def test_rules_with_a_fault_change_nothing(self):
        me = self.keeper()
        me.subscribe("open.a")
        self.reload(RULES.replace("[publish, subscribe]", "[publish, dance]"), me)
        self.assertIn(f"{self.file}:3: acl[0].allow[1]: dance: expected publish", self.broker.log())
        me.send(publish("open.a", b"1"))
        me.barrier_and_more()
        self.assertEqual([frame.tree[6] for frame in me.kept], [b"1"])


if __name__ == "__main__":
    unittest.main()
