#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 5. Retained values."""

import os
import time
import unittest

import wire
from case import BrokerCase, covers, publish


def topics(values):
    return [one.tree[3][3] for one in values]


def payloads(values):
    return [one.tree[3][6] for one in values]


class Retained(BrokerCase):
    def get(self, filter):
        """What a new client is given for a filter."""
        return self.session("get").subscribe_retained(filter)[1]

    @covers("R1", "R4")
    def test_the_last_message_with_the_flag_is_kept_and_delivered_like_any_other(self):
        reader, me = self.subscriber("last.*"), self.session()
        me.retain("last.one", b"1")
        me.retain("last.one", b"2")
        me.publish("last.one", b"not kept")
        me.barrier()
        got, _ = reader.barrier()
        self.assertEqual([one.tree[6] for one in got], [b"1", b"2", b"not kept"])
        self.assertEqual([one.tree[1] for one in got], [1, 1, 0])
        self.assertEqual(payloads(self.get("last.one")), [b"2"])

    @covers("R1", "R5", "P2")
    def test_the_value_is_the_whole_array_with_the_stamp_of_then(self):
        me = self.session()
        sent = wire.frame(publish("whole", b"x" * 3000, flags=0x7F, headers={"k": "v"}))
        me.send(sent)
        me.barrier()
        me.close()
        (value,) = self.get("whole")
        stamp = me.id.to_bytes(4, "big") + os.getuid().to_bytes(4, "big")
        self.assertEqual(value.tree[3][2], stamp)
        self.assertEqual(value.raw[-len(sent) + 5:].replace(stamp, wire.ZEROS, 1), sent[5:])

    @covers("R2")
    def test_an_empty_payload_is_delivered_and_clears(self):
        reader, me = self.subscriber("clear"), self.session()
        me.retain("clear", b"1")
        me.retain("clear")
        me.barrier()
        self.expect_payloads(reader, [b"1", b""])
        self.assertEqual(self.get("clear"), [])

    @covers("R4", "R5")
    def test_the_ok_says_how_many_follow_in_the_order_of_their_topics(self):
        me = self.session()
        names = ["order.b", "order.a", "order.a-", "order.a.b", "order.\u00e9", "order.B"]
        for name in names:
            me.retain(name, name.encode())
        me.barrier()
        values = self.get("order.**")
        self.assertEqual(topics(values), sorted(names, key=str.encode))
        self.assertEqual(payloads(values), sorted(map(str.encode, names)))
        self.assertEqual(topics(self.get("order.*")), sorted((n for n in names if n.count(".") == 1), key=str.encode))
        self.assertEqual(self.get("order.c"), [])
        self.assertEqual(topics(self.get("order.a")), ["order.a"])

    @covers("R4")
    def test_without_the_option_the_ok_has_no_count_and_nothing_follows(self):
        me = self.session()
        me.retain("plain", b"1")
        me.send([wire.SUBSCRIBE, 5, 5, "plain", {}], [wire.SUBSCRIBE, 6, 6, "plain", {"retained": False}])
        answers, _ = me.barrier()
        self.assertEqual([one.tree for one in answers], [[wire.OK, 5], [wire.OK, 6]])

    @covers("R4", "S2")
    def test_values_come_between_what_was_before_and_what_is_live(self):
        me = self.subscriber("between.*")
        me.send(publish("between.a", b"1", flags=1), [wire.SUBSCRIBE, 9, 9, "between.a", {"retained": True}],
                publish("between.a", b"2", flags=1))
        answers, _ = me.barrier()
        self.assertEqual([one.type for one in answers], [wire.PUBLISH, wire.OK, wire.DELIVER, wire.PUBLISH])
        self.assertEqual(answers[2].tree[3][6], b"1")
        self.assertEqual(answers[3].tree[6], b"2")

    @covers("R4")
    def test_a_refused_subscription_gets_no_values(self):
        me = self.session()
        me.retain("refused", b"1")
        me.subscribe("other", sub=5)
        self.expect_refusal(me, "sub_in_use", me.request("refused", sub=5, retained=True))
        self.expect_untouched(me)

    @covers("R5")
    def test_the_age_is_that_of_the_message(self):
        me = self.session()
        begun = time.monotonic()
        me.retain("age", b"1")
        me.barrier()
        after = time.monotonic()
        while time.monotonic() < after + 0.05:
            me.barrier()
        (value,) = self.get("age")
        age = value.tree[2]["age_ms"]
        self.assertGreaterEqual(age, 45)
        self.assertLessEqual(age, (time.monotonic() - begun) * 1000 + 5)

    @covers("R4")
    def test_no_value_is_missed_and_none_comes_twice_while_a_publisher_goes_on(self):
        sender = self.session("sender")
        last = 0
        for round in range(1, 30):
            me = self.session()
            sender.queue(*(publish("count", n.to_bytes(4, "big"), flags=1) for n in range(last + 1, last + 200)), [wire.PING, round])
            last += 199
            me.queue([wire.SUBSCRIBE, 1, 1, "count", {"retained": True}])
            wire.pump([sender, me], lambda: any(one.type == wire.PONG for one in sender.frames), "the sender's PONG")
            sender.frames.clear()
            got, _ = me.barrier()
            self.assertEqual(got[0].type, wire.OK)
            values = [one for one in got if one.type == wire.DELIVER]
            self.assertEqual(got[0].tree[2], len(values))
            seen = payloads(values) + [one.tree[6] for one in got if one.type == wire.PUBLISH]
            numbers = [int.from_bytes(one, "big") for one in seen]
            self.assertEqual(numbers, list(range(numbers[0], last + 1)), f"round {round}")
            me.close()

    @covers("R7", "P8", "E3")
    def test_nothing_is_retained_below_a_dollar(self):
        me = self.session()
        me.retain(me.inbox, b"1")
        self.expect_refusal(me, "denied", about=me.inbox)
        self.assertEqual(me.subscribe_retained(me.inbox)[1], [])


class FewValues(BrokerCase):
    flags = ("--retained-max", "3", "--retained-bytes", "4K")

    @covers("R3", "E3", "P13")
    def test_one_value_too_many_is_refused_with_both_numbers_and_reaches_nobody(self):
        bystander, me = self.bystander(), self.session()
        for name in "abc":
            me.retain(name, b"1")
        me.barrier()
        bystander.barrier()
        me.retain("d", b"1")
        text = self.expect_refusal(me, "limit", about="d")
        self.assertRegex(text, r"\b3\b.*\b3\b")
        self.assertEqual(me.barrier(), ([], (0, 0, 1)))
        self.expect_untouched(bystander)
        me.retain("b")
        me.retain("d", b"1")
        me.barrier()
        self.assertEqual(topics(self.session("get").subscribe_retained("**")[1]), ["a", "c", "d"])
        for name in "acd":
            me.retain(name)
        me.barrier()

    @covers("R3")
    def test_a_value_too_large_is_refused_with_both_numbers_and_the_old_one_stays(self):
        me = self.session()
        me.retain("a", b"old")
        me.retain("a", bytes(4096))
        text = self.expect_refusal(me, "limit", about="a")
        self.assertRegex(text, r"\b4096\b")
        self.assertEqual(payloads(me.subscribe_retained("a")[1]), [b"old"])
        me.retain("a")
        me.barrier()


class SmallOutbox(BrokerCase):
    flags = ("--outbox-high", "65536")

    @covers("R6")
    def test_values_may_exceed_the_mark_and_a_second_snapshot_waits_until_they_are_read(self):
        me, sender = self.session(), self.session("sender")
        for n in range(64):
            sender.retain(f"large.{n:02}", bytes(65536))
        sender.barrier()
        me.paused = True
        me.queue([wire.SUBSCRIBE, 1, 1, "large.*", {"retained": True}], [wire.SUBSCRIBE, 2, 2, "large.*", {"retained": True}],
                 [wire.PING, 3])
        wire.pump([me], lambda: not me.queued, "it to be written")
        sender.barrier()
        me.paused = False
        kinds = [me.receive().type for _ in range(2 * 65 + 1)]
        self.assertEqual(kinds, ([wire.OK] + [wire.DELIVER] * 64) * 2 + [wire.PONG])


if __name__ == "__main__":
    unittest.main()
