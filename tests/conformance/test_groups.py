#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 5. Subscribe: queue groups."""

import os
import unittest

import wire
from case import BrokerCase, covers, publish

HIGH = 200000  # --outbox-high of a Slow broker


class GroupCase(BrokerCase):
    def setUp(self):
        # the sessions of the case before may not have ended yet: they must not be in this one's group
        self.group = self.id()[-64:]

    def member(self, name="member", **options):
        session = self.session(name)
        session.subscribe("a", group=self.group, **options)
        return session

    def number(self, frame):
        """The number that a DELIVER's payload begins with; the frame must be as the page says."""
        self.assertEqual(frame.type, wire.DELIVER, frame)
        _, sub, info, nested = frame.tree
        self.assertIsNone(info)
        self.assertIsInstance(sub, int)
        self.assertEqual(nested[0], wire.PUBLISH)
        return int(nested[6][:6])

    def delivered(self, session):
        """The numbers of all that came."""
        before, _ = session.barrier()
        return [self.number(frame) for frame in before]


def numbered(n, length=6):
    return publish("a", (b"%06d" % n).ljust(length, b"."))


class Groups(GroupCase):
    @covers("Q1", "Q2", "Q4")
    def test_each_message_goes_to_one_member_in_turn(self):
        members = [self.member(name=f"member {i}") for i in range(4)]
        sender = self.session("sender")
        sender.send(*(numbered(n) for n in range(40)))
        self.assertEqual(sender.barrier(), ([], (40, 0, 0)))
        got = [self.delivered(member) for member in members]
        self.assertEqual(sorted(sum(got, [])), list(range(40)))
        self.assertEqual([len(one) for one in got], [10] * 4)
        for one in got:
            self.assertEqual(one, sorted(one), "out of order")

    @covers("Q2", "P1", "P2")
    def test_the_publish_is_nested_as_it_came_but_for_its_stamp(self):
        member = self.session("member")
        member.subscribe("a", sub=0xFFFFFFFF, group=self.group)
        sender = self.session("sender")
        # a str 8 topic, an array 16, a wide payload and an eighth element
        odd = wire.Raw(b"\xdc\x00\x08\x03\x05\xc4\x08" + b"\xff" * 8 + b"\xd9\x01a\xc0\x81\xa1h\xcd\x00\x01\xc5\x00\x02hi\x92\x01\xc0")
        for body in (bytes(odd), wire.pack(publish("a", bytes(100000), headers={"k": True}))):
            sender.send(wire.frame(body))
            frame = member.receive()
            self.assertEqual(frame.type, wire.DELIVER)
            sub, info, nested = frame.node.value[1:]
            self.assertEqual((sub.value, info.kind), (0xFFFFFFFF, "nil"))
            self.assertEqual(nested.end, len(frame.raw) - 5, "something stands behind the PUBLISH")
            came = wire.Frame(wire.frame(frame.raw[5 + nested.start:]))
            self.assertEqual(came.without_stamp(), wire.Frame(wire.frame(body)).without_stamp())
            self.assertEqual(came.tree[2], sender.id.to_bytes(4, "big") + os.getuid().to_bytes(4, "big"))

    @covers("Q1", "Q3")
    def test_other_names_and_other_filters_are_other_groups_and_plain_ones_get_theirs(self):
        me = self.session()
        me.subscribe("a.b", sub=1)
        me.subscribe("a.*", sub=2)
        for sub, (group, filter) in enumerate([("g", "a.b"), ("h", "a.b"), ("g", "a.*"), ("g", "**"), ("g", "x")], 3):
            me.subscribe(filter, sub=sub, group=group)
        plain = self.subscriber("**", name="plain")
        for n in range(3):
            me.publish("a.b", b"%d" % n)
        before, _ = me.barrier()
        self.assertEqual([one.tree[6] for one in before if one.type == wire.PUBLISH], [b"0", b"1", b"2"])
        for sub in range(3, 7):
            mine = [one.tree[3][6] for one in before if one.type == wire.DELIVER and one.tree[1] == sub]
            self.assertEqual(mine, [b"0", b"1", b"2"], f"sub {sub}")
        self.assertEqual(len(before), 15)
        self.expect_payloads(plain, [b"0", b"1", b"2"])

    @covers("Q1", "S11")
    def test_a_name_is_1_to_64_bytes_of_text(self):
        me = self.session()
        for name in ("", "x" * 65, "\u00e9" * 33, "a\nb", "a\x7f", "a\u0080"):
            with self.subTest(name=name):
                self.expect_refusal(me, "bad_filter", me.request("a", group=name))
        for name in ("x" * 64, "\u00e9" * 32, "two words", "*", "$"):
            with self.subTest(name=name):
                me.subscribe("a", group=name)
        me.publish("a", b"1")
        self.assertEqual(self.delivered(me), [1] * 5)

    @covers("Q8", "S11", "E3")
    def test_a_session_is_at_most_64_members_of_one_group(self):
        me = self.session()
        subs = [me.subscribe("a", group=self.group) for _ in range(64)]
        refused = self.expect_refusal(me, "limit", me.request("a", group=self.group))
        self.assertIn("64 subscriptions in this group (limit 64, ", refused)
        self.assertIn(f"pid={os.getpid()} ", refused)
        self.assertIn(f"uid={os.getuid()}", refused)
        me.subscribe("a", group=self.group[1:])
        me.subscribe("b", group=self.group)
        self.session("another").subscribe("a", group=self.group)
        me.unsubscribe(subs[0])
        me.subscribe("a", group=self.group)

    @covers("Q4")
    def test_a_member_that_does_not_read_gets_less(self):
        idle, busy = self.member(name="idle"), self.member(name="busy")
        idle.paused = True
        sender = self.session("sender")
        for n in range(200):
            sender.queue(numbered(n, 100000))
            wire.pump([sender, busy], lambda: not sender.queued)
            sender.barrier()
            busy.barrier()
        idle.paused = False
        self.assertLess(len(self.delivered(idle)), 100, "what its socket holds, and then it owes more than the other")

    @covers("Q6")
    def test_one_that_unsubscribes_gets_nothing_more_and_the_others_all(self):
        leaving, staying = self.session("leaving"), self.member(name="staying")
        sub = leaving.subscribe("a", group=self.group)
        leaving.unsubscribe(sub)
        sender = self.session("sender")
        sender.send(*(numbered(n) for n in range(10)))
        sender.barrier()
        self.assertEqual(self.delivered(staying), list(range(10)))
        self.expect_untouched(leaving)

    @covers("Q6", "P11")
    def test_a_group_that_all_have_left_is_nobody(self):
        member = self.session("member")
        sub = member.subscribe("b", group=self.group)
        member.unsubscribe(sub)
        sender = self.session("sender")
        sender.publish("b")
        self.assertEqual(sender.barrier(), ([], (1, 1, 0)))

    @covers("Q7", "P10")
    def test_members_are_responders_beside_monitors_that_are_none(self):
        sender = self.session("sender")
        watcher = self.session("watcher")
        watcher.subscribe("a", monitor=True)
        sender.publish("a", b"1", reply="r")
        self.expect_refusal(sender, "no_responder", about="r")
        worker = self.member(name="worker")
        for n in range(4):
            sender.publish("a", b"%d" % n, reply="r")
        self.assertEqual(sender.barrier(), ([], (5, 0, 0)))
        self.assertEqual(self.delivered(worker), list(range(4)))


class Slow(GroupCase):
    flags = ("--outbox-high", str(HIGH), "--stall-ms", "60000", "--hold-max-ms", "60000")

    def fill(self, sender, members):
        """All members are paused; publish until the sender is held. Returns how many messages that took."""
        n = 0
        while not any(one.type == wire.HOLD for one in sender.frames):
            sender.queue(numbered(n, 20000))
            n += 1
            wire.pump([sender], lambda: not sender.queued or sender.frames)
            sender.read_some()
        self.assertIs(sender.frames[-1].tree[1], True)
        self.assertIn(sender.frames[-1].tree[2], [member.id for member in members])
        return n

    @covers("Q5")
    def test_a_stopped_member_holds_nobody_while_another_reads(self):
        stopped, reading = self.member(name="stopped"), self.member(name="reading")
        stopped.paused = True
        sender = self.session("sender")
        sender.queue(*(numbered(n, 20000) for n in range(400)), [wire.PING, 7])
        wire.pump([sender, reading], lambda: sender.frames)
        self.assertEqual(sender.receive().tree, [wire.PONG, 7, 400, 0, 0])

    @covers("Q5")
    def test_when_all_are_full_the_sender_is_held_until_any_has_room(self):
        members = [self.member(name="one"), self.member(name="two")]
        for member in members:
            member.paused = True
        sender = self.session("sender")
        self.fill(sender, members)
        by = sender.frames.pop().tree[2]
        # not the one that is in the way: the other
        other = next(member for member in members if member.id != by)
        other.paused = False
        wire.pump([sender, other], lambda: sender.frames)
        self.assertIs(sender.receive().tree[1], False)

    @covers("Q5")
    def test_one_that_joins_with_room_ends_the_hold(self):
        members = [self.member(name="one"), self.member(name="two")]
        for member in members:
            member.paused = True
        sender = self.session("sender")
        self.fill(sender, members)
        sender.frames.clear()
        late = self.member(name="late")
        wire.pump([sender, late], lambda: sender.frames)
        self.assertIs(sender.receive().tree[1], False)
        sender.barrier()
        self.assertTrue(self.delivered(late))

    @covers("Q5", "O5")
    def test_a_session_is_not_held_by_its_own_messages(self):
        me = self.member(name="me")
        me.paused = True
        me.queue(*(numbered(n, 20000) for n in range(100)))
        wire.pump([me], lambda: not me.queued)
        me.paused = False
        before, counts = me.barrier()
        self.assertEqual(counts, (100, 0, 0))
        lost = sum(one.tree[1] for one in before if one.type == wire.GAP)
        self.assertEqual(lost + sum(one.type == wire.DELIVER for one in before), 100)
        self.assertNotIn(wire.HOLD, [one.type for one in before])

    def leave(self, how, last):
        """One of two members does not read and leaves: all that was not in its socket is the other's."""
        leaving, staying = self.member(name="leaving"), self.member(name="staying")
        leaving.paused = staying.paused = True
        sender = self.session("sender")
        n = self.fill(sender, [leaving, staying])
        leaving.send(*how)
        if not how:
            leaving.end_writing()
        leaving.paused = staying.paused = False
        sender.queue([wire.PING, 7])
        wire.pump([sender, leaving, staying], lambda: sender.frames[-1].type == wire.PONG and last(leaving))
        self.assertEqual(sender.frames[-1].tree, [wire.PONG, 7, n, 0, 0])
        there = self.delivered(staying)
        here = [self.number(one) for one in leaving.frames if one.type != wire.OK]
        self.assertEqual(sorted(here + there), list(range(n)))
        self.assertGreater(len(there), len(here))

    @covers("Q6")
    def test_what_waits_for_one_that_unsubscribes_goes_to_the_other(self):
        self.leave([[wire.UNSUBSCRIBE, 50, 1]], lambda leaving: leaving.frames[-1].type == wire.OK)

    @covers("Q6", "G1")
    def test_what_waits_for_one_that_says_goaway_goes_to_the_other(self):
        self.leave([[wire.GOAWAY, "", 0]], lambda leaving: leaving.ended)

    @covers("Q6", "G2")
    def test_what_waits_for_one_whose_stream_ends_goes_to_the_other(self):
        self.leave([], lambda leaving: leaving.ended)

    @covers("Q6", "O4")
    def test_what_waits_for_one_that_unsubscribes_alone_is_announced(self):
        member = self.member(name="alone")
        member.paused = True
        sender = self.session("sender")
        self.fill(sender, [member])
        member.send([wire.UNSUBSCRIBE, 50, 1])
        _, (accepted, unmatched, _) = sender.barrier()
        member.paused = False
        before, _ = member.barrier()
        *delivers, gap, done = before
        self.assertEqual(done.tree, [wire.OK, 50])
        self.assertEqual(gap.type, wire.GAP)
        self.assertEqual([self.number(one) for one in delivers], list(range(len(delivers))))
        self.assertGreater(gap.tree[1], 0)
        self.assertEqual(gap.tree[1] + len(delivers), accepted - unmatched)
        self.assertEqual(gap.tree[2], gap.tree[1] * len(delivers[0].raw))


class Stalled(GroupCase):
    flags = ("--outbox-high", str(HIGH), "--stall-ms", "300")

    @covers("Q5", "Q6", "O3")
    def test_one_that_takes_no_byte_while_all_are_full_is_evicted_and_the_others_get_its_messages(self):
        members = [self.member(name="one"), self.member(name="two")]
        for member in members:
            member.paused = True
        sender = self.session("sender")
        sender.queue(*(numbered(n, 20000) for n in range(1000)), [wire.PING, 7])
        wire.pump([sender], lambda: any(one.type == wire.HOLD and not one.tree[1] for one in sender.frames))
        by = sender.frames[0].tree[2]
        evicted, left = sorted(members, key=lambda member: member.id != by)
        evicted.paused = left.paused = False
        wire.pump([sender, left], lambda: sender.frames[-1].type == wire.PONG)
        frames, _ = self.expect_fatal(evicted, "slow_consumer")
        here = [self.number(one) for one in frames if one.type != wire.GAP]
        announced = sum(one.tree[1] for one in frames if one.type == wire.GAP)
        there = self.delivered(left)
        self.assertEqual(len(set(here) | set(there)), len(here) + len(there), "a message was handled twice")
        self.assertEqual(len(here) + len(there) + announced, 1000)
        self.assertGreater(len(there), len(here))


if __name__ == "__main__":
    unittest.main()
