#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""PROTOCOL.md, 1. Frames."""

import random
import time
import unittest

import judge
import vectors
import wire
from case import BrokerCase, covers, hello, publish
from wire import frame

LEAVE = frame([wire.GOAWAY, "", 0])
FROM_BROKER = {
    wire.WELCOME: [wire.WELCOME, 1, 7, 1000, {"max_frame": 4194304, "overflow": "block", "inbox": "$inbox.x.7"}],
    wire.DELIVER: [wire.DELIVER, 1, None, publish()],
    wire.GAP: [wire.GAP, 1, 100, "lost"],
    wire.OK: [wire.OK, 1],
    wire.ERROR: [wire.ERROR, 3, "text", 0, False, None],
    wire.HOLD: [wire.HOLD, True, 7, "name", "topic"],
}


def to_broker(good):
    return [vector for vector in vectors.load() if vector.good == good and vector.goes("to_broker")]


class Frames(BrokerCase):
    def open_for(self, vector):
        """A connection at the point where the frame of this vector may come."""
        return self.connect("attacker") if vector.is_hello else self.session("attacker")

    @covers("F1", "F2")
    def test_every_frame_of_the_broker_is_a_prefix_and_one_array_with_its_type_first(self):
        me = self.subscriber("**")
        me.request("a..b")
        me.publish("a", b"1")
        me.send([wire.PING, 1])
        answers = [me.receive() for _ in range(3)]
        me.send(LEAVE)
        self.assertEqual([answer.type for answer in answers + me.receive_rest()], [wire.ERROR, wire.PUBLISH, wire.PONG])
        for answer in answers:
            self.assertEqual(answer.raw[:1], b"\xce")
            self.assertEqual(int.from_bytes(answer.raw[1:5], "big"), len(answer.raw) - 5)
            self.assertEqual(answer.node.kind, "array")
            self.assertTrue(judge.uint(answer.node.value[0]))
            self.assertEqual(judge.faults(answer.raw, "to_client"), set())

    @covers("F2", "F3", "F4", "F7", "F8", "F9", "F11", "H6", "H10", "T1", "P5", "P6", "P7", "P12", "S10", "B1", "E1", "E2")
    def test_every_bad_golden_frame_gets_its_error_and_costs_only_its_own_connection(self):
        bystander = self.bystander()
        for vector in to_broker(good=False):
            with self.subTest(vector.name, why=vector.why):
                attacker = self.open_for(vector)
                attacker.send(vector.frame)
                before, _ = self.expect_fatal(attacker, vector.error)
                self.assertEqual(before, [])
                self.expect_untouched(bystander)
                attacker.close()

    @covers("P12", "E1")
    def test_what_came_before_a_bad_frame_is_delivered_and_what_follows_it_is_not(self):
        bystander = self.bystander()
        for vector in to_broker(good=False):
            if not vector.is_hello:
                with self.subTest(vector.name):
                    bystander.barrier()  # whatever a failure before this one left
                    attacker = self.session("attacker")
                    attacker.send(frame(publish(payload=b"before")) + vector.frame + frame(publish(payload=b"after")))
                    self.expect_fatal(attacker, vector.error)
                    self.expect_payloads(bystander, [b"before"])
                    attacker.close()

    @covers("F2", "F10", "F11", "F12", "H6", "H8", "T1", "T2", "B4", "G1")
    def test_every_good_golden_frame_is_taken(self):
        bystander = self.bystander()
        for vector in to_broker(good=True):
            with self.subTest(vector.name, why=vector.why):
                client = self.open_for(vector)
                client.send(vector.frame)
                kind = vector.decoded[0]
                if kind == wire.GOAWAY:
                    self.assertEqual(client.receive_rest(), [])
                else:
                    client.send([wire.PING, 77])
                    answers = []
                    while not answers or answers[-1].tree[:2] != [wire.PONG, 77]:
                        answers.append(client.receive())
                        self.assertIsNotNone(answers[-1], f"the stream ended after {answers[:-1]}")
                    expected = {wire.HELLO: [wire.WELCOME], wire.SUBSCRIBE: [wire.OK], wire.UNSUBSCRIBE: [wire.ERROR],
                                wire.PING: [wire.PONG]}.get(kind, [])
                    if vector.why.startswith("S9"):
                        expected = [wire.ERROR]
                    self.assertEqual([answer.type for answer in answers[:-1]], expected, answers)
                before, _ = bystander.barrier()
                if kind == wire.PUBLISH:
                    self.assertEqual([got.without_stamp() for got in before], [wire.Frame(vector.frame).without_stamp()])
                else:
                    self.assertEqual(before, [])
                if vector.is_hello:  # in order, so that a will in it is not published
                    client.send(LEAVE)
                    client.receive_rest()
                client.close()

    @covers("F3")
    def test_any_first_byte_but_0xce_is_bad_magic_at_once(self):
        for byte in range(256):
            if byte != 0xCE:
                with self.subTest(byte=hex(byte)):
                    attacker = self.session("attacker") if byte % 2 else self.connect("attacker")
                    attacker.send(bytes([byte]))
                    self.expect_fatal(attacker, "bad_magic")
                    attacker.close()

    @covers("F4")
    def test_a_body_of_exactly_max_frame_is_delivered_and_one_byte_more_is_refused_at_its_prefix(self):
        bystander = self.bystander()
        sender = self.session("sender")
        limit = sender.limits["max_frame"]
        self.assertEqual(limit, wire.MAX_FRAME)
        overhead = len(wire.pack(publish(payload=bytes(70000)))) - 70000
        whole = frame(publish(payload=b"x" * (limit - overhead)))
        self.assertEqual(len(whole), limit + 5)
        sender.queue(whole)
        wire.pump([sender, bystander], lambda: bystander.frames, "a message of max_frame bytes")
        self.assertEqual(bystander.receive().without_stamp(), whole)
        sender.send(b"\xce" + (limit + 1).to_bytes(4, "big"))
        self.expect_fatal(sender, "frame_too_big")
        self.expect_untouched(bystander)

    @covers("F5")
    def test_before_welcome_a_body_has_32768_bytes_at_most(self):
        def padded(length):
            short = len(wire.pack(hello(options={"padding": bytes(1000)}))) - 1000
            return frame(hello(options={"padding": bytes(length - short)}))

        client = self.connect()
        client.send(padded(32768))
        self.assertEqual(len(padded(32768)), 32768 + 5)
        self.assertEqual(client.receive().type, wire.WELCOME)
        client = self.connect()
        client.send(padded(32769)[:5])
        self.expect_fatal(client, "frame_too_big")

    @covers("F4")
    def test_the_brokers_first_body_has_4096_bytes_at_most(self):
        for first in hello(), [wire.HELLO, 1, "x" * 64, {"will": wire.pack(publish("*" * 16000))}], [wire.HELLO, 0, "", {}]:
            client = self.connect()
            client.send(first)
            self.assertLessEqual(len(client.receive().raw) - 5, 4096)

    @covers("F5", "H4")
    def test_a_long_frame_may_follow_hello_in_the_same_write(self):
        client = self.connect()
        client.send(hello(), publish(payload=bytes(200000)), [wire.PING, 1])
        self.assertEqual(client.receive().type, wire.WELCOME)
        self.assertEqual(client.receive().tree, [wire.PONG, 1, 1, 1, 0])

    @covers("F9")
    def test_every_type_below_0x80_that_has_no_name_is_unknown(self):
        for kind in (0, *range(len(wire.TYPES) + 1, 0x80)):
            with self.subTest(type=kind):
                attacker = self.session("attacker")
                attacker.send([kind])
                self.expect_fatal(attacker, "unknown_type")
                attacker.close()

    @covers("F10")
    def test_every_extension_type_is_skipped_without_an_answer(self):
        me = self.session()
        for kind in (*range(0x80, 0x100), 0x100, 0xFFFF, 1 << 32, (1 << 64) - 1):
            me.send([kind, "whatever", {"a": [1]}])
        self.assertEqual(me.barrier(), ([], (0, 0, 0)))

    @covers("F12")
    def test_a_publish_is_the_same_in_any_encoding_but_for_flags_and_stamp(self):
        me = self.subscriber("a.b")
        body = (b"\xdd\x00\x00\x00\x07" + b"\xcf" + bytes(7) + b"\x03" + b"\x00" + b"\xc4\x08" + bytes(8) +
                b"\xdb\x00\x00\x00\x03a.b" + b"\xc0" + b"\xdf" + bytes(4) + b"\xc6\x00\x00\x00\x01!")
        me.send(frame(body))
        got, counts = me.barrier()
        self.assertEqual(counts, (1, 0, 0))
        self.assertEqual([one.without_stamp() for one in got], [frame(body)])

    @covers("F14")
    def test_a_frame_that_only_a_broker_sends_is_out_of_turn(self):
        bystander = self.bystander()
        for kind, tree in FROM_BROKER.items():
            with self.subTest(wire.TYPES[kind - 1]):
                attacker = self.session("attacker")
                attacker.send(tree)
                self.expect_fatal(attacker, "out_of_turn")
                self.expect_untouched(bystander)
                attacker.close()


class Splits(BrokerCase):
    """How the stream is cut never changes what it means."""

    def setUp(self):
        self.observer = self.bystander()
        self.clock = self.session("clock")

    def play(self, *pieces):
        """One connection that writes these pieces, each read by the broker before the next is written. Returns all that
        came of it, with what differs between two connections made equal."""
        client = self.connect("client")
        for piece in pieces:
            client.send(piece)
            self.wait_until_read(client)
        frames = client.receive_rest()
        client.close()
        welcome = [one.tree for one in frames if one.type == wire.WELCOME]
        session = welcome[0][2] if welcome else None
        routed, _ = self.observer.barrier()
        return [self.plain(one, session) for one in frames], [self.plain(one, session) for one in routed]

    def plain(self, one, session):
        if one.type == wire.WELCOME:
            tree = one.tree
            return tree[:2] + tree[3:4] + [tree[4]["max_frame"], tree[4]["overflow"]]
        if one.type == wire.PUBLISH:
            self.assertEqual(one.tree[2][:4], session.to_bytes(4, "big"))
            return one.without_stamp().hex()
        return one.tree

    def wait_until_read(self, client):
        """The clock's PONGs come from the same loop, so each is a turn in which the broker could read."""
        limit = time.monotonic() + wire.DEADLINE
        while client.bytes_unread():
            self.assertLess(time.monotonic(), limit, "the broker does not read")
            self.clock.barrier()

    def expect_same_however_cut(self, before, data, after, places=None):
        whole = self.play(before + data + after)
        for at in places or range(1, len(data)):
            self.assertEqual(self.play(before + data[:at], data[at:] + after), whole, f"cut at byte {at} of {data.hex():.200}")
        return whole

    def expect_same_byte_by_byte(self, data):
        pieces = [data[at:at + 1] for at in range(len(data))]
        self.assertEqual(self.play(*pieces), self.play(data), data.hex())

    CONVERSATION = b"".join(map(frame, (
        hello(), [wire.SUBSCRIBE, 1, 1, "host.*.load", {}], publish(payload=b"one"), [200, "extension"],
        publish("nobody.here", b"two"), [wire.PING, 5], [wire.UNSUBSCRIBE, 2, 1], publish("a.b", b"three", headers={"k": 1}),
        [wire.SUBSCRIBE, 3, 1, "a..b", {}], [wire.GOAWAY, "done", 0])))

    @covers("F6", "G1")
    def test_a_conversation_is_the_same_cut_in_two_anywhere(self):
        answers, routed = self.expect_same_however_cut(b"", self.CONVERSATION, b"")
        self.assertEqual(len(answers), 6)
        self.assertEqual(len(routed), 3)

    @covers("F6")
    def test_a_conversation_is_the_same_byte_by_byte(self):
        self.expect_same_byte_by_byte(self.CONVERSATION)

    @covers("F6", "F12")
    def test_every_good_golden_frame_is_the_same_cut_in_two_anywhere(self):
        for vector in to_broker(good=True):
            with self.subTest(vector.name):
                data = vector.frame
                places = range(1, len(data)) if len(data) < 150 else (1, 4, 5, 6, len(data) // 2, len(data) - 1)
                self.expect_same_however_cut(b"" if vector.is_hello else frame(hello()), data, LEAVE, places)

    @covers("F6", "E1")
    def test_every_bad_golden_frame_has_the_same_error_cut_in_two_anywhere(self):
        for vector in to_broker(good=False):
            with self.subTest(vector.name):
                data = vector.frame
                places = range(1, len(data)) if len(data) < 40 else (1, 5, 6, 20, len(data) - 1)
                before = b"" if vector.is_hello else frame(hello())
                answers, routed = self.expect_same_however_cut(before, data, b"", places)
                self.assertEqual(routed, [])
                self.assertEqual(answers[-1][:2], [wire.ERROR, wire.FATAL_CODES[vector.error]])

    @covers("F6")
    def test_every_golden_frame_is_the_same_byte_by_byte(self):
        for vector in to_broker(good=True) + to_broker(good=False):
            if len(vector.frame) < 80:
                with self.subTest(vector.name):
                    before = b"" if vector.is_hello else frame(hello())
                    self.expect_same_byte_by_byte(before + vector.frame + (LEAVE if vector.good else b""))

    @covers("F6")
    def test_a_message_longer_than_any_buffer_is_the_same_in_many_pieces(self):
        data = frame(hello()) + frame(publish(payload=random.Random(1).randbytes(1 << 20))) + LEAVE
        pieces = [data[at:at + 65521] for at in range(0, len(data), 65521)]
        self.assertEqual(self.play(*pieces), self.play(data))


class Mutations(BrokerCase):
    """Golden frames with a few bytes changed, against the judge."""

    N_FRAMES = 3000

    def mutate(self, chance, body):
        body = bytearray(body)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            at = chance.randrange(len(body) + 1)
            action = chance.randrange(4)
            if action == 0 and at < len(body):
                body[at] ^= 1 << chance.randrange(8)
            elif action == 1 and at < len(body):
                body[at] = chance.choice((0x00, 0x7F, 0x80, 0x8F, 0x90, 0xA0, 0xC0, 0xC1, 0xC4, 0xC7, 0xD9, 0xDC, 0xDF, 0xFF))
            elif action == 2:
                body[at:at] = chance.randbytes(1)
            else:
                del body[at:at + chance.choice((1, 1, 4))]
        return bytes(body)

    def expect_first(self, session, payload):
        self.assertEqual(self.payload(session.receive()), payload)

    @covers("E5", "F2", "F8", "F11", "P5", "P12")
    def test_a_changed_frame_is_taken_or_refused_as_the_page_says(self):
        chance = random.Random("umbel")
        bystander = self.bystander()
        corpus = [vector.frame[5:] for vector in to_broker(good=True) if 6 < len(vector.frame) < 300 and not vector.is_hello]
        good = frame(publish(payload=b"good"))  # of the topic that most of the corpus has: the two may be one run
        n_refused = 0
        me = self.session("mutant")
        for number in range(self.N_FRAMES):
            data = frame(self.mutate(chance, chance.choice(corpus)))
            faults = judge.faults(data, "to_broker")
            kind = wire.type_of(data[5:])
            if kind == wire.HELLO or kind in FROM_BROKER:
                faults = faults | {"out_of_turn"}
            me.send(good + data)
            self.expect_first(bystander, b"good")
            if faults:
                n_refused += 1
                try:
                    self.expect_fatal(me, *faults)
                except AssertionError as error:
                    self.fail(f"frame {number}, {data.hex()}: {error}")
                self.expect_untouched(bystander)
            elif kind == wire.GOAWAY:
                self.assertNotIn(wire.ERROR, [one.type for one in me.receive_rest()], data.hex())
            if faults or kind == wire.GOAWAY:
                me.close()
                me = self.session("mutant")
            else:
                try:
                    me.barrier()
                except AssertionError as error:
                    self.fail(f"frame {number}, {data.hex()}, should be taken: {error}")
                routed, _ = bystander.barrier()
                self.assertLessEqual(len(routed), 1 if kind == wire.PUBLISH else 0, data.hex())
        self.assertGreater(n_refused, self.N_FRAMES // 4, "the mutations have become too tame")


class SmallFrames(BrokerCase):
    flags = ("--max-frame", "65536")

    @covers("F4", "H7")
    def test_the_limit_is_told_and_holds(self):
        bystander = self.bystander()
        me = self.session()
        self.assertEqual(me.limits["max_frame"], 65536)
        overhead = len(wire.pack(publish(payload=bytes(40000)))) - 40000
        me.send(publish(payload=bytes(65536 - overhead)))
        self.assertEqual(me.barrier(), ([], (1, 0, 0)))
        self.expect_payloads(bystander, [bytes(65536 - overhead)])
        me.send(frame(publish(payload=bytes(65537 - overhead)))[:5])
        self.expect_fatal(me, "frame_too_big")
        self.expect_untouched(bystander)

    @covers("F4", "P12")
    def test_the_limit_holds_for_a_message_that_repeats_the_topic_of_the_one_before(self):
        bystander = self.bystander()
        me = self.session()
        me.send(publish(payload=b"short"), publish(payload=b"too"), publish(payload=bytes(100000)), publish(payload=b"late"))
        self.expect_fatal(me, "frame_too_big")
        self.expect_payloads(bystander, [b"short", b"too"])


class UnfinishedFrames(BrokerCase):
    flags = ("--frame-ms", "300")

    @covers("F13", "E2")
    def test_a_frame_that_does_not_become_complete_is_a_timeout_and_an_idle_client_is_none(self):
        idle = self.bystander()
        for start in (b"\xce", frame(publish())[:5], frame(publish())[:-1]):
            with self.subTest(start=start.hex()):
                slow = self.session("slow")
                begun = time.monotonic()
                slow.send(start)
                self.expect_fatal(slow, "timeout")
                self.assertGreaterEqual(time.monotonic() - begun, 0.25)
        self.expect_untouched(idle)

    @covers("F13")
    def test_bytes_that_trickle_in_do_not_extend_the_time(self):
        slow = self.session("slow")
        data = frame(publish(payload=bytes(5000)))
        for at in range(200):
            slow.send(data[at:at + 1])
            try:
                wire.pump([slow], lambda: slow.ended, deadline=0.02)  # stimulus: 50 bytes a second
                break
            except wire.Late:
                pass
        self.expect_fatal(slow, "timeout")


if __name__ == "__main__":
    unittest.main()
